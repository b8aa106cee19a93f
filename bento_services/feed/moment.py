"""The moment of a request as a factor on scores (models/page/context.py), by the weights of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates, multiplied
from bento_services.feed.stages import Request
from models.candidates.columns import CATEGORY
from models.catalog import Catalog
from models.page.context import SEASONS, ContextWeights, Moment, in_season, length_in_doublings, within
from models.per_catalog import Codes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FitsTheMoment:
    """Scores of 0 and below stay as they are. What weighs nothing is not computed."""

    weights: ContextWeights
    categories: Codes
    name = "moment"

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        log_factor = self._log_factor(request, candidates)
        return multiplied(candidates, np.ones(len(candidates)) if log_factor is None else within(log_factor))

    def _log_factor(self, request: Request, candidates: Candidates) -> Array | None:
        """(N,); None where nothing weighs anything now."""
        weights, query, catalog, rows = self.weights, request.query, request.catalog, candidates.rows
        moment = Moment.of(request.now_us, query.utc_offset_minutes, query.device)
        parts: list[Array] = []
        if per_doubling := weights.per_doubling(moment):
            parts.append(per_doubling * length_in_doublings(catalog.columns["duration_seconds"][rows]))
        if weights.night_calmer and weights.is_night(moment.hour) and (heavy := self._heavy(request)):
            parts.append(-weights.night_calmer * _bears(catalog, rows, heavy))
        if weights.mood and (heavy := self._heavy(request)) and (felt := self._felt(request, heavy)):
            parts.append(-weights.mood * _bears(catalog, rows, felt))
        if weights.browsed and query.browsing:
            (code,) = self.categories.code_of(catalog, [query.browsing])
            parts.append(weights.browsed * ((candidates[CATEGORY] == code) & (code >= 0)))
        if weights.season and len(rows):
            parts.append(weights.season * in_season(SEASONS.of(catalog)[rows], moment.day))
        return np.sum(parts, axis=0) if parts else None

    def _heavy(self, request: Request) -> list[int]:
        return self.weights.heavy_genres(request.world.genres)

    def _felt(self, request: Request, heavy: list[int]) -> list[int]:
        """The heavy genres of the video watched last."""
        last = request.catalog.row_of.get(request.history_ids[-1], -1) if request.history_ids else -1
        if last < 0:
            return []
        return [genre for genre in heavy if request.catalog.columns["genres"][last, genre] > 0]


def _bears(catalog: Catalog, rows: Array, genres: list[int]) -> Array:
    """(N,) 1 for a video that bears one of these genres, else 0."""
    bears: Array = catalog.columns["genres"][rows][:, genres].max(axis=1, initial=0.0)
    return bears
