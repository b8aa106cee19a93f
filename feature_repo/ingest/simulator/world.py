"""Simulates a world and installs it in a home."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import numpy as np

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.new_world import IngestOptions, NewWorld, install_world
from feature_repo.ingest.simulator.catalog import make_catalog, videos_table
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.days import Days
from feature_repo.ingest.simulator.viewers import example_viewer, make_viewers, users_table
from feature_repo.ingest.tables import utc_day
from feature_repo.ingest.titles import GENRES
from feature_repo.lake.tables import DAY_US

SOURCE = "simulator"


def simulate(
    home: Home,
    config: SimulatorConfig = SimulatorConfig(),
    progress: Progress = SILENT,
    ingest_options: IngestOptions = IngestOptions(),
) -> dict[str, Any]:
    """Install a simulated world in the home. Raises WorldExists for another one, unless it is to be replaced."""
    return install_world(home, made_from(config), lambda _: simulated(config, progress), ingest_options, progress)


def made_from(config: SimulatorConfig) -> dict[str, Any]:
    """Everything that determines a simulated world."""
    return {"source": SOURCE, **asdict(config), "end_us": config.end_us()}


def lived(config: SimulatorConfig, days: int, progress: Progress = SILENT) -> Days:
    """The world after so many of its days, with what is hidden in it."""
    rng = np.random.default_rng(config.seed)
    end_us = config.end_us()
    start_us = end_us - config.days * DAY_US
    catalog = make_catalog(config, rng, start_us, end_us)
    viewers = make_viewers(config, rng, start_us)
    world = Days(config, rng, catalog, viewers, start_us)
    with progress.task("simulating days", total=days) as advance:
        for day in range(days):
            world.live(day)
            advance(1)
    return world


def simulated(config: SimulatorConfig, progress: Progress = SILENT) -> NewWorld:
    days = lived(config, config.days, progress)
    catalog, viewers, rng, start_us, end_us = days.catalog, days.viewers, days.rng, days.start_us, config.end_us()
    events, impressions = days.log.tables(end_us)
    world = World(
        name="simulated",
        source=SOURCE,
        id_type="str",
        genres=GENRES,
        clock_offset_seconds=end_us / 1e6 - time.time() if config.end else 0.0,
        example_user=f"u{example_viewer(viewers):05d}",
    )
    summary = {
        "world": world.name,
        "videos": config.videos,
        "users": config.users,
        "impressions": impressions.num_rows,
        "events": {entry["values"]: entry["counts"] for entry in events["event"].value_counts().to_pylist()},
        "first_day": utc_day(start_us),
        "last_day": utc_day(end_us - 1),
    }
    return NewWorld(world, videos_table(catalog, rng), users_table(viewers), events, impressions, summary)
