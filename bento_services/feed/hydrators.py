"""What else is known of each candidate, from the in-process snapshot and the release; never from the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.pipeline import Request
from bento_services.feed.policy import fresh_since_us
from feature_repo.compute.columns import Columns
from models.catalog import PerCatalog
from models.encoding.ranker import USER_CATEGORIES
from models.encoding.viewer_context import viewer_context_columns
from models.page.diversity import codes
from models.retrieval.cold_start import vectors_of
from models.retrieval.two_tower import RetrievalModel

Array = np.ndarray[Any, Any]


class VideoFacts:
    """`creator` and `category` codes (-1 = none) and `fresh`: what the policy's caps count."""

    name = "video_facts"

    def __init__(self, fresh_days: int) -> None:
        self._fresh_days = fresh_days
        self._creator = PerCatalog(lambda snapshot: codes(channels(snapshot.columns)))
        self._category = PerCatalog(lambda snapshot: codes(categories(snapshot.columns)))

    def columns(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        published_us = request.catalog.columns["published_timestamp_us"][candidates.rows]
        return {
            "creator": self._creator.of(request.catalog)[candidates.rows],
            "category": self._category.of(request.catalog)[candidates.rows],
            "fresh": published_us >= max(fresh_since_us(request.now_us, self._fresh_days), 1),
        }


@dataclass(frozen=True)
class TwoTowerScore:
    """The dot product of the viewer's vector and each candidate's, also of those that other sources found."""

    vectors: PerCatalog  # (V, D)
    name = "two_tower_score"

    def columns(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {self.name: two_tower_scores(self.vectors, request, candidates.rows)}


def two_tower_scores(vectors: PerCatalog, request: Request, rows: Array) -> Array:
    """(N,) float32, 0 for a video without a vector."""
    if request.user_vector is None:
        raise ValueError("the two-tower score needs the viewer's vector")
    scores: Array = vectors.of(request.catalog)[rows] @ request.user_vector
    return scores.astype(np.float32)


def asker(requests: Sequence[Request]) -> Columns:
    """(B,) columns of who asks and where, as the user tower hears them: profiles as the ranker has them."""
    profiles = [request.viewer.features.values for request in requests]
    user = {name: np.array([profile[name] for profile in profiles], dtype=object) for name in USER_CATEGORIES}
    context = {name: np.concatenate([request.context[name] for request in requests]) for name in requests[0].context}
    return viewer_context_columns(user, context)


def user_vector(retrieval: RetrievalModel, request: Request) -> Array:
    """(D,) of the viewer as of now."""
    viewer = request.viewer
    now_us = np.array([request.now_us])
    vectors = retrieval.user_vectors([viewer.history_ids], [viewer.history_times_us], now_us, asker([request]))
    vector: Array = vectors[0]
    if not np.isfinite(vector).all():
        raise ValueError("the user tower gave a vector that is not finite")
    return vector


def video_vectors(retrieval: RetrievalModel) -> PerCatalog:
    """(V, D) of the catalog: trained vectors, and content vectors for videos published after the training."""
    return PerCatalog(lambda snapshot: vectors_of(retrieval, snapshot.video_ids, snapshot.rows))


def channels(columns: Columns) -> list[str]:
    """What a viewer knows a creator by; "" when there is none."""
    names, ids = columns["creator_name"], columns["creator_id"]
    return [name or creator_id for name, creator_id in zip(names, ids, strict=True)]


def categories(columns: Columns) -> list[str]:
    """A video's first genre; "" when it has none."""
    return [names[0] if names is not None and len(names) else "" for names in columns["genre_names"]]
