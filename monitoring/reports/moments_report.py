"""`marquee moments`: what each weight of a policy's context gains in watch time, in the home's simulated world, and
what a page for two who watch together gains over a page for one of them."""

from __future__ import annotations

import hashlib
from typing import Any

from bento_services.feed.config import FEED
from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import canonical
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import lived, made_from
from feature_repo.lake.tables import DAY_US
from models.release.artifact import champion_or_previous
from monitoring.measures.moments import Rehearsal, gains, gains_together
from monitoring.reports.ladder_report import PATIENCE_MS, reader_of
from training.release.held_out import held_out


def measure_moments(
    home: Home, simulator: SimulatorConfig, viewers: int, seed: int = 0, progress: Progress = SILENT
) -> dict[str, Any]:
    """Raises HomeError where the home's world is none that these settings of the simulator make."""
    if home.world().made_from != hashlib.sha256(canonical(made_from(simulator))).hexdigest():
        raise HomeError(
            f"{home.root}: expected the world that `marquee simulate` makes with these --users, --videos, --days and"
            " --end, found another one: what its viewers would do is not known"
        )
    asked = held_out(home, champion_or_previous(home), viewers, seed, progress)
    start_us = simulator.end_us() - simulator.days * DAY_US
    days = lived(simulator, (asked.as_of_us - start_us) // DAY_US, progress)
    config = read(FEED, home.root, deadline_ms=PATIENCE_MS, base_first=False, explore=False)
    rehearsal = Rehearsal(days, asked.release, reader_of(asked), asked.as_of_us, config)
    return {
        "release_id": asked.release.release_id,
        "viewers": len(asked.asked),
        "weights": [
            *gains(rehearsal, asked.asked.user_ids, progress=progress),
            *gains_together(rehearsal, asked.asked.user_ids),
        ],
    }
