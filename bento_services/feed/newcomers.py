"""Videos that training did not see: ranked by the better of model and content (models/retrieval/cold_start.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bento_services.feed.candidates import Candidates
from bento_services.feed.parts import Parts
from bento_services.feed.stages import Request
from models.candidates.columns import SCORE
from models.catalog import Catalog
from models.per_catalog import PerCatalog
from models.retrieval.cold_start import SHOWN, better_of, profile_weights

Array = np.ndarray[Any, Any]

WATCHES = 20  # newest ones of a viewer, whose content a candidate's is compared with


@dataclass(frozen=True)
class Newcomers:
    """Scores stay as they are for viewers without a history, and where every candidate was trained on."""

    vectors: PerCatalog  # (V, D)
    trained: PerCatalog  # (V,) places among the videos of training, -1 = none
    content_TD: Array  # of the videos of training, of unit length
    name = "newcomers"

    @classmethod
    def of(cls, parts: Parts) -> tuple[Newcomers, ...]:
        """None of a release that has no content of its videos."""
        of_content = parts.release.retrieval.content_vectors
        return () if of_content is None else (cls(parts.video_vectors, parts.trained, of_content),)

    def score(self, request: Request, candidates: Candidates) -> Mapping[str, Array]:
        catalog, rows, score = request.catalog, candidates.rows, candidates[SCORE]
        trained = self.trained.of(catalog)
        is_new = trained[rows] < 0
        watched = catalog.row_of.many(list(request.history_ids[-WATCHES:]))
        watched = watched[watched >= 0]
        if not is_new.any() or not len(watched):
            return {SCORE: score}
        columns = catalog.columns
        shown = np.maximum(columns["video_impression_count_7d"][rows], columns["video_watch_count"][rows])
        alpha = np.where(is_new, SHOWN.of(shown), 0.0)
        profile = profile_weights(len(watched)) @ self._content(catalog, trained, watched)
        content = self._content(catalog, trained, rows) @ profile
        return {SCORE: better_of(score[None], content[None], alpha)[0]}

    def _content(self, catalog: Catalog, trained: Array, rows: Array) -> Array:
        """(N, D) of unit length; of a video of no content 0."""
        places = trained[rows]
        vectors: Array = self.content_TD[np.maximum(places, 0)].astype(np.float32)
        new = np.flatnonzero(places < 0)
        if len(new):
            own = self.vectors.of(catalog)[rows[new]]
            vectors[new] = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
        return vectors
