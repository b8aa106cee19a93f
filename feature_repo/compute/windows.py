"""Features over the last days, computed from sums over these days. `aggregates.py` takes the sums on any engine.

To add one, add an entry: its name, how many days, and its value in terms of the sums of COUNTS over those days. A new
count is a line in EVENT_COUNTS or IMPRESSION_COUNTS. Nothing here imports Ibis; the expressions are built when a job
calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from feature_repo.compute.feature import Feature
from feature_repo.schema import FLOAT

Expression = Any  # of Ibis, which is not typed where it matters
Sums = Callable[[str], Expression]  # name of a count -> its sum over the window's days, an int64

MILLION = 1_000_000

# Of each event: `row` has the columns of the lake and `is_watch`, `counts` (a watch that is no skip) and `fraction`.
# Integers, because they add up to the same number in any order.
EVENT_COUNTS: Mapping[str, Callable[[Expression], Expression]] = {
    "watches": lambda row: flag(row["counts"]),
    "seconds": lambda row: row["is_watch"].ifelse(millionths(row["watch_seconds"]), 0),
    "fractions": lambda row: row["counts"].ifelse(millionths(row["fraction"]), 0),
    "likes": lambda row: flag(row["event"] == "like"),
}
# Of each impression, once its outcome is known.
IMPRESSION_COUNTS: Mapping[str, Callable[[Expression], Expression]] = {
    "impressions": lambda row: flag(row["surface"].notnull()),
    "clicks": lambda row: flag(row["clicked"]),
}
COUNTS = (*EVENT_COUNTS, *IMPRESSION_COUNTS)


@dataclass(frozen=True)
class Window:
    name: str
    entity: Literal["user", "video"]
    days: int
    unit: str
    description: str
    value: Callable[[Sums], Expression]  # float64


WINDOWS = (
    Window("user_watch_count_30d", "user", 30, "watches", "Watches, skips left out", lambda of: number(of("watches"))),
    Window("user_watch_seconds_30d", "user", 30, "seconds", "Time watched", lambda of: of("seconds") / MILLION),
    Window(
        "user_watch_fraction_30d",
        "user",
        30,
        "share",
        "Mean share of a video that was watched, skips left out",
        lambda of: rate(of("fractions"), of("watches") * MILLION),
    ),
    Window(
        "user_impression_count_30d", "user", 30, "impressions", "Videos shown", lambda of: number(of("impressions"))
    ),
    Window(
        "user_click_rate_30d",
        "user",
        30,
        "share",
        "Share of the videos shown that were clicked",
        lambda of: rate(of("clicks"), of("impressions")),
    ),
    Window(
        "video_impression_count_7d",
        "video",
        7,
        "impressions",
        "How often it was shown",
        lambda of: number(of("impressions")),
    ),
    Window(
        "video_click_rate_7d",
        "video",
        7,
        "share",
        "Share of its impressions that were clicked",
        lambda of: rate(of("clicks"), of("impressions")),
    ),
    Window("video_watch_count_7d", "video", 7, "watches", "Watches, skips left out", lambda of: number(of("watches"))),
    Window(
        "video_watch_fraction_7d",
        "video",
        7,
        "share",
        "Mean share of it that was watched, skips left out",
        lambda of: rate(of("fractions"), of("watches") * MILLION),
    ),
    Window(
        "video_like_rate_7d",
        "video",
        7,
        "likes per watch",
        "Likes per watch",
        lambda of: rate(of("likes"), of("watches")),
    ),
    Window(
        "video_watch_count_30d", "video", 30, "watches", "Watches, skips left out", lambda of: number(of("watches"))
    ),
)

FEATURES = tuple(
    Feature(
        name=window.name,
        kind="window",
        entity=window.entity,
        dtype=FLOAT,
        description=f"{window.description}; of the {window.days} days before 00:00 UTC",
        unit=window.unit,
        owner="features",
        computed_by=f"feature_repo.compute.aggregates:{window.entity}_windows",
        ranker="number",
    )
    for window in WINDOWS
)


def number(count: Expression) -> Expression:
    return count.cast("float64")


def rate(total: Expression, count: Expression) -> Expression:
    """total / count; 0 when count is 0."""
    return (count > 0).ifelse(total / count.nullif(0), 0.0)


def flag(condition: Expression) -> Expression:
    return condition.ifelse(1, 0).cast("int64")


def millionths(value: Expression) -> Expression:
    return (value * MILLION + 0.5).floor().cast("int64")
