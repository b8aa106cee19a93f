"""MovieLens as a world: its clock, the same lake again, and the real data sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from worlds.pace import slower

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.lake.tables import Lake


def test_the_clock_of_the_world_stands_just_after_the_last_rating(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    world = home.world()
    assert 0 < world.now_us() / 1e6 - 978387160 < 60
    assert (world.source_id("12"), world.history_length) == (12, 200)


def test_ingesting_again_gives_the_same_lake(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    before = [getattr(Lake(home), table)() for table in ("videos", "users", "events", "impressions")]
    movielens.ingest(home, dat)
    assert all(
        getattr(Lake(home), table)().equals(old)
        for table, old in zip(("videos", "users", "events", "impressions"), before, strict=True)
    )


@pytest.mark.data
@pytest.mark.slow
def test_the_real_million_ratings(home: Home, data_set: Callable[[str], Path]) -> None:
    path = data_set("ml-1m")
    started = time.process_time()
    summary = movielens.ingest(home, path)
    assert time.process_time() - started < 40 * slower()  # about 7 s of one core
    assert (summary["ratings"], summary["videos"], summary["users"]) == (994_169, 3_883, 6_040)
    lake = Lake(home)
    events = lake.events().select(["user_id", "video_id", "event", "timestamp_us"])
    watches = events.filter(pc.equal(events["event"], "watch"))
    user, movie = (watches[name].cast(pa.int64()).to_numpy() for name in ("user_id", "video_id"))
    pair = user * 10_000 + movie
    exact = pq.read_table(path / "ratings.parquet", columns=["user_id", "movie_id", "sasrec_pos"]).drop_null()
    known = exact["user_id"].to_numpy().astype(np.int64) * 10_000 + exact["movie_id"].to_numpy()
    by_pair = np.argsort(known)
    own = np.argsort(user, kind="stable")
    placed = own[np.isin(pair[own], known)]
    position = exact["sasrec_pos"].to_numpy()[by_pair][np.searchsorted(known[by_pair], pair[placed])]
    same_user = np.diff(user[placed]) == 0
    assert (np.diff(position)[same_user] == 1).all()
    assert (np.diff(watches["timestamp_us"].to_numpy()[own])[np.diff(user[own]) == 0] > 0).all()
    shown = lake.impressions().select(["user_id", "video_id", "clicked"])
    assert pc.sum(shown["clicked"]).as_py() == 40_000
    passed = shown.filter(pc.invert(shown["clicked"]))
    passed_user, passed_movie = (passed[name].cast(pa.int64()).to_numpy() for name in ("user_id", "video_id"))
    assert not np.isin(passed_user * 10_000 + passed_movie, pair).any()


@pytest.mark.data
def test_the_real_latest_small(home: Home, data_set: Callable[[str], Path]) -> None:
    summary = movielens.ingest(home, data_set("ml-latest-small"))
    assert (summary["ratings"], summary["videos"], summary["users"]) == (100_836, 9_742, 610)
    assert len(home.world().genres) <= 32
