"""The next allowed episode of each series that the viewer watched lately."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates import heuristics
from models.candidates.columns import ANCHOR
from models.candidates.sources.spec import ANCHORS, Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest, rows_of
from models.per_catalog import Codes

Array = np.ndarray[Any, Any]


class NextInSeries:
    def __init__(self) -> None:
        self._series = Codes(lambda catalog, rows: catalog.columns["series_id"][rows])

    def find(self, request: ViewerRequest, allowed: Array, n: int) -> Found:
        watched = rows_of(request.catalog, request.history_ids[-ANCHORS:])[::-1]
        episode = request.catalog.columns["episode"]
        rows, anchors = heuristics.next_in_series(self._series.of(request.catalog), episode, watched, allowed)
        scores = 1.0 / np.arange(1, len(rows[:n]) + 1)
        return Found(rows[:n], scores, {ANCHOR: anchors[:n]})


def _open(models: SourceModels) -> NextInSeries:
    return NextInSeries()


SERIES = "next_in_series"
SPEC = SourceSpec(SERIES, _open, size=10, size_fused=10, weight_without_models=1.0, never_cut=True)
