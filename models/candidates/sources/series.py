"""The next allowed episode of each series that the viewer watched lately, the latest watched first."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import heuristics
from models.allowed import Allowed
from models.candidates.columns import ANCHOR
from models.candidates.sources.spec import ANCHORS, Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest, rows_of
from models.orders import SERIES as OF_SERIES

Array = np.ndarray[Any, Any]


class NextInSeries:
    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        catalog = request.catalog
        series, episode = catalog.columns["series_id"], catalog.columns["episode"]
        latest: dict[str, int] = {}
        for row in rows_of(catalog, request.history_ids[-ANCHORS:])[::-1].tolist():
            if series[row]:
                latest.setdefault(series[row], row)
        found: list[int] = []
        anchors: list[int] = []
        for series_id, watched in latest.items():
            rows = OF_SERIES.rows_of(catalog, series_id)
            rows = rows[allowed[rows]]
            if (place := heuristics.next_episode(episode[rows], episode[watched])) is not None:
                found.append(int(rows[place]))
                anchors.append(watched)
        scores = 1.0 / np.arange(1, len(found[:n]) + 1)
        return Found(np.array(found[:n], dtype=np.int64), scores, {ANCHOR: np.array(anchors[:n], dtype=np.int64)})


def _open(models: SourceModels) -> NextInSeries:
    return NextInSeries()


SERIES = "next_in_series"
SPEC = SourceSpec(SERIES, _open, size=10, size_fused=10, weight_without_models=1.0, never_cut=True)
