"""MovieLens as tables of the lake.

A rating is a watch of the whole film. A rating of 4 or more is also a like, one of 2 or less a dislike. Exposures were
not logged, so they are implied (feature_repo/ingest/implied.py): surface "implied", position -1,
propensity 0 = unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.ingest.implied import Taken, implied_impressions
from feature_repo.ingest.movielens.movies import Movie
from feature_repo.ingest.movielens.ratings import Ratings, natural
from feature_repo.ingest.tables import ASSUMED_SECONDS, lake_table, slug, text
from feature_repo.lake.tables import DAY_US, EVENTS

Array = np.ndarray[Any, Any]

LIKE_FROM, DISLIKE_TO = 4.0, 2.0


def videos_table(movies: list[Movie], ratings: Ratings) -> pa.Table:
    """One row per film. One whose release is known is published a day before its first rating at the latest."""
    last_us = int(ratings.timestamp_us_N[-1])
    first_us_M = np.full(len(ratings.movie_ids_M), last_us)
    np.minimum.at(first_us_M, ratings.movie_N, ratings.timestamp_us_N)
    first_us = dict(zip(ratings.movie_ids_M, first_us_M.tolist(), strict=True))
    latest_us = [first_us.get(movie.movie_id, last_us) - DAY_US for movie in movies]
    released_us = [movie.released_us for movie in movies]
    return pa.table(
        {
            "video_id": [movie.movie_id for movie in movies],
            "title": [movie.title for movie in movies],
            "description": [movie.description for movie in movies],
            "creator_id": [slug(movie.director) for movie in movies],
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
                0 if released is None else int(min(released, latest))  # 0: not known
                for released, latest in zip(released_us, latest_us, strict=True)
            ],
        }
    )


def users_table(ratings: Ratings, ages: dict[str, str] | None) -> pa.Table:
    """One row per user, registered a minute before the first rating (without one: when the world begins)."""
    _, first = np.unique(ratings.user_N, return_index=True)
    first_us = dict(zip(ratings.user_ids_U, ratings.timestamp_us_N[first].tolist(), strict=True))
    ids = sorted(first_us if ages is None else ages, key=natural)
    count = len(ids)
    begin_us = int(ratings.timestamp_us_N[0])
    return pa.table(
        {
            "user_id": ids,
            "country": [""] * count,
            "user_language": ["en"] * count,
            "age_group": [(ages or {}).get(user, "") for user in ids],
            "maturity_limit": np.full(count, 18),  # no limit: in the data, minors rate R-rated films
            "signup_timestamp_us": [first_us.get(user, begin_us) - 60_000_000 for user in ids],
        }
    )


def events_table(ratings: Ratings, videos: pa.Table) -> pa.Table:
    """A watch per rating, and a like or dislike one microsecond later for clear ratings."""
    count = len(ratings.user_N)
    liked, disliked = ratings.rating_N >= LIKE_FROM, ratings.rating_N <= DISLIKE_TO
    reacted = np.flatnonzero(liked | disliked)
    rows = np.concatenate([np.arange(count), reacted])
    is_watch = np.arange(len(rows)) < count
    kind = np.where(is_watch, 0, np.where(liked[rows], 1, 2)).astype(np.int8)
    duration = _seconds_M(ratings, videos)[ratings.movie_N[rows]]
    kinds = pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(["watch", "like", "dislike"])).cast(pa.string())
    line = text(ratings.line_N[rows])
    return lake_table(
        EVENTS,
        len(rows),
        event_id=pc.binary_join_element_wise("r", line, pc.binary_join_element_wise("-", kinds, ""), ""),
        user_id=pa.array(ratings.user_ids_U).take(pa.array(ratings.user_N[rows])),
        video_id=pa.array(ratings.movie_ids_M).take(pa.array(ratings.movie_N[rows])),
        event=kinds,
        timestamp_us=ratings.timestamp_us_N[rows] + ~is_watch,
        watch_seconds=np.where(is_watch, duration, 0.0),
        duration_seconds=duration,
        position=np.full(len(rows), -1),
        sequence=2 * rows + ~is_watch,
    )


def impressions_table(ratings: Ratings, videos: pa.Table) -> pa.Table:
    """Implied exposures, one second before the rating."""
    seconds_N = _seconds_M(ratings, videos)[ratings.movie_N]
    taken = Taken(
        user_ids_U=ratings.user_ids_U,
        video_ids_V=ratings.movie_ids_M,
        user_N=ratings.user_N,
        video_N=ratings.movie_N,
        timestamp_us_N=ratings.timestamp_us_N,
        watch_seconds_N=seconds_N,
        watch_fraction_N=np.ones(len(seconds_N)),
        liked_N=ratings.rating_N >= LIKE_FROM,
        disliked_N=ratings.rating_N <= DISLIKE_TO,
    )
    return implied_impressions(taken)


def _seconds_M(ratings: Ratings, videos: pa.Table) -> Array:
    """Watch time of each rated film; the catalog keeps 0 for an unknown runtime."""
    at = pc.index_in(pa.array(ratings.movie_ids_M), value_set=videos["video_id"].combine_chunks())
    seconds = videos["duration_seconds"].to_numpy()[at.to_numpy()]
    return np.where(seconds > 0, seconds, ASSUMED_SECONDS)
