"""Videos that the viewer started and has not finished, latest first; the score is the fraction watched."""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.schema import COMPLETE_FRACTION, MIN_WATCH_FRACTION
from models.allowed import Allowed
from models.candidates.sources.spec import Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


class Resume:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        begun = zip(request.features["history_video_ids"], request.features["history_watch_fractions"], strict=True)
        row_of = request.catalog.row_of
        unfinished = [
            (row, fraction)
            for video_id, fraction in begun
            if MIN_WATCH_FRACTION <= fraction < COMPLETE_FRACTION and (row := row_of.get(video_id, -1)) >= 0
        ]
        chosen = [(row, fraction) for row, fraction in reversed(unfinished) if allowed[row]][:n]
        rows = np.array([row for row, _ in chosen], dtype=np.int64)
        return Found(rows, np.array([fraction for _, fraction in chosen], dtype=np.float64))


def _open(models: SourceModels) -> Resume:
    return Resume()


RESUME = "continue_watching"
SPEC = SourceSpec(RESUME, _open, size=10, size_fused=10, never_cut=True, measured=False)
