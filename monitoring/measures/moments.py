"""What each weight of a policy's context gains in watch time, in a simulated world whose viewers react to the pages;
and what a page for two viewers gains, who watch together, over a page for one of them.

The same viewers open the same page at the same moment with and without a weight, and their hidden taste says how long
they would watch. Reactions are drawn many times from the same numbers, so that only the pages differ.

A viewers, P places of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bento_services.feed.compose import compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import HOME, Query
from bento_services.feed.parts import Parts
from bento_services.feed.surfaces.home import recipe
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.simulator.config import DEVICE_SHARE, DEVICES, HOUR_US
from feature_repo.ingest.simulator.days import Days
from feature_repo.ingest.simulator.log import Shown, Visits
from feature_repo.ingest.simulator.policy import freshness
from feature_repo.ingest.simulator.reactions import react
from feature_repo.ingest.titles import GENRES, TOPICS_PER_GENRE
from feature_repo.lake.tables import DAY_US
from feature_repo.store.memory import MemoryReader
from models.page.context import ContextWeights
from models.release.artifact import Release

Array = np.ndarray[Any, Any]

PLACES = 10
FINISHED = 0.9  # of a video
DRAWS = 40  # of the reactions to each page
EVENING = 1  # half of a day, whose devices are drawn
DAY_HOUR, NIGHT_HOUR = 20, 23
HEAVY = ("Thriller",)


@dataclass(frozen=True)
class Trial:
    """A weight at one value, at the kind of moment in which it counts."""

    weight: str
    value: float
    hour: int = DAY_HOUR
    weekend: bool = False
    browses: bool = False  # the category of what the viewer is in the mood for

    @property
    def weights(self) -> ContextWeights:
        given: dict[str, Any] = {} if self.weight == "heavy" else {self.weight: self.value}
        is_heavy = self.weight in ("heavy", "mood", "night_calmer")
        return ContextWeights(**given, heavy=HEAVY if is_heavy and self.value else ())

    @property
    def without(self) -> Trial:
        return replace(self, value=0.0)


TRIALS = (
    *(Trial("night_shorter", value, hour=NIGHT_HOUR) for value in (0.01, 0.03, 0.1)),
    *(Trial("night_calmer", value, hour=NIGHT_HOUR) for value in (0.03, 0.1)),
    *(Trial("weekend_longer", value, weekend=True) for value in (0.01, 0.03, 0.1)),
    *(Trial("mobile_shorter", value) for value in (0.01, 0.03, 0.1)),
    *(Trial("tv_longer", value) for value in (0.01, 0.03, 0.1)),
    *(Trial("mood", value) for value in (0.03, 0.1)),
    Trial("heavy", 1.0),
    *(Trial("browsed", value, browses=True) for value in (0.1, 0.3, 0.6)),
    Trial("season", 0.2),
)


class Rehearsal:
    """Viewers of a simulated world at one moment, and the pages that a release makes for them."""

    def __init__(self, days: Days, release: Release, reader: MemoryReader, as_of_us: int, config: FeedConfig) -> None:
        self._days, self._reader, self._as_of_us, self._config = days, reader, as_of_us, config
        self._release, self._parts = release, Parts(release)

    def watched(self, user_ids: Sequence[str], trial: Trial) -> tuple[Array, Array]:
        """(A,) expected seconds of each viewer on their page, and (A,) how many videos they finish."""
        user_A = np.array([int(user_id[1:]) for user_id in user_ids])
        device_A = np.random.default_rng(0).choice(len(DEVICES), len(user_A), p=DEVICE_SHARE[EVENING])
        now_us = self._moment_us(trial)
        video_AP = self._pages(user_A, user_ids, device_A, now_us, trial)
        return self._reactions(user_A, device_A, now_us, video_AP)

    def together(self, first_ids: Sequence[str], second_ids: Sequence[str]) -> list[tuple[Array, Array]]:
        """Of pairs of viewers: seconds and finished videos of the first and of the second on a page for the first, then
        of both on the page for both."""
        users = [np.array([int(user_id[1:]) for user_id in ids]) for ids in (first_ids, second_ids)]
        device_A = np.random.default_rng(0).choice(len(DEVICES), len(first_ids), p=DEVICE_SHARE[EVENING])
        trial = Trial("season", 0.0)  # no weight
        now_us = self._moment_us(trial)
        pages = [
            self._pages(users[0], first_ids, device_A, now_us, trial, others) for others in ((), tuple(second_ids))
        ]
        return [self._reactions(user_A, device_A, now_us, video_AP) for video_AP in pages for user_A in users]

    def _reactions(self, user_A: Array, device_A: Array, now_us: int, video_AP: Array) -> tuple[Array, Array]:
        days, watched_A, finished_A = self._days, np.zeros(len(user_A)), np.zeros(len(user_A))
        elapsed = (self._as_of_us - days.start_us) / DAY_US / days.config.days
        visits = Visits(user_A, np.full(len(user_A), now_us), np.zeros(len(user_A)), EVENING, elapsed)
        _, fresh_AP = freshness(visits.page_us_A[:, None], days.catalog.published_us[np.maximum(video_AP, 0)])
        shown = Shown(np.maximum(video_AP, 0), np.ones(video_AP.shape), fresh_AP)
        seconds_AP = np.where(video_AP >= 0, days.catalog.duration_seconds[shown.video_AP], 0.0)
        for draw in range(DRAWS):
            reaction = react(np.random.default_rng(draw), days.catalog, days.viewers, visits, device_A, shown)
            watched_A += (reaction.fraction_AP * seconds_AP).sum(axis=1)
            finished_A += ((reaction.fraction_AP >= FINISHED) & (video_AP >= 0)).sum(axis=1)
        return watched_A / DRAWS, finished_A / DRAWS

    def _moment_us(self, trial: Trial) -> int:
        """The first such moment from the rehearsal's own on."""
        day = self._as_of_us // DAY_US + 1
        while ((day + 3) % 7 >= 5) != trial.weekend:
            day += 1
        return int(day * DAY_US + trial.hour * HOUR_US)

    def _pages(
        self,
        user_A: Array,
        user_ids: Sequence[str],
        device_A: Array,
        now_us: int,
        trial: Trial,
        others: tuple[str, ...] = (),
    ) -> Array:
        """(A, P) videos of the simulated catalog; -1 where a page is shorter. `others`: who watches with each."""
        policy = replace(self._parts.policy, context=trial.weights)
        serving = compose(self._parts, replace(recipe(self._config), policy=policy))
        feed = Feed(self._release, self._reader, None, self._config, lambda: now_us, lambda release: {HOME: serving})
        pages_AP = np.full((len(user_A), PLACES), -1, dtype=np.int64)
        try:
            for at, user_id in enumerate(user_ids):
                query = Query(
                    user_id=user_id,
                    viewers=others[at : at + 1],
                    limit=PLACES,
                    device=DEVICES[device_A[at]],
                    browsing=self._mood(int(user_A[at])) if trial.browses else "",
                    request_id=f"rehearsal {user_id}",
                    log=False,
                )
                items = feed.page(query).recommendations[:PLACES]
                pages_AP[at, : len(items)] = [int(item.video_id[1:]) for item in items]
        finally:
            feed.close()
        return pages_AP

    def _mood(self, user: int) -> str:
        return str(GENRES[self._days.viewers.phase[user] // TOPICS_PER_GENRE])


def gains(
    rehearsal: Rehearsal, user_ids: Sequence[str], trials: Sequence[Trial] = TRIALS, progress: Progress = SILENT
) -> list[dict[str, Any]]:
    """A row per trial: seconds of a page without and with the weight, and what it gains, in % with its standard error:
    of seconds, which longer videos have more of, and of videos that are finished, of which they have fewer."""
    rows: list[dict[str, Any]] = []
    without: dict[tuple[int, bool, bool], tuple[Array, Array]] = {}
    with progress.task("pages with and without each weight", total=len(trials)) as advance:
        for trial in trials:
            key = (trial.hour, trial.weekend, trial.browses)
            if key not in without:
                without[key] = rehearsal.watched(user_ids, trial.without)
            before, after = without[key], rehearsal.watched(user_ids, trial)
            rows.append(_row(trial.weight, trial.value, before, after))
            advance(1)
    return rows


def gains_together(rehearsal: Rehearsal, user_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as those of `gains`, of viewers who watch in twos: what both see of the page for both, over that for the
    first of them; and of these the second, and the first, alone."""
    half = len(user_ids) // 2
    if not half:
        return []
    first, second, first_too, second_too = rehearsal.together(user_ids[:half], user_ids[half : 2 * half])
    return [
        _row("together: both", 2.0, _sum(first, second), _sum(first_too, second_too)),
        _row("together: who joins", 2.0, second, second_too),
        _row("together: who asks", 2.0, first, first_too),
    ]


def _sum(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    return one[0] + other[0], one[1] + other[1]


def _row(weight: str, value: float, before: tuple[Array, Array], after: tuple[Array, Array]) -> dict[str, Any]:
    return {
        "weight": weight,
        "value": value,
        "seconds_without": float(before[0].mean()),
        "seconds_with": float(after[0].mean()),
        **_gain("seconds", before[0], after[0]),
        **_gain("finished", before[1], after[1]),
    }


def _gain(name: str, before_A: Array, after_A: Array) -> dict[str, float]:
    """In % of what there was before."""
    difference_A, percent = after_A - before_A, 100.0 / max(float(before_A.mean()), 1e-9)
    error = float(difference_A.std() / np.sqrt(len(difference_A)))
    return {f"{name}_gain": percent * float(difference_A.mean()), f"{name}_gain_error": percent * error}
