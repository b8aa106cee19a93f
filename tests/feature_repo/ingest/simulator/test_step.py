"""The simulated world as a step: done once for its config."""

from __future__ import annotations

from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.core.steps import StepContext, Steps
from feature_repo.ingest.new_world import IngestOptions
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.step import simulation


def test_a_world_is_simulated_once_for_its_config_and_another_takes_its_steps_along(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first, other = (SimulatorConfig(users=20, videos=40, days=days, end="2025-06-01") for days in (5, 6))
    steps = Steps(home)
    steps.take(simulation(first), StepContext(home))
    again = Steps(home)
    again.take(simulation(first), StepContext(home))
    assert (steps.ran, again.ran) == (["simulate"], [])
    steps.run("features", {}, [], dict)
    steps.take(simulation(other, IngestOptions(replace=True)), StepContext(home))
    assert steps.names() == ["simulate"]
