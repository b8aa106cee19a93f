"""Rows of viewers who were erased: a lake that was restored, or written late, brings nobody back into a cut."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.pseudonym import pseudonym
from feature_repo.lake.parquet import column_names, read_table
from feature_repo.store.erased import NEVER, counts


def without_erased(path: Path, buried: Mapping[str, int], clock_offset_seconds: float) -> bool:
    """Write a table of a cut anew without such rows; returns whether there were any. `buried`: the tombstones.

    A profile has no time at which it was stated: only those of viewers who want no personal pages are left out.
    """
    if not buried or "user_id" not in column_names(path):
        return False
    encoded = read_table(path, ["user_id"])["user_id"].combine_chunks().dictionary_encode()
    until = {
        user: buried[name]
        for user in encoded.dictionary.to_pylist()
        if user is not None and (name := pseudonym(user)) in buried
    }
    if not until:
        return False
    table = read_table(path)
    users = table["user_id"].to_pylist()
    if "timestamp_us" in table.column_names:
        times = table["timestamp_us"].to_pylist()
        kept = [
            user not in until or counts(time, 0, until[user], clock_offset_seconds)
            for user, time in zip(users, times, strict=True)
        ]
    else:
        kept = [until.get(user, 0) < NEVER for user in users]
    if all(kept):
        return False
    pq.write_table(table.filter(pa.array(np.array(kept))), path.with_suffix(".kept"))
    path.with_suffix(".kept").replace(path)
    return True
