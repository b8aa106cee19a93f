"""The ratings of MovieLens in the order in which they were given.

The ratings of one second, of which MovieLens has many, are kept apart by microseconds in their true order: that of
`sasrec_pos` where a `ratings.parquet` with this column lies beside, else that of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.core.files import one_line
from feature_repo.ingest.lines import is_there
from feature_repo.ingest.movielens.rating_rows import RatingRows
from feature_repo.ingest.parquet_files import read_parquet
from feature_repo.lake.tables import LakeError

Array = np.ndarray[Any, Any]

UNKNOWN_POSITION = 2**31


@dataclass(frozen=True)
class Ratings:
    """N ratings in the order in which they were given, of U users and M films, who are numbered."""

    user_ids_U: tuple[str, ...]
    movie_ids_M: tuple[str, ...]
    user_N: Array
    movie_N: Array
    rating_N: Array
    timestamp_us_N: Array
    line_N: Array  # 1 = the first line of the file


def in_order(rows: RatingRows, exact: Path) -> Ratings:
    """The ratings in order: within a user the exact one where it is known; no time is earlier than it was."""
    (user_ids, user), (movie_ids, movie) = (_numbered(column) for column in (rows.user_N, rows.movie_N))
    seconds, line = rows.seconds_N.copy(), rows.line_N
    position = _exact_positions(exact, (user_ids, user), (movie_ids, movie))
    order = np.lexsort((line, position, user))
    for own in _runs(user[order]):
        known = order[own]
        known = known[position[known] < UNKNOWN_POSITION]
        seconds[known] = np.maximum.accumulate(seconds[known])
    order = np.lexsort((line, position, seconds, user))
    timestamp_us = seconds[order] * 1_000_000
    for own in _runs(user[order]):
        apart_us = 2 * np.arange(own.stop - own.start)  # a like stands one microsecond after its watch
        timestamp_us[own] = np.maximum.accumulate(timestamp_us[own] - apart_us) + apart_us
    by_time = np.argsort(timestamp_us, kind="stable")
    at = order[by_time]
    return Ratings(user_ids, movie_ids, user[at], movie[at], rows.rating_N[at], timestamp_us[by_time], line[at])


def natural(text: str) -> tuple[int, str]:
    """The natural order of ids: numerical if they are numbers."""
    return len(text), text


def _numbered(column: pa.Array) -> tuple[tuple[str, ...], Array]:
    """The different ids in their natural order, and the number of each row's."""
    encoded = column.dictionary_encode()
    ids = encoded.dictionary.to_pylist()
    order = sorted(range(len(ids)), key=lambda at: natural(ids[at]))
    number = np.empty(len(ids), dtype=np.int64)
    number[order] = np.arange(len(ids))
    return tuple(ids[at] for at in order), number[encoded.indices.to_numpy()]


def _runs(sorted_values: Array) -> list[slice]:
    starts = np.flatnonzero(np.diff(sorted_values, prepend=sorted_values[0] - 1)).tolist()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(sorted_values)], strict=True)]


def _exact_positions(file: Path, user: tuple[Sequence[str], Array], movie: tuple[Sequence[str], Array]) -> Array:
    """`sasrec_pos` of each rating; UNKNOWN_POSITION without the file."""
    (user_ids, user_N), (movie_ids, movie_N) = user, movie
    position = np.full(len(user_N), UNKNOWN_POSITION)
    known = _exact_table(file)
    if known is None:
        return position
    width = len(movie_ids)
    numbers = [
        pc.index_in(known[name], value_set=pa.array(ids, pa.string())).fill_null(-1).to_numpy()
        for name, ids in (("user_id", user_ids), ("movie_id", movie_ids))
    ]
    here = (numbers[0] >= 0) & (numbers[1] >= 0)
    if not here.any():
        return position
    keys = numbers[0][here].astype(np.int64) * width + numbers[1][here]
    wanted = user_N * width + movie_N
    by_key = np.argsort(keys)
    at = by_key[np.searchsorted(keys[by_key], wanted).clip(max=len(keys) - 1)]
    exact = known["sasrec_pos"].to_numpy()[here]
    positions: Array = np.where(keys[at] == wanted, exact[at], position)
    return positions


def _exact_table(file: Path) -> pa.Table | None:
    """Its three columns, ids as text; None if the file or a column is missing."""
    kinds = {"user_id": pa.string(), "movie_id": pa.string(), "sasrec_pos": pa.int64()}
    if not is_there(file):
        return None
    what = "a Parquet file with ids and whole numbers as sasrec_pos"
    table = read_parquet(file, what=what)
    if not set(kinds) <= set(table.column_names):
        return None
    try:
        return table.select(list(kinds)).drop_null().cast(pa.schema(list(kinds.items())))
    except (pa.ArrowException, ValueError) as error:
        raise LakeError(f"{file}: expected {what}: {one_line(error)}") from error
