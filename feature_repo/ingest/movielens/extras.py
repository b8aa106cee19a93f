"""Optional Parquet file with more about the films: plot, runtime, director, release date, rating."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.files import one_line
from feature_repo.ingest.lines import is_there
from feature_repo.ingest.movielens.movies import UNRATED_MATURITY, Movie, word_of
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LimitError, check

MATURITY = {"G": 0, "PG": 7, "PG-13": 13, "R": 16, "NC-17": 18}
LONGEST_MINUTES = 1000
ACTORS = 3


def extras_of(file: Path) -> dict[str, dict[str, Any]]:
    """movie id -> its row; empty without the file. Raises LakeError if it is not Parquet."""
    if not is_there(file):
        return {}
    try:
        rows = pq.read_table(file).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise LakeError(f"{file}: expected a Parquet file about films: {one_line(error)}") from error
    if rows and not {"movie_id", "movieId"} & set(rows[0]):
        raise LakeError(f"{file}: expected a column movie_id or movieId, found {', '.join(rows[0])}")
    return {str(row.get("movie_id", row.get("movieId"))): row for row in rows}


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
