"""The viewers of a simulated world, and their hidden state: taste, phase, mood, loyalty.

U viewers, G genres, T topics
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.ingest.simulator.catalog import Catalog, named
from feature_repo.ingest.simulator.config import (
    AGE_GROUPS,
    AGE_SHARE,
    COUNTRIES,
    COUNTRY_LANGUAGE,
    COUNTRY_SHARE,
    LANGUAGES,
    SimulatorConfig,
)
from feature_repo.ingest.simulator.pairs import Pairs
from feature_repo.ingest.titles import GENRES, TOPICS, TOPICS_PER_GENRE
from feature_repo.lake.tables import DAY_US

Array = np.ndarray[Any, Any]

PHASE_ENDS = 0.12  # chance per day
NEXT_TOPIC = 0.75  # chance that a phase is followed by the topic that tends to follow
KID = AGE_GROUPS.index("kid")


@dataclass
class Viewers:
    """U viewers with their hidden state. From `phase` on, the columns change from day to day."""

    early_UG: Array
    late_UG: Array
    country: Array
    age: Array
    signup_us: Array
    activity: Array  # pages a day
    breadth: Array  # general readiness to click
    phase: Array  # topic
    last: Array  # index of the last video watched, -1 = none
    awaited: Array  # index of the next episode of the series being watched, -1 = none
    loyalty: Pairs  # with creators
    seen: Pairs  # videos watched

    def taste(self, elapsed: float) -> Array:
        """(U, G): the taste, which drifts from early to late; `elapsed` from 0 to 1."""
        taste_UG: Array = (1 - elapsed) * self.early_UG + elapsed * self.late_UG
        return taste_UG

    def language(self, users: Array) -> Array:
        """The language of each viewer, as an index of LANGUAGES."""
        spoken: Array = np.array([LANGUAGES.index(name) for name in COUNTRY_LANGUAGE])[self.country[users]]
        return spoken

    def watch(self, catalog: Catalog, users: Array, videos: Array, fraction: Array) -> None:
        """Update these viewers after a watch: last video, awaited episode, loyalty to the creator."""
        self.last[users] = videos
        self.awaited[users] = np.where(catalog.series[videos] >= 0, catalog.following[videos], self.awaited[users])
        self.seen.add(users, videos, 1.0)
        self.loyalty.add(users, catalog.creator[videos], 0.5 * fraction)


def make_viewers(config: SimulatorConfig, rng: np.random.Generator, start_us: int) -> Viewers:
    count, genres = config.users, len(GENRES)
    early = rng.dirichlet(np.full(genres, 0.18), count).astype(np.float32)
    other = rng.dirichlet(np.full(genres, 0.18), count).astype(np.float32)
    drift = rng.beta(1.2, 2.0, (count, 1)).astype(np.float32)
    signup = start_us - (rng.exponential(200, count) * DAY_US).astype(np.int64) - DAY_US
    newcomers = rng.random(count) < 0.12
    signup[newcomers] = start_us + (rng.random(newcomers.sum()) * config.days * DAY_US).astype(np.int64)
    activity = config.pages_per_day * np.exp(rng.normal(0, 0.8, count)) / np.exp(0.32)
    return Viewers(
        early_UG=early,
        late_UG=(1 - drift) * early + drift * other,
        country=rng.choice(len(COUNTRIES), count, p=COUNTRY_SHARE),
        age=rng.choice(len(AGE_GROUPS), count, p=AGE_SHARE),
        signup_us=signup,
        activity=activity,
        breadth=rng.normal(0, 0.5, count),
        phase=_topic_of_taste(rng, early),
        last=np.full(count, -1),
        awaited=np.full(count, -1),
        loyalty=Pairs(config.creators),
        seen=Pairs(config.videos),
    )


def topic_cycle(rng: np.random.Generator) -> Array:
    """(T,) the topic that tends to follow each: one cycle through all topics in random order."""
    order = rng.permutation(TOPICS)
    follower_T = np.empty(TOPICS, dtype=np.int64)
    follower_T[order] = np.roll(order, -1)
    return follower_T


def change_phases(rng: np.random.Generator, viewers: Viewers, follower_T: Array, taste_UG: Array) -> None:
    """End the phase of some viewers; the next one is the topic that tends to follow, or one of the viewer's taste."""
    ends = np.flatnonzero(rng.random(len(viewers.phase)) < PHASE_ENDS)
    follows = rng.random(len(ends)) < NEXT_TOPIC
    viewers.phase[ends] = np.where(follows, follower_T[viewers.phase[ends]], _topic_of_taste(rng, taste_UG[ends]))


def draw_active(viewers: Viewers, rng: np.random.Generator, now_us: int) -> Array:
    """Rows of the viewers who are active in this half-day; never on the day of registration."""
    chance = np.minimum(viewers.activity / 2, 0.95) * (viewers.signup_us < now_us - DAY_US)
    return np.nonzero(rng.random(len(viewers.activity)) < chance)[0]


def users_table(viewers: Viewers) -> pa.Table:
    return pa.table(
        {
            "user_id": named("u", np.arange(len(viewers.age)), 5),
            "country": [COUNTRIES[at] for at in viewers.country],
            "user_language": [COUNTRY_LANGUAGE[at] for at in viewers.country],
            "age_group": [AGE_GROUPS[at] for at in viewers.age],
            "maturity_limit": np.where(viewers.age == KID, 7, 18),
            "signup_timestamp_us": viewers.signup_us,
        }
    )


def example_viewer(viewers: Viewers) -> int:
    """A heavy, but not the heaviest viewer: the 98th percentile by watches."""
    watched = np.where(viewers.age != KID, viewers.seen.counts(len(viewers.age)), 0)
    return int(np.argsort(watched, kind="stable")[int(0.98 * (len(watched) - 1))])


def _topic_of_taste(rng: np.random.Generator, taste_UG: Array) -> Array:
    """(U,) a topic of a genre drawn by taste."""
    drawn_U1 = rng.random((len(taste_UG), 1)) * taste_UG.sum(axis=1, keepdims=True)
    genre = (taste_UG.cumsum(axis=1) > drawn_U1).argmax(axis=1)
    topic: Array = genre * TOPICS_PER_GENRE + rng.integers(TOPICS_PER_GENRE, size=len(genre))
    return topic
