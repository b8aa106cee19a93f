"""The videos of a simulated world: topics, creators, series, and quality, which is hidden from models.

V videos, G genres, T topics, K creators, C countries
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.ingest.simulator.config import (
    COUNTRIES,
    HOUR_US,
    LANGUAGE_SHARE,
    LANGUAGES,
    MATURITIES,
    MATURITY_SHARE,
    SimulatorConfig,
)
from feature_repo.ingest.titles import GENRES, TOPICS, TOPICS_PER_GENRE, describe_catalog
from feature_repo.lake.tables import DAY_US

Array = np.ndarray[Any, Any]

SHARE_IN_SERIES = 0.35
SHARE_NEW = 0.30  # of the videos outside series: published while the world runs


@dataclass
class Catalog:
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
class _Series:
    """Which videos are episodes of which series. `series` and `following` are -1 for none."""

    series: Array
    episode: Array
    following: Array
    count: int


def make_catalog(config: SimulatorConfig, rng: np.random.Generator, start_us: int, end_us: int) -> Catalog:
    count, creators = config.videos, config.creators
    topic_share_T = rng.dirichlet(np.full(TOPICS, 6.0))
    topic_K = rng.choice(TOPICS, creators, p=topic_share_T)
    creator = np.minimum(rng.zipf(1.35, count) - 1, creators - 1)
    creator = np.where(creator == creators - 1, rng.integers(creators, size=count), creator)
    topic = np.where(rng.random(count) < 0.5, topic_K[creator], rng.choice(TOPICS, count, p=topic_share_T))
    series = _series(rng, creator, topic)
    in_series = series.series >= 0
    genre_VG = _genres(rng, topic, in_series)
    published_us = _published(rng, series, start_us, end_us)
    duration = np.where(in_series, rng.normal(1500, 240, count), np.exp(rng.normal(6.4, 0.8, count))).clip(45, 7200)
    blocked = rng.random(count) < 0.05
    return Catalog(
        topic=topic,
        genre_VG=genre_VG,
        creator=creator,
        following=series.following,
        quality=rng.normal(0, 1, count).astype(np.float32),
        published_us=published_us,
        duration_seconds=np.round(duration),
        language=np.where(in_series, 0, rng.choice(len(LANGUAGES), count, p=LANGUAGE_SHARE)),
        maturity=np.array(MATURITIES)[rng.choice(len(MATURITIES), count, p=MATURITY_SHARE)],
        countries=[sorted(rng.choice(COUNTRIES, 4, replace=False).tolist()) if b else [] for b in blocked],
        series=series.series,
        episode=series.episode,
    )


def visible_in(catalog: Catalog) -> Array:
    """(C, V): whether the video may be shown in the country."""
    return np.array([[not shown or country in shown for shown in catalog.countries] for country in COUNTRIES])


def videos_table(catalog: Catalog, rng: np.random.Generator) -> pa.Table:
    """The catalog as a table of the lake, with generated titles and descriptions."""
    second_genre = np.argsort(-catalog.genre_VG, axis=1)[:, 1]
    words = describe_catalog(catalog.topic, second_genre, catalog.creator, catalog.series, catalog.episode, rng)
    genre_names = [[GENRES[g] for g in np.argsort(-row)[: int((row > 0).sum())]] for row in catalog.genre_VG]
    return pa.table(
        {
            "video_id": named("v", np.arange(len(catalog.topic)), 5),
            **{name: words[name] for name in ("title", "description", "creator_name", "tags")},
            "creator_id": named("c", catalog.creator, 4),
            "series_id": named("s", catalog.series, 4),
            "episode": catalog.episode,
            "genres": genre_names,
            "video_language": [LANGUAGES[at] for at in catalog.language],
            "countries": pa.array(catalog.countries, pa.list_(pa.string())),
            "maturity": catalog.maturity,
            "duration_seconds": catalog.duration_seconds,
            "published_timestamp_us": catalog.published_us,
        }
    )


def named(prefix: str, numbers: Array, width: int) -> pa.Array:
    """Numbers as ids such as v00042; negative = none = the empty string."""
    return pa.array([f"{prefix}{number:0{width}d}" if number >= 0 else "" for number in numbers.tolist()], pa.string())


def _series(rng: np.random.Generator, creator: Array, topic: Array) -> _Series:
    """Draw series of 4 to 10 episodes. All episodes get the creator and topic of the first, in place."""
    count = len(creator)
    series, following = np.full(count, -1), np.full(count, -1)
    episode = np.zeros(count, dtype=np.int64)
    shuffled = rng.permutation(count)
    first = number = 0
    while first < SHARE_IN_SERIES * count:
        length = int(rng.integers(4, 11))
        rows = shuffled[first : first + length]
        series[rows], episode[rows] = number, np.arange(1, len(rows) + 1)
        creator[rows], topic[rows] = creator[rows[0]], topic[rows[0]]
        following[rows[:-1]] = rows[1:]
        first, number = first + length, number + 1
    return _Series(series, episode, following, number)


def _genres(rng: np.random.Generator, topic: Array, in_series: Array) -> Array:
    """(V, G): three quarters the genre of the topic, one quarter another; a series keeps its other genre."""
    count = len(topic)
    main = topic // TOPICS_PER_GENRE
    second = np.where(in_series, (main * 7 + 3) % len(GENRES), rng.integers(len(GENRES), size=count))
    genre_VG = np.zeros((count, len(GENRES)), dtype=np.float32)
    genre_VG[np.arange(count), main] += 0.75
    genre_VG[np.arange(count), second] += 0.25
    return genre_VG


def _published(rng: np.random.Generator, series: _Series, start_us: int, end_us: int) -> Array:
    """(V,) before the world begins, or while it runs; an episode comes out every second day."""
    count, in_series = len(series.series), series.series >= 0
    published_us = start_us - (rng.exponential(120, count) * DAY_US).astype(np.int64).clip(0, 700 * DAY_US) - DAY_US
    new = ~in_series & (rng.random(count) < SHARE_NEW)
    published_us[new] = rng.integers(start_us, end_us - HOUR_US, new.sum())
    opening_us = start_us - rng.integers(1, 60, series.count + 1) * DAY_US
    published_us[in_series] = (opening_us[series.series] + (series.episode - 1) * 2 * DAY_US)[in_series]
    clipped: Array = published_us.clip(None, end_us - HOUR_US)
    return clipped
