"""Films of MovieLens, and what a file beside them adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.ingest.movielens.movies import UNKNOWN_DURATION_SECONDS
from feature_repo.lake.tables import Lake


def test_what_the_catalog_says_arrives(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    videos = {row["video_id"]: row for row in Lake(home).videos().to_pylist()}
    assert videos["2"]["title"] == "Amélie (2001)"  # latin-1
    assert videos["1"]["genres"] == ["Animation", "Children's", "Comedy"]
    assert videos["1"]["duration_seconds"] == UNKNOWN_DURATION_SECONDS
    assert videos["7"]["published_timestamp_us"] == int(np.datetime64("1942-01-01", "us").astype(np.int64))
    assert videos["2"]["published_timestamp_us"] < 978300760_000_000  # rated before the year it is said to be of
    assert home.world().genres == ("Animation", "Children's", "Comedy", "Drama")
    assert [row["age_group"] for row in Lake(home).users().to_pylist()] == ["under 18", "56+", "25-34"]


def test_extras_beside_the_files_are_used(home: Home, dat: Path) -> None:
    extras = {"movie_id": [1, 2], "runtime_min": [81.0, None], "plot": ["Toys live.", "N/A"], "age_rating": ["G", "R"]}
    extras |= {"directors": ["Ann Example, Bo Other", None], "release_date": ["22 Nov 1995", None]}
    pq.write_table(pa.table(extras), dat / "movies.parquet")
    movielens.ingest(home, dat)
    toy, amelie, _ = Lake(home).videos().to_pylist()
    assert (toy["duration_seconds"], toy["description"], toy["maturity"]) == (4860.0, "Toys live.", 0)
    assert (toy["creator_id"], toy["creator_name"]) == ("ann-example", "Ann Example")
    assert toy["published_timestamp_us"] == int(np.datetime64("1995-11-22", "us").astype(np.int64))
    assert (amelie["duration_seconds"], amelie["description"], amelie["maturity"]) == (6000.0, "", 16)
