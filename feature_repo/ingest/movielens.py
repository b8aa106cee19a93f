"""MovieLens into the lake: the original `ratings.dat`/`users.dat`/`movies.dat`, or the CSV files of the newer sets.

A rating is a watch of the whole film at the moment of the rating, with a like (4 stars and more) or a dislike (2 and
less) just after it. What MovieLens does not tell:

- order within one second: by `sasrec_pos` where a `ratings.parquet` with that column lies beside, else as in the file;
- durations: `runtime_min` of a `movies.parquet` or `movies_enriched.parquet` beside it, else RUNTIME_SECONDS;
- exposures: nobody knows what was shown and not chosen. The ranker gets implied ones (`surface` = "implied"): a
  sample of ratings, each beside NEGATIVES films that the viewer never rated, drawn by popularity, one second earlier.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from feature_repo.home import Home, World
from feature_repo.lake import EVENTS, IMPRESSIONS, Lake, LakeError
from feature_repo.progress import SILENT, Progress

Array = np.ndarray[Any, Any]

HISTORY_LENGTH = 200  # what published protocols use on this data
RUNTIME_SECONDS = 6000.0
LIKED_STARS, DISLIKED_STARS = 4.0, 2.0
EXPOSURES = 40_000  # ratings that become implied exposures
NEGATIVES = 4
SEED = 7
AGE_GROUPS = {1: "0-17", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}
_YEAR = re.compile(r"\((\d{4})\)\s*$")


def ingest(home: Home, path: Path, progress: Progress = SILENT) -> dict[str, Any]:
    """Replace the home's world by the data set at `path`. Raises LakeError naming the file at fault."""
    with progress.task("reading MovieLens", total=3) as advance:
        ratings = _ratings(path)
        advance(1)
        movies, extras = _movies(path)
        advance(1)
        people = _people(path)
        advance(1)
    order = np.lexsort((ratings["tie"], ratings["timestamp"]))
    ratings = {name: column[order] for name, column in ratings.items()}
    unknown = np.setdiff1d(ratings["movie"], movies["movie"])
    if len(unknown):
        raise LakeError(f"{path}: {len(unknown)} rated films are not in the catalog, the first is {unknown[0]}")
    lake = Lake(home)
    runtime = {int(movie): seconds for movie, seconds in zip(movies["movie"], extras["seconds"], strict=True)}
    with progress.task("writing the lake", total=4) as advance:
        lake.write_videos(_videos(movies, extras, ratings))
        advance(1)
        lake.write_users(_users(people, ratings))
        advance(1)
        seconds = np.array([runtime[movie] for movie in ratings["movie"].tolist()])
        events = _events(ratings, seconds)
        lake.write_events(events)
        advance(1)
        impressions = _exposures(ratings, seconds)
        lake.write_impressions(impressions)
        advance(1)
    genres = tuple(sorted({name for names in extras["genres"] for name in names}))
    last_second = int(ratings["timestamp"][-1])
    watched, counts = np.unique(ratings["user"], return_counts=True)
    world = World(
        name=path.resolve().name,
        source="movielens",
        id_type="int",
        genres=genres,
        history_length=HISTORY_LENGTH,
        clock_offset_seconds=last_second + 1 - time.time(),
        example_user=str(watched[np.argsort(counts, kind="stable")[int(0.9 * (len(watched) - 1))]]),
    )
    home.write_world(world)
    return {
        "world": world.name,
        "videos": len(movies["movie"]),
        "users": len(watched),
        "ratings": len(ratings["user"]),
        "events": events.num_rows,
        "impressions": impressions.num_rows,
        "first_day": _day(int(ratings["timestamp"][0])),
        "last_day": _day(last_second),
    }


def _ratings(path: Path) -> dict[str, Array]:
    names = ("user", "movie", "rating", "timestamp")
    types = (pa.int64(), pa.int64(), pa.float64(), pa.int64())
    table = _read(path, "ratings", names, types, ("userId", "movieId", "rating", "timestamp"))
    ratings = {name: table[name].to_numpy() for name in names}
    if len(ratings["user"]) == 0:
        raise LakeError(f"{path}: no ratings")
    ratings["tie"] = np.arange(len(ratings["user"]))
    exact = path / "ratings.parquet"
    if exact.exists() and "sasrec_pos" in pq.read_schema(exact).names:
        placed = pq.read_table(exact, columns=["user_id", "movie_id", "sasrec_pos"])
        position_of = dict(
            zip(
                zip(placed["user_id"].to_pylist(), placed["movie_id"].to_pylist(), strict=True),
                placed["sasrec_pos"].to_pylist(),
                strict=True,
            )
        )
        pairs = zip(ratings["user"].tolist(), ratings["movie"].tolist(), strict=True)
        ratings["tie"] = np.array([-1 if (at := position_of.get(pair)) is None else at for pair in pairs])
    return ratings


def _movies(path: Path) -> tuple[dict[str, Array], dict[str, list[Any]]]:
    """The catalog as written, and what a richer file beside it adds, row by row."""
    names, types = ("movie", "title", "genres"), (pa.int64(), pa.string(), pa.string())
    table = _read(path, "movies", names, types, ("movieId", "title", "genres"))
    count = table.num_rows
    ids = table["movie"].to_numpy()
    genres = [
        [] if text == "(no genres listed)" else text.split("|") for text in (table["genres"].to_pylist())
    ]  # fmt: skip
    extras: dict[str, list[Any]] = {
        "genres": genres,
        "seconds": [RUNTIME_SECONDS] * count,
        "description": [""] * count,
        "creator": [""] * count,
    }
    for name, key, text in (
        ("movies.parquet", "movie_id", "plot"),
        ("movies_enriched.parquet", "movieId", "tmdb_overview"),
    ):
        if not (path / name).exists():
            continue
        rows = {row[key]: row for row in pq.read_table(path / name).to_pylist()}
        for at, movie in enumerate(ids.tolist()):
            row = rows.get(movie, {})
            extras["seconds"][at] = 60.0 * row["runtime_min"] if row.get("runtime_min") else RUNTIME_SECONDS
            extras["description"][at] = row.get(text) or ""
            extras["creator"][at] = (row.get("directors") or "").split(",")[0].strip()
        break
    return {"movie": ids, "title": np.array(table["title"].to_pylist(), dtype=object)}, extras


def _people(path: Path) -> dict[int, str]:
    """User -> age group, where the data set has a users file."""
    if not (path / "users.dat").exists():
        return {}
    names = ("user", "gender", "age", "occupation", "zip")
    types = (pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.string())
    table = _read(path, "users", names, types, ())
    ages = zip(table["user"].to_pylist(), table["age"].to_pylist(), strict=True)
    return {user: AGE_GROUPS.get(age, "") for user, age in ages}


def _read(path: Path, name: str, names: Sequence[str], types: Sequence[pa.DataType], header: Sequence[str]) -> pa.Table:
    """`name.dat` (latin-1, `::` between fields, no header) or `name.csv` (UTF-8, with a header)."""
    original, newer = path / f"{name}.dat", path / f"{name}.csv"
    converted = csv.ConvertOptions(column_types=dict(zip(names, types, strict=True)))
    try:
        if original.exists():
            # A tab never occurs in these files, so that it can stand for the two-character separator.
            source = io.BytesIO(original.read_bytes().replace(b"::", b"\t"))
            options = csv.ReadOptions(column_names=list(names), encoding="latin-1", use_threads=False)
            return csv.read_csv(source, options, csv.ParseOptions(delimiter="\t", quote_char=False), converted)
        if newer.exists():
            options = csv.ReadOptions(column_names=list(names), skip_rows=1, use_threads=False)
            with newer.open() as file:
                found = file.readline().strip().split(",")
            if found[: len(header)] != list(header):
                raise LakeError(f"{newer}: line 1: expected the columns {', '.join(header)}, found {', '.join(found)}")
            return csv.read_csv(newer, options, csv.ParseOptions(newlines_in_values=True), converted)
    except pa.ArrowInvalid as error:
        raise LakeError(f"{original if original.exists() else newer}: {error}") from error
    raise LakeError(f"{path}: expected {name}.dat or {name}.csv, found neither")


def _videos(movies: dict[str, Array], extras: dict[str, list[Any]], ratings: dict[str, Array]) -> pa.Table:
    first_rated: dict[int, int] = {}
    rated, at = np.unique(ratings["movie"], return_index=True)  # ratings are in time order
    first_rated.update(zip(rated.tolist(), ratings["timestamp"][at].tolist(), strict=True))
    published = []
    for movie, title in zip(movies["movie"].tolist(), movies["title"].tolist(), strict=True):
        year = _YEAR.search(title)
        released = datetime(int(year[1]), 1, 1, tzinfo=UTC).timestamp() if year else 0.0
        # Nothing is watched before it is out, whatever the catalog says of its year.
        published.append(int(min(released, first_rated.get(movie, released))) * 1_000_000)
    count = len(movies["movie"])
    return pa.table(
        {
            "video_id": [str(movie) for movie in movies["movie"].tolist()],
            "title": movies["title"].tolist(),
            "description": extras["description"],
            "creator_id": extras["creator"],
            "creator_name": extras["creator"],
            "series_id": [""] * count,
            "episode": np.zeros(count, dtype=np.int64),
            "genres": pa.array(extras["genres"], pa.list_(pa.string())),
            "tags": pa.array([[]] * count, pa.list_(pa.string())),
            "video_language": [""] * count,
            "countries": pa.array([[]] * count, pa.list_(pa.string())),
            "maturity": np.zeros(count, dtype=np.int64),
            "duration_seconds": np.array(extras["seconds"], dtype=np.float64),
            "published_timestamp_us": np.array(published, dtype=np.int64),
        }
    )


def _users(people: dict[int, str], ratings: dict[str, Array]) -> pa.Table:
    users, at = np.unique(ratings["user"], return_index=True)
    count = len(users)
    return pa.table(
        {
            "user_id": [str(user) for user in users.tolist()],
            "country": [""] * count,
            "user_language": [""] * count,
            "age_group": [people.get(user, "") for user in users.tolist()],
            "maturity_limit": np.full(count, 18),
            "signup_timestamp_us": (ratings["timestamp"][at] - 1) * 1_000_000,
        }
    )


def _events(ratings: dict[str, Array], seconds: Array) -> pa.Table:
    at_us = ratings["timestamp"] * 1_000_000
    number = np.arange(len(at_us))
    liked, disliked = ratings["rating"] >= LIKED_STARS, ratings["rating"] <= DISLIKED_STARS
    parts = [("watch", np.ones(len(at_us), dtype=bool), 0), ("like", liked, 1), ("dislike", disliked, 1)]
    tables = []
    for kind, chosen, later_us in parts:
        rows, count = number[chosen], int(chosen.sum())
        tables.append(
            pa.table(
                {
                    "event_id": pa.array([f"{kind[0]}{row}" for row in rows.tolist()], pa.string()),
                    "user_id": _text(ratings["user"][chosen]),
                    "video_id": _text(ratings["movie"][chosen]),
                    "event": pa.array([kind] * count, pa.string()),
                    "timestamp_us": at_us[chosen] + later_us,
                    "watch_seconds": seconds[chosen] if kind == "watch" else np.zeros(count),
                    "duration_seconds": seconds[chosen],
                    "position": np.full(count, -1),
                    **{name: pa.array([""] * count, pa.string()) for name in ("surface", "device", "request_id")},
                    "sequence": rows,
                },
                schema=EVENTS,
            )
        )
    return pa.concat_tables(tables)


def _exposures(ratings: dict[str, Array], seconds: Array) -> pa.Table:
    rng = np.random.default_rng(SEED)
    count = len(ratings["user"])
    chosen = np.sort(rng.choice(count, min(EXPOSURES, count), replace=False))
    films, index, popularity = np.unique(ratings["movie"], return_inverse=True, return_counts=True)
    _, user_index = np.unique(ratings["user"], return_inverse=True)
    rated = set((user_index.astype(np.int64) * len(films) + index).tolist())
    draws = rng.choice(len(films), (len(chosen), 6 * NEGATIVES), p=popularity / count)
    rows: list[tuple[int, int]] = []  # (rating, film), -1 = the film that was rated
    for at, candidates in zip(chosen.tolist(), draws.tolist(), strict=True):
        base = int(user_index[at]) * len(films)
        unrated = [film for film in dict.fromkeys(candidates) if base + film not in rated]
        rows += [(at, -1), *((at, film) for film in unrated[:NEGATIVES])]
    at_row = np.array([at for at, _ in rows])
    film_row = np.array([film for _, film in rows])
    real = film_row < 0
    n = len(rows)
    return pa.table(
        {
            "impression_id": pa.array([f"i{number}" for number in range(n)], pa.string()),
            "request_id": pa.array([f"q{at}" for at in at_row.tolist()], pa.string()),
            "user_id": _text(ratings["user"][at_row]),
            "video_id": _text(np.where(real, ratings["movie"][at_row], films[film_row.clip(0)])),
            "timestamp_us": ratings["timestamp"][at_row] * 1_000_000 - 1_000_000,
            "position": np.full(n, -1),
            "surface": pa.array(["implied"] * n, pa.string()),
            "device": pa.array([""] * n, pa.string()),
            "utc_offset_minutes": np.zeros(n, dtype=np.int64),
            "propensity": pa.nulls(n, pa.float64()),
            "clicked": real,
            "watch_seconds": np.where(real, seconds[at_row], 0.0),
            "watch_fraction": real.astype(np.float64),
            "liked": real & (ratings["rating"][at_row] >= LIKED_STARS),
            "disliked": real & (ratings["rating"][at_row] <= DISLIKED_STARS),
            "shared": np.zeros(n, dtype=bool),
        },
        schema=IMPRESSIONS,
    )


def _text(numbers: Array) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).date().isoformat()
