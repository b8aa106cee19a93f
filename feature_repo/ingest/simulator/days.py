"""The days of a simulated world: in each half, active viewers get a page, react, and may autoplay series.

A active viewers, P places of a page, V videos, G genres
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.ingest.simulator.catalog import Catalog, visible_in
from feature_repo.ingest.simulator.config import COUNTRY_OFFSET_HOURS, DEVICE_SHARE, DEVICES, HOUR_US, SimulatorConfig
from feature_repo.ingest.simulator.grouped_policy import GroupedPolicy
from feature_repo.ingest.simulator.log import Log, Visits
from feature_repo.ingest.simulator.policy import Policy
from feature_repo.ingest.simulator.reactions import react, watched_fraction
from feature_repo.ingest.simulator.viewers import Viewers, change_phases, draw_active, topic_cycle
from feature_repo.lake.tables import DAY_US
from feature_repo.schema import MIN_WATCH_FRACTION

Array = np.ndarray[Any, Any]

DENSE_UP_TO = 10_000  # videos of a catalog for which a page has a weight per video
SERIES_GIVEN_UP = 0.06  # chance per page
AUTOPLAYED = 3  # most episodes in a row
GOES_ON = 0.6  # chance that a viewer who finished an episode watches the next


class Days:
    """Advances viewers, catalog, policy and log one day at a time."""

    def __init__(
        self, config: SimulatorConfig, rng: np.random.Generator, catalog: Catalog, viewers: Viewers, start_us: int
    ) -> None:
        self.config, self.rng, self.catalog, self.viewers, self.start_us = config, rng, catalog, viewers, start_us
        self.log = Log(catalog)
        popularity_V = np.exp(catalog.quality) * rng.pareto(1.2, config.videos).clip(0.05, 30)
        guess_UG = viewers.early_UG + 0.25 * rng.random(
            viewers.early_UG.shape, dtype=np.float32
        )  # a weak signal of taste
        self.follower_T = topic_cycle(rng)
        policy = Policy if config.videos <= DENSE_UP_TO else GroupedPolicy
        self.policy = policy(catalog, popularity_V, guess_UG, visible_in(catalog), config.page_length)

    def live(self, day: int) -> None:
        """Simulate one day, counted from 0."""
        elapsed = day / self.config.days
        change_phases(self.rng, self.viewers, self.follower_T, self.viewers.taste(elapsed))
        for half in range(2):
            active = draw_active(self.viewers, self.rng, self.start_us + (day + 1) * DAY_US)
            if len(active):
                self._half_day(self._visits(active, day, half, elapsed))
        self.policy.day_ends()

    def _visits(self, active: Array, day: int, half: int, elapsed: float) -> Visits:
        offset_us = np.array(COUNTRY_OFFSET_HOURS)[self.viewers.country[active]] * HOUR_US
        morning, evening = self.rng.normal(10.5, 1.8, len(active)), self.rng.normal(20.0, 1.5, len(active))
        local_hour = morning if half == 0 else evening
        page_us = self.start_us + day * DAY_US + (local_hour.clip(5, 23.4) * HOUR_US).astype(np.int64) - offset_us
        page_us = page_us.clip(self.start_us, self.start_us + self.config.days * DAY_US - 1)
        return Visits(active, page_us, offset_us, half, elapsed)

    def _half_day(self, visits: Visits) -> None:
        """One page for each active viewer, and what they do with it."""
        active = visits.user_A
        shown = self.policy.draw(self.rng, self.viewers, visits)
        device_A = self.rng.choice(len(DEVICES), len(active), p=DEVICE_SHARE[visits.half])
        reaction = react(self.rng, self.catalog, self.viewers, visits, device_A, shown)
        ended_us = self.log.page(visits, device_A, shown, reaction)
        at, slot = np.nonzero(reaction.clicked_AP & (reaction.fraction_AP >= MIN_WATCH_FRACTION))
        fraction = reaction.fraction_AP[at, slot]
        self._watch(active[at], shown.video_AP[at, slot], fraction)
        given_up = self.rng.random(len(active)) < SERIES_GIVEN_UP
        self.viewers.awaited[active] = np.where(given_up, -1, self.viewers.awaited[active])
        finished_A = np.zeros(len(active))
        finished_A[at] = fraction  # of the last one watched on the page
        self._autoplay(active, device_A, finished_A, ended_us)

    def _autoplay(self, active: Array, device_A: Array, finished_A: Array, ended_us: Array) -> None:
        """Autoplay the next episode while the viewer stays."""
        viewers = self.viewers
        for _ in range(AUTOPLAYED):
            following = self.catalog.following[viewers.last[active]]
            stays = self.rng.random(len(active)) < GOES_ON
            going_on = (viewers.last[active] >= 0) & (following >= 0) & (finished_A > 0.8) & stays
            going_on &= (self.catalog.published_us[following] < ended_us) & ~viewers.seen.contain(active, following)
            if not going_on.any():
                return
            who, video = active[going_on], following[going_on]
            fraction = watched_fraction(self.rng, self.rng.normal(1.5, 1.0, len(who)))
            ended_us = ended_us.copy()
            ended_us[going_on] = self.log.autoplay(who, ended_us[going_on], device_A[going_on], video, fraction)
            self._watch(who, video, fraction)
            finished_A = np.where(going_on, 0.0, finished_A)
            finished_A[going_on] = fraction

    def _watch(self, users: Array, videos: Array, fraction: Array) -> None:
        self.viewers.watch(self.catalog, users, videos, fraction)
        self.policy.watched(videos)
