"""A film of MovieLens: what its own files say, and what a Parquet file beside them adds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

UNKNOWN_DURATION_SECONDS = 6000.0  # 100 minutes, near the median of the films whose runtime is known
MATURITY = {"G": 0, "PG": 7, "PG-13": 13, "R": 16, "NC-17": 18}
UNRATED_MATURITY = 13
NO_GENRES = "(no genres listed)"


@dataclass(frozen=True)
class Movie:
    movie_id: int
    title: str
    genres: list[str]
    year: int = 0
    description: str = ""
    director: str = ""
    tags: list[str] = field(default_factory=list)
    maturity: int = UNRATED_MATURITY
    duration_seconds: float = UNKNOWN_DURATION_SECONDS
    released_us: int | None = None


def movie_of(movie_id: str, title: str, genres: str) -> Movie:
    year = re.search(r"\((\d{4})[^)]*\)\s*$", title)
    names = [genre for genre in genres.split("|") if genre and genre != NO_GENRES]
    return Movie(int(movie_id), title.strip(), names, int(year[1]) if year else 0)


def with_extras(file: Path, movies: list[Movie], tags: dict[int, list[str]]) -> list[Movie]:
    """The movies with what a Parquet file beside them tells: plot, runtime, director, release date, rating."""
    extra: dict[int, dict[str, Any]] = {}
    if file.exists():
        rows = pq.read_table(file).to_pylist()
        extra = {int(row.get("movie_id") or row.get("movieId") or 0): row for row in rows}
    return [_with_extra(movie, extra.get(movie.movie_id, {}), tags.get(movie.movie_id, [])) for movie in movies]


def _with_extra(movie: Movie, extra: dict[str, Any], tags: list[str]) -> Movie:
    runtime = float(extra.get("runtime_min") or 0.0)
    actors = [name.strip() for name in (extra.get("actors") or "").split(",") if name.strip() not in ("", "N/A")]
    director = (extra.get("directors") or "").split(",")[0].strip()
    plot = extra.get("plot") or extra.get("tmdb_overview") or ""
    decade = [f"{movie.year // 10 * 10}s"] if movie.year else []
    return Movie(
        movie_id=movie.movie_id,
        title=movie.title,
        genres=movie.genres,
        year=movie.year,
        description=plot if plot != "N/A" else "",
        director=director if director != "N/A" else "",
        tags=[*decade, *tags, *actors[:3]],
        maturity=MATURITY.get(extra.get("age_rating") or "", UNRATED_MATURITY),
        duration_seconds=runtime * 60.0 if 0 < runtime < 1000 else UNKNOWN_DURATION_SECONDS,  # NaN is neither
        released_us=_released_us(extra.get("release_date") or "", movie.year),
    )


def _released_us(date: str, year: int) -> int | None:
    try:
        day = datetime.strptime(date, "%d %b %Y").replace(tzinfo=UTC)
    except ValueError:
        if not year:
            return None
        day = datetime(year, 1, 1, tzinfo=UTC)
    return int(day.timestamp()) * 1_000_000
