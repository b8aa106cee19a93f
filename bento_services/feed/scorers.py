"""How good each candidate is. The scorer of a rung is what tells the rungs of the ladder apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.policy import Boosts
from bento_services.feed.stages import Request
from feature_repo.compute.columns import RankColumns
from feature_repo.compute.fold import DAY_US
from models.candidates.columns import BOOST, SCORE, TWO_TOWER_SCORE
from models.encoding.ranker import rank_columns
from models.ranking.protocol import Ranks
from models.ranking.ranker import with_retrieval

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class RankerScore:
    """One forward pass for all candidates."""

    ranker: Ranks
    name = "ranker"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        scores = self.ranker.score(served_columns(request, candidates.rows, candidates[TWO_TOWER_SCORE]))
        if not np.isfinite(scores[SCORE]).all():
            raise ValueError("the ranker gave scores that are not finite")
        return scores


def served_columns(request: Request, rows: Array, two_tower_score: Array) -> RankColumns:
    """What the ranker looks at for these videos; what is logged of them is computed by this again, after the reply."""
    videos = {**request.catalog.rows(rows), "video_id": request.catalog.video_ids[rows]}
    user = {**request.user_columns, "user_id": np.array([request.query.viewer_id], dtype=object)}
    return rank_columns(user, videos, request.context, two_tower_score, request.world)


@dataclass(frozen=True)
class WithRetrieval:
    """The ranker's score beside the two-tower model's odds, as the release's validation rows chose."""

    weight: float
    name = "with_retrieval"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {SCORE: with_retrieval(candidates[SCORE], candidates[TWO_TOWER_SCORE], self.weight)}


@dataclass(frozen=True)
class RetrievalOrder:
    """Without a ranker: the two-tower score, over the candidates scaled to [0, 1]."""

    name = "retrieval_order"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        score = candidates[TWO_TOWER_SCORE]
        if not np.isfinite(score).all():
            raise ValueError("two-tower scores that are not finite")
        low, high = (score.min(), score.max()) if len(score) else (0.0, 0.0)
        return {SCORE: (score - low) / max(high - low, 1e-9)}


@dataclass(frozen=True)
class SourceFusion:
    """Without models: each source's own order, the best one counting. `weights`: source -> worth of its first video."""

    weights: Mapping[str, float]
    name = "source_blend"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        score = np.zeros(len(candidates), dtype=np.float32)
        for source, weight in self.weights.items():
            own = candidates.score_of(source)
            found = ~np.isnan(own)
            worse_first = np.sort(own[found])
            place = len(worse_first) - np.searchsorted(worse_first, own[found], side="right")  # equals share a place
            score[found] = np.maximum(score[found], weight * (1.0 - place / max(len(place), 1)))
        return {SCORE: score}


@dataclass(frozen=True)
class FreshnessBoost:
    """New videos have had no time to gather what a score is made of."""

    boosts: Boosts
    name = "freshness_boost"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        published_us = request.catalog.columns["published_timestamp_us"][candidates.rows]
        age_days = (request.now_us - published_us) / DAY_US
        boost = np.where(age_days < 1, self.boosts.day, np.where(age_days < 7, self.boosts.week, 1.0))
        score = candidates[SCORE]
        return {SCORE: np.where(score > 0, score * boost, score).astype(np.float32), BOOST: boost}
