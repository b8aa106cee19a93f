"""Window features: values computed from sums over the last days, which `aggregates.py` takes on any engine.

To add one, add an entry: its name, the number of days, and its value in terms of the sums of COUNTS over those days. A
new count is a line in EVENT_COUNTS or IMPRESSION_COUNTS. Nothing here imports Ibis; a job calls the functions to build
the expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from feature_repo.compute.feature import Feature
from feature_repo.schema import FLOAT

Expression = Any  # an Ibis expression; Ibis is not usefully typed
Sums = Callable[[str], Expression]  # name of a count -> its sum over the window's days, an int64

MILLION = 1_000_000

# Per event: `row` has the columns of the lake, `is_watch`, `counts` (a watch that is not a skip) and `fraction`.
# Integers, because their sum does not depend on the order.
EVENT_COUNTS: Mapping[str, Callable[[Expression], Expression]] = {
    "watches": lambda row: flag(row["counts"]),
    "seconds": lambda row: row["is_watch"].ifelse(millionths(row["watch_seconds"]), 0),
    "fractions": lambda row: row["counts"].ifelse(millionths(row["fraction"]), 0),
    "likes": lambda row: flag(row["event"] == "like"),
}
# Per impression, once its outcome is known.
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
    Window("user_watch_count_30d", "user", 30, "watches", "Watches, excluding skips", lambda of: number(of("watches"))),
    Window("user_watch_seconds_30d", "user", 30, "seconds", "Watch time", lambda of: of("seconds") / MILLION),
    Window(
        "user_watch_fraction_30d",
        "user",
        30,
        "share",
        "Mean watch fraction, excluding skips",
        lambda of: rate(of("fractions"), of("watches") * MILLION),
    ),
    Window("user_impression_count_30d", "user", 30, "impressions", "Impressions", lambda of: number(of("impressions"))),
    Window(
        "user_click_rate_30d",
        "user",
        30,
        "share",
        "Clicks per impression",
        lambda of: rate(of("clicks"), of("impressions")),
    ),
    Window(
        "video_impression_count_7d",
        "video",
        7,
        "impressions",
        "Impressions",
        lambda of: number(of("impressions")),
    ),
    Window(
        "video_click_rate_7d",
        "video",
        7,
        "share",
        "Clicks per impression",
        lambda of: rate(of("clicks"), of("impressions")),
    ),
    Window("video_watch_count_7d", "video", 7, "watches", "Watches, excluding skips", lambda of: number(of("watches"))),
    Window(
        "video_watch_fraction_7d",
        "video",
        7,
        "share",
        "Mean watch fraction, excluding skips",
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
        "video_watch_count_30d", "video", 30, "watches", "Watches, excluding skips", lambda of: number(of("watches"))
    ),
)

FEATURES = tuple(
    Feature(
        name=window.name,
        kind="window",
        entity=window.entity,
        dtype=FLOAT,
        description=f"{window.description}, over the {window.days} days before 00:00 UTC",
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
