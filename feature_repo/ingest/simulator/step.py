"""The simulation as the first step of `marquee demo`."""

from __future__ import annotations

from dataclasses import asdict

from feature_repo.core.steps import Result, Step, StepContext
from feature_repo.ingest.new_world import IngestOptions
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate


def simulation(config: SimulatorConfig, ingest_options: IngestOptions = IngestOptions()) -> Step:
    def work(context: StepContext) -> Result:
        return simulate(context.home, config, context.progress, ingest_options)

    return Step(
        "simulate",
        work,
        settings=lambda context: asdict(config),
        writes=lambda context: [context.home.root / "world.json"],
    )
