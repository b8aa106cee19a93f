"""`marquee demo`: a world, a release, its reports, and one viewer's page that changes with what they watch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from feature_repo.core.steps import StepContext, Steps
from feature_repo.core.terminal import bars, say
from monitoring.reports.steps import PAGE, REPORT


def demonstrate(
    home: Path | None, size: Mapping[str, Any], replace: bool, http_port: int, grpc_port: int, once: bool
) -> None:
    """Every step up to a served page. `size`: fields of SimulatorConfig; None or "" for the default."""
    from bento_services.process.demo import converse
    from feature_repo.cli import simulator_config
    from feature_repo.ingest.new_world import IngestOptions
    from feature_repo.ingest.simulator.step import simulation
    from training.cli import print_prepared
    from training.release.run import prepare_world

    opened = Home.open(home)
    config = simulator_config(opened, dict(size))
    steps = Steps(opened, say)
    with bars() as progress:
        promoted = prepare_world(
            StepContext(opened, progress), steps, simulation(config, IngestOptions(replace)), PAGE, REPORT
        )
    print_prepared(steps, promoted)
    converse(opened, http_port, grpc_port, once)
