"""Of a creator with very many videos the first are looked at, and nobody notices who is not looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs
from worlds.asked import NOW_US, names, only, request

from models import leading
from models.candidates.sources.creators import OfCreators
from models.candidates.sources.followed import OfFollowed
from models.catalog import CatalogTable
from models.groups import Groups
from models.leading import KEPT_US, Leading

Array = np.ndarray[Any, Any]


def of_watches() -> Leading:
    creators = Groups(lambda catalog, rows: [(one,) for one in catalog.columns["creator_id"][rows]])
    return Leading(creators, lambda catalog, rows: catalog.columns["watches"][rows])


def table(watches: list[float]) -> CatalogTable:
    ids = np.array([f"v{at}" for at in range(len(watches))], dtype=object)
    return CatalogTable(ids, {"creator_id": np.array(["x"] * len(ids)), "watches": np.array(watches)})


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "MOST", 2)


def test_the_first_by_the_key_are_kept_for_some_seconds() -> None:
    catalog, firsts = table([1.0, 5.0, np.nan, 3.0]), of_watches()
    assert firsts.rows_of(catalog, "x", NOW_US).tolist() == [1, 3]
    assert firsts.rows_of(catalog, "nobody", NOW_US).tolist() == []
    catalog.columns["watches"][0] = 9.0
    assert firsts.rows_of(catalog, "x", NOW_US + KEPT_US - 1).tolist() == [1, 3]
    assert firsts.rows_of(catalog, "x", NOW_US + KEPT_US).tolist() == [0, 1]
    assert firsts.rows_of(catalog, "x", NOW_US).tolist() == [0, 1]  # a clock that was set back
    assert firsts.rows_of(table([0.0, 1.0, 2.0]), "x", NOW_US).tolist() == [1, 2]  # another catalog


def test_a_word_of_few_has_all_its_rows() -> None:
    assert of_watches().rows_of(table([1.0, 5.0]), "x", NOW_US).tolist() == [0, 1]


def test_an_earlier_edition_is_given_none_of_what_came_later() -> None:
    rng = np.random.default_rng(0)
    catalogs = changing_catalogs.writer(rng, 50)
    count, editions = 50, [catalogs.snapshot()]
    for _ in range(20):
        count = changing_catalogs.change(catalogs, rng, count)
        editions.append(catalogs.snapshot())
    firsts = Leading(
        Groups(lambda catalog, rows: [("x",)] * len(rows)), lambda catalog, rows: np.asarray(rows, dtype=float)
    )
    for catalog in (editions[-1], editions[0]):
        assert firsts.rows_of(catalog, "x", NOW_US).tolist() == [len(catalog) - 2, len(catalog) - 1]


def test_sources_find_by_the_first_of_a_creator_and_by_all_where_those_are_not_for_the_viewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leading, "MOST", 1)
    liked = {"creator_ids": ["x", "y"], "creator_weights": [1.0, 1.0]}
    assert names(OfCreators().find(request(features=liked), only("abcdef"), 2)) == "cd"
    assert names(OfCreators().find(request(features=liked), only("abef"), 2)) == "ab"
    followed = {"followed_creator_ids": ["x", "y"]}
    assert names(OfFollowed().find(request(features=followed), only("abcdef"), 2)) == "bc"
