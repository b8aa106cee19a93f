"""Reads the files of KuaiRand-Pure as columns. A missing file or column raises LakeError with the file's name.

Rows outside the limits are reported to `Rejected`; in a Parquet file, a row's line is its number from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.column_limits import check_column
from feature_repo.ingest.lines import Form, is_there, records
from feature_repo.ingest.parquet_files import read_parquet
from feature_repo.ingest.rejected import NAMED, BadRow, Rejected
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LimitError, check

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]
LOG_COLUMNS = (
    "user_id",
    "video_id",
    "time_ms",
    "is_click",
    "is_like",
    "is_forward",
    "is_hate",
    "play_time_ms",
    "duration_ms",
    "tab",
)
HISTORY_COLUMNS = ("user_id", "pos_from_end", "video_id", "long_view_any", "like_any", "history_len", "last_time_ms")
VIDEO_COLUMNS = ("video_id", "author_id", "upload_dt", "video_duration", "tag")
BEGIN_MS = 1_649_347_200_000  # 8 April 2022 in China: KuaiRand begins
VIDEO_FILE = "video_features_basic_pure.csv"


def files(path: Path) -> list[Path]:
    """The files that are read if they exist."""
    logs = (*path.glob("log_standard_*.parquet"), *path.glob("history_*.parquet"))
    return [*sorted(logs), path / VIDEO_FILE, path / "user_features.parquet"]


def read_log(path: Path, listed: Array, rejected: Rejected) -> Columns:
    """The exposures in order of time; `listed`: the videos of the catalog."""
    files = sorted(path.glob("log_standard_*.parquet"))
    if not files:
        raise LakeError(f"{path}: expected log_standard_*.parquet, found none")
    log = _joined([_good_rows(file, (*LOG_COLUMNS, "long_view"), listed, rejected) for file in files])
    if not len(log["user_id"]):
        raise LakeError(f"{path}: expected exposures in log_standard_*.parquet, found no row")
    order = np.argsort(log["time_ms"], kind="stable")
    return {name: column[order] for name, column in log.items()}


def read_history(path: Path, listed: Array, rejected: Rejected) -> Columns:
    """Exposures before the log, in order, with times that keep the order."""
    files = sorted(path.glob("history_*.parquet"))
    empty = {name: np.zeros(0, dtype=np.int64) for name in HISTORY_COLUMNS}
    history = _joined([empty, *(_good_rows(file, HISTORY_COLUMNS, listed, rejected) for file in files)])
    steps_before_last = -history["pos_from_end"] - 1
    span_ms = np.maximum(history["last_time_ms"] - BEGIN_MS, 0)
    history["time_ms"] = history["last_time_ms"] - steps_before_last * span_ms // history["history_len"]
    order = np.lexsort((history["pos_from_end"], history["time_ms"]))
    return {name: column[order] for name, column in history.items()}


def read_catalog(path: Path, rejected: Rejected) -> dict[str, Any]:
    file = path / VIDEO_FILE
    if not is_there(file):
        raise LakeError(f"{path}: expected {VIDEO_FILE}, found none")
    rows, torn = records(file, Form(VIDEO_COLUMNS), rejected)
    bad = list(torn)
    catalog: dict[int, dict[str, Any]] = {}
    lines: dict[int, int] = {}
    for number, cells in rows:
        found = dict(zip(VIDEO_COLUMNS, cells, strict=True))
        try:
            video = _video(found)
        except LimitError as error:
            bad.append(BadRow(number, error.field, found[error.field], error.expectation, ",".join(cells)))
            continue
        if (video_id := video["video_id"]) in catalog:
            expected = f"an id that no line before has (line {lines[video_id]} has it)"
            bad.append(BadRow(number, "video_id", str(video_id), expected, ",".join(cells)))
            continue
        catalog[video_id], lines[video_id] = video, number
    rejected.done(file, len(rows) + len(torn), bad)
    if not catalog:
        raise LakeError(f"{file}: expected videos, found no row")
    columns = {name: [video[name] for video in catalog.values()] for name in next(iter(catalog.values()))}
    return {**columns, "video_id": np.array(columns["video_id"], dtype=np.int64)}


def read_registered(path: Path, rejected: Rejected) -> dict[int, int]:
    """User -> days since registration; empty without the file."""
    file = path / "user_features.parquet"
    if not is_there(file):
        return {}
    users = _good_rows(file, ("user_id", "register_days"), None, rejected)
    return dict(zip(users["user_id"].tolist(), users["register_days"].tolist(), strict=True))


def _video(found: Mapping[str, str]) -> dict[str, Any]:
    """One line of the catalog. Raises LimitError naming the column."""
    numbers = {
        name: _whole(name, found[name]) if found[name] or name != "video_duration" else None
        for name in ("video_id", "author_id", "video_duration")
    }
    try:
        date.fromisoformat(found["upload_dt"])
    except ValueError:
        raise LimitError("upload_dt", "an ISO date such as 2022-04-10", found["upload_dt"]) from None
    return {
        "video_id": numbers["video_id"],
        "author_id": numbers["author_id"],
        "duration_ms": numbers["video_duration"],
        "published": found["upload_dt"],
        "tags": check("videos", "tags", _topics_of(found["tag"]), called="tag"),
    }


def _topics_of(tags: str) -> list[str]:
    """The tags of a video, which are numbers, as words."""
    return [f"topic {tag.strip()}" for tag in tags.split(",") if tag.strip()]


def _whole(name: str, text: str) -> int:
    checked = check_column("exposures", name, [text])
    if checked.bad[0]:
        raise LimitError(name, checked.reason, text)
    return int(checked.values[0].as_py())


def _good_rows(file: Path, names: tuple[str, ...], listed: Array | None, rejected: Rejected) -> Columns:
    """Integer columns of a file without its bad rows. Raises LakeError for a file that is not Parquet or lacks one."""
    table = read_parquet(file, names)
    checked = {name: check_column("exposures", name, table[name]) for name in names}
    faults = [(name, column.bad, column.reason) for name, column in checked.items()]
    if listed is not None:
        values = checked["video_id"].values.fill_null(-1).to_numpy()
        faults.append(("video_id", ~np.isin(values, listed), f"one that {VIDEO_FILE} lists"))
    if "history_len" in checked:
        place, length = (checked[name].values.fill_null(0).to_numpy() for name in ("pos_from_end", "history_len"))
        faults.append(("pos_from_end", -place > length, "a place within its history_len"))
    bad_N = np.logical_or.reduce([bad for _, bad, _ in faults])
    count = int(bad_N.sum())
    named = count if rejected.may_be(file, count, len(table)) else NAMED
    rejected.done(file, len(table), list(_bad_rows(table, faults, named)), count)
    return {name: column.values.filter(pa.array(~bad_N)).to_numpy() for name, column in checked.items()}


def _bad_rows(table: pa.Table, faults: Sequence[tuple[str, Array, str]], most: int) -> Iterator[BadRow]:
    """The first bad rows of each fault, each row once; the first row of the file is 1."""
    before_N = np.zeros(len(table), dtype=bool)
    for name, bad_N, expected in faults:
        for row in np.flatnonzero(bad_N & ~before_N)[:most].tolist():
            values = {column: table[column][row].as_py() for column in table.column_names}
            yield BadRow(row + 1, name, str(values[name]), expected, str(values))
        before_N |= bad_N


def _joined(parts: Sequence[Columns]) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
