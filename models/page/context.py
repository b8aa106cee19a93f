"""What the moment of a request makes of a video: a factor on its score, of weights that a policy declares.

    factor = exp(sum of weight * how much it holds)         1 where nothing does; kept within LEAST and MOST

Length is in doublings of MIDDLING_SECONDS, at most two up or down. A video is of a heavy genre where the policy names
one of its genres so; it is in season where a tag of it in the catalog names today: "season:12-01/01-06", of month and
day, both included, in the viewer's own time.

N videos, V videos of a catalog, G genres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_repo.compute.fold import DAY_US
from models.catalog import Catalog
from models.per_catalog import PerCatalog

Array = np.ndarray[Any, Any]

MIDDLING_SECONDS = 700.0
LEAST, MOST = 0.5, 2.0  # factors of one page: a moment does not decide what a viewer likes
SEASON = "season:"
_NEVER = (0, 0)


@dataclass(frozen=True)
class Moment:
    """When and where a page is looked at."""

    hour: float  # local, from 0 up to 24
    is_weekend: bool
    day: int  # of the local year, as month * 100 + day
    device: str = ""

    @classmethod
    def of(cls, now_us: int, utc_offset_minutes: int, device: str) -> Moment:
        local_us = now_us + utc_offset_minutes * 60_000_000
        date = np.datetime64(local_us, "us").astype("datetime64[D]")
        month = int(date.astype("datetime64[M]").astype(np.int64)) % 12 + 1
        in_month = int((date - date.astype("datetime64[M]")).astype(np.int64)) + 1
        weekday = (local_us // DAY_US + 3) % 7  # 1 January 1970 was a Thursday
        return cls((local_us % DAY_US) / (DAY_US // 24), weekday >= 5, 100 * month + in_month, device)


@dataclass(frozen=True)
class ContextWeights:
    """Each is the logarithm of a factor; 0 switches it off."""

    night_shorter: float = 0.0  # per doubling of the length, from `night_from` until `night_until`
    night_calmer: float = 0.0  # of a heavy genre, at night
    weekend_longer: float = 0.0  # per doubling of the length, on Saturday and Sunday
    mobile_shorter: float = 0.0  # per doubling of the length, on a phone
    tv_longer: float = 0.0  # per doubling of the length, on a television
    mood: float = 0.0  # of a heavy genre that the video watched last has too
    browsed: float = 0.0  # of the category that is browsed
    season: float = 0.0  # of a video whose tags name today
    night_from: float = 22.0
    night_until: float = 5.0
    heavy: tuple[str, ...] = ()  # genres

    def __post_init__(self) -> None:
        if not (0 <= self.night_from <= 24 and 0 <= self.night_until <= 24):
            raise ValueError("night_from and night_until: expected hours, 0 to 24")

    def is_night(self, hour: float) -> bool:
        if self.night_from <= self.night_until:
            return self.night_from <= hour < self.night_until
        return hour >= self.night_from or hour < self.night_until

    def per_doubling(self, moment: Moment) -> float:
        """The weight of a video's length now."""
        return (
            self.weekend_longer * moment.is_weekend
            - self.night_shorter * self.is_night(moment.hour)
            - self.mobile_shorter * (moment.device == "mobile")
            + self.tv_longer * (moment.device == "tv")
        )

    def heavy_genres(self, genres: Sequence[str]) -> list[int]:
        """The places of the heavy ones among a world's genres."""
        heavy = {name.casefold() for name in self.heavy}
        return [at for at, name in enumerate(genres) if name.casefold() in heavy]


def length_in_doublings(seconds_N: Array) -> Array:
    """(N,) 0 for a video of unknown length."""
    known_N = np.where(seconds_N > 0, seconds_N, MIDDLING_SECONDS)
    doublings_N: Array = np.clip(np.log2(known_N / MIDDLING_SECONDS), -2.0, 2.0)
    return doublings_N


def within(log_factor_N: Array) -> Array:
    factor_N: Array = np.clip(np.exp(log_factor_N), LEAST, MOST)
    return factor_N


def in_season(season_N2: Array, day: int) -> Array:
    """(N,) bool; `season_N2`: of SEASONS."""
    first_N, last_N = season_N2[:, 0], season_N2[:, 1]
    over_new_year_N = first_N > last_N
    between_N = (first_N <= day) & (day <= last_N)
    around_N = (day >= first_N) | (day <= last_N)
    return (first_N > 0) & np.where(over_new_year_N, around_N, between_N)


def _seasons(catalog: Catalog, rows: Array) -> Array:
    return np.array([_season(tags) for tags in catalog.columns["tags"][rows]], dtype=np.int16).reshape(-1, 2)


def _season(tags: Sequence[str] | None) -> tuple[int, int]:
    """The first season that the tags name; a tag that means none is one of many words and not a fault."""
    for tag in tags if tags is not None else ():
        if tag.startswith(SEASON):
            first, _, last = tag[len(SEASON) :].partition("/")
            if (span := (_day(first), _day(last)))[0] and span[1]:
                return span
    return _NEVER


def _day(text: str) -> int:
    month, _, day = text.partition("-")
    if not (len(month) == len(day) == 2 and text.isascii() and month.isdigit() and day.isdigit()):
        return 0
    return 100 * int(month) + int(day) if 1 <= int(month) <= 12 and 1 <= int(day) <= 31 else 0


SEASONS = PerCatalog(_seasons)  # (V, 2) first and last day as month * 100 + day; 0: none
