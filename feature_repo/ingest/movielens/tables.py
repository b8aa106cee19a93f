"""MovieLens as tables of the lake.

A rating is a watch of the whole film. A rating of 4 or more is also a like, one of 2 or less a dislike. Exposures were
not logged, so they are implied (feature_repo/ingest/implied.py): surface "implied", position -1,
propensity 0 = unknown.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.ingest.implied import PASSED_OVER, imply_exposures
from feature_repo.ingest.movielens.movies import Movie, word_of
from feature_repo.ingest.movielens.ratings import Ratings, natural
from feature_repo.ingest.tables import lake_table, text
from feature_repo.lake.tables import DAY_US, EVENTS, IMPRESSIONS
from feature_repo.limits import MAX_ID_LENGTH

Array = np.ndarray[Any, Any]

LIKE_FROM, DISLIKE_TO = 4.0, 2.0
SEED = 7
ASSUMED_SECONDS = 6000.0  # watch time of a film of unknown runtime: 100 minutes, near the median of the others


def videos_table(movies: list[Movie], ratings: Ratings) -> pa.Table:
    """One row per film. A film is published a day before its first rating at the latest."""
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
    rng = np.random.default_rng(SEED)
    movie = ratings.movie_N
    implied = imply_exposures(ratings.user_N, movie, len(ratings.movie_ids_M), rng)
    width = 1 + PASSED_OVER
    shown_RP = np.concatenate([movie[implied.taken_R][:, None], implied.passed_RW], axis=1)
    kept = shown_RP.ravel() >= 0
    row = np.repeat(implied.taken_R, width)[kept]
    number = np.repeat(np.arange(len(implied)), width)[kept]
    slot = np.tile(np.arange(width), len(implied))[kept]
    shown = shown_RP.ravel()[kept]
    taken, rating = slot == 0, ratings.rating_N[row]
    request = pc.binary_join_element_wise("implied", text(number), "-")
    count = len(row)
    return lake_table(
        IMPRESSIONS,
        count,
        impression_id=pc.binary_join_element_wise(request, text(slot), "-"),
        request_id=request,
        user_id=pa.array(ratings.user_ids_U).take(pa.array(ratings.user_N[row])),
        video_id=pa.array(ratings.movie_ids_M).take(pa.array(shown)),
        timestamp_us=ratings.timestamp_us_N[row] - 1_000_000,
        position=np.full(count, -1),
        surface=pa.array(["implied"] * count),
        clicked=taken,
        watch_seconds=np.where(taken, _seconds_M(ratings, videos)[shown], 0.0),
        watch_fraction=taken.astype(np.float64),
        liked=taken & (rating >= LIKE_FROM),
        disliked=taken & (rating <= DISLIKE_TO),
    )


def _seconds_M(ratings: Ratings, videos: pa.Table) -> Array:
    """Watch time of each rated film; the catalog keeps 0 for an unknown runtime."""
    at = pc.index_in(pa.array(ratings.movie_ids_M), value_set=videos["video_id"].combine_chunks())
    seconds = videos["duration_seconds"].to_numpy()[at.to_numpy()]
    return np.where(seconds > 0, seconds, ASSUMED_SECONDS)


def _slug(name: str) -> str:
    """An id of a name in any script: its letters, marks and digits; the name itself where it has none."""
    text = unicodedata.normalize("NFC", name.casefold())
    kept = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text)
    return "-".join(kept.split())[:MAX_ID_LENGTH].strip("-") or word_of(name)
