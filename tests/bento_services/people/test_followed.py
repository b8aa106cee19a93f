"""Caches forget, and pages lose their viewer, when tombstones change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from worlds.live import valkey

from bento_services.people.followed import Tombstones
from feature_repo.core.home import Home
from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.erased import NEVER, bury


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Client]:
    with valkey(tmp_path / "valkey") as url:
        client = connect(url, 5.0)
        yield client
        client.close()


def test_each_erasure_is_told_once_and_refusals_are_known_until_taken_back(store: Client, tmp_path: Path) -> None:
    home, told = Home(tmp_path), list[Callable[[str], bool]]()
    tombstones = Tombstones(told.append)
    tombstones.look(store)
    assert (told, tombstones.refuses("u1")) == ([], False)
    bury(home, store, "u1", 5)
    tombstones.look(store)
    tombstones.look(store)
    (first,) = told
    assert [first("u1"), first("u2")] == [True, False]
    bury(home, store, "u2", NEVER)
    tombstones.look(store)
    assert [told[1]("u1"), told[1]("u2")] == [False, True]
    assert [tombstones.refuses(one) for one in ("u1", "u2", "")] == [False, True, False]
    bury(home, store, "u2", 9)
    tombstones.look(store)
    assert not tombstones.refuses("u2")


def test_while_the_store_is_away_what_was_known_stays_known(store: Client, tmp_path: Path) -> None:
    bury(Home(tmp_path), store, "u1", NEVER)
    tombstones = Tombstones()
    tombstones.look(store)
    nowhere = connect("redis://127.0.0.1:1/0", 0.2)
    with pytest.raises(StoreDown):
        tombstones.look(nowhere)
    nowhere.close()
    assert tombstones.refuses("u1")
