"""Newcomers to a simulated world: people of the kind that lives there, of whom no log and no model knows anything.

What the world's log says of a viewer is no answer to what they would like to see: its service drew every page by
popularity and by what was watched last, so that what was never shown was never watched, and nobody in it ever picked
anything. The simulator knows the answer: what each video is worth to this viewer, at this moment, if they look at it.

B viewers, V videos of the simulated catalog, in its order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import canonical
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.ingest.simulator.catalog import Catalog, make_catalog, visible_in
from feature_repo.ingest.simulator.config import DEVICE_SHARE, DEVICES, SIMULATOR, SimulatorConfig
from feature_repo.ingest.simulator.log import Shown, Visits
from feature_repo.ingest.simulator.policy import freshness
from feature_repo.ingest.simulator.reactions import CLICK_THRESHOLD, PLEASURE_SPREAD, sigmoid, utility, watched_fraction
from feature_repo.ingest.simulator.viewers import Viewers, make_viewers, users_table
from feature_repo.ingest.simulator.world import made_from
from feature_repo.lake.cut import cut_of
from feature_repo.lake.tables import DAY_US

Array = np.ndarray[Any, Any]

MORNING = 0  # half of the day, whose devices are drawn
DRAWS = 4_000  # of how much of a video is watched, at each utility
AT_ONCE = 100  # viewers: a table of their utilities has a column per video and genre


@dataclass(frozen=True)
class SimulatedNewcomers:
    user_ids: Sequence[str]
    profiles: dict[str, dict[str, Any]]
    devices: Sequence[str]
    as_of_us: int
    worth_BV: Array  # the share of the video that the viewer is expected to watch, if they look at it; 0: not for them


def newcomers(home: Home, count: int, seed: int = 0) -> SimulatedNewcomers:
    """Viewers who arrive when the simulation has ended. Raises HomeError for another world than the settings make."""
    config = config_of(home)
    end_us = config.end_us()
    start_us = end_us - config.days * DAY_US
    catalog = make_catalog(config, np.random.default_rng(config.seed), start_us, end_us)
    rng = np.random.default_rng((config.seed, seed, count))
    viewers = make_viewers(replace(config, users=count), rng, start_us)
    viewers.signup_us[:] = end_us
    device_B = rng.choice(len(DEVICES), count, p=DEVICE_SHARE[MORNING])
    rows = users_table(viewers).to_pylist()
    user_ids = [f"new{row['user_id']}" for row in rows]
    profiles = {
        user_id: {name: value for name, value in row.items() if name != "user_id"}
        for user_id, row in zip(user_ids, rows, strict=True)
    }
    parts = [
        worth(catalog, viewers, at, device_B[at], end_us)
        for at in np.split(np.arange(count), range(AT_ONCE, count, AT_ONCE))
    ]
    return SimulatedNewcomers(user_ids, profiles, [DEVICES[at] for at in device_B], end_us, np.concatenate(parts))


def config_of(home: Home) -> SimulatorConfig:
    """The settings that made the home's world: its end follows from its last event. Raises HomeError for others."""
    last_us = pc.max(cut_of(home).events()["timestamp_us"]).as_py()
    end = datetime.fromtimestamp((last_us // DAY_US + 1) * DAY_US / 1e6, UTC).date()
    config: SimulatorConfig = read(SIMULATOR, home.root, end=end.isoformat())
    for one in (config, replace(config, end="")):
        if (
            home.world().made_from
            == hashlib.sha256(canonical({**made_from(one), "end_us": config.end_us()})).hexdigest()
        ):
            return config
    raise HomeError(
        f"{home.root}: expected the world that `marquee simulate` makes with the settings of [simulator], found another"
        " one: what its viewers would like is not known"
    )


def worth(catalog: Catalog, viewers: Viewers, user_B: Array, device_B: Array, now_us: int) -> Array:
    """(B, V) of these viewers of the world at a moment."""
    everything_BV = np.broadcast_to(np.arange(len(catalog.topic)), (len(user_B), len(catalog.topic)))
    age_days_V, fresh_V = freshness(now_us, catalog.published_us)
    visits = Visits(user_B, np.full(len(user_B), now_us), np.zeros(len(user_B)), MORNING, 0.0)
    shown = Shown(everything_BV, np.ones(everything_BV.shape), np.broadcast_to(fresh_V, everything_BV.shape))
    allowed_BV = (age_days_V >= 0) & visible_in(catalog)[viewers.country[user_B]]
    limit_B = np.array(users_table(viewers)["maturity_limit"])[user_B]
    allowed_BV &= catalog.maturity[None, :] <= limit_B[:, None]
    return np.where(allowed_BV, watched_if_seen(utility(catalog, viewers, visits, device_B, shown)), 0.0)


def watched_if_seen(utility: Array) -> Array:
    """The expected share watched of a video that is looked at: the chance of a click, and what is watched after it."""
    grid = np.linspace(-10.0, 15.0, 251)
    rng = np.random.default_rng(0)
    pleasure = grid[:, None] - CLICK_THRESHOLD + rng.normal(0, PLEASURE_SPREAD, (len(grid), DRAWS))
    expected = sigmoid(grid - CLICK_THRESHOLD) * watched_fraction(rng, pleasure).mean(axis=1)
    found: Array = np.interp(utility, grid, expected)
    return found
