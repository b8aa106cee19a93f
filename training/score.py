"""Given rows, scored: `marquee score --rows FILE --out FILE`. Input rows and order are kept, pairs may repeat.

Everything is frozen at one moment, what exposures gave included: the rows' own outcomes, and those of rows beside
them, cannot leak into a score.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.home import Home, MarqueeError
from feature_repo.lake import Lake, write_result
from feature_repo.progress import SILENT, Progress
from models.artifact import Release, load_champion, load_release
from models.ranker import HEADS
from training.frozen import end_of, frozen_columns
from training.rate_tables import Exposures

Array = np.ndarray[Any, Any]
CHUNK = 16_384  # rows scored at once
ITEMS = ("item_id", "video_id")
TIMES = ("timestamp", "timestamp_us", "timestamp_ms", "time_ms", "time")
SURFACES, DEVICES, OFFSETS = ("surface", "tab"), ("device",), ("utc_offset_minutes",)
DURATIONS = {"duration_seconds": 1.0, "duration": 1.0, "duration_sec": 1.0, "duration_ms": 1e-3}
UNITS = ((1e11, 1_000_000, "s"), (1e14, 1_000, "ms"), (1e17, 1, "us"))  # epoch numbers below this are in this unit
PLAUSIBLE = ("1990-01-01", "2100-01-01")


class RowsError(MarqueeError):
    """A file of rows that cannot be scored."""


@dataclass(frozen=True)
class Rows:
    """Rows to score: `table` as given, `asked` as the ranker wants it (user_id, video_id, dataset.CONTEXT)."""

    table: pa.Table
    asked: pa.Table
    duration_seconds: Array  # 0 = not given
    unit: str  # in which the timestamps were found to be


def score_file(
    home: Home,
    rows: Path,
    out: Path,
    as_of: str | None = None,
    release_id: str | None = None,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Write the rows of the Parquet file `rows` with HEADS and `score` beside them to `out`.

    Features are frozen at `as_of`; without it at the end of the lake, or at the first row where that is earlier.
    """
    started = time.perf_counter()
    release = _release(home, release_id)
    given = read_rows(rows, usual_context(home))
    as_of_us = _moment(as_of) if as_of else min(end_of(home), int(np.min(given.asked["timestamp_us"].to_numpy())))
    scored = score_rows(home, given, as_of_us, release, progress)
    table = given.table
    for name, column in scored.items():
        table = table.append_column(name, pa.array(column))
    write_result(table, out)
    trained_until_us = int(release.manifest["cuts"]["t2_us"])
    return {
        "out": str(out),
        "rows": len(table),
        "release_id": release.release_id,
        "as_of": _text(as_of_us),
        "timestamps_in": given.unit,
        "warnings": [
            f"the release learned from exposures until {_text(trained_until_us)}, after the moment it is asked about"
        ]
        if trained_until_us > as_of_us
        else [],
        "seconds": round(time.perf_counter() - started, 2),
    }


def score_rows(
    home: Home, rows: Rows, as_of_us: int, release: Release, progress: Progress = SILENT
) -> dict[str, Array]:
    """HEADS and score, each (N,) float32, in the order of the rows."""
    columns = frozen_columns(home, rows.asked, as_of_us, release.retrieval, rows.duration_seconds, progress)
    ranker = release.ranker
    if ranker.encoding.rates is not None:
        with progress.task("rates of the exposures before that moment"):
            rates = Exposures.read(home, as_of_us).before(as_of_us)
        ranker = replace(ranker, encoding=replace(ranker.encoding, rates=rates))
    parts: list[dict[str, Array]] = []
    with progress.task("scoring", total=len(rows.table)) as advance:
        for start in range(0, len(rows.table), CHUNK):
            part = ranker.score({name: column[start : start + CHUNK] for name, column in columns.items()})
            parts.append(part)
            advance(len(part["score"]))
    return {name: np.concatenate([part[name] for part in parts]) for name in (*HEADS, "score")}


def usual_context(home: Home) -> dict[str, Any]:
    """The commonest device, UTC offset and surface of the lake's newest exposures: what a row says that is silent."""
    shown = Lake(home).impressions()
    newest = shown.slice(max(0, len(shown) - 10_000))
    usual: dict[str, Any] = {"device": "", "utc_offset_minutes": 0, "surface": ""}
    for name in usual if len(newest) else ():
        counts = newest[name].value_counts().to_pylist()
        usual[name] = max(counts, key=lambda count: count["counts"])["values"]
    return usual


def read_rows(file: Path, usual: dict[str, Any]) -> Rows:
    """Raises RowsError saying what was expected and what was found."""
    if not file.exists():
        raise RowsError(f"{file}: expected a Parquet file, found nothing there")
    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise RowsError(f"{file}: expected a Parquet file: {error}") from error
    if not len(table):
        raise RowsError(f"{file}: expected rows, found none")
    if taken := [name for name in (*HEADS, "score") if name in table.column_names]:
        raise RowsError(f"{file}: it already holds {', '.join(taken)}, which scoring adds: drop or rename them")
    item, moment = _named(file, table, ITEMS), _named(file, table, TIMES)
    n = len(table)
    timestamps_us, unit = _microseconds(file, moment, table[moment])
    asked = {
        "user_id": _ids(file, "user_id", table[_named(file, table, ("user_id",))]),
        "video_id": _ids(file, item, table[item]),
        "timestamp_us": timestamps_us,
        "device": _texts(table, DEVICES, usual["device"]),
        "utc_offset_minutes": np.full(n, usual["utc_offset_minutes"], dtype=np.int64)
        if (offset := _first(table, OFFSETS)) is None
        else table[offset].fill_null(usual["utc_offset_minutes"]).to_numpy().astype(np.int64),
        "surface": _texts(table, SURFACES, usual["surface"]),
    }
    seconds = np.zeros(n)
    if (duration := _first(table, tuple(DURATIONS))) is not None:
        seconds = np.nan_to_num(table[duration].cast(pa.float64()).fill_null(0.0).to_numpy()) * DURATIONS[duration]
    return Rows(table, pa.table(asked), np.maximum(seconds, 0.0), unit)


def _release(home: Home, release_id: str | None) -> Release:
    if release_id is None:
        return load_champion(home)[0]
    if not (home.releases / release_id).is_dir():
        there = sorted(path.name for path in home.releases.glob("r-*"))
        raise RowsError(f"no release {release_id} in {home.releases}: expected one of {', '.join(there) or 'none'}")
    return load_release(home.releases / release_id)


def _first(table: pa.Table, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in table.column_names), None)


def _named(file: Path, table: pa.Table, names: Sequence[str]) -> str:
    if (found := _first(table, names)) is None:
        raise RowsError(f"{file}: expected a column {' or '.join(names)}, found {', '.join(table.column_names)}")
    if table[found].null_count:
        raise RowsError(f"{file}: {found}: expected a value in every row, {table[found].null_count} have none")
    return found


def _ids(file: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids as Marquee writes them, which is text: 7, 7.0 and "7" are one."""
    if pa.types.is_floating(column.type):
        whole = column.to_numpy()
        if not (whole == np.floor(whole)).all():
            raise RowsError(
                f"{file}: {name}: expected whole numbers or text, found {whole[whole != np.floor(whole)][0]}"
            )
        column = pa.chunked_array([whole.astype(np.int64)])
    return column.cast(pa.string())


def _texts(table: pa.Table, names: Sequence[str], usual: str) -> pa.ChunkedArray:
    if (found := _first(table, names)) is None:
        return pa.chunked_array([pa.array([usual] * len(table), pa.string())])
    column = table[found]
    if pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    return column.cast(pa.string()).fill_null(usual)


def _microseconds(file: Path, name: str, column: pa.ChunkedArray) -> tuple[Array, str]:
    """Microseconds since 1970, UTC, and the unit that the column was found to be in."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times = column.cast(pa.timestamp("us", tz="UTC" if getattr(column.type, "tz", None) else None))
        found, unit = times.cast(pa.int64()).to_numpy(), "datetime"
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.to_numpy().astype(np.float64)
        typical = float(np.median(numbers))
        scale, unit = next(((scale, unit) for below, scale, unit in UNITS if typical < below), (0, "ns"))
        exact = column.to_numpy() if pa.types.is_integer(column.type) else numbers
        found = (exact // 1000 if unit == "ns" else exact * scale).astype(np.int64)
    else:
        raise RowsError(f"{file}: {name}: expected a datetime or an epoch number (s, ms, us), found {column.type}")
    low, high = (np.datetime64(day, "us").astype(np.int64) for day in PLAUSIBLE)
    if wrong := int(((found < low) | (found >= high)).sum()):
        raise RowsError(
            f"{file}: {name}: read as {unit}, {wrong} of {len(found)} rows lie outside of {' to '.join(PLAUSIBLE)}: "
            f"expected one unit of seconds, milliseconds or microseconds since 1970, UTC"
        )
    return found, unit


def _moment(text: str) -> int:
    """An ISO time (UTC where it says no zone) or an epoch number -> microseconds."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return int(_microseconds(Path("--as-of"), text, pa.chunked_array([[float(text)]]))[0][0])
        except ValueError:
            raise RowsError(f"--as-of: expected an ISO time or an epoch number, found {text!r}") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)


def _text(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).isoformat()
