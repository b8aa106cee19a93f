"""Batch windows as Ibis expressions: the same ones run on DuckDB and on Spark and give equal tables.

A row says what was known at 00:00 UTC of its day from the days before. There is a row on every day on which a value
changes: the day after something happened, and the day on which that leaves a window.

Sums are taken in whole microseconds and millionths, because integers add up to the same number in any order; engines
sum in different orders, and a training set must not depend on which one made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from feature_repo.compute.fold import DAY_US
from feature_repo.schema import MIN_WATCH_FRACTION, USER_WINDOWS, VIDEO_WINDOWS

Table = Any  # an Ibis table; Ibis is not typed where it matters

MILLION = 1_000_000
# What came of an impression is known this long after it. A click that comes later is not counted as its click, in any
# row: a row never uses an outcome from after its own midnight.
OUTCOME_DELAY_US = 3600 * MILLION
IMPLIED = "implied"  # a surface of exposures that were sampled for training and never shown

_COUNTS = ("watches", "seconds", "fractions", "likes", "impressions", "clicks")


def user_windows(events: Table, impressions: Table, videos: Table, *, now_us: int) -> Table:
    """Rows (user_id, day, *schema.USER_WINDOWS); `day` counts days since 1970 and is not after `now_us`."""
    known = _windows(_facts("user_id", events, impressions, videos), "user_id", (30,), now_us)
    return known.select(
        "user_id",
        "day",
        user_watch_count_30d=known["watches_30"].cast("float64"),
        user_watch_seconds_30d=known["seconds_30"] / MILLION,
        user_watch_fraction_30d=_rate(known["fractions_30"], known["watches_30"] * MILLION),
        user_impression_count_30d=known["impressions_30"].cast("float64"),
        user_click_rate_30d=_rate(known["clicks_30"], known["impressions_30"]),
    ).select("user_id", "day", *USER_WINDOWS)


def video_windows(events: Table, impressions: Table, videos: Table, *, now_us: int) -> Table:
    """Rows (video_id, day, *schema.VIDEO_WINDOWS); `day` as in `user_windows`."""
    known = _windows(_facts("video_id", events, impressions, videos), "video_id", (7, 30), now_us)
    return known.select(
        "video_id",
        "day",
        video_impression_count_7d=known["impressions_7"].cast("float64"),
        video_click_rate_7d=_rate(known["clicks_7"], known["impressions_7"]),
        video_watch_count_7d=known["watches_7"].cast("float64"),
        video_watch_fraction_7d=_rate(known["fractions_7"], known["watches_7"] * MILLION),
        video_like_rate_7d=_rate(known["likes_7"], known["watches_7"]),
        video_watch_count_30d=known["watches_30"].cast("float64"),
    ).select("video_id", "day", *VIDEO_WINDOWS)


EXPRESSIONS: Mapping[str, Any] = {"user_windows": user_windows, "video_windows": video_windows}


def _facts(entity: str, events: Table, impressions: Table, videos: Table) -> Table:
    """(entity, day, *_COUNTS): integers to be summed, each with the first day on whose midnight it is known."""
    lengths = videos.select(video="video_id", catalog_seconds="duration_seconds")
    seen = _once(events, "event_id").left_join(lengths, [("video_id", "video")])
    length = (seen["duration_seconds"] > 0).ifelse(seen["duration_seconds"], seen["catalog_seconds"].fill_null(0.0))
    fraction = (length > 0).ifelse(ibis.least(seen["watch_seconds"] / length.nullif(0.0), 1.0), 1.0)
    is_watch = seen["event"] == "watch"
    counts = is_watch & (fraction >= MIN_WATCH_FRACTION)  # fold.is_watch: less is a skip
    happened = seen.select(
        entity,
        day=_known_from(seen["timestamp_us"]),
        watches=_flag(counts),
        seconds=is_watch.ifelse(_millionths(seen["watch_seconds"]), 0),
        fractions=counts.ifelse(_millionths(fraction), 0),
        likes=_flag(seen["event"] == "like"),
        impressions=ibis.literal(0, "int64"),
        clicks=ibis.literal(0, "int64"),
    )
    shown = _once(impressions, "impression_id")
    shown = shown.filter(shown["surface"] != IMPLIED)
    zero = ibis.literal(0, "int64")
    exposed = shown.select(
        entity,
        day=_known_from(shown["timestamp_us"] + OUTCOME_DELAY_US),
        watches=zero,
        seconds=zero,
        fractions=zero,
        likes=zero,
        impressions=ibis.literal(1, "int64"),
        clicks=_flag(shown["clicked"]),
    )
    return _summed(ibis.union(happened, exposed, distinct=False), entity)


def _windows(facts: Table, entity: str, spans: tuple[int, ...], now_us: int) -> Table:
    """(entity, day, {count}_{span}): sums over the `span` days before each day on which one of them changes."""
    leaving = [
        facts.select(entity, day=facts["day"] + span, **{name: ibis.literal(0, "int64") for name in _COUNTS})
        for span in spans
    ]
    days = _summed(ibis.union(facts, *leaving, distinct=False), entity)
    sums: dict[str, Any] = {}
    for span in spans:
        window = ibis.range_window(group_by=entity, order_by="day", preceding=span - 1, following=0)
        sums |= {f"{name}_{span}": days[name].sum().over(window).cast("int64") for name in _COUNTS}
    known = days.select(entity, "day", **sums)
    return known.filter(known["day"] <= now_us // DAY_US)


def _once(rows: Table, key: str) -> Table:
    """One row per key, as Lake reads them: a file written twice counts once."""
    first = ibis.row_number().over(ibis.window(group_by=key, order_by="timestamp_us"))
    return rows.mutate(copy=first).filter(ibis._["copy"] == 0).drop("copy")


def _summed(facts: Table, entity: str) -> Table:
    return facts.group_by(entity, "day").agg(**{name: facts[name].sum().cast("int64") for name in _COUNTS})


def _known_from(timestamp_us: Any) -> Any:
    """The first day, counted from 1970, at whose midnight this moment has passed."""
    return ((timestamp_us - timestamp_us % DAY_US) / DAY_US).cast("int64") + 1


def _flag(condition: Any) -> Any:
    return condition.ifelse(ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _millionths(value: Any) -> Any:
    return (value * MILLION + 0.5).floor().cast("int64")


def _rate(total: Any, count: Any) -> Any:
    """total / count, 0 where nothing was counted."""
    return (count > 0).ifelse(total / count.nullif(0), 0.0)
