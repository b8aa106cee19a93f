"""`marquee moments` asks about the home's own world, or says that it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from monitoring.reports.moments_report import measure_moments


def test_a_world_of_other_settings_is_refused(tmp_path: Path) -> None:
    made = SimulatorConfig(users=30, videos=40, days=5, seed=3, end="2026-11-21")
    simulate(Home(tmp_path), made)
    with pytest.raises(HomeError, match="marquee simulate"):
        measure_moments(Home(tmp_path), SimulatorConfig(users=31, videos=40, days=5, seed=3, end="2026-11-21"), 5)
