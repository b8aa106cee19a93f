"""Window aggregation as Ibis expressions, which give equal tables on DuckDB and Spark. windows.py lists the windows.

A row holds what was known at 00:00 UTC of its day from the days before. There is a row for every day on which a value
changes: the day after an event, and the day on which the event leaves a window.

Amounts are summed in integer millionths: engines sum in different orders, an integer sum does not depend on the order,
and a training set must not depend on the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import ibis

from feature_repo.compute.fold import DAY_US
from feature_repo.compute.votes import SAME, SKIP, WATCH
from feature_repo.compute.windows import COUNTS, EVENT_COUNTS, IMPRESSION_COUNTS, MILLION, WINDOWS
from feature_repo.schema import (
    LONGEST_WATCH_SECONDS,
    MIN_WATCH_FRACTION,
    MOST_SHOWN_A_DAY,
    SUSPICIOUS_SECONDS,
    SUSPICIOUS_TIMES,
    VIEWINGS,
    WATCHES,
)

Table = Any  # an Ibis table; Ibis is not usefully typed

# An impression's outcome counts as known this much later, so that a row never uses outcomes from after its midnight.
OUTCOME_DELAY_US = 3600 * MILLION
IMPLIED = "implied"  # a surface of exposures that were sampled for training and never shown


def user_windows(
    events: Table, impressions: Table, videos: Table, tagged: Table | None = None, *, now_us: int
) -> Table:
    """Rows (user_id, day, the user's windows); `day` counts days since 1970 and is not after `now_us`.

    `tagged` changes nothing: what a viewer did counts for the viewer.
    """
    return _view("user", _facts("user_id", events, impressions, videos), now_us)


def video_windows(
    events: Table, impressions: Table, videos: Table, tagged: Table | None = None, *, now_us: int
) -> Table:
    """Rows (video_id, day, the video's windows); `day` as in `user_windows`.

    `tagged`: user_id of those who are not believed (floods.py). There are rows of the days on which they came, too:
    zeros take the place of what an earlier run may have counted.
    """
    if tagged is None:
        return _view("video", _facts("video_id", events, impressions, videos), now_us)
    theirs = [rows.semi_join(tagged, "user_id") for rows in (events, impressions)]
    nothing = [rows.select("video_id", day=_known_from(rows["timestamp_us"]), **_counted(rows, {})) for rows in theirs]
    believed, shown = (rows.anti_join(tagged, "user_id") for rows in (events, impressions))
    facts = _facts("video_id", believed, shown, videos)
    nothing = [rows.filter(rows["video_id"] != "") for rows in nothing]
    return _view("video", _summed(ibis.union(facts, *nothing, distinct=False), "video_id"), now_us)


EXPRESSIONS: Mapping[str, Any] = {"user_windows": user_windows, "video_windows": video_windows}


def _view(entity: str, facts: Table, now_us: int) -> Table:
    windows = [window for window in WINDOWS if window.entity == entity]
    known = _windows(facts, f"{entity}_id", tuple(sorted({window.days for window in windows})), now_us)
    values = {window.name: window.value(partial(_sum, known, window.days)) for window in windows}
    return known.select(f"{entity}_id", "day", **values)


def _sum(known: Table, days: int, count: str) -> Any:
    return known[f"{count}_{days}"]


def _facts(entity: str, events: Table, impressions: Table, videos: Table) -> Table:
    """(entity, day, *COUNTS): integers to sum, each with the first day at whose midnight it is known."""
    seen = with_catalog_seconds(once(events, "user_id", "event_id"), videos)
    length = (seen["duration_seconds"] > 0).ifelse(seen["duration_seconds"], seen["catalog_seconds"].fill_null(0.0))
    share = (length > 0).ifelse(ibis.least(seen["watch_seconds"] / length.nullif(0.0), 1.0), 1.0)
    whole, none = seen["event"] == "watch_complete", seen["event"] == "skip"
    fraction = whole.ifelse(1.0, none.ifelse(0.0, share))
    is_watch = seen["event"].isin(VIEWINGS)
    counts = seen["event"].isin(WATCHES) & (fraction >= MIN_WATCH_FRACTION)  # as the fold counts: less is a skip
    seen = seen.mutate(is_watch=is_watch, fraction=fraction, counts=counts, watch_seconds=counted_seconds(seen))
    if entity == "video_id":
        seen = _first_votes(seen.filter(seen["video_id"] != ""))
    happened = seen.select(entity, day=_known_from(seen["timestamp_us"]), **_counted(seen, EVENT_COUNTS))
    shown = once(impressions, "impression_id")
    shown = shown.filter(shown["surface"] != IMPLIED)
    if entity == "video_id":
        shown = _first_times(shown)
    known_us = shown["timestamp_us"] + OUTCOME_DELAY_US
    exposed = shown.select(entity, day=_known_from(known_us), **_counted(shown, IMPRESSION_COUNTS))
    return _summed(ibis.union(happened, exposed, distinct=False), entity)


def _first_votes(seen: Table) -> Table:
    """The first event of each kind per viewer, video and day (votes.py)."""
    vote = seen["event"].substitute({**SAME, SKIP: WATCH})  # one that does not count
    seen = seen.mutate(vote_day=start_of(seen["timestamp_us"], DAY_US), vote=vote)
    same_vote = ibis.window(
        group_by=("user_id", "video_id", "vote_day", "vote", "counts"),
        order_by=("timestamp_us", "sequence", "event_id"),
    )
    return seen.mutate(again=ibis.row_number().over(same_vote)).filter(ibis._["again"] == 0)


def _first_times(shown: Table) -> Table:
    """Of the exposures of a video to a viewer on a day the first MOST_SHOWN_A_DAY: who reloads a page all day long
    does not decide how often a video is clicked."""
    same = ibis.window(group_by=("user_id", "video_id", "shown_day"), order_by=("timestamp_us", "impression_id"))
    shown = shown.mutate(shown_day=start_of(shown["timestamp_us"], DAY_US))
    return shown.mutate(times=ibis.row_number().over(same)).filter(ibis._["times"] < MOST_SHOWN_A_DAY)


def start_of(timestamp_us: Any, span_us: int) -> Any:
    """When the span that holds this moment began: its minute, hour or day (UTC)."""
    return timestamp_us - timestamp_us % span_us


def with_catalog_seconds(events: Table, videos: Table) -> Table:
    """The events, with the catalog's duration of their video: null where it has none."""
    lengths = videos.select(video="video_id", catalog_seconds="duration_seconds")
    return events.left_join(lengths, [("video_id", "video")])


def counted_seconds(seen: Table) -> Any:
    """fold.counted_seconds for a column; of a table `with_catalog_seconds`."""
    catalog = seen["catalog_seconds"].fill_null(0.0)
    length = (catalog > 0).ifelse(catalog, seen["duration_seconds"])
    most = ibis.greatest(length * SUSPICIOUS_TIMES, length + SUSPICIOUS_SECONDS)
    known = length > 0
    suspicious = seen["watch_seconds"] > known.ifelse(most, LONGEST_WATCH_SECONDS)
    suspicious |= (seen["event"] == "watch_complete") & (seen["watch_seconds"] == 0) & known
    return suspicious.ifelse(known.ifelse(length, LONGEST_WATCH_SECONDS), seen["watch_seconds"])


def _counted(rows: Table, counts: Mapping[str, Any]) -> dict[str, Any]:
    """All COUNTS as columns; those that `counts` does not define are 0."""
    zero = ibis.literal(0, "int64")
    return {name: counts[name](rows) if name in counts else zero for name in COUNTS}


def _windows(facts: Table, entity: str, spans: tuple[int, ...], now_us: int) -> Table:
    """(entity, day, {count}_{span}): sums over the `span` days before each day on which any of them changes."""
    leaving = [
        facts.select(entity, day=facts["day"] + span, **{name: ibis.literal(0, "int64") for name in COUNTS})
        for span in spans
    ]
    days = _summed(ibis.union(facts, *leaving, distinct=False), entity)
    sums: dict[str, Any] = {}
    for span in spans:
        window = ibis.range_window(group_by=entity, order_by="day", preceding=span - 1, following=0)
        sums |= {f"{name}_{span}": days[name].sum().over(window).cast("int64") for name in COUNTS}
    known = days.select(entity, "day", **sums)
    return known.filter(known["day"] <= now_us // DAY_US)


def once(rows: Table, *key: str) -> Table:
    """One row per key, as Lake reads them: rows of a file that was written twice count once."""
    first = ibis.row_number().over(ibis.window(group_by=key, order_by="timestamp_us"))
    return rows.mutate(copy=first).filter(ibis._["copy"] == 0).drop("copy")


def _summed(facts: Table, entity: str) -> Table:
    return facts.group_by(entity, "day").agg(**{name: facts[name].sum().cast("int64") for name in COUNTS})


def _known_from(timestamp_us: Any) -> Any:
    """The first day, counted from 1970, at whose midnight this moment has passed."""
    return (start_of(timestamp_us, DAY_US) / DAY_US).cast("int64") + 1
