"""The offline tables: videos, users, events, impressions. Parquet, the last two partitioned by UTC day.

A directory `day=D` holds all of day D. After a batch write it may also hold later days that are too small for files of
their own (MovieLens spreads 100,000 ratings over 4,110 days): filter by `timestamp_us`, not by path.

Batch writers replace a whole table atomically; the live sink adds one named file per day, and writing the same name
again replaces it. Readers deduplicate events by viewer and `event_id`, so that events written twice count once.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Mapping
from glob import escape, glob
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.files import atomic_directory, write_atomic
from feature_repo.core.home import Home
from feature_repo.lake.parquet import count_rows, duckdb_connection, parquet_files, read_table
from feature_repo.registry import FEATURES, USER_COLUMNS, USER_PROFILE, VIDEO_COLUMNS, VIDEO_PROFILE
from feature_repo.schema import EVENT_COLUMNS, FLOAT, IMPRESSION_COLUMNS, INT, STRING, STRINGS

DAY_US = 86_400_000_000
CATALOG_VERSION = b"marquee.catalog_version"  # of videos.parquet, in its metadata
NO_DAY = "1970-01-01"  # of a table without rows: a file says which columns it has
FEW_ROWS = 2_000  # the fewest rows of a batch file; smaller days share one

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


def _schema(columns: tuple[str, ...], profile: Mapping[str, str] | None = None) -> pa.Schema:
    known = {name: ARROW_TYPES[dtype] for name, dtype in (profile or {}).items()}
    return pa.schema([(name, known.get(name) or _NUMBERS.get(name, pa.string())) for name in columns])


VIDEOS = _schema(VIDEO_COLUMNS, VIDEO_PROFILE)
USERS = _schema(USER_COLUMNS, USER_PROFILE)
EVENTS = _schema(EVENT_COLUMNS)
IMPRESSIONS = _schema(IMPRESSION_COLUMNS)
# Of a cut: viewers whose events are not believed, a row for each reason (lake/floods.py).
TAGGED = pa.schema(
    [
        ("user_id", pa.string()),
        ("reason", pa.string()),  # one of compute/floods.py:REASONS
        ("days", pa.int64()),  # on which it was so
        ("since_us", pa.int64()),  # 00:00 UTC of the first of them
        ("found", pa.float64()),  # on the worst of them, in the unit of the limit
        ("most", pa.float64()),  # the limit
        ("events", pa.int64()),  # of the viewer, all of them, which count for nobody else
    ]
)
YOUNGER = ("about",)  # columns that lakes of an earlier Marquee do not have


class LakeError(MarqueeError):
    """A table or a source file is invalid; the message names it and what was expected."""


class Lake:
    """The tables of HOME/lake, for writers. Jobs read a cut of them: `cut.cut_of`."""

    def __init__(self, home: Home, root: Path | None = None) -> None:
        """`root`: another folder of the same tables."""
        self.root = root or home.lake

    @property
    def videos_path(self) -> str:
        return str(self.root / "videos.parquet")

    @property
    def users_path(self) -> str:
        return str(self.root / "users.parquet")

    @property
    def tagged_path(self) -> Path:
        return self.root / "tagged.parquet"

    @property
    def events_glob(self) -> str:
        return self.files("events")

    @property
    def impressions_glob(self) -> str:
        return self.files("impressions")

    def replace(self, *, videos: pa.Table, users: pa.Table, events: pa.Table, impressions: pa.Table) -> None:
        """Replace the world: all four tables at once, or none when anything fails."""
        staged = copy.copy(self)
        with atomic_directory(self.root) as staged.root:
            staged.write_videos(videos)
            staged.write_users(users)
            staged.write_events(events)
            staged.write_impressions(impressions)

    def write_videos(self, table: pa.Table, catalog_version: int | None = None) -> None:
        """`catalog_version`: of which version of the catalog they are; None: as they were ingested."""
        videos = _checked(_filled(table, VIDEOS), VIDEOS, "videos").sort_by("video_id")
        if catalog_version is not None:
            videos = videos.replace_schema_metadata({CATALOG_VERSION: str(catalog_version)})
        _write_one(Path(self.videos_path), videos)

    def write_users(self, table: pa.Table) -> None:
        _write_one(Path(self.users_path), _checked(_filled(table, USERS), USERS, "users").sort_by("user_id"))

    def write_events(self, table: pa.Table) -> None:
        self._replace("events", _events(table))

    def write_impressions(self, table: pa.Table) -> None:
        self._replace("impressions", _checked(table, IMPRESSIONS, "impressions"))

    def append_events(self, table: pa.Table, name: str) -> None:
        self._append("events", _events(table), name)

    def append_impressions(self, table: pa.Table, name: str) -> None:
        self._append("impressions", _checked(table, IMPRESSIONS, "impressions"), name)

    def append_whole(self, name: str, table: pa.Table, file: str) -> None:
        """Append events or impressions as one file, whatever their days: all of them, or none after a crash."""
        rows = _events(table) if name == "events" else _checked(table, IMPRESSIONS, name)
        rows = rows.sort_by("timestamp_us")
        if len(rows):
            day = np.datetime64(rows["timestamp_us"][0].as_py() // DAY_US, "D")
            _write_one(self.root / name / f"day={day}" / f"{file}.parquet", rows)

    def videos(self) -> pa.Table:
        return _filled(_read_one(Path(self.videos_path)), VIDEOS).replace_schema_metadata()

    def users(self) -> pa.Table:
        return _filled(_read_one(Path(self.users_path)), USERS)

    def tagged(self) -> pa.Table:
        """Viewers whose events are not believed, as TAGGED; none of a lake that is no cut."""
        return read_table(self.tagged_path).cast(TAGGED) if self.tagged_path.exists() else TAGGED.empty_table()

    def events(
        self, start_us: int | None = None, end_us: int | None = None, *, whoever_did_it: bool = False
    ) -> pa.Table:
        """Events with start <= timestamp < end, one per viewer and event_id, in the order in which they happened.

        Of tagged viewers only with `whoever_did_it`: for what is theirs alone.
        """
        key, order = "user_id, event_id", "timestamp_us, sequence, event_id"
        return self._between("events", EVENTS, start_us, end_us, key, order, whoever_did_it)

    def impressions(
        self, start_us: int | None = None, end_us: int | None = None, *, whoever_did_it: bool = False
    ) -> pa.Table:
        """Exposures with start <= timestamp < end, one per impression_id, by time; of whom, as `events`."""
        order = "timestamp_us, request_id, position, impression_id"
        return self._between("impressions", IMPRESSIONS, start_us, end_us, "impression_id", order, whoever_did_it)

    def counts(self) -> dict[str, int]:
        """Rows per table, as stored; without reading them, and without those of files that cannot be read."""
        tables = {"videos": escape(self.videos_path), "users": escape(self.users_path)}
        tables |= {"events": self.events_glob, "impressions": self.impressions_glob}
        return {name: sum(map(_rows, glob(path))) for name, path in tables.items()}

    def different_events(self, most: int) -> int:
        """How many events there are, counted up to `most`; those of one viewer, video, kind and UTC day count once.
        Four columns are read, and no row of them. Raises HomeError without the table."""
        one = f"SELECT DISTINCT user_id, video_id, event, timestamp_us // {DAY_US}"
        with duckdb_connection() as connection:
            source = f"{parquet_files(self._written('events'))} WHERE {self._believed()}"
            asked = f"SELECT count(*) FROM ({one} FROM {source} LIMIT {int(most)})"
            return int(connection.sql(asked).fetchall()[0][0])

    def profiles_digest(self) -> str:
        """A hash of the contents of the videos and users tables, independent of the bytes of their files."""
        content = hashlib.sha256()
        for table in (self.videos(), self.users()):
            buffer = pa.BufferOutputStream()
            with pa.ipc.new_stream(buffer, table.schema) as stream:
                stream.write_table(table.combine_chunks())
            content.update(buffer.getvalue())
        return content.hexdigest()

    def _written(self, name: str) -> str:
        """The pattern of a table's files. Raises HomeError if there are none."""
        pattern = self.files(name)
        if not glob(pattern):
            raise HomeError(f"no {name} in {self.root}: run `marquee simulate` or `marquee ingest …` first")
        return pattern

    def files(self, name: str, called: str = "*") -> str:
        """A pattern of files of events or impressions, for Python and DuckDB alike; a home may be called [2026]."""
        return str(Path(escape(str(self.root)), name, "day=*", f"{called}.parquet"))

    def _believed(self) -> str:
        """The rows of viewers who are not tagged, as a condition of SQL."""
        if not self.tagged_path.exists():
            return "true"
        return f"user_id NOT IN (SELECT user_id FROM {parquet_files(escape(str(self.tagged_path)))})"

    def _between(
        self,
        name: str,
        schema: pa.Schema,
        start_us: int | None,
        end_us: int | None,
        key: str,
        order: str,
        whoever_did_it: bool,
    ) -> pa.Table:
        pattern = self._written(name)
        bounds = [f"timestamp_us >= {int(start_us)}"] if start_us is not None else []
        bounds += [f"timestamp_us < {int(end_us)}"] if end_us is not None else []
        where = " AND ".join(bounds if whoever_did_it else [*bounds, self._believed()]) or "true"
        columns = ", ".join(schema.names)
        source = events_in(pattern) if name == "events" else parquet_files(pattern)
        with duckdb_connection() as connection:
            table = connection.sql(
                f"SELECT {columns} FROM {source} WHERE {where} "
                f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY timestamp_us) = 1 ORDER BY {order}"
            ).to_arrow_table()
        return table.cast(schema)

    def _replace(self, name: str, table: pa.Table) -> None:
        with atomic_directory(self.root / name) as directory:
            for day, rows in _by_day(table, FEW_ROWS) or [(NO_DAY, table)]:
                (directory / f"day={day}").mkdir()
                pq.write_table(rows, directory / f"day={day}" / "part-0.parquet")

    def _append(self, name: str, table: pa.Table, file: str) -> None:
        for day, rows in _by_day(table, 0):
            _write_one(self.root / name / f"day={day}" / f"{file}.parquet", rows)


def events_in(pattern: str) -> str:
    """Files of events as a table of DuckDB's SQL, with the columns that older files lack."""
    names = ", ".join(f"coalesce({name}, '') AS {name}" for name in YOUNGER)
    none = ", ".join(f"''::VARCHAR AS {name}" for name in YOUNGER)
    files = parquet_files(pattern)
    return f"(SELECT * REPLACE ({names}) FROM (SELECT {none} WHERE false UNION ALL BY NAME SELECT * FROM {files}))"


def _events(table: pa.Table) -> pa.Table:
    for name in YOUNGER:
        if name not in table.column_names:
            table = table.append_column(name, pa.array([""] * len(table), pa.string()))
    return _checked(table, EVENTS, "events")


def _by_day(table: pa.Table, few_rows: int) -> list[tuple[str, pa.Table]]:
    """The table cut into whole UTC days, in order. Days too small for a file of their own join the one before."""
    if "sequence" in table.column_names:
        ordered = table.sort_by([("timestamp_us", "ascending"), ("sequence", "ascending")])
    else:
        ordered = table.sort_by("timestamp_us")
    if not len(ordered):
        return []
    day_of_row = ordered["timestamp_us"].to_numpy() // DAY_US
    starts: list[int] = []
    for start in np.flatnonzero(np.diff(day_of_row, prepend=np.iinfo(np.int64).min // 2)).tolist():
        if not starts or start - starts[-1] >= few_rows:
            starts.append(start)
    names = np.datetime_as_string(day_of_row[starts].astype("datetime64[D]")).tolist()
    ends = [*starts[1:], len(ordered)]
    return [(name, ordered.slice(start, end - start)) for name, start, end in zip(names, starts, ends, strict=True)]


def _filled(table: pa.Table, profiles: pa.Schema) -> pa.Table:
    """The table with default columns for features that its source, or the Marquee that wrote it, did not have."""
    for column in profiles:
        if column.name in FEATURES and column.name not in table.column_names:
            values = [FEATURES[column.name].default] * len(table)
            table = table.append_column(column, pa.array(values, column.type))
    return table


def _checked(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise LakeError(f"{name}: expected the columns {', '.join(schema.names)}; missing {', '.join(missing)}")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise LakeError(f"{name}: a column has another type than expected: {error}") from error


def write_result(table: pa.Table, out: Path) -> None:
    """Write a Parquet file atomically, without building it in memory first."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        pq.write_table(table, unfinished)
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_one(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_atomic(path, sink.getvalue().to_pybytes())


def _rows(file: str) -> int:
    try:
        return count_rows(Path(file)) if Path(file).is_file() else 0
    except MarqueeError:  # cut short, no Parquet, or a link to nothing
        return 0


def _read_one(path: Path) -> pa.Table:
    if not path.exists():
        raise HomeError(f"no {path.name} in {path.parent}: run `marquee simulate` or `marquee ingest …` first")
    return read_table(path)
