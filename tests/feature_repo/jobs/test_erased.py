"""A viewer who was erased while features were built: they come neither into the tables nor into the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds import toy
from worlds.live import valkey
from worlds.traces import traces

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.erased import forget_erased
from feature_repo.jobs.materialize import materialize
from feature_repo.lake.cut import take_cut
from feature_repo.lake.parquet import read_table
from feature_repo.people import erase as people
from feature_repo.schema import USER_VIEWS
from feature_repo.store.connect import connect
from feature_repo.store.erased import bury
from feature_repo.store.layout import USER_IDS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(people, "FOLLOWED_SECONDS", 0.0)
    return toy.toy_home(tmp_path)


@pytest.fixture
def url(home: Home) -> Iterator[str]:
    with valkey(home.valkey) as address:
        yield address


def viewers_of(home: Home) -> set[str]:
    return {
        user for view in USER_VIEWS for user in read_table(home.features / f"{view}.parquet")["user_id"].to_pylist()
    }


def test_who_was_erased_since_the_cut_is_taken_out_again(home: Home, url: str) -> None:
    take_cut(home)
    build_features(home)
    kept = {view: (home.features / f"{view}.parquet").read_bytes() for view in USER_VIEWS}
    everybody = viewers_of(home)
    people.erase(home, url, "heavy")
    for view, content in kept.items():  # as a job writes them that has read the cut before
        (home.features / f"{view}.parquet").write_bytes(content)
    materialize(home, url)
    client = connect(url, 5.0)
    assert {one.decode() for one in client.smembers(USER_IDS)} == viewers_of(home) == everybody - {"heavy"}
    client.close()
    people.erase(home, url, "heavy")  # writes the store's file anew
    assert traces(home.root, url, "heavy") == set()


def test_who_was_erased_before_the_cut_and_came_back_stays(home: Home, url: str) -> None:
    client = connect(url, 5.0)
    bury(home, client, "heavy", time.time_ns() // 1000 - 10**15)
    client.close()
    take_cut(home)
    build_features(home)
    assert forget_erased(home) == 0
    assert "heavy" in viewers_of(home)
