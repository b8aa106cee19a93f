"""The order of ratings: the exact one where it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.lake.tables import Lake, LakeError


def _log(home: Home) -> list[tuple[str, str, str]]:
    return [(row["user_id"], row["video_id"], row["event"]) for row in Lake(home).events().to_pylist()]


def test_the_exact_position_beats_line_and_time_and_ratings_without_one_keep_their_time(home: Home, dat: Path) -> None:
    # The film that stands first in the file was rated last; film 2 has no position, and its time is later.
    (dat / "ratings.dat").write_text("1::7::5::978300000\n1::1::3::978300060\n1::2::3::978300090\n")
    exact = {"user_id": [1, 1, 1], "movie_id": [7, 1, 2], "sasrec_pos": [1, 0, None]}
    pq.write_table(pa.table(exact), dat / "ratings.parquet")
    movielens.ingest(home, dat)
    assert _log(home) == [("1", "1", "watch"), ("1", "7", "watch"), ("1", "7", "like"), ("1", "2", "watch")]


@pytest.mark.parametrize(
    "columns",
    [
        {"user_id": [1], "movie_id": [7], "sasrec_pos": ["first"]},
        {"user_id": [1], "movie_id": [7], "sasrec_pos": [0.5]},
        {"user_id": [1], "movie_id": [7], "sasrec_pos": [float("nan")]},
        {"user_id": [[1]], "movie_id": [7], "sasrec_pos": [1]},
        {"user_id": [b"\xff"], "movie_id": [7], "sasrec_pos": [1]},
    ],
)
def test_positions_of_another_type_are_refused_by_file(home: Home, dat: Path, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), dat / "ratings.parquet")
    with pytest.raises(LakeError, match=r"ratings\.parquet: expected a Parquet file with ids and whole numbers"):
        movielens.ingest(home, dat)
    assert not home.root.exists()
