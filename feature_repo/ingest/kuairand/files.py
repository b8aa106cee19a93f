"""The files of KuaiRand-Pure as columns. One that is missing, or lacks a column, raises LakeError with its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from feature_repo.lake.tables import LakeError

Array = np.ndarray[Any, Any]
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
    """Everything that is read where it is there."""
    logs = (*path.glob("log_standard_*.parquet"), *path.glob("history_*.parquet"))
    return [*sorted(logs), path / VIDEO_FILE, path / "user_features.parquet"]


def read_log(path: Path) -> dict[str, Array]:
    files = sorted(path.glob("log_standard_*.parquet"))
    if not files:
        raise LakeError(f"{path}: expected log_standard_*.parquet, found none")
    log = _columns(files, (*LOG_COLUMNS, "long_view"))
    if not len(log["user_id"]):
        raise LakeError(f"{path}: expected exposures in log_standard_*.parquet, found no row")
    order = np.argsort(log["time_ms"], kind="stable")
    return {name: column[order] for name, column in log.items()}


def read_history(path: Path) -> dict[str, Array]:
    """Exposures before the log, in order, with times that keep the order."""
    history = _columns(sorted(path.glob("history_*.parquet")), HISTORY_COLUMNS)
    steps_before_last = -history["pos_from_end"] - 1
    span_ms = history["last_time_ms"] - BEGIN_MS
    history["time_ms"] = history["last_time_ms"] - steps_before_last * span_ms // np.maximum(history["history_len"], 1)
    order = np.lexsort((history["pos_from_end"], history["time_ms"]))
    return {name: column[order] for name, column in history.items()}


def read_catalog(path: Path) -> dict[str, Any]:
    file = path / VIDEO_FILE
    if not file.exists():
        raise LakeError(f"{path}: expected {VIDEO_FILE}, found none")
    try:
        table = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types={"tag": pa.string()}))
    except pa.ArrowInvalid as error:
        raise LakeError(f"{file}: expected a CSV file: {error}") from error
    _expect_columns(file, table.column_names, VIDEO_COLUMNS)
    return {
        "video_id": table["video_id"].to_numpy(),
        "author_id": table["author_id"].to_pylist(),
        "duration_ms": table["video_duration"].to_pylist(),
        "published": [str(day) for day in table["upload_dt"].to_pylist()],
        "tags": [[tag.strip() for tag in (text or "").split(",") if tag.strip()] for text in table["tag"].to_pylist()],
    }


def read_registered(path: Path) -> dict[int, int]:
    """User -> days since registration, where the file is there."""
    file = path / "user_features.parquet"
    if not file.exists():
        return {}
    table = pq.read_table(file, columns=["user_id", "register_days"])
    return dict(zip(table["user_id"].to_pylist(), table["register_days"].to_pylist(), strict=True))


def _columns(files: list[Path], names: tuple[str, ...]) -> dict[str, Array]:
    """Whole-number columns of all files, one after the other; LakeError names the file that lacks one."""
    tables = []
    for file in files:
        try:
            found = pq.read_schema(file).names
        except pa.ArrowInvalid as error:
            raise LakeError(f"{file}: expected a Parquet file: {error}") from error
        _expect_columns(file, found, names)
        tables.append(pq.read_table(file, columns=list(names)))
    empty = np.zeros(0, dtype=np.int64)
    return {name: np.concatenate([empty, *(t[name].to_numpy().astype(np.int64) for t in tables)]) for name in names}


def _expect_columns(file: Path, found: list[str], expected: tuple[str, ...]) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise LakeError(f"{file}: expected the columns {', '.join(expected)}; missing {', '.join(missing)}")
