"""What is computed per video is computed once, and again where the catalog has changed."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from feature_repo.core.edition import Base, Edition
from models.catalog import CatalogTable
from models.per_video import PerVideo

Array = np.ndarray[Any, Any]
IDS = np.array([f"v{number}" for number in range(10)], dtype=object)


@dataclass(frozen=True)
class Edited(CatalogTable):
    of: Edition = field(default_factory=lambda: Edition(None))

    @property
    def edition(self) -> Edition:
        return self.of


class Doubled:
    """Twice a column, and which rows were computed."""

    def __init__(self, catalog: CatalogTable) -> None:
        self.catalog = catalog
        self.computed: list[list[int]] = []

    def __call__(self, rows: Array) -> tuple[Array, ...]:
        self.computed.append(rows.tolist())
        return 2 * self.catalog.columns["count"][rows], self.catalog.columns["hot"][rows]


def catalog(**columns: Array) -> CatalogTable:
    return CatalogTable(IDS, {"count": np.arange(10), "hot": np.eye(10), **columns})


def keeping(most: int = 100) -> PerVideo:
    return PerVideo(("count",), most)


def test_a_video_is_computed_when_it_is_first_asked_for() -> None:
    kept, doubled = keeping(), Doubled(catalog())
    first = kept.of(doubled.catalog, np.array([3, 1, 3]), doubled)
    assert [first[0].tolist(), first[1].argmax(axis=1).tolist()] == [[6, 2, 6], [3, 1, 3]]
    assert kept.of(doubled.catalog, np.array([1, 5]), doubled)[0].tolist() == [2, 10]
    assert doubled.computed == [[1, 3], [5]]


def test_what_was_given_may_be_changed() -> None:
    kept, doubled = keeping(), Doubled(catalog())
    kept.of(doubled.catalog, np.array([3]), doubled)[0][:] = -1
    assert kept.of(doubled.catalog, np.array([3]), doubled)[0].tolist() == [6]


def test_only_changed_videos_are_computed_again() -> None:
    kept, before = keeping(), Doubled(catalog())
    kept.of(before.catalog, np.arange(5), before)
    count = np.arange(10)
    count[[2, 7]] = 100
    after = Doubled(catalog(count=count))
    assert kept.of(after.catalog, np.array([0, 2, 4]), after)[0].tolist() == [0, 200, 8]
    assert kept.of(before.catalog, np.array([2, 3]), before)[0].tolist() == [4, 6]  # a request that reads the older one
    assert (before.computed, after.computed) == ([[0, 1, 2, 3, 4], [2]], [[2]])


def test_edited_and_appended_videos_are_computed_again() -> None:
    edits: list[Array] = []
    base = Base()
    kept, before = keeping(), Doubled(Edited(IDS[:8], {"count": np.arange(8), "hot": np.eye(8)}, Edition(base, edits)))
    kept.of(before.catalog, np.arange(8), before)
    edits += [np.array([3, 5]), np.array([8, 9])]
    hot = np.eye(10)
    hot[3, 0] = 1.0
    columns = {"count": np.arange(10), "hot": hot[:, :8]}
    after = Doubled(Edited(IDS, columns, Edition(base, edits, 2)))
    assert kept.of(after.catalog, np.array([1, 3, 9]), after)[1][:, 0].tolist() == [0, 1, 0]
    assert after.computed == [[3, 9]]
    assert kept.of(before.catalog, np.array([1, 5]), before)[0].tolist() == [2, 10]  # the edition before, meanwhile


def test_no_column_of_a_catalog_is_held() -> None:
    kept, doubled = keeping(), Doubled(catalog())
    held = weakref.ref(doubled.catalog.columns["count"])
    kept.of(doubled.catalog, np.arange(5), doubled)
    del doubled
    assert held() is None


def test_other_videos_are_another_catalog() -> None:
    kept, doubled = keeping(), Doubled(catalog())
    kept.of(doubled.catalog, np.array([1]), doubled)
    other = Doubled(CatalogTable(IDS[:5].copy(), {"count": np.arange(5, 10), "hot": np.eye(5)}))
    assert kept.of(other.catalog, np.array([1]), other)[0].tolist() == [12]


def test_no_more_are_kept_than_may_be() -> None:
    kept, doubled = keeping(most=4), Doubled(catalog())
    for rows in ([0, 1, 2], [3], [4, 0], [0]):
        assert kept.of(doubled.catalog, np.array(rows), doubled)[0].tolist() == [2 * row for row in rows]
    assert doubled.computed == [[0, 1, 2], [3], [0, 4]]
    assert kept.of(doubled.catalog, np.arange(6), doubled)[0].tolist() == [0, 2, 4, 6, 8, 10]  # more than may be kept


def test_nothing_asked_is_nothing_given() -> None:
    doubled = Doubled(catalog())
    found = keeping().of(doubled.catalog, np.zeros(0, dtype=np.int64), doubled)
    assert [array.shape for array in found] == [(0,), (0, 10)]
