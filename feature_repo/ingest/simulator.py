"""A video service that never was: hidden tastes, a logging policy, exposures by position, and what came of them.

The viewers' side, unknown to every model. A viewer has a taste over genres that drifts, and goes through phases: for a
week or so one topic is what it is about, then another, often the topic that tends to follow (chess after poker, never
poker after chess). Utility of a video = phase + taste + mood left by the last watch + loyalty to the creator + the pull
of the next episode + quality + freshness + language + does its length suit the device. A click needs the utility and
the eye: P(click) = sigmoid(utility - threshold) x examination(position).

So the order of a history tells more than its content: what was watched last names the phase, an old phase is over, and
a series goes on where it stopped. Models that see histories as sets cannot know.

The service's side: a page is drawn from a Plackett-Luce distribution over the videos not yet watched (softmax of
popularity, a weak guess of taste, the topic last watched, the next episode and freshness), so that every exposure has a
true, logged propensity and every video some chance. Some viewers go on to the next episode without a page ("autoplay").

Vectorized over the viewers of a half-day; seeded: one seed and end, one world.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.titles import GENRES, TOPICS, TOPICS_PER_GENRE, describe_catalog
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS, Lake
from feature_repo.schema import MIN_WATCH_FRACTION

Array = np.ndarray[Any, Any]

HOUR_US = DAY_US // 24
COUNTRIES = ("US", "GB", "DE", "FR", "BR", "IN", "JP", "KR")
COUNTRY_SHARE = (0.30, 0.10, 0.12, 0.08, 0.14, 0.12, 0.08, 0.06)
COUNTRY_LANGUAGE = ("en", "en", "de", "fr", "pt", "en", "ja", "ko")
COUNTRY_OFFSET_HOURS = (-5, 0, 1, 1, -3, 5, 9, 9)
LANGUAGES = ("en", "de", "fr", "pt", "ja", "ko")
LANGUAGE_SHARE = (0.58, 0.10, 0.08, 0.10, 0.08, 0.06)
AGE_GROUPS = ("kid", "18-24", "25-34", "35-49", "50+")
AGE_SHARE = (0.04, 0.24, 0.30, 0.26, 0.16)
MATURITIES = (0, 7, 13, 16, 18)
DEVICES = ("mobile", "desktop", "tv")
DEVICE_SHARE = ((0.65, 0.25, 0.10), (0.30, 0.20, 0.50))  # of the morning, of the evening
LENGTH_TASTE = (-0.45, 0.0, 0.35)  # per device: utility of a doubled duration
PHASE_ENDS = 0.12  # chance per day
NEXT_TOPIC = 0.75  # chance that a phase is followed by the topic that tends to follow


@dataclass(frozen=True)
class SimulatorConfig:
    users: int = 2500
    videos: int = 2000
    days: int = 35
    seed: int = 7
    # ISO date; the last simulated moment is just before its 00:00 UTC, where the world's clock goes on. "" is today,
    # with everybody's clock.
    end: str = ""
    page_length: int = 10
    pages_per_day: float = 0.32  # mean pages of a viewer per day; activity is skewed around it

    def __post_init__(self) -> None:
        if self.users < 10 or self.videos < 20 or self.days < 5:
            raise ValueError("a world needs at least 10 users, 20 videos and 5 days")
        if self.videos < 3 * self.page_length:
            raise ValueError("a world needs at least three pages of videos")
        if self.end:
            _end_us(self.end)


@dataclass
class _Catalog:
    """V videos. The arrays are rows of one table."""

    topic: Array  # index; topic // TOPICS_PER_GENRE = its genre
    genre_VG: Array  # shares, rows sum to 1
    creator: Array  # index
    following: Array  # index of the next episode, -1 = none
    quality: Array
    published_us: Array
    duration_seconds: Array
    language: Array  # index
    maturity: Array
    countries: list[list[str]]
    series: Array  # index, -1 = none
    episode: Array


@dataclass
class _Viewers:
    """U viewers and what moves them. From `phase` on, the columns change as the days go by."""

    early_UG: Array
    late_UG: Array
    country: Array
    age: Array
    signup_us: Array
    activity: Array  # pages a day
    breadth: Array  # how much anything at all will do
    phase: Array  # topic
    last: Array  # index of the last video watched, -1 = none
    awaited: Array  # index of the next episode of the series being watched, -1 = none
    loyalty_UK: Array
    seen_UV: Array


def simulate(home: Home, config: SimulatorConfig = SimulatorConfig(), progress: Progress = SILENT) -> dict[str, Any]:
    """Write a simulated world into the home's lake, replacing what was there."""
    rng = np.random.default_rng(config.seed)
    end_us = _end_us(config.end)
    start_us = end_us - config.days * DAY_US
    catalog = _catalog(config, rng, start_us, end_us)
    viewers = _viewers(config, rng, start_us)
    log = _Log(config, catalog, viewers)
    popularity_V = np.exp(catalog.quality) * rng.pareto(1.2, config.videos).clip(0.05, 30)
    guess_UG = viewers.early_UG + 0.25 * rng.random(viewers.early_UG.shape, dtype=np.float32)  # a cookie's worth
    follower_T = _followers(rng)
    visible_CV = _visible(catalog)
    with progress.task("simulating days", total=config.days) as advance:
        for day in range(config.days):
            _change_phases(rng, viewers, follower_T, _taste(viewers, day / config.days))
            for half in range(2):
                active = _active(viewers, config, rng, start_us + (day + 1) * DAY_US)
                if len(active):
                    page_us, offset_us = _visits(rng, config, viewers, active, day, half, start_us)
                    world = (config, catalog, viewers, popularity_V, guess_UG, visible_CV)
                    _show_pages(rng, *world, active, half, page_us, offset_us, day / config.days, log)
            popularity_V *= 0.93
            advance(1)
    events, impressions = log.tables(end_us)
    return _write(home, config, catalog, viewers, rng, events, impressions, end_us)


def _visits(
    rng: np.random.Generator,
    config: SimulatorConfig,
    viewers: _Viewers,
    active: Array,
    day: int,
    half: int,
    start_us: int,
) -> tuple[Array, Array]:
    """When each active viewer opens a page, and how far its clock is from UTC; in microseconds."""
    offset_us = np.array(COUNTRY_OFFSET_HOURS)[viewers.country[active]] * HOUR_US
    local_hour = np.where(half == 0, rng.normal(10.5, 1.8, len(active)), rng.normal(20.0, 1.5, len(active)))
    page_us = start_us + day * DAY_US + (local_hour.clip(5, 23.4) * HOUR_US).astype(np.int64) - offset_us
    return page_us.clip(start_us, start_us + config.days * DAY_US - 1), offset_us


def _show_pages(
    rng: np.random.Generator,
    config: SimulatorConfig,
    catalog: _Catalog,
    viewers: _Viewers,
    popularity_V: Array,
    guess_UG: Array,
    visible_CV: Array,
    active: Array,
    half: int,
    page_us: Array,
    offset_us: Array,
    elapsed: float,
    log: _Log,
) -> None:
    """One page for each active viewer A of a half-day, P slots each, and what they do with it."""
    a = np.arange(len(active))
    age_days_AV = ((page_us[:, None] - catalog.published_us[None, :]) / DAY_US).astype(np.float32)
    allowed_AV = (age_days_AV >= 0) & ~viewers.seen_UV[active] & visible_CV[viewers.country[active]]
    allowed_AV &= ~((viewers.age[active] == 0)[:, None] & (catalog.maturity > 7)[None, :])
    last, awaited = viewers.last[active], viewers.awaited[active]

    fresh_AV = np.exp(-age_days_AV.clip(0) / 3.0)
    policy_AV = (0.4 * np.log(popularity_V + 0.3)).astype(np.float32)[None, :] + 1.2 * fresh_AV
    policy_AV += 3.0 * guess_UG[active] @ catalog.genre_VG.T
    policy_AV += 3.0 * ((last >= 0)[:, None] & (catalog.topic[None, :] == catalog.topic[last][:, None]))
    policy_AV[a[awaited >= 0], awaited[awaited >= 0]] += 4.0
    shown_AP, propensity_AP = _plackett_luce(rng, policy_AV, allowed_AV, config.page_length)

    device = rng.choice(len(DEVICES), len(active), p=DEVICE_SHARE[half])
    taste_AG = _taste(viewers, elapsed)[active]
    mood_AP = (last >= 0)[:, None] & (catalog.topic[shown_AP] == catalog.topic[last][:, None])
    utility_AP = (
        2.5 * np.einsum("ag,apg->ap", taste_AG, catalog.genre_VG[shown_AP])
        + 4.2 * (catalog.topic[shown_AP] == viewers.phase[active][:, None])
        + 0.6 * mood_AP
        + 0.8 * np.minimum(viewers.loyalty_UK[active[:, None], catalog.creator[shown_AP]], 1.5)
        + 3.4 * (shown_AP == awaited[:, None])
        + 0.7 * catalog.quality[shown_AP]
        + 0.5 * fresh_AV[a[:, None], shown_AP]
        + 0.5 * (catalog.language[shown_AP] == _language(viewers.country[active])[:, None])
        + np.array(LENGTH_TASTE)[device][:, None] * np.log2(catalog.duration_seconds[shown_AP] / 700.0).clip(-2, 2)
        + viewers.breadth[active][:, None]
    )
    examined_P = 1.0 / (1.0 + 0.12 * np.arange(config.page_length))
    click_AP = rng.random(utility_AP.shape) < _sigmoid(utility_AP - 2.4) * examined_P[None, :]
    pleasure_AP = utility_AP - 2.4 + rng.normal(0, 0.9, utility_AP.shape)
    fraction_AP = np.where(click_AP, _watched(rng, pleasure_AP), 0.0)
    liked_AP = click_AP & (rng.random(click_AP.shape) < 0.30 * _sigmoid(2 * pleasure_AP)) & (fraction_AP > 0.5)
    disliked_AP = click_AP & (rng.random(click_AP.shape) < 0.25 * _sigmoid(-2 * pleasure_AP)) & (fraction_AP < 0.5)
    shared_AP = liked_AP & (rng.random(click_AP.shape) < 0.15)

    ended_us = log.page(
        active,
        page_us,
        offset_us,
        device,
        shown_AP,
        propensity_AP,
        click_AP,
        fraction_AP,
        liked_AP,
        disliked_AP,
        shared_AP,
    )
    at, slot = np.nonzero(click_AP & (fraction_AP >= MIN_WATCH_FRACTION))
    _absorb(catalog, viewers, popularity_V, active[at], shown_AP[at, slot], fraction_AP[at, slot])
    viewers.awaited[active] = np.where(rng.random(len(active)) < 0.06, -1, viewers.awaited[active])  # given up

    finished = np.zeros(len(active))
    finished[at] = fraction_AP[at, slot]  # of the last one watched on the page
    for _ in range(3):  # the next episode plays by itself while the viewer is still there
        following = catalog.following[viewers.last[active]]
        going_on = (viewers.last[active] >= 0) & (following >= 0) & (finished > 0.8) & (rng.random(len(active)) < 0.6)
        going_on &= (catalog.published_us[following] < ended_us) & ~viewers.seen_UV[active, following]
        if not going_on.any():
            return
        who, video = active[going_on], following[going_on]
        fraction = _watched(rng, rng.normal(1.5, 1.0, len(who)))
        ended_us = ended_us.copy()
        ended_us[going_on] = log.autoplay(who, ended_us[going_on], device[going_on], video, fraction)
        _absorb(catalog, viewers, popularity_V, who, video, fraction)
        finished = np.where(going_on, 0.0, finished)
        finished[going_on] = fraction


def _taste(viewers: _Viewers, elapsed: float) -> Array:
    """(U, G): the taste on its way from early to late; `elapsed` from 0 to 1."""
    taste: Array = (1 - elapsed) * viewers.early_UG + elapsed * viewers.late_UG
    return taste


def _followers(rng: np.random.Generator) -> Array:
    """(T,) the topic that tends to follow each: one cycle through all topics in random order."""
    order = rng.permutation(TOPICS)
    follower_T = np.empty(TOPICS, dtype=np.int64)
    follower_T[order] = np.roll(order, -1)
    return follower_T


def _change_phases(rng: np.random.Generator, viewers: _Viewers, follower_T: Array, taste_UG: Array) -> None:
    ends = np.flatnonzero(rng.random(len(viewers.phase)) < PHASE_ENDS)
    follows = rng.random(len(ends)) < NEXT_TOPIC
    viewers.phase[ends] = np.where(follows, follower_T[viewers.phase[ends]], _topic_of_taste(rng, taste_UG[ends]))


def _topic_of_taste(rng: np.random.Generator, taste_UG: Array) -> Array:
    """(U,) a topic of a genre drawn by taste."""
    genre = (taste_UG.cumsum(axis=1) > rng.random((len(taste_UG), 1)) * taste_UG.sum(axis=1, keepdims=True)).argmax(
        axis=1
    )
    topic: Array = genre * TOPICS_PER_GENRE + rng.integers(TOPICS_PER_GENRE, size=len(genre))
    return topic


def _visible(catalog: _Catalog) -> Array:
    """(C, V): may the video be shown in the country?"""
    return np.array([[not shown or country in shown for shown in catalog.countries] for country in COUNTRIES])


def _absorb(
    catalog: _Catalog, viewers: _Viewers, popularity_V: Array, users: Array, videos: Array, fraction: Array
) -> None:
    viewers.last[users] = videos
    viewers.awaited[users] = np.where(catalog.series[videos] >= 0, catalog.following[videos], viewers.awaited[users])
    viewers.seen_UV[users, videos] = True
    np.add.at(popularity_V, videos, 1.0)
    np.add.at(viewers.loyalty_UK, (users, catalog.creator[videos]), 0.5 * fraction)


def _plackett_luce(rng: np.random.Generator, score_AV: Array, allowed_AV: Array, length: int) -> tuple[Array, Array]:
    """Draw `length` videos a row without replacement, in order; the probability of each given those before it.

    An exponential race: the first to arrive at rates exp(score), then the next, are exactly Plackett-Luce draws.
    """
    weight_AV = np.exp(score_AV - score_AV.max(axis=1, keepdims=True)) * allowed_AV
    arrival_AV = rng.standard_exponential(score_AV.shape, dtype=np.float32) / np.maximum(weight_AV, 1e-30)
    top_AP = np.argpartition(arrival_AV, length, axis=1)[:, :length]
    order = np.argsort(np.take_along_axis(arrival_AV, top_AP, axis=1), axis=1)
    top_AP = np.take_along_axis(top_AP, order, axis=1)
    weight_AP = np.take_along_axis(weight_AV, top_AP, axis=1).astype(np.float64)
    before_AP = np.cumsum(weight_AP, axis=1) - weight_AP
    total_A1 = weight_AV.sum(axis=1, keepdims=True, dtype=np.float64)
    return top_AP, weight_AP / np.maximum(total_A1 - before_AP, 1e-12)


def _watched(rng: np.random.Generator, pleasure: Array) -> Array:
    """The share of a video that is watched: the more pleasure, the more often to the end; bored viewers skip."""
    fraction = rng.beta(1.0 + 3.0 * _sigmoid(pleasure), 1.6, pleasure.shape)
    to_the_end = rng.random(pleasure.shape) < 0.75 * _sigmoid(pleasure + 0.5)
    skipped = rng.random(pleasure.shape) < 0.25 * _sigmoid(-pleasure - 0.5)
    fraction = np.where(to_the_end, rng.uniform(0.9, 1.0, pleasure.shape), fraction)
    watched: Array = np.where(skipped, rng.uniform(0.0, 0.05, pleasure.shape), fraction)
    return watched


def _active(viewers: _Viewers, config: SimulatorConfig, rng: np.random.Generator, now_us: int) -> Array:
    chance = np.minimum(viewers.activity / 2, 0.95) * (viewers.signup_us < now_us - DAY_US)
    return np.nonzero(rng.random(config.users) < chance)[0]


class _Log:
    """Collects what the service would have logged, in arrays."""

    def __init__(self, config: SimulatorConfig, catalog: _Catalog, viewers: _Viewers) -> None:
        self.config, self.catalog, self.viewers = config, catalog, viewers
        self.events: list[dict[str, Array]] = []
        self.impressions: list[dict[str, Array]] = []
        self.pages = 0

    def page(
        self,
        users: Array,
        page_us: Array,
        offset_us: Array,
        device_A: Array,
        shown_AP: Array,
        propensity_AP: Array,
        click_AP: Array,
        fraction_AP: Array,
        liked_AP: Array,
        disliked_AP: Array,
        shared_AP: Array,
    ) -> Array:
        """Log pages and the events that follow; when each viewer was through, in microseconds."""
        length = shown_AP.shape[1]
        request = self.pages + np.arange(len(users))
        self.pages += len(users)
        seconds_AP = np.round(fraction_AP * self.catalog.duration_seconds[shown_AP], 1)
        device = np.repeat(np.array(DEVICES)[device_A], length)
        self.impressions.append(
            {
                "request": np.repeat(request, length),
                "user": np.repeat(users, length),
                "video": shown_AP.ravel(),
                "timestamp_us": np.repeat(page_us, length),
                "position": np.tile(np.arange(length), len(users)),
                "device": device,
                "utc_offset_minutes": np.repeat(offset_us // 60_000_000, length),
                "propensity": propensity_AP.ravel(),
                "clicked": click_AP.ravel(),
                "watch_seconds": seconds_AP.ravel(),
                "watch_fraction": fraction_AP.ravel(),
                "liked": liked_AP.ravel(),
                "disliked": disliked_AP.ravel(),
                "shared": shared_AP.ravel(),
            }
        )
        # A viewer watches one video after the other: each click follows the end of the watch before it.
        spent_AP = np.cumsum(np.where(click_AP, seconds_AP + 8.0, 0.0), axis=1)
        click_us = page_us[:, None] + ((spent_AP - np.where(click_AP, seconds_AP + 8.0, 0.0) + 4.0) * 1e6).astype(
            np.int64
        )
        watch_us = click_us + (seconds_AP * 1e6).astype(np.int64) + 1_000_000
        at, slot = np.nonzero(click_AP)
        common = {
            "user": users[at],
            "video": shown_AP[at, slot],
            "position": slot,
            "device": device.reshape(len(users), length)[at, slot],
            "request": request[at],
        }
        nothing = np.zeros(len(at))
        self._event("click", common, click_us[at, slot], nothing)
        self._event("watch", common, watch_us[at, slot], seconds_AP[at, slot])
        for kind, chosen_AP in (("like", liked_AP), ("dislike", disliked_AP), ("share", shared_AP)):
            kept = chosen_AP[at, slot]
            part = {name: column[kept] for name, column in common.items()}
            later_us = watch_us[at, slot][kept] + (2_000_000 if kind == "share" else 1_000_000)
            self._event(kind, part, later_us, nothing[kept])
        ended: Array = page_us + ((spent_AP[:, -1] + 10.0) * 1e6).astype(np.int64)
        return ended

    def autoplay(self, users: Array, from_us: Array, device: Array, videos: Array, fraction: Array) -> Array:
        seconds = np.round(fraction * self.catalog.duration_seconds[videos], 1)
        ended: Array = from_us + ((seconds + 6.0) * 1e6).astype(np.int64)
        common = {
            "user": users,
            "video": videos,
            "position": np.full(len(users), -1),
            "device": np.array(DEVICES)[device],
            "request": np.full(len(users), -1),
        }
        self._event("watch", common, ended, seconds)
        return ended

    def _event(self, kind: str, common: dict[str, Array], timestamp_us: Array, watch_seconds: Array) -> None:
        kinds = np.full(len(timestamp_us), kind)
        self.events.append({**common, "event": kinds, "timestamp_us": timestamp_us, "watch_seconds": watch_seconds})

    def tables(self, end_us: int) -> tuple[pa.Table, pa.Table]:
        """Events and impressions as the lake wants them; nothing happens after the end of the world."""
        e = {name: np.concatenate([part[name] for part in self.events]) for name in self.events[0]}
        kept = e["timestamp_us"] < end_us
        e = {name: column[kept] for name, column in e.items()}
        order = np.argsort(e["timestamp_us"], kind="stable")
        e = {name: column[order] for name, column in e.items()}
        events = pa.table(
            {
                "event_id": _named("e", np.arange(len(order)), 8),
                "user_id": _named("u", e["user"], 5),
                "video_id": _named("v", e["video"], 5),
                "event": pa.array(e["event"].tolist()),
                "timestamp_us": e["timestamp_us"],
                "watch_seconds": e["watch_seconds"],
                "duration_seconds": self.catalog.duration_seconds[e["video"]],
                "position": e["position"],
                "surface": pa.array(np.where(e["request"] < 0, "autoplay", "home").tolist()),
                "device": pa.array(e["device"].tolist()),
                "request_id": _named("q", e["request"], 7),
                "sequence": np.arange(len(order)),
            },
            schema=EVENTS,
        )
        i = {name: np.concatenate([part[name] for part in self.impressions]) for name in self.impressions[0]}
        order = np.lexsort((i["position"], i["request"], i["timestamp_us"]))
        i = {name: column[order] for name, column in i.items()}
        impressions = pa.table(
            {
                "impression_id": _named("i", np.arange(len(order)), 8),
                "request_id": _named("q", i["request"], 7),
                "user_id": _named("u", i["user"], 5),
                "video_id": _named("v", i["video"], 5),
                "surface": pa.array(["home"] * len(order)),
                "device": pa.array(i["device"].tolist()),
                **{
                    name: i[name]
                    for name in IMPRESSIONS.names
                    if name in i and name not in ("request", "user", "video", "device")
                },
            }
        )
        return events, impressions


def _catalog(config: SimulatorConfig, rng: np.random.Generator, start_us: int, end_us: int) -> _Catalog:
    count, creators = config.videos, max(config.videos // 12, 4)
    topic_share_T = rng.dirichlet(np.full(TOPICS, 6.0))
    topic_K = rng.choice(TOPICS, creators, p=topic_share_T)
    creator = np.minimum(rng.zipf(1.35, count) - 1, creators - 1)
    creator = np.where(creator == creators - 1, rng.integers(creators, size=count), creator)
    topic = np.where(rng.random(count) < 0.5, topic_K[creator], rng.choice(TOPICS, count, p=topic_share_T))
    series = np.full(count, -1)
    episode = np.zeros(count, dtype=np.int64)
    following = np.full(count, -1)
    shuffled = rng.permutation(count)
    first = 0
    number = 0
    while first < 0.35 * count:
        length = int(rng.integers(4, 11))
        rows = shuffled[first : first + length]
        series[rows], episode[rows] = number, np.arange(1, len(rows) + 1)
        creator[rows], topic[rows] = creator[rows[0]], topic[rows[0]]
        following[rows[:-1]] = rows[1:]
        first, number = first + length, number + 1
    main = topic // TOPICS_PER_GENRE
    second = np.where(series >= 0, (main * 7 + 3) % len(GENRES), rng.integers(len(GENRES), size=count))
    genre_VG = np.zeros((count, len(GENRES)), dtype=np.float32)
    genre_VG[np.arange(count), main] += 0.75
    genre_VG[np.arange(count), second] += 0.25
    published_us = start_us - (rng.exponential(120, count) * DAY_US).astype(np.int64).clip(0, 700 * DAY_US) - DAY_US
    new = (series < 0) & (rng.random(count) < 0.30)
    published_us[new] = rng.integers(start_us, end_us - HOUR_US, new.sum())
    in_series = series >= 0
    opening_us = start_us - rng.integers(1, 60, number + 1) * DAY_US
    published_us[in_series] = (opening_us[series] + (episode - 1) * 2 * DAY_US)[in_series]
    published_us = published_us.clip(None, end_us - HOUR_US)
    duration = np.where(in_series, rng.normal(1500, 240, count), np.exp(rng.normal(6.4, 0.8, count))).clip(45, 7200)
    blocked = rng.random(count) < 0.05
    return _Catalog(
        topic=topic,
        genre_VG=genre_VG,
        creator=creator,
        following=following,
        quality=rng.normal(0, 1, count).astype(np.float32),
        published_us=published_us,
        duration_seconds=np.round(duration),
        language=np.where(in_series, 0, rng.choice(len(LANGUAGES), count, p=LANGUAGE_SHARE)),
        maturity=np.array(MATURITIES)[rng.choice(5, count, p=(0.35, 0.25, 0.22, 0.12, 0.06))],
        countries=[sorted(rng.choice(COUNTRIES, 4, replace=False).tolist()) if b else [] for b in blocked],
        series=series,
        episode=episode,
    )


def _viewers(config: SimulatorConfig, rng: np.random.Generator, start_us: int) -> _Viewers:
    count, genres = config.users, len(GENRES)
    early = rng.dirichlet(np.full(genres, 0.18), count).astype(np.float32)
    other = rng.dirichlet(np.full(genres, 0.18), count).astype(np.float32)
    drift = rng.beta(1.2, 2.0, (count, 1)).astype(np.float32)
    signup = start_us - (rng.exponential(200, count) * DAY_US).astype(np.int64) - DAY_US
    newcomers = rng.random(count) < 0.12
    signup[newcomers] = start_us + (rng.random(newcomers.sum()) * config.days * DAY_US).astype(np.int64)
    activity = config.pages_per_day * np.exp(rng.normal(0, 0.8, count)) / np.exp(0.32)
    return _Viewers(
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
        loyalty_UK=np.zeros((count, max(config.videos // 12, 4)), dtype=np.float32),
        seen_UV=np.zeros((count, config.videos), dtype=bool),
    )


def _write(
    home: Home,
    config: SimulatorConfig,
    catalog: _Catalog,
    viewers: _Viewers,
    rng: np.random.Generator,
    events: pa.Table,
    impressions: pa.Table,
    end_us: int,
) -> dict[str, Any]:
    words = describe_catalog(
        catalog.topic, np.argsort(-catalog.genre_VG, axis=1)[:, 1], catalog.creator, catalog.series,
        catalog.episode, rng,
    )  # fmt: skip
    genre_names = [[GENRES[g] for g in np.argsort(-row)[: int((row > 0).sum())]] for row in catalog.genre_VG]
    videos = pa.table(
        {
            "video_id": _named("v", np.arange(config.videos), 5),
            **{name: words[name] for name in ("title", "description", "creator_name", "tags")},
            "creator_id": _named("c", catalog.creator, 4),
            "series_id": _named("s", catalog.series, 4),
            "episode": catalog.episode,
            "genres": genre_names,
            "video_language": [LANGUAGES[at] for at in catalog.language],
            "countries": pa.array(catalog.countries, pa.list_(pa.string())),
            "maturity": catalog.maturity,
            "duration_seconds": catalog.duration_seconds,
            "published_timestamp_us": catalog.published_us,
        }
    )
    users = pa.table(
        {
            "user_id": _named("u", np.arange(config.users), 5),
            "country": [COUNTRIES[at] for at in viewers.country],
            "user_language": [COUNTRY_LANGUAGE[at] for at in viewers.country],
            "age_group": [AGE_GROUPS[at] for at in viewers.age],
            "maturity_limit": np.where(viewers.age == 0, 7, 18),
            "signup_timestamp_us": viewers.signup_us,
        }
    )
    Lake(home).replace(videos=videos, users=users, events=events, impressions=impressions)
    watched = np.where(viewers.age > 0, viewers.seen_UV.sum(axis=1), 0)
    # Neither the heaviest viewer nor a light one: whoever stands at the 98th percentile of watches.
    example = int(np.argsort(watched, kind="stable")[int(0.98 * (config.users - 1))])
    world = World(
        name="simulated",
        source="simulator",
        id_type="str",
        genres=GENRES,
        clock_offset_seconds=end_us / 1e6 - time.time() if config.end else 0.0,
        example_user=f"u{example:05d}",
    )
    home.write_world(world)
    kinds = events["event"].value_counts().to_pylist()
    return {
        "world": world.name,
        "videos": config.videos,
        "users": config.users,
        "impressions": impressions.num_rows,
        "events": {entry["values"]: entry["counts"] for entry in kinds},
        "first_day": _day(end_us - config.days * DAY_US),
        "last_day": _day(end_us - 1),
    }


def _named(prefix: str, numbers: Array, width: int) -> pa.Array:
    """Numbers as ids such as v00042; negative = none = the empty string."""
    return pa.array([f"{prefix}{number:0{width}d}" if number >= 0 else "" for number in numbers.tolist()], pa.string())


def _language(country: Array) -> Array:
    spoken: Array = np.array([LANGUAGES.index(language) for language in COUNTRY_LANGUAGE])[country]
    return spoken


def _sigmoid(x: Array) -> Array:
    value: Array = 1.0 / (1.0 + np.exp(-x))
    return value


def _end_us(end: str) -> int:
    try:
        day = datetime.fromisoformat(end).replace(tzinfo=UTC) if end else datetime.now(UTC)
    except ValueError:
        raise ValueError(f"end: expected an ISO date such as 2026-11-21, found {end!r}") from None
    return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000


def _day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat()
