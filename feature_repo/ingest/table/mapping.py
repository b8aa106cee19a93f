"""The mapping file: which files hold which table, and how their columns become Marquee's fields.

name = "acme"                       # of the world; else the folder's
[[videos]]                          # also users, events, impressions; several blocks of one table add up
files = "films/*.csv"               # relative to the mapping file
separator = ";"
[videos.fields]                     # Marquee's fields (docs/limits.md): a column, or a table as `Value`
video_id = "FilmNr"
duration_seconds = { column = "Laufzeit", unit = "minutes" }
"""

from __future__ import annotations

import codecs
import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from feature_repo.core.files import FileError
from feature_repo.core.toml import read_as, read_toml
from feature_repo.ingest.table.units import TIME_UNITS, UNITS
from feature_repo.limits import LIMITS

TABLES = ("videos", "users", "events", "impressions")
NOT_STATED = ("taken_down_us", "sequence")  # Marquee's own
NEEDED = {
    "videos": ("video_id", "title", "duration_seconds"),
    "users": ("user_id",),
    "events": ("user_id", "video_id", "timestamp_us", "event"),
    "impressions": ("video_id", "timestamp_us"),
}
ROW_NUMBER = "#"  # as a column: the number of the row in its file


@dataclass(frozen=True)
class Value:
    """Where the value of a field comes from, and its form there. Of `column`, `columns`, `constant` and `template` one
    is stated.
    """

    column: str = ""  # "#": the number of the row; of JSON also a path, as user.id
    columns: tuple[str, ...] = ()  # the first that is not empty; of a list: all
    constant: Any = None
    template: str = ""  # "Video {item}": columns in braces
    default: Any = None  # where the value is missing
    missing: tuple[str, ...] = ()  # what else stands for nothing: "N/A", "* Seasons"
    values: Mapping[str, Any] = field(default_factory=dict)  # theirs -> ours; "*": all others; "": left out
    unit: str = ""
    format: str | tuple[str, ...] = ""  # of times, as strptime has it
    timezone: str = ""  # of times that state none; else the mapping's
    since: str = ""  # a day: numbers count units from there
    separator: str = ""  # between the parts of a list; of a single value, the first part counts

    def __post_init__(self) -> None:
        sources = [bool(self.column), bool(self.columns), self.constant is not None, bool(self.template)]
        if sum(sources) != 1:
            raise ValueError("expected one of column, columns, constant and template")
        if self.timezone:
            zone(self.timezone)

    @property
    def formats(self) -> tuple[str, ...]:
        return (self.format,) if isinstance(self.format, str) and self.format else tuple(self.format)


@dataclass(frozen=True)
class Rating:
    """A column of ratings instead of events: each is a watch of a share of the video, and may be a like or dislike."""

    column: str
    like_from: float | None = None  # this rating and above; None: none is
    dislike_to: float | None = None  # this rating and below
    watched: tuple[tuple[float, ...], ...] = ((float("-inf"), 1.0),)  # from this rating on, this share of the video
    values: Mapping[str, float] = field(default_factory=dict)  # "up" -> 1
    least: float | None = None  # a rating outside is refused
    most: float | None = None

    def __post_init__(self) -> None:
        if any(len(step) != 2 or not 0 <= step[1] <= 1 for step in self.watched):
            raise ValueError("expected as watched a list of [rating, share from 0 to 1], as [[1, 0.3], [4, 1.0]]")
        if self.like_from is not None and self.dislike_to is not None and self.like_from <= self.dislike_to:
            raise ValueError(f"expected like_from above dislike_to, found {self.like_from:g} and {self.dislike_to:g}")


@dataclass(frozen=True)
class Source:
    """Files of one form that hold rows of one table."""

    files: tuple[str, ...]  # patterns, relative to the mapping file
    fields: Mapping[str, Value]
    rating: Rating | None = None  # of events
    form: Literal["", "csv", "jsonl", "parquet"] = ""  # "": by the suffix
    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'  # "": none
    escape: str = ""  # of a quote within quotes; "": it is written twice
    header: int = 1  # the line of the names; 0: none, and columns are called 1, 2, 3
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = ()  # what stands for nothing, in every column
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # only rows with one of these values
    repeated: Literal["refuse", "first"] = "refuse"  # of videos and users: another row of an id
    unlisted_videos: Literal["refuse", "leave out"] = "refuse"  # of events and impressions

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: expected one as utf-8 or cp1252, found {self.encoding!r}") from None
        if not self.separator:
            raise ValueError("separator: expected text, found nothing")
        if len(self.quote) > 1 or len(self.escape) > 1:
            raise ValueError("expected one character as quote and as escape, or nothing")


@dataclass(frozen=True)
class TableMapping:
    """A mapping file as read."""

    path: Path
    name: str
    timezone: str
    clock: str
    sources: Mapping[str, tuple[Source, ...]]  # by table

    def files_of(self, source: Source) -> list[Path]:
        """The files of a source, in order of their names. Raises FileError where a pattern has none."""
        found: dict[Path, None] = {}
        for pattern in source.files:
            # A name that is there is that file, whatever stands in it: films[1].csv
            paths = [self.folder / pattern] if (self.folder / pattern).exists() else _matches(self.folder, pattern)
            if not paths:
                raise FileError(f"{self.path}: expected files: {pattern}, found none in {self.folder}")
            found |= dict.fromkeys(paths)
        return list(found)

    def files(self) -> list[Path]:
        """All files that it names, each once."""
        return list(dict.fromkeys(path for of in self.sources.values() for one in of for path in self.files_of(one)))

    @property
    def folder(self) -> Path:
        return self.path.resolve().parent


def read_mapping(path: Path) -> TableMapping:
    """Raises FileError naming the key, what was expected and what was found."""
    stated = read_toml(path, "a mapping in TOML, as `marquee ingest suggest` writes it")
    try:
        return _mapping(path, stated)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a name of no time zone."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"timezone: expected a name as Europe/Berlin or UTC, found {name!r}") from None


def _mapping(path: Path, stated: Mapping[str, Any]) -> TableMapping:
    known = ("name", "timezone", "clock", *TABLES)
    if unknown := [key for key in stated if key not in known]:
        raise ValueError(f"{unknown[0]}: expected one of {', '.join(known)}")
    name, timezone, clock = (
        read_as(str, stated.get(key, default), key)
        for key, default in (("name", path.resolve().parent.name), ("timezone", "UTC"), ("clock", "data"))
    )
    zone(timezone)
    if clock not in ("data", "live"):
        raise ValueError(f"clock: expected data or live, found {clock!r}")
    if not stated.get("videos"):
        raise ValueError("videos: expected a block [[videos]] that names files, found none")
    return TableMapping(
        path, name, timezone, clock, {table: _sources(table, stated.get(table, [])) for table in TABLES}
    )


def _sources(table: str, stated: Any) -> tuple[Source, ...]:
    blocks = [stated] if isinstance(stated, Mapping) else stated
    if not isinstance(blocks, list) or not all(isinstance(block, Mapping) for block in blocks):
        raise ValueError(f"{table}: expected blocks [[{table}]], found {stated!r}")
    return tuple(_source(table, block, f"{table}[{at}]" if at else table) for at, block in enumerate(blocks))


def _source(table: str, block: Mapping[str, Any], key: str) -> Source:
    fields = block.get("fields", {})
    if not isinstance(fields, Mapping):
        raise ValueError(f"{key}.fields: expected a table, found {fields!r}")
    files = block.get("files", ())
    files = [files] if isinstance(files, str) else files
    whole = {name: tuple(map(str, _listed(value))) for name, value in dict(block.get("where", {})).items()}
    others = {name: value for name, value in block.items() if name not in ("fields", "files", "where")}
    if not files:
        raise ValueError(f"{key}.files: expected names or patterns of files, found nothing")
    values = {name: _value(table, name, value, f"{key}.fields.{name}") for name, value in fields.items()}
    try:
        source: Source = read_as(Source, {**others, "files": files, "fields": {}, "where": {}}, key)
        source = Source(**{**source.__dict__, "fields": values, "where": whole})
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(key) else f"{key}: {error}") from None
    _check_whole(table, source, key)
    return source


def _value(table: str, name: str, stated: Any, key: str) -> Value:
    """A field of a source. A text is the name of its column."""
    known = [field for field in LIMITS[table] if field not in NOT_STATED]
    if name not in known:
        raise ValueError(f"{key}: expected one of {', '.join(known)}")
    whole = {"column": stated} if isinstance(stated, str) else stated
    if isinstance(whole, Mapping):
        whole = {**whole, **{one: _listed(whole[one]) for one in ("missing", "columns") if one in whole}}
    if isinstance(whole, Mapping) and isinstance(whole.get("format"), list):
        whole = {**whole, "format": tuple(whole["format"])}
    try:
        value: Value = read_as(Value, whole, key)
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(key) else f"{key}: {error}") from None
    units = TIME_UNITS if LIMITS[table][name].kind == "moment" else UNITS.get(name, ())
    if value.unit and value.unit not in units:
        expected = f"one of {', '.join(units)}" if units else "none"
        raise ValueError(f"{key}.unit: expected {expected}, found {value.unit!r}")
    return value


def _check_whole(table: str, source: Source, key: str) -> None:
    rated = ("event",) if source.rating is not None else ()
    if source.rating is not None and table != "events":
        raise ValueError(f"{key}.rating: expected in a block of events alone")
    if rated and "event" in source.fields:
        raise ValueError(f"{key}: expected event or rating, found both")
    if missing := [name for name in NEEDED[table] if name not in (*source.fields, *rated)]:
        hint = " (or a table [events.rating])" if missing == ["event"] else ""
        hint = " ({ constant = 5400 } where none is known)" if missing == ["duration_seconds"] else hint
        raise ValueError(f"{key}.fields: expected {', '.join(NEEDED[table])}; missing {', '.join(missing)}{hint}")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _matches(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder / name for name in glob.glob(pattern, root_dir=folder, recursive=True))
