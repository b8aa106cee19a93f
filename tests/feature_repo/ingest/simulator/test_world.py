"""The simulated world as a whole: one seed and end give one world, and it names a viewer to look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import COUNTRIES, SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from feature_repo.lake.tables import Lake
from feature_repo.schema import GENRE_SLOTS


def test_one_seed_is_one_world(tmp_path: Path, home: Home, config: SimulatorConfig) -> None:
    again, other = Home(tmp_path / "again"), Home(tmp_path / "other")
    simulate(again, config)
    simulate(other, SimulatorConfig(users=300, videos=400, days=14, seed=4, end="2025-06-01"))
    for table in ("videos", "users", "events", "impressions"):
        assert getattr(Lake(again), table)().equals(getattr(Lake(home), table)()), table
    assert not Lake(other).events().equals(Lake(home).events())


def test_the_world_names_a_viewer_with_a_rich_history(home: Home, events: pd.DataFrame, users: pd.DataFrame) -> None:
    world = home.world()
    watches = events[events.event == "watch"].user_id.value_counts()
    assert watches[world.example_user] > watches.quantile(0.8)
    assert users.maturity_limit[world.example_user] == 18
    assert len(world.genres) <= GENRE_SLOTS
    assert set(users.country) <= set(COUNTRIES)
