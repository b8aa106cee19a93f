"""The real week in April."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import kuairand
from feature_repo.lake.tables import Lake


@pytest.mark.data
@pytest.mark.slow
def test_the_real_week_in_april(home: Home, data_set: Callable[[str], Path]) -> None:
    summary = kuairand.ingest(home, data_set("kuairand-pure"))
    assert (summary["videos"], summary["users"]) == (7_583, 27_285)
    lake = Lake(home)
    shown = lake.impressions().select(["surface", "clicked", "timestamp_us"]).to_pandas()
    log = shown[shown.surface != "history"]
    assert len(log) == 94_784
    assert log.clicked.mean() == pytest.approx(0.4379, abs=1e-4)
    assert shown[shown.surface == "history"].timestamp_us.max() < log.timestamp_us.max()
    events = lake.events()
    assert set(events["event"].unique().to_pylist()) == {"click", "watch", "like", "dislike", "share"}
    assert events["timestamp_us"].to_numpy()[-1] <= home.world().now_us()
