"""A MovieLens set as a world."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.ingest.movielens.files import check_references, find_files
from feature_repo.ingest.movielens.ratings import Ratings
from feature_repo.ingest.movielens.tables import events_table, impressions_table, users_table, videos_table
from feature_repo.ingest.new_world import NewWorld, Putting, files_read, put_world
from feature_repo.ingest.rejected import Rejected
from feature_repo.ingest.tables import utc_day

SOURCE = "movielens"
HISTORY_LENGTH = 200


def ingest(home: Home, path: Path, progress: Progress = SILENT, putting: Putting = Putting()) -> dict[str, Any]:
    """Put the MovieLens set in the directory `path` into the home.

    Raises LakeError, naming file and line, and WorldThere, before anything of the home is changed.
    """
    path = Path(path)
    reader = find_files(path)
    made_from = {"source": SOURCE, **files_read(reader.files())}
    return put_world(home, made_from, lambda rejected: read(path, rejected, progress), putting, progress)


def read(path: Path, rejected: Rejected, progress: Progress = SILENT) -> NewWorld:
    with progress.task(f"MovieLens from {path.name}", total=4) as advance:
        reader = find_files(path)
        movies = reader.movies()
        advance(1)
        ratings = reader.ratings()
        ages = reader.ages()
        check_references(reader, ratings, movies, ages)
        advance(1)
        videos, users = videos_table(movies, ratings), users_table(ratings, ages)
        events = events_table(ratings, videos)
        advance(1)
        impressions = impressions_table(ratings, videos)
        advance(1)
    last_us = int(ratings.timestamp_us_N[-1])
    world = World(
        name=path.resolve().name,
        source=SOURCE,
        id_type="int",
        genres=tuple(sorted({genre for movie in movies for genre in movie.genres})),
        history_length=HISTORY_LENGTH,
        clock_offset_seconds=last_us / 1e6 + 1.0 - time.time(),
        example_user=_example_user(ratings),
    )
    told = {
        "world": world.name,
        "videos": len(videos),
        "users": len(users),
        "ratings": len(ratings.user_N),
        "events": len(events),
        "impressions": len(impressions),
        "first_day": utc_day(int(ratings.timestamp_us_N[0])),
        "last_day": utc_day(last_us),
    }
    return NewWorld(world, videos, users, events, impressions, told)


def _example_user(ratings: Ratings) -> str:
    """A user with a rich history: the last one to rate among those with at least as many ratings as three in four."""
    _, of_row, counts = np.unique(ratings.user_N, return_inverse=True, return_counts=True)
    rich = counts[of_row] >= np.quantile(counts, 0.75)
    return str(ratings.user_N[np.flatnonzero(rich)[-1]])
