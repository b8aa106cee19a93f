"""Score given rows: `marquee score --rows FILE --out FILE`. Rows and order are kept; pairs may repeat.

Everything is frozen at one moment, rates of outcomes included, so that neither a row's own outcome nor that of its
neighbours can leak into a score.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.tables import DAY_US, write_result
from models.ranking.ranker import HEADS, RankerModel
from models.release.artifact import Release, as_judged, champion_or_previous, judged, load_release
from models.release.store import release_named
from training.data.frozen import end_of, frozen_columns, lake_of_now
from training.data.rate_tables import Exposures
from training.judge.unseen import unseen_values
from training.record.training_facts import TwoTowerTraining

Array = np.ndarray[Any, Any]
CHUNK = 16_384  # rows scored at once
ITEMS = ("item_id", "video_id")
TIMES = ("timestamp", "timestamp_us", "timestamp_ms", "time_ms", "time")
SURFACES, DEVICES, OFFSETS = ("surface", "tab"), ("device",), ("utc_offset_minutes",)
DURATIONS = {"duration_seconds": 1.0, "duration": 1.0, "duration_sec": 1.0, "duration_ms": 1e-3}
UNITS = ((1e11, 1_000_000, "s"), (1e14, 1_000, "ms"), (1e17, 1, "us"))  # epoch numbers below this are in this unit
PLAUSIBLE = ("1990-01-01", "2100-01-01")
LOW_US, HIGH_US = (int(np.datetime64(day, "us").astype(np.int64)) for day in PLAUSIBLE)
MOST_OFFSET = 24 * 60  # minutes
EXACT = 2**53  # whole numbers up to this are exact as floats


class RowsError(MarqueeError):
    """A file of rows that cannot be scored."""


@dataclass(frozen=True)
class Rows:
    """Rows to score: `table` as given, `asked` as the ranker wants it (user_id, video_id, dataset.CONTEXT).

    Where a row does not say its device, UTC offset or surface, `asked` holds null.
    """

    table: pa.Table
    asked: pa.Table
    duration_seconds: Array  # 0 = not given
    unit: str  # of the timestamps, as detected

    def filled(self, usual: Mapping[str, Any]) -> Rows:
        """Missing context is filled from `usual`."""
        asked = {name: self.asked[name] for name in self.asked.column_names}
        return replace(self, asked=pa.table(asked | {name: asked[name].fill_null(usual[name]) for name in usual}))


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
    _check_out(out)
    as_of_us = None if as_of is None else _moment(as_of)
    given = read_rows(rows)
    chosen = _release(home, release_id)  # before anything is written for the moment
    warnings: list[str] = []
    if as_of_us is None:
        as_of_us, warnings = default_moment(end_of(home), given.asked["timestamp_us"].to_numpy())
    release, learned_later = as_of_release(chosen, as_of_us)
    scored = score_rows(home, given.filled(usual_context(home, as_of_us)), as_of_us, release, progress)
    table = given.table
    for name, column in scored.items():
        table = table.append_column(name, pa.array(column))
    write_result(table, out)
    return {
        "out": str(out),
        "rows": len(table),
        "release_id": release.release_id,
        "as_of": _text(as_of_us),
        "timestamps_in": given.unit,
        "warnings": [*warnings, *learned_later, *unseen_values(given.asked, release.ranker.encoding)],
        "seconds": round(time.perf_counter() - started, 2),
    }


def default_moment(end_us: int, timestamps_us: Array) -> tuple[int, list[str]]:
    """The default moment, and a warning when rows lie long after it."""
    first_us = int(timestamps_us.min())
    if first_us >= end_us:
        return end_us, []
    if not (later := int((timestamps_us > first_us + DAY_US).sum())):
        return first_us, []
    return first_us, [
        f"the first row, of {_text(first_us)}, decided the moment; {later} of {len(timestamps_us)} rows are more than "
        f"a day later: give --as-of, or score them in parts"
    ]


def as_of_release(release: Release, as_of_us: int) -> tuple[Release, list[str]]:
    """The release with the models to use at that moment, and a warning for each model trained on later data.

    The served models were refitted on all data; for moments before its end the judged ones are used.
    """
    cuts = release.manifest.cuts
    learned_until = {"two-tower model": cuts.end_us, "ranker": cuts.end_us}
    if as_of_us < cuts.end_us:
        learned_until["ranker"] = cuts.t2_us
        # leave_last holds out watches, not a time: such a model, too, was trained on data up to the end.
        if TwoTowerTraining.read(judged(release.path, "two_tower")).split == "time":
            learned_until["two-tower model"] = cuts.t1_us
        release = as_judged(release)
    return release, [
        f"the {model} learned until {_text(until_us)}, after the moment it is asked about"
        for model, until_us in learned_until.items()
        if until_us > as_of_us
    ]


def score_rows(
    home: Home, rows: Rows, as_of_us: int, release: Release, progress: Progress = SILENT
) -> dict[str, Array]:
    """HEADS and score, each (N,) float32, in the order of the rows."""
    columns = frozen_columns(home, rows.asked, as_of_us, release.retrieval, rows.duration_seconds, progress)
    with progress.task("rates of the exposures before that moment"):
        ranker = ranker_as_of(home, release.ranker, as_of_us)
    parts: list[dict[str, Array]] = []
    with progress.task("scoring", total=len(rows.table)) as advance:
        for start in range(0, len(rows.table), CHUNK):
            part = ranker.score({name: column[start : start + CHUNK] for name, column in columns.items()})
            parts.append(part)
            advance(len(part["score"]))
    return {name: np.concatenate([part[name] for part in parts]) for name in (*HEADS, "score")}


def ranker_as_of(home: Home, ranker: RankerModel, as_of_us: int) -> RankerModel:
    """The ranker with the rates of the exposures before that moment, where it reads any."""
    if ranker.encoding.rates is None:
        return ranker
    rates = Exposures.read(home, as_of_us).before(as_of_us)
    return replace(ranker, encoding=replace(ranker.encoding, rates=rates))


def usual_context(home: Home, as_of_us: int) -> dict[str, Any]:
    """The commonest device, UTC offset and surface of the newest exposures: the defaults for rows without them."""
    shown = lake_of_now(home).impressions(None, as_of_us)
    newest = shown.slice(max(0, len(shown) - 10_000))
    usual: dict[str, Any] = {"device": "", "utc_offset_minutes": 0, "surface": ""}
    for name in usual if len(newest) else ():
        counts = newest[name].value_counts().to_pylist()
        usual[name] = max(counts, key=lambda count: count["counts"])["values"]
    return usual


def read_rows(file: Path) -> Rows:
    """Read and check a Parquet file of rows. Raises RowsError."""
    if not file.exists():
        raise RowsError(f"{file}: expected a Parquet file, found nothing there")
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RowsError(f"{file}: expected a Parquet file: {one_line(error)}") from error
    if not len(table):
        raise RowsError(f"{file}: expected rows, found none")
    if taken := [name for name in (*HEADS, "score") if name in table.column_names]:
        raise RowsError(f"{file}: it already holds {', '.join(taken)}, which scoring adds: drop or rename them")
    of = _Columns(file, table)
    user, item, moment = (of.named(names) for names in (("user_id",), ITEMS, TIMES))
    timestamps_us, unit = _microseconds(f"{file}: {moment}", of.whole(moment, of.plain(moment)))
    asked = {
        "user_id": of.whole(user, of.texts(user)),
        "video_id": of.whole(item, of.texts(item)),
        "timestamp_us": timestamps_us,
        "device": of.texts(of.first(DEVICES)),
        "utc_offset_minutes": of.offsets(of.first(OFFSETS)),
        "surface": of.texts(of.first(SURFACES)),
    }
    return Rows(table, pa.table(asked), of.seconds(of.first(tuple(DURATIONS))), unit)


def _check_out(out: Path) -> None:
    """Fail before the work begins when the output cannot be written. Raises RowsError."""
    if out.is_dir():
        raise RowsError(f"--out: expected a file to write, found the directory {out}")
    above = next(path for path in out.absolute().parents if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise RowsError(f"--out {out}: expected {above} to be a directory that can be written to")


def _release(home: Home, release_id: str | None) -> Release:
    if release_id is None:
        return champion_or_previous(home)
    return load_release(home.releases / release_named(home, release_id))


class _Columns:
    """The columns of a file of N rows as values of one type each, with nulls for missing values. Raises RowsError."""

    def __init__(self, file: Path, table: pa.Table) -> None:
        self._file = file
        self._table = table

    def first(self, names: Sequence[str]) -> str | None:
        return next((name for name in names if name in self._table.column_names), None)

    def named(self, names: Sequence[str]) -> str:
        if (found := self.first(names)) is None:
            there = ", ".join(self._table.column_names)
            raise RowsError(f"{self._file}: expected a column {' or '.join(names)}, found {there}")
        return found

    def whole(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if nulls := pc.sum(column.is_null(nan_is_null=True)).as_py():
            raise RowsError(f"{self._file}: {name}: expected a value in every row, {nulls} have none")
        return column

    def plain(self, name: str | None) -> pa.ChunkedArray:
        if name is None:
            return pa.chunked_array([pa.nulls(len(self._table))])
        column = self._table[name]
        return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column

    def texts(self, name: str | None) -> pa.ChunkedArray:
        """Ids and contexts as text: 7, 7.0 and "7" are the same."""
        column, wanted = self.plain(name), "whole numbers or text"
        if pa.types.is_floating(column.type):
            column = self._integers(name, column, wanted)
        if not (_is_text(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
            raise self._error(name, wanted, column.type)
        text = column.cast(pa.string())
        try:
            text.validate(full=True)
        except pa.ArrowInvalid as error:
            raise self._error(name, "text in UTF-8", "other bytes") from error
        return text if pc.all(pc.string_is_ascii(text)).as_py() is not False else _normalized(text)

    def offsets(self, name: str | None) -> pa.ChunkedArray:
        """(N,) int64 minutes."""
        wanted = f"whole minutes between -{MOST_OFFSET} and {MOST_OFFSET}"
        minutes = self._integers(name, self._floats(name, wanted), wanted)
        wrong = minutes.filter(pc.greater(pc.abs(minutes), MOST_OFFSET))
        if len(wrong):
            raise self._error(name, wanted, wrong[0])
        return minutes

    def seconds(self, name: str | None) -> Array:
        """(N,) float64; 0 where the duration is missing or impossible."""
        wanted = "a finite number"
        values = self._floats(name, wanted).fill_null(0.0).to_numpy()
        if len(wrong := values[np.isinf(values)]):
            raise self._error(name, wanted, wrong[0])
        seconds: Array = np.maximum(np.nan_to_num(values), 0.0) * (DURATIONS[name] if name is not None else 1.0)
        return seconds

    def _floats(self, name: str | None, wanted: str) -> pa.ChunkedArray:
        column = self.plain(name)
        kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
        if not any(is_kind(column.type) for is_kind in kinds):
            raise self._error(name, wanted, column.type)
        return column.cast(pa.float64(), safe=False)

    def _integers(self, name: str | None, column: pa.ChunkedArray, wanted: str) -> pa.ChunkedArray:
        """Floats as int64; NaN is null."""
        values = column.cast(pa.float64()).fill_null(np.nan).to_numpy()
        given = ~np.isnan(values)
        wrong = given & ~((values == np.floor(values)) & (np.abs(values) <= EXACT))
        if wrong.any():
            raise self._error(name, wanted, values[wrong][0])
        return pa.chunked_array([pa.array(np.where(given, values, 0).astype(np.int64), mask=~given)])

    def _error(self, name: str | None, wanted: str, found: object) -> RowsError:
        return RowsError(f"{self._file}: {name}: expected {wanted}, found {found}")


def _normalized(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """In Unicode's form NFC, as ids and contexts are everywhere."""
    encoded = text.combine_chunks().dictionary_encode()
    values = pa.array([unicodedata.normalize("NFC", value) for value in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([values.take(encoded.indices)])


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _microseconds(where: str, column: pa.ChunkedArray) -> tuple[Array, str]:
    """Microseconds since 1970, UTC, of a column without nulls, and its detected unit."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        times = column.cast(pa.timestamp("us", tz=getattr(column.type, "tz", None)), safe=False)
        found, unit = times.cast(pa.int64()).to_numpy(), "datetime"
        _check_plausible(where, found, unit)
        return found, unit
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise RowsError(f"{where}: expected a datetime or an epoch number (s, ms, us), found {column.type}")
    numbers = column.to_numpy().astype(np.float64)
    typical = float(np.median(numbers))
    scale, unit = next(((float(scale), unit) for below, scale, unit in UNITS if typical < below), (1e-3, "ns"))
    _check_plausible(where, numbers * scale, unit)
    if pa.types.is_floating(column.type):
        return np.round(numbers * scale).astype(np.int64), unit
    whole = column.cast(pa.int64()).to_numpy()  # after the range check, which rules out an overflow
    return (whole // 1000 if unit == "ns" else whole * int(scale)), unit


def _check_plausible(where: str, found_us: Array, unit: str) -> None:
    if wrong := int((~((found_us >= LOW_US) & (found_us < HIGH_US))).sum()):
        raise RowsError(
            f"{where}: read as {unit}, {wrong} of {len(found_us)} rows lie outside of {' to '.join(PLAUSIBLE)}: "
            f"expected one unit of seconds, milliseconds or microseconds since 1970, UTC"
        )


def _moment(text: str) -> int:
    """An ISO time (UTC without a zone) or an epoch number -> microseconds.

    Nine or more digits are an epoch number, although 1651011212345 would also parse as an ISO time in 1651.
    """
    if re.fullmatch(r"\d{9,19}(\.\d*)?", text):
        number = float(text) if "." in text else int(text)
        return int(_microseconds(f"--as-of {text}", pa.chunked_array([np.array([number])]))[0][0])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RowsError(f"--as-of: expected an ISO time or an epoch number, found {text!r}") from None
    found_us = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
    if not LOW_US <= found_us < HIGH_US:
        raise RowsError(f"--as-of: expected a moment of {' to '.join(PLAUSIBLE)}, found {text!r}")
    return found_us


def _text(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).isoformat()
