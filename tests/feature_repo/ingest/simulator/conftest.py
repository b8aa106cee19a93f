"""One small simulated world, read once for all tests of the simulator."""

from __future__ import annotations

import pandas as pd
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from feature_repo.lake.tables import Lake


@pytest.fixture(scope="session")
def config() -> SimulatorConfig:
    return SimulatorConfig(users=300, videos=400, days=14, seed=3, end="2025-06-01")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, config: SimulatorConfig) -> Home:
    home = Home(tmp_path_factory.mktemp("simulated"))
    simulate(home, config)
    return home


@pytest.fixture(scope="session")
def videos(home: Home) -> pd.DataFrame:
    return Lake(home).videos().to_pandas().set_index("video_id")


@pytest.fixture(scope="session")
def users(home: Home) -> pd.DataFrame:
    return Lake(home).users().to_pandas().set_index("user_id")


@pytest.fixture(scope="session")
def events(home: Home) -> pd.DataFrame:
    return Lake(home).events().to_pandas()


@pytest.fixture(scope="session")
def shown(home: Home, videos: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    return Lake(home).impressions().to_pandas().join(videos, on="video_id").join(users, on="user_id")
