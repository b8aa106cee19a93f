"""Ingests a MovieLens set as a world."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.movielens.files import find_files, read_movies, read_ratings
from feature_repo.ingest.movielens.movies import Movie, under_two_ids
from feature_repo.ingest.movielens.ratings import Ratings
from feature_repo.ingest.movielens.tables import (
    events_table,
    impressions_table,
    users_table,
    videos_table,
)
from feature_repo.ingest.new_world import IngestOptions, NewWorld, files_read, install_world
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.tables import ASSUMED_SECONDS, genre_features, is_number, utc_day
from feature_repo.limits import LIMITS

SOURCE = "movielens"
HISTORY_LENGTH = 200


def ingest(
    home: Home, path: Path, progress: Progress = SILENT, ingest_options: IngestOptions = IngestOptions()
) -> dict[str, Any]:
    """Ingest the MovieLens set in the directory `path` into the home.

    Raises LakeError, naming file and line, or WorldExists, before anything in the home is changed.
    """
    path = Path(path)
    made_from = {"source": SOURCE, **files_read(find_files(path, Rejected()).files())}
    return install_world(home, made_from, lambda rejected: read(path, rejected, progress), ingest_options, progress)


def read(path: Path, rejected: Rejected, progress: Progress = SILENT) -> NewWorld:
    with progress.task(f"MovieLens from {path.name}", total=4) as advance:
        reader = find_files(path, rejected)
        movies = read_movies(reader)
        ages = reader.ages()
        advance(1)
        ratings = read_ratings(reader, movies, ages)
        advance(1)
        videos, users = videos_table(movies, ratings), users_table(ratings, ages)
        events = events_table(ratings, videos)
        advance(1)
        impressions = impressions_table(ratings, videos)
        advance(1)
    _note(movies, rejected)
    ids = (*videos["video_id"].to_pylist(), *users["user_id"].to_pylist())
    last_us = int(ratings.timestamp_us_N[-1])
    world = World(
        name=path.resolve().name,
        source=SOURCE,
        id_type="int" if all(map(is_number, ids)) else "str",
        genres=genre_features(Counter(genre for movie in movies for genre in movie.genres), rejected),
        history_length=HISTORY_LENGTH,
        clock_offset_seconds=last_us / 1e6 + 1.0 - time.time(),
        example_user=_example_user(ratings),
    )
    summary = {
        "world": world.name,
        "videos": len(videos),
        "users": len(users),
        "ratings": len(ratings.user_N),
        "events": len(events),
        "impressions": len(impressions),
        "first_day": utc_day(int(ratings.timestamp_us_N[0])),
        "last_day": utc_day(last_us),
    }
    return NewWorld(world, videos, users, events, impressions, summary)


def _example_user(ratings: Ratings) -> str:
    """A user with a rich history: the last one to rate among the top quarter by number of ratings."""
    _, of_row, counts = np.unique(ratings.user_N, return_inverse=True, return_counts=True)
    rich = counts[of_row] >= np.quantile(counts, 0.75)
    return ratings.user_ids_U[int(ratings.user_N[np.flatnonzero(rich)[-1]])]


def _note(movies: Sequence[Movie], rejected: Rejected) -> None:
    if pairs := under_two_ids(movies):
        one, other = pairs[0]
        rejected.note(
            f"{len(pairs)} films stand under a second id, too, the first is {one.title}: {one.movie_id} and "
            f"{other.movie_id}; a page shows one of them"
        )
    if unknown := sum(movie.duration_seconds == 0 for movie in movies):
        rejected.note(
            f"{unknown} of {len(movies)} films have no runtime: shown without one, a watch counts as "
            f"{ASSUMED_SECONDS / 60:g} minutes"
        )
    if nameless := [movie.movie_id for movie in movies if movie.title == LIMITS["videos"]["title"].default]:
        rejected.note(f"{len(nameless)} films have no title and are shown as Untitled, the first is {nameless[0]}")
