"""The ratings of MovieLens in the order in which they were given.

The ratings of one second, of which MovieLens has many, are kept apart by microseconds in their true order: that of
`sasrec_pos` where a `ratings.parquet` with this column lies beside, else that of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Array = np.ndarray[Any, Any]

UNKNOWN_POSITION = 2**31


@dataclass(frozen=True)
class Ratings:
    """N ratings in the order in which they were given; `user_N` and `movie_N` as in the source."""

    user_N: Array
    movie_N: Array
    rating_N: Array
    timestamp_us_N: Array
    line_N: Array  # 1 = the first line of the file


def in_order(table: pa.Table, first_line: int, exact: Path) -> Ratings:
    """The ratings in order: within a user the exact one where it is known; no time is earlier than it was."""
    user, movie, rating, seconds = (table[name].to_numpy().copy() for name in ("user", "movie", "rating", "timestamp"))
    line = np.arange(len(user)) + first_line
    position = _exact_positions(exact, user, movie)
    order = np.lexsort((line, position, user))
    for own in _runs(user[order]):
        rows = order[own]
        rows = rows[position[rows] < UNKNOWN_POSITION]
        seconds[rows] = np.maximum.accumulate(seconds[rows])
    order = np.lexsort((line, position, seconds, user))
    timestamp_us = seconds[order] * 1_000_000
    for own in _runs(user[order]):
        apart_us = 2 * np.arange(own.stop - own.start)  # a like stands one microsecond after its watch
        timestamp_us[own] = np.maximum.accumulate(timestamp_us[own] - apart_us) + apart_us
    by_time = np.argsort(timestamp_us, kind="stable")
    rows = order[by_time]
    return Ratings(user[rows], movie[rows], rating[rows], timestamp_us[by_time], line[rows])


def _runs(sorted_values: Array) -> list[slice]:
    starts = np.flatnonzero(np.diff(sorted_values, prepend=sorted_values[0] - 1)).tolist()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(sorted_values)], strict=True)]


def _exact_positions(file: Path, user: Array, movie: Array) -> Array:
    """`sasrec_pos` of each rating; UNKNOWN_POSITION where no file beside tells it."""
    position = np.full(len(user), UNKNOWN_POSITION)
    names = ["user_id", "movie_id", "sasrec_pos"]
    if not file.exists() or not set(names) <= set(pq.read_schema(file).names):
        return position
    known = pq.read_table(file, columns=names).drop_null()
    if not len(known):
        return position
    known_user, known_movie, known_position = (known[name].to_numpy().astype(np.int64) for name in names)
    width = int(max(movie.max(), known_movie.max())) + 1
    keys, wanted = known_user * width + known_movie, user * width + movie
    by_key = np.argsort(keys)
    at = by_key[np.searchsorted(keys[by_key], wanted).clip(max=len(keys) - 1)]
    positions: Array = np.where(keys[at] == wanted, known_position[at], position)
    return positions
