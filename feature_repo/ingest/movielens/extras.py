"""Optional Parquet file with more about the films: plot, runtime, director, release date, rating."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.ingest.lines import is_there
from feature_repo.ingest.movielens.movies import UNRATED_MATURITY, Movie
from feature_repo.ingest.parquet_files import read_parquet
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.tables import word_of
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LimitError, check

MATURITY = {"G": 0, "PG": 7, "PG-13": 13, "R": 16, "NC-17": 18}
LONGEST_MINUTES = 1000
ACTORS = 3


def extras_of(file: Path, listed: Collection[str], rejected: Rejected) -> dict[str, dict[str, Any]]:
    """movie id -> its row, the first where there are two; nothing where there is no such file.

    Raises LakeError for one that is not Parquet, or says of no row which film it is about.
    """
    if not is_there(file):
        return {}
    table = read_parquet(file, what="a Parquet file about films")
    name = next((name for name in ("movie_id", "movieId") if name in table.column_names), None)
    if name is None:
        raise LakeError(
            f"{file}: expected a column movie_id or movieId, found {', '.join(table.column_names) or 'none'}"
        )
    extras: dict[str, dict[str, Any]] = {}
    for movie_id, row in zip(_ids(table[name]), table.to_pylist(), strict=True):
        extras.setdefault(movie_id, row)
    if twice := len(table) - len(extras):
        rejected.note(f"{file.name}: {twice} rows are about a film of a row before, which counts")
    if others := len(extras.keys() - set(listed)):
        rejected.note(f"{file.name}: {others} of {len(extras)} films that it tells of are not listed")
    return extras


def _ids(column: pa.ChunkedArray) -> list[str]:
    """Ids as text: those of whole numbers may be numbers of any type."""
    if pa.types.is_floating(column.type):
        return [str(int(value)) if value is not None and math.isfinite(value) else "" for value in column.to_pylist()]
    return [str(value) for value in column.to_pylist()]


def with_extra(movie: Movie, extra: Mapping[str, Any], tags: list[str]) -> Movie:
    actors = [name for name in map(word_of, _text(extra, "actors").split(",")) if name]
    decade = [f"{movie.year // 10 * 10}s"] if movie.year else []
    return replace(
        movie,
        description=check("videos", "description", _text(extra, "plot") or _text(extra, "tmdb_overview")),
        director=check("videos", "creator_name", _text(extra, "directors").split(",")[0]),
        tags=[*decade, *tags, *actors[:ACTORS]],
        maturity=MATURITY.get(_text(extra, "age_rating"), UNRATED_MATURITY),
        duration_seconds=_runtime_seconds(extra.get("runtime_min")),
        released_us=_released_us(_text(extra, "release_date"), movie.year),
    )


def _text(extra: Mapping[str, Any], name: str) -> str:
    value = extra.get(name)
    return "" if not isinstance(value, str) or value.strip() == "N/A" else value.strip()


def _runtime_seconds(minutes: Any) -> float:
    known = isinstance(minutes, int | float) and math.isfinite(minutes) and 0 < minutes < LONGEST_MINUTES
    return float(minutes) * 60.0 if known else 0.0


def _released_us(date: str, year: int) -> int | None:
    """None if unknown or invalid."""
    try:
        day = datetime.strptime(date, "%d %b %Y").replace(tzinfo=UTC)
    except ValueError:
        if not year:
            return None
        day = datetime(year, 1, 1, tzinfo=UTC)
    try:
        return int(check("videos", "published_timestamp_us", int(day.timestamp()) * 1_000_000))
    except LimitError:
        return None
