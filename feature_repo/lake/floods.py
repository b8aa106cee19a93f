"""Tags viewers of the lake whose events are not believed (compute/floods.py), by rate and by pattern over whole days.

An expression of Ibis for each reason; semi and anti joins instead of subqueries, which engines plan differently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from glob import escape, glob
from typing import Any

import ibis
import pyarrow as pa

from feature_repo.compute.aggregates import counted_seconds, once, start_of, with_catalog_seconds
from feature_repo.compute.floods import (
    FAST_HOUR,
    FAST_MINUTE,
    HOUR_US,
    MINUTE_US,
    REGULAR,
    SAME_VIDEO,
    SLEEPLESS,
    UNSEEN,
    FloodConfig,
)
from feature_repo.compute.fold import DAY_US
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.parquet import duckdb_connection
from feature_repo.lake.tables import EVENTS, TAGGED, YOUNGER, Lake, events_in, write_result
from feature_repo.schema import ALREADY_SEEN, CLICKS, VIEWINGS

Table = Any  # an Ibis table; Ibis is not usefully typed

LEAST_GAP_US = 1_000_000  # what happens faster is judged by rate: an app may send a day's events in one go
OPINIONS = ("like", "dislike", "not_interested", "share")


def tag(lake: Lake, config: FloodConfig) -> Mapping[str, int]:
    """Write the tagged viewers of a cut into it, where there are any; returns viewers per reason."""
    files = "*" if config.imported else f"{LIVE}*"
    if not glob(lake.files("events", files)):
        return {}
    with ibis_session() as connection:
        read = connection.read_parquet
        everything, judged = (_events(read, one) for one in (lake.events_glob, lake.files("events", files)))
        videos = read(escape(lake.videos_path))
        impressions = everything.limit(0)
        if glob(lake.impressions_glob):
            impressions = read(lake.impressions_glob, hive_partitioning=False, union_by_name=True)
        found = tagged(judged, everything, impressions, videos, config).to_pyarrow().cast(TAGGED)
    if len(found):
        write_result(found, lake.tagged_path)
    counted = found.group_by("reason").aggregate([("user_id", "count")]).to_pylist()
    return {row["reason"]: row["user_id_count"] for row in sorted(counted, key=lambda row: str(row["reason"]))}


def tagged(judged: Table, everything: Table, impressions: Table, videos: Table, config: FloodConfig) -> Table:
    """Rows of TAGGED: a viewer and a reason, in order.

    `judged`: the events that a viewer is judged by; `everything`: all events, for what a viewer has seen before.
    """
    events = once(judged, "user_id", "event_id")
    acts = events.filter(events["event"] != "impression")
    days = ibis.union(
        _fast(acts, MINUTE_US, FAST_MINUTE, config.most_a_minute),
        _fast(acts, HOUR_US, FAST_HOUR, config.most_an_hour),
        _sleepless(with_catalog_seconds(acts, videos), config.most_watch_hours_a_day),
        _same_video(acts, config.most_of_one_video_a_day),
        _regular(acts, config),
        _unseen(acts, everything, impressions, config.most_unseen_a_day),
        distinct=False,
    )
    reasons = days.group_by("user_id", "reason").agg(
        days=days["day_us"].nunique(), since_us=days["day_us"].min(), found=days["found"].max(), most=days["most"].min()
    )
    mine = once(everything, "user_id", "event_id").semi_join(reasons, "user_id")
    counts = mine.group_by("user_id").agg(events=mine.count())
    return reasons.join(counts, "user_id").select(*TAGGED.names).order_by("user_id", "reason")


def tagged_in(lake: Lake) -> frozenset[str]:
    """The ids of a cut's tagged viewers."""
    return frozenset(lake.tagged()["user_id"].to_pylist())


def videos_of(lake: Lake, user_ids: Collection[str]) -> frozenset[str]:
    """The videos that these viewers have events on."""
    if not user_ids or not glob(lake.events_glob):
        return frozenset()
    with duckdb_connection() as connection:
        connection.register("viewers", pa.table({"user_id": pa.array(sorted(user_ids), pa.string())}))
        rows = connection.sql(
            f"SELECT DISTINCT video_id FROM {events_in(lake.events_glob)} SEMI JOIN viewers USING (user_id)"
        ).fetchall()
    return frozenset(video_id for (video_id,) in rows if video_id)


def _events(read: Callable[..., Table], pattern: str) -> Table:
    """Events of files, with the columns that older ones lack."""
    events = read(pattern, hive_partitioning=False, union_by_name=True)
    for name in YOUNGER:
        events = events.mutate(**{name: events[name].fill_null("") if name in events.columns else ibis.literal("")})
    return events.select(*EVENTS.names)


def _fast(acts: Table, span_us: int, reason: str, most: int) -> Table:
    spans = acts.group_by("user_id", span_us=start_of(acts["timestamp_us"], span_us)).agg(found=acts.count())
    return _days(spans.filter(spans["found"] > most), reason, most)


def _sleepless(acts: Table, most_hours: float) -> Table:
    """By seconds as they count elsewhere: one watch of a stuck clock is no flood."""
    watched = acts.filter(acts["event"].isin(VIEWINGS))
    hours = counted_seconds(watched).sum() / 3600.0
    days = watched.group_by("user_id", span_us=start_of(watched["timestamp_us"], DAY_US)).agg(found=hours)
    return _days(days.filter(days["found"] > most_hours), SLEEPLESS, most_hours)


def _same_video(acts: Table, most: int) -> Table:
    """A player may tell of a pause every few seconds."""
    on_one = acts.filter((acts["video_id"] != "") & (acts["event"] != "pause"))
    days = on_one.group_by("user_id", "video_id", span_us=start_of(on_one["timestamp_us"], DAY_US)).agg(
        found=on_one.count()
    )
    return _days(days.filter(days["found"] > most), SAME_VIDEO, most)


def _regular(acts: Table, config: FloodConfig) -> Table:
    """By when videos were begun: what a player reports of one video comes by the clock, and is no sign of a bot."""
    happened = acts.filter(acts["video_id"] != "")
    by_time = ibis.window(group_by="user_id", order_by=("timestamp_us", "sequence", "event_id"))
    happened = happened.mutate(before=happened["video_id"].lag().over(by_time))
    begun = happened.filter(happened["before"].isnull() | (happened["before"] != happened["video_id"]))
    begun = begun.mutate(span_us=start_of(begun["timestamp_us"], DAY_US))
    in_day = ibis.window(group_by=("user_id", "span_us"), order_by=("timestamp_us", "sequence", "event_id"))
    begun = begun.mutate(gap_us=begun["timestamp_us"] - begun["timestamp_us"].lag().over(in_day))
    gaps = begun.filter(begun["gap_us"].notnull()).select("user_id", "span_us", "gap_us")
    middle = gaps.group_by("user_id", "span_us").agg(middle_us=gaps["gap_us"].median(), gaps=gaps.count())
    middle = middle.filter((middle["gaps"] >= config.regular_a_day) & (middle["middle_us"] >= LEAST_GAP_US))
    both = gaps.join(middle, ("user_id", "span_us"))
    equal = (both["gap_us"] - both["middle_us"]).abs() <= both["middle_us"] * config.regular_within
    days = both.group_by("user_id", "span_us", "gaps").agg(found=equal.ifelse(1, 0).sum())
    days = days.filter((days["found"] >= days["gaps"] * config.regular_share) & (days["found"] >= config.regular_a_day))
    return _days(days, REGULAR, config.regular_a_day)


def _unseen(acts: Table, everything: Table, impressions: Table, most: int) -> Table:
    """Who clicks and likes what was neither shown to them nor watched. Shown by Marquee or, by an event, by an app."""
    looked = everything.filter(everything["event"].isin((*VIEWINGS, "impression")))
    pairs = ibis.union(looked.select("user_id", "video_id"), impressions.select("user_id", "video_id"), distinct=True)
    kinds = acts["event"].isin((*CLICKS, *OPINIONS)) & (acts["about"] != ALREADY_SEEN)
    blind = acts.filter(kinds & (acts["video_id"] != "")).anti_join(pairs, ("user_id", "video_id"))
    days = blind.group_by("user_id", span_us=start_of(blind["timestamp_us"], DAY_US)).agg(found=blind.count())
    return _days(days.filter(days["found"] > most), UNSEEN, most)


def _days(spans: Table, reason: str, most: float) -> Table:
    """(user_id, reason, day_us, found, most) of the spans of a day."""
    return spans.select(
        "user_id",
        reason=ibis.literal(reason),
        day_us=start_of(spans["span_us"], DAY_US),
        found=spans["found"].cast("float64"),
        most=ibis.literal(float(most), "float64"),
    )
