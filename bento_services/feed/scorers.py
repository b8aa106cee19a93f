"""Scorers: how good each candidate is. The rungs of the ladder differ mainly in their scorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.stages import Request
from feature_repo.compute.columns import RankColumns
from feature_repo.compute.publication import age_days
from models.candidates.columns import BOOST, SCORE, TWO_TOWER_SCORE, VIEWER_SCORE
from models.catalog import rows_of
from models.orders import category_of
from models.page.diversity import share_of_best
from models.page.policy import Boosts
from models.ranking.protocol import Ranks
from models.ranking.ranker import with_retrieval
from models.ranking.sides import Asked

Array = np.ndarray[Any, Any]

LEADS = 10.0  # what stands first by its meaning, whatever its score


@dataclass(frozen=True)
class RankerScore:
    """One forward pass for all candidates; of several who watch together one for each, of which the mean counts."""

    ranker: Ranks
    name = "ranker"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        found = [self.ranker.rank(asked(one, candidates.rows, candidates[TWO_TOWER_SCORE])) for one in request.of_each]
        scores = found[0]
        if len(found) > 1:
            scores = {name: np.mean([one[name] for one in found], axis=0) for name in scores}
        if not np.isfinite(scores[SCORE]).all():
            raise ValueError("the ranker returned scores that are not finite")
        return scores


def served_columns(request: Request, rows: Array, two_tower_score: Array) -> RankColumns:
    """What the ranker reads of these videos, for the log of served pages and for traces."""
    return asked(request, rows, two_tower_score).columns()


def asked(request: Request, rows: Array, two_tower_score: Array) -> Asked:
    user = {**request.user_columns, "user_id": np.array([request.viewer.features.user_id], dtype=object)}
    return Asked(user, request.context, request.catalog, rows, two_tower_score, request.world)


@dataclass(frozen=True)
class WithRetrieval:
    """Combines the ranker's score with the two-tower model's odds; the weight was chosen on validation rows."""

    weight: float
    name = "with_retrieval"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {SCORE: with_retrieval(candidates[SCORE], candidates[TWO_TOWER_SCORE], self.weight)}


@dataclass(frozen=True)
class RetrievalOrder:
    """Without a ranker: the two-tower score, scaled to [0, 1] over the candidates."""

    name = "retrieval_order"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        score = candidates[TWO_TOWER_SCORE]
        if not np.isfinite(score).all():
            raise ValueError("the two-tower scores are not finite")
        low, high = (score.min(), score.max()) if len(score) else (0.0, 0.0)
        return {SCORE: (score - low) / max(high - low, 1e-9)}


@dataclass(frozen=True)
class SourceFusion:
    """Without models: each source scores by rank; the maximum counts. `weights`: source -> score of its first."""

    weights: Mapping[str, float]
    name = "source_blend"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        score = np.zeros(len(candidates), dtype=np.float32)
        for source, weight in self.weights.items():
            source_score = candidates.score_of(source)
            found = ~np.isnan(source_score)
            ascending = np.sort(source_score[found])
            place = len(ascending) - np.searchsorted(ascending, source_score[found], side="right")  # ties share a place
            score[found] = np.maximum(score[found], weight * (1.0 - place / max(len(place), 1)))
        return {SCORE: score}


@dataclass(frozen=True)
class AsFound:
    """By the scores of one source alone, which found them in this order."""

    source: str
    name = "as_found"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {SCORE: np.nan_to_num(candidates.score_of(self.source)).astype(np.float32)}


@dataclass(frozen=True)
class Likeness:
    """How like a video is to the one that is asked about: sources that found it agree as independent witnesses do."""

    sources: Sequence[str]  # whose scores are from 0 to 1
    name = "likeness"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        unlike = np.ones(len(candidates), dtype=np.float32)
        for source in self.sources:
            unlike *= 1.0 - np.clip(np.nan_to_num(candidates.score_of(source)), 0.0, 1.0)
        return {SCORE: 1.0 - unlike}


@dataclass(frozen=True)
class BesideViewer:
    """How like they are, with the score for the viewer kept beside it."""

    likeness: Likeness
    name = "beside_viewer"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        return {VIEWER_SCORE: candidates[SCORE], **self.likeness.score(request, candidates)}


@dataclass(frozen=True)
class AfterWatching:
    """What goes with the video that has just ended: its next episode, then what is like it and suits the viewer. After
    one that was abandoned, what suits the viewer and is not like it."""

    likeness: Likeness
    next_episode: str  # the source that finds it
    abandoned_seconds: float
    abandoned_share: float
    name = "after_watching"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        worth = share_of_best(candidates[SCORE]) if len(candidates) else np.zeros(0)
        like = self.likeness.score(request, candidates)[SCORE]
        is_next = candidates.is_from(self.next_episode)
        if not self._is_abandoned(request):
            return {SCORE: (worth + like + LEADS * is_next).astype(np.float32)}
        return {SCORE: (worth - like - self._same(request, candidates) - LEADS * is_next).astype(np.float32)}

    def _is_abandoned(self, request: Request) -> bool:
        watched = request.query.watched
        if watched is None or watched.watch_seconds >= self.abandoned_seconds:
            return False
        row = request.catalog.row_of.get(request.subject.video_id, -1)
        known = float(request.catalog.columns["duration_seconds"][row]) if row >= 0 else 0.0
        total = watched.total_seconds or known
        return total <= 0 or watched.watch_seconds < self.abandoned_share * total

    def _same(self, request: Request, candidates: Candidates) -> Array:
        """(N,) 1 where the creator or the category is that of the video, 2 where both are."""
        columns, row = request.catalog.columns, request.catalog.row_of.get(request.subject.video_id, -1)
        if row < 0:
            return np.zeros(len(candidates))
        rows, its = candidates.rows, np.array([row])
        creator, category = columns["creator_id"][row], category_of(request.catalog, its)[0]
        creators, categories = columns["creator_id"][rows], category_of(request.catalog, rows)
        same = [
            (bool(creator) and one == creator) + (bool(category) and other == category)
            for one, other in zip(creators, categories, strict=True)
        ]
        return np.array(same, dtype=np.float64)


@dataclass(frozen=True)
class TextAndViewer:
    """How well a text matches, times what the viewer makes of it: `weight` of it at most is lost by what they like
    least of all candidates."""

    source: str
    weight: float
    name = "text_and_viewer"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        text, personal = np.nan_to_num(candidates.score_of(self.source)), candidates[SCORE]
        order = np.argsort(np.argsort(personal, kind="stable"), kind="stable")  # ranks: scores are of no known scale
        share = (order + 1) / max(len(order), 1)
        return {SCORE: (text * (1 - self.weight + self.weight * share)).astype(np.float32)}


@dataclass(frozen=True)
class Tiredness:
    """Of what the viewer has seen on pages so often, without taking it up, only a share of the score counts."""

    after: int
    share: float
    name = "tiredness"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        features, score = request.features, candidates[SCORE]
        counts = np.asarray(features.get("shown_counts", ()), dtype=np.int64)
        if not len(counts) or counts.max() < self.after:
            return {SCORE: score}
        often = np.asarray(features["shown_video_ids"], dtype=object)[counts >= self.after]
        tired = np.isin(candidates.rows, rows_of(request.catalog, often.tolist()))
        return {SCORE: np.where(tired & (score > 0), score * self.share, score).astype(np.float32)}


@dataclass(frozen=True)
class FreshnessBoost:
    """Boosts new videos, which had no time to collect the watches that scores are based on."""

    boosts: Boosts
    name = "freshness_boost"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        published_us = request.catalog.columns["published_timestamp_us"][candidates.rows]
        age = age_days(published_us, request.now_us)
        boost = np.where(age < 1, self.boosts.day, np.where(age < 7, self.boosts.week, 1.0))
        score = candidates[SCORE]
        return {SCORE: np.where(score > 0, score * boost, score).astype(np.float32), BOOST: boost}
