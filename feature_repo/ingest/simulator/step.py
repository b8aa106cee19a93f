"""A simulated world, as the first step of `marquee demo`."""

from __future__ import annotations

from dataclasses import asdict

from feature_repo.core.steps import Making, Result, Step
from feature_repo.ingest.new_world import Putting
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate


def simulation(config: SimulatorConfig, putting: Putting = Putting()) -> Step:
    def work(making: Making) -> Result:
        return simulate(making.home, config, making.progress, putting)

    return Step(
        "simulate",
        work,
        settings=lambda making: asdict(config),
        writes=lambda making: [making.home.root / "world.json"],
    )
