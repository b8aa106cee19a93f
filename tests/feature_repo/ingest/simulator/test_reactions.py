"""What simulated viewers do with a page: the upper places are looked at more, some videos are far more liked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.reactions import watched_fraction


def test_higher_positions_are_clicked_more_and_some_videos_far_more_than_others(
    events: pd.DataFrame, shown: pd.DataFrame, config: SimulatorConfig
) -> None:
    rate = shown.groupby("position").clicked.mean()
    assert rate[:3].mean() > 1.4 * rate[-3:].mean()
    watches = events[events.event == "watch"].video_id.value_counts()
    assert watches.iloc[: config.videos // 10].sum() > 0.25 * watches.sum()
    assert 0.1 < shown.clicked.mean() < 0.4


def test_pleasure_is_watched_to_the_end_and_boredom_is_skipped() -> None:
    rng = np.random.default_rng(0)
    bored, pleased = watched_fraction(rng, np.full(20_000, -3.0)), watched_fraction(rng, np.full(20_000, 3.0))
    assert (pleased > 0.9).mean() > 0.7
    assert (bored < 0.05).mean() > 0.2
    assert ((bored >= 0) & (bored <= 1)).all()
