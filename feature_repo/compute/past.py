"""The latest watches of a viewer, which the ranker's candidates attend to.

U viewers, each at a moment; PAST watches.
"""

from __future__ import annotations

import numpy as np

from feature_repo.compute.columns import Array, Columns
from feature_repo.compute.feature import Feature, where
from feature_repo.compute.fold import DAY_US
from feature_repo.schema import FLOATS, RANK_SERVICE, STRINGS

PAST = 20  # newest watches that a candidate attends to
PAST_COLUMNS = ("past_video_ids", "past_ages", "past_fractions")  # each (N, PAST), the newest at the end


def past_columns(user: Columns, now_us: Array) -> dict[str, Array]:
    """PAST_COLUMNS of U viewers, each at one moment. A history shared by many rows is converted once."""
    histories = user["history_video_ids"]
    u = len(histories)
    ids, fractions = np.full((u, PAST), "", dtype=object), np.zeros((u, PAST), dtype=np.float32)
    times_us = np.zeros((u, PAST), dtype=np.int64)
    first_row: dict[int, int] = {}
    for row, history in enumerate(histories):
        known = len(history[-PAST:])
        first = first_row.setdefault(id(history), row)
        if first != row:
            ids[row], times_us[row], fractions[row] = ids[first], times_us[first], fractions[first]
        elif known:
            ids[row, -known:] = history[-PAST:]
            times_us[row, -known:] = user["history_timestamps_us"][row][-PAST:]
            fractions[row, -known:] = user["history_watch_fractions"][row][-PAST:]
    days = np.where(times_us > 0, (np.reshape(now_us, (-1, 1)) - times_us) / DAY_US, 0.0)
    return dict(zip(PAST_COLUMNS, (ids, np.maximum(days, 0.0).astype(np.float32), fractions), strict=True))


FEATURES = tuple(
    Feature(
        name=name,
        kind="sequence",
        entity="user",
        dtype=dtype,
        description=f"{description} of the {PAST} latest watches, latest last",
        unit=unit,
        owner="ranking",
        computed_by=where(past_columns),
        ranker="sequence",
        services=(RANK_SERVICE,),
    )
    for name, (dtype, unit, description) in zip(
        PAST_COLUMNS,
        (
            (STRINGS, "ids", "Videos"),
            (FLOATS, "days", "Ages"),
            (FLOATS, "share", "Watch fractions"),
        ),
        strict=True,
    )
)
