"""The offline tables: videos, users, events, impressions. Parquet, the last two partitioned by UTC day.

Batch writers replace a table whole and atomically; the live sink adds one named file per day, and the same name again
replaces it. Readers deduplicate events by `event_id`, so that a file written twice counts once.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.home import Home, HomeError, MarqueeError, atomic_directory, write_atomic
from feature_repo.schema import (
    EVENT_COLUMNS,
    FLOAT,
    IMPRESSION_COLUMNS,
    INT,
    STRING,
    STRINGS,
    USER_COLUMNS,
    USER_PROFILE,
    VIDEO_COLUMNS,
    VIDEO_PROFILE,
)

DAY_US = 86_400_000_000

ARROW_TYPES = {
    STRING: pa.string(),
    STRINGS: pa.list_(pa.string()),
    INT: pa.int64(),
    FLOAT: pa.float64(),
}
_NUMBERS = {
    **dict.fromkeys(("timestamp_us", "position", "sequence", "utc_offset_minutes"), pa.int64()),
    **dict.fromkeys(("watch_seconds", "duration_seconds", "propensity", "watch_fraction"), pa.float64()),
    **dict.fromkeys(("clicked", "liked", "disliked", "shared"), pa.bool_()),
}


def _schema(columns: tuple[str, ...], profile: dict[str, str] | None = None) -> pa.Schema:
    known = {name: ARROW_TYPES[dtype] for name, dtype in (profile or {}).items()}
    return pa.schema([(name, known.get(name) or _NUMBERS.get(name, pa.string())) for name in columns])


VIDEOS = _schema(VIDEO_COLUMNS, VIDEO_PROFILE)
USERS = _schema(USER_COLUMNS, USER_PROFILE)
EVENTS = _schema(EVENT_COLUMNS)
IMPRESSIONS = _schema(IMPRESSION_COLUMNS)


class LakeError(MarqueeError):
    """A table or a source file is not what it should be; the message names the file and what was expected."""


class Lake:
    def __init__(self, home: Home) -> None:
        self.root = home.lake
        self.videos_path = str(self.root / "videos.parquet")
        self.users_path = str(self.root / "users.parquet")
        self.events_glob = str(self.root / "events" / "day=*" / "*.parquet")
        self.impressions_glob = str(self.root / "impressions" / "day=*" / "*.parquet")

    def write_videos(self, table: pa.Table) -> None:
        _write_one(Path(self.videos_path), _checked(table, VIDEOS, "videos").sort_by("video_id"))

    def write_users(self, table: pa.Table) -> None:
        _write_one(Path(self.users_path), _checked(table, USERS, "users").sort_by("user_id"))

    def write_events(self, table: pa.Table) -> None:
        self._replace("events", _checked(table, EVENTS, "events"))

    def write_impressions(self, table: pa.Table) -> None:
        self._replace("impressions", _checked(table, IMPRESSIONS, "impressions"))

    def append_events(self, table: pa.Table, name: str) -> None:
        self._append("events", _checked(table, EVENTS, "events"), name)

    def append_impressions(self, table: pa.Table, name: str) -> None:
        self._append("impressions", _checked(table, IMPRESSIONS, "impressions"), name)

    def videos(self) -> pa.Table:
        return _read_one(Path(self.videos_path))

    def users(self) -> pa.Table:
        return _read_one(Path(self.users_path))

    def events(self, start_us: int | None = None, end_us: int | None = None) -> pa.Table:
        """Events with start <= timestamp < end, one per event_id, in the order in which they happened."""
        return self._between("events", EVENTS, start_us, end_us, "event_id", "timestamp_us, sequence, event_id")

    def impressions(self, start_us: int | None = None, end_us: int | None = None) -> pa.Table:
        """Exposures with start <= timestamp < end, one per impression_id, by time."""
        order = "timestamp_us, request_id, position, impression_id"
        return self._between("impressions", IMPRESSIONS, start_us, end_us, "impression_id", order)

    def counts(self) -> dict[str, int]:
        """Rows per table, as stored; without reading them."""
        tables = {"videos": self.videos_path, "users": self.users_path}
        tables |= {"events": self.events_glob, "impressions": self.impressions_glob}
        return {name: sum(pq.read_metadata(file).num_rows for file in _files(glob)) for name, glob in tables.items()}

    def _between(
        self, name: str, schema: pa.Schema, start_us: int | None, end_us: int | None, key: str, order: str
    ) -> pa.Table:
        glob = str(self.root / name / "day=*" / "*.parquet")
        if not _files(glob):
            raise HomeError(f"no {name} in {self.root}: run `marquee simulate` or `marquee ingest …` first")
        bounds = [f"timestamp_us >= {int(start_us)}"] if start_us is not None else []
        bounds += [f"timestamp_us < {int(end_us)}"] if end_us is not None else []
        where = " AND ".join(bounds) or "true"
        columns = ", ".join(schema.names)
        with duckdb.connect() as connection:
            table = connection.sql(
                f"SELECT {columns} FROM read_parquet('{glob}', hive_partitioning=false) WHERE {where} "
                f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY timestamp_us) = 1 ORDER BY {order}"
            ).to_arrow_table()
        return table.cast(schema)

    def _replace(self, name: str, table: pa.Table) -> None:
        with atomic_directory(self.root / name) as directory:
            for day, rows in _by_day(table):
                (directory / f"day={day}").mkdir()
                pq.write_table(rows, directory / f"day={day}" / "part-0.parquet")

    def _append(self, name: str, table: pa.Table, file: str) -> None:
        for day, rows in _by_day(table):
            _write_one(self.root / name / f"day={day}" / f"{file}.parquet", rows)


def _by_day(table: pa.Table) -> list[tuple[str, pa.Table]]:
    ordered = table.sort_by("timestamp_us")
    day_of_row = pc.cast(pc.floor(pc.divide(pc.cast(ordered["timestamp_us"], pa.float64()), float(DAY_US))), pa.int64())
    runs = pc.run_end_encode(pa.chunked_array([day_of_row.combine_chunks()]).combine_chunks())
    days, start = [], 0
    for end, day in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
        name = pc.strftime(pa.scalar(day * DAY_US, pa.timestamp("us", tz="UTC")), format="%Y-%m-%d").as_py()
        days.append((name, ordered.slice(start, end - start)))
        start = end
    return days


def _checked(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise LakeError(f"{name}: expected the columns {', '.join(schema.names)}; missing {', '.join(missing)}")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LakeError(f"{name}: a column has another type than expected: {error}") from error


def _write_one(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_atomic(path, sink.getvalue().to_pybytes())


def _read_one(path: Path) -> pa.Table:
    if not path.exists():
        raise HomeError(f"no {path.name} in {path.parent}: run `marquee simulate` or `marquee ingest …` first")
    return pq.read_table(path)


def _files(glob: str) -> list[Path]:
    root = Path(glob[: glob.index("*")] if "*" in glob else glob)
    if "*" not in glob:
        return [root] if root.exists() else []
    base = Path(glob.split("/day=*")[0])
    return sorted(base.glob("day=*/*.parquet"))
