"""The orders and groups of a catalog that filters and sources read, shared by all releases of a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from feature_repo.compute.fold import DAY_US, decayed
from feature_repo.compute.publication import UNKNOWN_US
from feature_repo.core.texts import alike
from models import heuristics
from models.catalog import Catalog, marks
from models.groups import Groups
from models.leading import Leading
from models.order import Order
from models.per_catalog import Codes, PerCatalog
from models.text_search import TEXTS

Array = np.ndarray[Any, Any]

BELOW_A_WATCH = 2.0**-32  # of a watch of the last month: what one of all time counts in the order


class Watches(NamedTuple):
    """Of a whole catalog."""

    most_ever: float  # of one video
    popular: float  # the sum of heuristics.popular


class Activity(NamedTuple):
    """Of a whole catalog."""

    newest_us: int
    watches: float  # decayed, at that time

    def at(self, now_us: int) -> float:
        return float(decayed(self.watches, self.newest_us, now_us, 1.0))


def _popular(catalog: Catalog, rows: Any) -> Array:
    month, ever = catalog.columns["video_watch_count_30d"][rows], catalog.columns["video_watch_count"][rows]
    key: Array = month + BELOW_A_WATCH * ever
    return key


def _watches(catalog: Catalog) -> Watches:
    month, ever = catalog.columns["video_watch_count_30d"], catalog.columns["video_watch_count"]
    most = float(ever.max(initial=0))
    return Watches(most, float(np.sum(heuristics.popular(month, ever, most))))


def _trending(catalog: Catalog, rows: Any) -> Array:
    """All watches decay alike, so that their order stays what it is: the logarithm of each at the time 0."""
    watches = catalog.columns["watch_decayed_1d"][rows]
    days = catalog.columns["video_activity_timestamp_us"][rows] / DAY_US
    key: Array = np.log2(watches, out=np.full(len(watches), np.nan), where=watches > 0) + days
    return key


def _activity(catalog: Catalog) -> Activity:
    since_us, watches = catalog.columns["video_activity_timestamp_us"], catalog.columns["watch_decayed_1d"]
    newest_us = int(since_us.max(initial=0))
    return Activity(newest_us, float(np.sum(decayed(watches, since_us, newest_us, 1.0))))


def _published(catalog: Catalog, rows: Any) -> Array:
    """Without videos of which it is not known."""
    published_us = catalog.columns["published_timestamp_us"][rows]
    return np.where(published_us == UNKNOWN_US, np.nan, published_us.astype(np.float64))


def _expires(catalog: Catalog, rows: Any) -> Array:
    expires_us = catalog.columns["expires_timestamp_us"][rows]
    return np.where(expires_us == 0, np.nan, expires_us.astype(np.float64))


POPULAR = Order(_popular, ("video_watch_count_30d", "video_watch_count"), _watches)
TRENDING = Order(_trending, ("watch_decayed_1d", "video_activity_timestamp_us"), _activity)
PUBLISHED: Order[None] = Order(_published)
EXPIRES: Order[None] = Order(_expires)
MARKS: Order[None] = Order(lambda catalog, rows: marks(catalog.video_ids[rows].tolist()).astype(np.float64))
ORDERS: tuple[Order[Any], ...] = (POPULAR, TRENDING, PUBLISHED, EXPIRES, MARKS)

CREATORS = Groups(lambda catalog, rows: _alone(catalog.columns["creator_id"][rows]), ("creator_id",))
CREATOR_CODES = Codes(lambda catalog, rows: catalog.columns["creator_id"][rows], ("creator_id",))
SERIES = Groups(lambda catalog, rows: _alone(catalog.columns["series_id"][rows]), ("series_id",))
POPULAR_OF_CREATORS = Leading(CREATORS, _popular)
NEWEST_OF_CREATORS = Leading(CREATORS, _published)
GENRES = Groups(lambda catalog, rows: catalog.columns["genre_names"][rows], ("genre_names",))
LANGUAGES = Groups(lambda catalog, rows: _alone(catalog.columns["video_language"][rows]), ("video_language",))
CATEGORIES = Groups(lambda catalog, rows: _alone(category_of(catalog, rows)), ("category", "genre_names"))
# That a video is restricted to.
COUNTRIES = Groups(lambda catalog, rows: catalog.columns["countries"][rows], ("countries",))
UNRESTRICTED = PerCatalog(lambda catalog, rows: _unrestricted(catalog, rows))  # (V,) bool


def follow(catalog: Catalog) -> None:
    """What whoever publishes a catalog calls, before requests see it."""
    for order in ORDERS:
        order.follow(catalog)
    for groups in (CREATORS, SERIES, GENRES, LANGUAGES, CATEGORIES, COUNTRIES):
        groups.follow(catalog)
    UNRESTRICTED.of(catalog)
    TEXTS.follow(catalog)


def category_of(catalog: Catalog, rows: Any) -> list[str]:
    """(N,) the main category of each video: the first of its genres where none is stated, "" if it has none."""
    stated, genres = catalog.columns["category"][rows], catalog.columns["genre_names"][rows]
    return [one or (names[0] if len(names) else "") for one, names in zip(stated, genres, strict=True)]


def _alone(words: Iterable[str]) -> list[tuple[str, ...]]:
    return [(word,) if word else () for word in words]


def _unrestricted(catalog: Catalog, rows: Array) -> Array:
    some, like_N = alike([catalog.columns["countries"]], rows)
    countries = catalog.columns["countries"][some]
    return np.fromiter((not len(one) for one in countries), bool, len(countries))[like_N]
