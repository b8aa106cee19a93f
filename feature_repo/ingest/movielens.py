"""MovieLens into the lake: the `::` files of 1M and 10M, or the CSV files of the newer sets.

A rating is a watch of the whole film. A rating of 4 or more is a like as well, one of 2 or less a dislike. Nobody
logged what was shown, so exposures are implied (implied.py): surface "implied", position -1, propensity 0 = unknown.

The ratings of one second, of which MovieLens has many, are kept apart by microseconds in their true order: that of
`sasrec_pos` where a `ratings.parquet` with this column lies beside, else that of the file.
"""

from __future__ import annotations

import csv
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.implied import PASSED_OVER, imply_exposures
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS, Lake, LakeError

Array = np.ndarray[Any, Any]

HISTORY_LENGTH = 200
UNKNOWN_DURATION_SECONDS = 6000.0  # 100 minutes, near the median of the films whose runtime is known
LIKE_FROM, DISLIKE_TO = 4.0, 2.0
SEED = 7
UNKNOWN_POSITION = 2**31
AGE_GROUPS = {1: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}
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


@dataclass(frozen=True)
class Ratings:
    """N ratings in the order in which they were given; `user_N` and `movie_N` as in the source."""

    user_N: Array
    movie_N: Array
    rating_N: Array
    timestamp_us_N: Array
    line_N: Array  # 1 = the first line of the file


def ingest(home: Home, path: Path, progress: Progress = SILENT) -> dict[str, Any]:
    """Replace the home's world by the MovieLens set in the directory `path`.

    Raises LakeError, naming file and line, before anything is written.
    """
    path = Path(path)
    with progress.task(f"MovieLens from {path.name}", total=5) as advance:
        reader = _find_reader(path)
        movies = reader.movies()
        advance(1)
        ratings = reader.ratings()
        ages = reader.ages()
        _check_references(reader, ratings, movies, ages)
        advance(1)
        videos, users = _videos(movies, ratings), _users(ratings, ages)
        events = _events(ratings, videos)
        advance(1)
        impressions = _impressions(ratings, videos)
        advance(1)
        Lake(home).replace(videos=videos, users=users, events=events, impressions=impressions)
        advance(1)
    last_us = int(ratings.timestamp_us_N[-1])
    home.write_world(
        World(
            name=path.resolve().name,
            source="movielens",
            id_type="int",
            genres=tuple(sorted({genre for movie in movies for genre in movie.genres})),
            history_length=HISTORY_LENGTH,
            clock_offset_seconds=last_us / 1e6 + 1.0 - time.time(),
            example_user=_example_user(ratings),
        )
    )
    return {
        "world": path.resolve().name,
        "videos": len(videos),
        "users": len(users),
        "ratings": len(ratings.user_N),
        "events": len(events),
        "impressions": len(impressions),
        "first_day": _day(int(ratings.timestamp_us_N[0])),
        "last_day": _day(last_us),
    }


# --- the two formats -------------------------------------------------------------------------------------------------


class DatFiles:
    """`ratings.dat`, `movies.dat`, `users.dat`: fields between `::`, latin-1, no header. 10M has no `users.dat`."""

    ratings_name, movies_name, users_name = "ratings.dat", "movies.dat", "users.dat"
    rating_line = "UserID::MovieID::Rating::Timestamp"

    def __init__(self, path: Path) -> None:
        self.path = path

    def movies(self) -> list[Movie]:
        pattern = re.compile(r"(\d+)::(.+)::(.*)")
        rows = _matches(self.path / self.movies_name, pattern, "MovieID::Title::Genres", "latin-1")
        return _enriched(self.path / "movies.parquet", [_movie(*match.groups()) for match in rows], {})

    def ratings(self) -> Ratings:
        file = self.path / self.ratings_name
        content = file.read_bytes().replace(b"::", b"\t")
        table = _parse_ratings(file, content, "\t", re.compile(r"\d+::\d+::\d+(\.\d+)?::\d+"), self.rating_line, 0)
        return _ordered(table, 1, self.path / "ratings.parquet")

    def ages(self) -> dict[int, str] | None:
        """user id -> age group; None when the set does not say who its users are."""
        file = self.path / self.users_name
        if not file.exists():
            return None
        pattern = re.compile(r"(\d+)::([MF])::(\d+)::(\d+)::(.*)")
        rows = _matches(file, pattern, "UserID::Gender::Age::Occupation::Zip-code", "latin-1")
        return {int(match[1]): AGE_GROUPS.get(int(match[3]), "") for match in rows}


class CsvFiles:
    """`ratings.csv`, `movies.csv`, and `tags.csv` where it lies beside: UTF-8 with a header."""

    ratings_name, movies_name, users_name = "ratings.csv", "movies.csv", ""
    rating_line = "userId,movieId,rating,timestamp"

    def __init__(self, path: Path) -> None:
        self.path = path

    def movies(self) -> list[Movie]:
        rows = _csv_rows(self.path / self.movies_name, ("movieId", "title", "genres"))
        movies = [_movie(*row) for row in rows]
        return _enriched(self.path / "movies_enriched.parquet", movies, self._tags())

    def ratings(self) -> Ratings:
        file = self.path / self.ratings_name
        content = file.read_bytes()
        header, _, body = content.partition(b"\n")
        if header.strip().decode("utf-8", "replace") != self.rating_line:
            raise _wrong(file, 1, self.rating_line, header.decode("utf-8", "replace"))
        table = _parse_ratings(file, body, ",", re.compile(r"\d+,\d+,\d+(\.\d+)?,\d+"), self.rating_line, 1)
        return _ordered(table, 2, self.path / "ratings.parquet")

    def ages(self) -> dict[int, str] | None:
        return None

    def _tags(self) -> dict[int, list[str]]:
        """movie id -> what people call it, the most frequent first."""
        file = self.path / "tags.csv"
        if not file.exists():
            return {}
        counts: dict[int, Counter[str]] = {}
        for _, movie_id, tag, _ in _csv_rows(file, ("userId", "movieId", "tag", "timestamp")):
            counts.setdefault(int(movie_id), Counter())[tag.strip().lower()] += 1
        return {movie_id: [tag for tag, _ in count.most_common(5) if tag] for movie_id, count in counts.items()}


def _find_reader(path: Path) -> DatFiles | CsvFiles:
    for reader in (DatFiles, CsvFiles):
        if (path / reader.ratings_name).is_file():
            if not (path / reader.movies_name).is_file():
                raise LakeError(f"{path / reader.movies_name}: expected beside {reader.ratings_name}; it is not there")
            return reader(path)
    raise LakeError(f"{path}: expected ratings.dat or ratings.csv in it (the directory of a MovieLens set); neither is")


def _parse_ratings(
    file: Path, body: bytes, delimiter: str, line: re.Pattern[str], expected: str, skip: int
) -> pa.Table:
    names = ["user", "movie", "rating", "timestamp"]
    types = {"user": pa.int64(), "movie": pa.int64(), "rating": pa.float64(), "timestamp": pa.int64()}
    if not body.strip():
        raise _wrong(file, skip + 1, expected, "the end of the file")
    try:
        return pacsv.read_csv(
            pa.BufferReader(body),
            read_options=pacsv.ReadOptions(column_names=names),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(column_types=types, null_values=[]),
        )
    except pa.ArrowInvalid as error:
        for _ in list(_matches(file, line, expected, "latin-1", skip)):
            pass  # the fast parser refused the file; the slow one raises at the line
        raise LakeError(f"{file}: expected lines of {expected}: {error}") from error


def _matches(
    file: Path, pattern: re.Pattern[str], expected: str, encoding: str, skip: int = 0
) -> Iterator[re.Match[str]]:
    """Every line of the file as a match of the whole pattern; LakeError at the first that is not."""
    with file.open(encoding=encoding, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if number <= skip:
                continue
            match = pattern.fullmatch(line.rstrip("\r\n"))
            if match is None:
                raise _wrong(file, number, expected, line.rstrip("\r\n"))
            yield match


def _csv_rows(file: Path, names: tuple[str, ...]) -> Iterator[list[str]]:
    """The rows below a header of exactly these names, whose first column ending in "Id" is a number."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        try:
            header = next(rows, [])
            if tuple(header) != names:
                raise _wrong(file, 1, ",".join(names), ",".join(header))
            for row in rows:
                if len(row) != len(names) or not all(
                    cell.isdigit() for cell, name in zip(row, names, strict=True) if name.endswith("Id")
                ):
                    raise _wrong(file, rows.line_num, ",".join(names), ",".join(row))
                yield row
        except UnicodeDecodeError as error:
            raise LakeError(f"{file}: expected UTF-8 text after line {rows.line_num}: {error}") from error


def _wrong(file: Path, number: int, expected: str, found: str) -> LakeError:
    return LakeError(f"{file}, line {number}: expected {expected}, found {found[:80]!r}")


def _movie(movie_id: str, title: str, genres: str) -> Movie:
    year = re.search(r"\((\d{4})[^)]*\)\s*$", title)
    names = [genre for genre in genres.split("|") if genre and genre != NO_GENRES]
    return Movie(int(movie_id), title.strip(), names, int(year[1]) if year else 0)


def _enriched(file: Path, movies: list[Movie], tags: dict[int, list[str]]) -> list[Movie]:
    """The movies with what a Parquet file beside them tells: plot, runtime, director, release date, rating."""
    told: dict[int, dict[str, Any]] = {}
    if file.exists():
        rows = pq.read_table(file).to_pylist()
        told = {int(row.get("movie_id") or row.get("movieId") or 0): row for row in rows}
    return [_with_extras(movie, told.get(movie.movie_id, {}), tags.get(movie.movie_id, [])) for movie in movies]


def _with_extras(movie: Movie, told: dict[str, Any], tags: list[str]) -> Movie:
    runtime = float(told.get("runtime_min") or 0.0)
    actors = [name.strip() for name in (told.get("actors") or "").split(",") if name.strip() not in ("", "N/A")]
    director = (told.get("directors") or "").split(",")[0].strip()
    plot = told.get("plot") or told.get("tmdb_overview") or ""
    decade = [f"{movie.year // 10 * 10}s"] if movie.year else []
    return Movie(
        movie_id=movie.movie_id,
        title=movie.title,
        genres=movie.genres,
        year=movie.year,
        description=plot if plot != "N/A" else "",
        director=director if director != "N/A" else "",
        tags=[*decade, *tags, *actors[:3]],
        maturity=MATURITY.get(told.get("age_rating") or "", UNRATED_MATURITY),
        duration_seconds=runtime * 60.0 if 0 < runtime < 1000 else UNKNOWN_DURATION_SECONDS,  # NaN is neither
        released_us=_released_us(told.get("release_date") or "", movie.year),
    )


def _released_us(date: str, year: int) -> int | None:
    try:
        day = datetime.strptime(date, "%d %b %Y").replace(tzinfo=UTC)
    except ValueError:
        if not year:
            return None
        day = datetime(year, 1, 1, tzinfo=UTC)
    return int(day.timestamp()) * 1_000_000


def _ordered(table: pa.Table, first_line: int, exact: Path) -> Ratings:
    """The ratings in order: within a user the exact one where it is known; no time is earlier than it was."""
    user, movie, rating, seconds = (table[name].to_numpy().copy() for name in ("user", "movie", "rating", "timestamp"))
    line = np.arange(len(user)) + first_line
    position = _exact_positions(exact, user, movie)
    order = np.lexsort((line, position, user))
    for own in _runs(user[order]):
        rows = order[own]
        rows = rows[position[rows] < UNKNOWN_POSITION]
        seconds[rows] = np.maximum.accumulate(seconds[rows])
    order = np.lexsort((line, position, seconds, user))
    timestamp_us = seconds[order] * 1_000_000
    for own in _runs(user[order]):
        apart_us = 2 * np.arange(own.stop - own.start)  # a like stands one microsecond after its watch
        timestamp_us[own] = np.maximum.accumulate(timestamp_us[own] - apart_us) + apart_us
    by_time = np.argsort(timestamp_us, kind="stable")
    rows = order[by_time]
    return Ratings(user[rows], movie[rows], rating[rows], timestamp_us[by_time], line[rows])


def _runs(sorted_values: Array) -> list[slice]:
    starts = np.flatnonzero(np.diff(sorted_values, prepend=sorted_values[0] - 1)).tolist()
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(sorted_values)], strict=True)]


def _exact_positions(file: Path, user: Array, movie: Array) -> Array:
    """`sasrec_pos` of each rating; UNKNOWN_POSITION where no file beside tells it."""
    position = np.full(len(user), UNKNOWN_POSITION)
    names = ["user_id", "movie_id", "sasrec_pos"]
    if not file.exists() or not set(names) <= set(pq.read_schema(file).names):
        return position
    known = pq.read_table(file, columns=names).drop_null()
    if not len(known):
        return position
    known_user, known_movie, known_position = (known[name].to_numpy().astype(np.int64) for name in names)
    width = int(max(movie.max(), known_movie.max())) + 1
    keys, wanted = known_user * width + known_movie, user * width + movie
    by_key = np.argsort(keys)
    at = by_key[np.searchsorted(keys[by_key], wanted).clip(max=len(keys) - 1)]
    told: Array = np.where(keys[at] == wanted, known_position[at], position)
    return told


def _check_references(
    reader: DatFiles | CsvFiles, ratings: Ratings, movies: list[Movie], ages: dict[int, str] | None
) -> None:
    listed = [("movie", ratings.movie_N, [movie.movie_id for movie in movies], reader.movies_name)]
    if ages is not None:
        listed.append(("user", ratings.user_N, list(ages), reader.users_name))
    for kind, ids, known, name in listed:
        stray = ~np.isin(ids, known)
        if stray.any():
            at = int(np.flatnonzero(stray)[np.argmin(ratings.line_N[stray])])
            raise LakeError(
                f"{reader.path / reader.ratings_name}, line {ratings.line_N[at]}: "
                f"expected a {kind} that {name} lists, found {kind} {ids[at]}"
            )


# --- tables ----------------------------------------------------------------------------------------------------------


def _videos(movies: list[Movie], ratings: Ratings) -> pa.Table:
    """One row per film. Nobody watches what is not out: a film is published a day before its first rating at latest."""
    ids = np.array([movie.movie_id for movie in movies])
    first_us = np.full(int(max(ids.max(), ratings.movie_N.max())) + 1, ratings.timestamp_us_N[-1])
    np.minimum.at(first_us, ratings.movie_N, ratings.timestamp_us_N)
    latest_us = first_us[ids] - DAY_US
    released_us = [movie.released_us for movie in movies]
    return pa.table(
        {
            "video_id": _text(ids),
            "title": [movie.title for movie in movies],
            "description": [movie.description for movie in movies],
            "creator_id": [_slug(movie.director) for movie in movies],
            "creator_name": [movie.director for movie in movies],
            "series_id": [""] * len(movies),
            "episode": np.zeros(len(movies), dtype=np.int64),
            "genres": [movie.genres for movie in movies],
            "tags": [movie.tags for movie in movies],
            "video_language": ["en"] * len(movies),
            "countries": pa.array([[]] * len(movies), pa.list_(pa.string())),
            "maturity": [movie.maturity for movie in movies],
            "duration_seconds": [movie.duration_seconds for movie in movies],
            "published_timestamp_us": [
                int(latest if released is None else min(released, latest))
                for released, latest in zip(released_us, latest_us, strict=True)
            ],
        }
    )


def _users(ratings: Ratings, ages: dict[int, str] | None) -> pa.Table:
    """One row per user, who signs up a minute before the first rating (without one: when the world begins)."""
    known, first = np.unique(ratings.user_N, return_index=True)
    first_us = dict(zip(known.tolist(), ratings.timestamp_us_N[first].tolist(), strict=True))
    ids = sorted(first_us if ages is None else ages)
    count = len(ids)
    begin_us = int(ratings.timestamp_us_N[0])
    return pa.table(
        {
            "user_id": _text(np.array(ids)),
            "country": [""] * count,
            "user_language": ["en"] * count,
            "age_group": [(ages or {}).get(user, "") for user in ids],
            "maturity_limit": np.full(count, 18),  # the data shows minors rating R films: nothing is held back
            "signup_timestamp_us": [first_us.get(user, begin_us) - 60_000_000 for user in ids],
        }
    )


def _events(ratings: Ratings, videos: pa.Table) -> pa.Table:
    """A watch per rating, then a like or dislike one microsecond later for those that are clear."""
    count = len(ratings.user_N)
    liked, disliked = ratings.rating_N >= LIKE_FROM, ratings.rating_N <= DISLIKE_TO
    reacted = np.flatnonzero(liked | disliked)
    rows = np.concatenate([np.arange(count), reacted])
    is_watch = np.arange(len(rows)) < count
    kind = np.where(is_watch, 0, np.where(liked[rows], 1, 2)).astype(np.int8)
    duration = _of_movie(videos, "duration_seconds", ratings.movie_N)[rows]
    kinds = pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(["watch", "like", "dislike"])).cast(pa.string())
    line = _text(ratings.line_N[rows])
    return _lake_table(
        EVENTS,
        len(rows),
        event_id=pc.binary_join_element_wise("r", line, pc.binary_join_element_wise("-", kinds, ""), ""),
        user_id=_text(ratings.user_N[rows]),
        video_id=_text(ratings.movie_N[rows]),
        event=kinds,
        timestamp_us=ratings.timestamp_us_N[rows] + ~is_watch,
        watch_seconds=np.where(is_watch, duration, 0.0),
        duration_seconds=duration,
        position=np.full(len(rows), -1),
        sequence=2 * rows + ~is_watch,
    )


def _impressions(ratings: Ratings, videos: pa.Table) -> pa.Table:
    """Implied exposures, one second before the rating that they led to."""
    rng = np.random.default_rng(SEED)
    movies, movie = np.unique(ratings.movie_N, return_inverse=True)
    implied = imply_exposures(ratings.user_N, movie, len(movies), rng)
    width = 1 + PASSED_OVER
    shown_RP = np.concatenate([movie[implied.taken_R][:, None], implied.passed_RW], axis=1)
    kept = shown_RP.ravel() >= 0
    row = np.repeat(implied.taken_R, width)[kept]
    number = np.repeat(np.arange(len(implied)), width)[kept]
    slot = np.tile(np.arange(width), len(implied))[kept]
    movie_id = movies[shown_RP.ravel()[kept]]
    taken, rating = slot == 0, ratings.rating_N[row]
    request = pc.binary_join_element_wise("implied", _text(number), "-")
    count = len(row)
    return _lake_table(
        IMPRESSIONS,
        count,
        impression_id=pc.binary_join_element_wise(request, _text(slot), "-"),
        request_id=request,
        user_id=_text(ratings.user_N[row]),
        video_id=_text(movie_id),
        timestamp_us=ratings.timestamp_us_N[row] - 1_000_000,
        position=np.full(count, -1),
        surface=pa.array(["implied"] * count),
        clicked=taken,
        watch_seconds=np.where(taken, _of_movie(videos, "duration_seconds", movie_id), 0.0),
        watch_fraction=taken.astype(np.float64),
        liked=taken & (rating >= LIKE_FROM),
        disliked=taken & (rating <= DISLIKE_TO),
    )


def _lake_table(schema: pa.Schema, count: int, **columns: Any) -> pa.Table:
    """A table of the lake; what the source does not know is empty, zero or false."""
    for name, dtype in zip(schema.names, schema.types, strict=True):
        if name not in columns:
            empty = "" if pa.types.is_string(dtype) else False if pa.types.is_boolean(dtype) else 0
            columns[name] = pa.repeat(pa.scalar(empty, dtype), count)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _of_movie(videos: pa.Table, column: str, movie: Array) -> Array:
    ids = pc.cast(videos["video_id"], pa.int64()).to_numpy()
    order = np.argsort(ids)
    values: Array = videos[column].to_numpy()[order[np.searchsorted(ids[order], movie)]]
    return values


def _text(numbers: Array) -> pa.Array:
    return pc.cast(pa.array(numbers), pa.string())


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _example_user(ratings: Ratings) -> str:
    """A user with a rich history: the last one to rate among those with at least as many ratings as three in four."""
    _, of_row, counts = np.unique(ratings.user_N, return_inverse=True, return_counts=True)
    rich = counts[of_row] >= np.quantile(counts, 0.75)
    return str(ratings.user_N[np.flatnonzero(rich)[-1]])


def _day(timestamp_us: int) -> str:
    return datetime.fromtimestamp(timestamp_us / 1e6, UTC).date().isoformat()
