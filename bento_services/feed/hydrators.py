"""Hydrators: add columns to the candidates, from the in-process snapshot and the release; never from the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.stages import Request
from feature_repo.compute.publication import published_since
from models.candidates.columns import CATEGORY, CREATOR, FRESH, TWO_TOWER_SCORE
from models.page.policy import fresh_since_us
from models.per_catalog import Codes, PerCatalog

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class VideoFacts:
    """Codes of creator and category, and whether a video is fresh, for the policy's caps."""

    creators: Codes  # (V,) codes, -1 = none
    categories: Codes  # (V,) codes, -1 = none
    fresh_days: int
    name = "video_facts"

    def columns(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        published_us = request.catalog.columns["published_timestamp_us"][candidates.rows]
        return {
            CREATOR: self.creators.of(request.catalog)[candidates.rows],
            CATEGORY: self.categories.of(request.catalog)[candidates.rows],
            FRESH: published_since(published_us, fresh_since_us(request.now_us, self.fresh_days)),
        }


@dataclass(frozen=True)
class TwoTowerScore:
    """The dot product of the viewer's vector and each candidate's, also for candidates that other sources found."""

    vectors: PerCatalog  # (V, D)
    name = TWO_TOWER_SCORE

    def columns(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {TWO_TOWER_SCORE: two_tower_scores(self.vectors, request, candidates.rows)}


def two_tower_scores(vectors: PerCatalog, request: Request, rows: Array) -> Array:
    """(N,) float32, 0 for a video without a vector."""
    if request.user_vector is None:
        raise ValueError("the two-tower score needs the viewer's vector")
    scores: Array = vectors.of(request.catalog)[rows] @ request.user_vector
    return scores.astype(np.float32)
