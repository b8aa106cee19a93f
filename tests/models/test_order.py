"""A catalog in an order, brought forward: always that of a stable sort of the whole."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.snapshot_writer import SnapshotWriter
from models import order
from models.allowed import Allowed
from models.catalog import Catalog, CatalogTable
from models.order import Order

Array = np.ndarray[Any, Any]
COUNTER = "watch_decayed_1d"


def watched() -> Order[float]:
    """By watches, without videos that nobody has watched."""

    def key(catalog: Catalog, rows: Any) -> Array:
        watches = catalog.columns[COUNTER][rows]
        return np.where(watches > 0, watches, np.nan)

    return Order(key, (COUNTER,), lambda catalog: float(catalog.columns[COUNTER].sum()))


def expected(catalog: Catalog, allowed: Array, n: int) -> list[int]:
    watches = catalog.columns[COUNTER]
    rows = np.flatnonzero(allowed & (watches > 0))
    ordered: list[int] = rows[np.lexsort((rows, -watches[rows]))][:n].tolist()
    return ordered


def table(*watches: float) -> CatalogTable:
    return CatalogTable(np.array([str(n) for n in range(len(watches))], dtype=object), {COUNTER: np.array(watches)})


def row(watches: float) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, COUNTER: watches}


def writer(*watches: float) -> SnapshotWriter:
    return SnapshotWriter.of([str(n) for n in range(len(watches))], [row(one) for one in watches], WORLD)


def everything(catalog: Catalog) -> Allowed:
    return Allowed.of(np.ones(len(catalog), dtype=bool))


def first(of: Order[Any], catalog: Catalog, n: int = 99) -> list[int]:
    rows: list[int] = of.first(catalog, everything(catalog), n).tolist()
    return rows


def test_the_largest_come_first_and_of_equals_the_smaller_row() -> None:
    catalog = table(1.0, 5.0, 0.0, 5.0, 2.0)
    assert first(watched(), catalog) == [1, 3, 4, 0]
    assert first(watched(), catalog, 2) == [1, 3]
    assert watched().of(catalog).facts == 13.0


@pytest.mark.parametrize("is_followed", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_changes_the_order_is_that_of_a_sort(
    seed: int, is_followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(order, "LEAST_READ", 2)
    rng, of = np.random.default_rng(seed), watched()
    count = 60
    catalogs = changing_catalogs.writer(rng, count)
    for _ in range(40):
        before = catalogs.snapshot()
        count = changing_catalogs.change(catalogs, rng, count)
        catalog = catalogs.snapshot()
        if is_followed:
            of.follow(catalog)
        allowed = rng.random(len(catalog)) < rng.choice([0.02, 0.5, 1.0])
        assert of.first(catalog, Allowed.of(allowed), 7).tolist() == expected(catalog, allowed, 7)
        behind = of.first(before, everything(before), 99)  # for a request that holds an earlier catalog
        assert (behind < len(before)).all()


def test_requests_take_an_order_as_whoever_publishes_left_it_until_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(order, "monotonic", lambda: clock[0])
    of, catalogs = watched(), writer(1.0, 2.0, 3.0)
    of.follow(catalogs.snapshot())
    catalogs.count(["0"], [row(9.0)], ("video_activity",))
    of.follow(catalogs.snapshot())
    assert first(of, catalogs.snapshot()) == [2, 1, 0]  # not refreshed again so soon, and not by a request
    clock[0] += order.REFRESH_SECONDS
    assert first(of, catalogs.snapshot()) == [2, 1, 0]
    of.follow(catalogs.snapshot())
    assert first(of, catalogs.snapshot()) == [0, 2, 1]
    assert of.of(catalogs.snapshot()).facts == 14.0


def test_a_new_video_has_its_place_at_once_whatever_is_due() -> None:
    of, catalogs = watched(), writer(1.0, 3.0)
    of.follow(catalogs.snapshot())
    before = catalogs.snapshot()
    catalogs.publish(["2"], [row(2.0)])
    of.follow(catalogs.snapshot())
    assert first(of, catalogs.snapshot()) == [1, 2, 0]
    assert first(of, before) == [1, 0]


def test_a_table_that_nobody_follows_is_read_as_it_is() -> None:
    of, earlier = watched(), table(1.0, 2.0)
    later = CatalogTable(earlier.video_ids, {COUNTER: np.array([7.0, 2.0])})  # the same videos at another time
    assert [first(of, one) for one in (earlier, later, earlier)] == [[1, 0], [0, 1], [1, 0]]


def test_an_order_is_computed_once() -> None:
    asked: list[Any] = []

    def key(catalog: Catalog, rows: Any) -> Array:
        asked.append(rows)
        watches: Array = catalog.columns[COUNTER][rows]
        return watches

    of: Order[None] = Order(key)
    catalog = table(*range(200))
    assert first(of, catalog, 3) == first(of, catalog, 3) == [199, 198, 197]
    assert asked == [slice(None)]


def test_the_columns_of_a_catalog_are_not_held() -> None:
    of, column = watched(), np.array([1.0, 2.0])
    first(of, CatalogTable(np.array(["a", "b"], dtype=object), {COUNTER: column}))
    gone = weakref.ref(column)
    del column
    gc.collect()
    assert gone() is None


def test_rows_are_found_by_their_keys() -> None:
    placed = watched().of(table(1.0, 5.0, 0.0, 5.0, 2.0))
    assert sorted(placed.with_keys(np.array([5.0, 1.0, 4.0])).tolist()) == [0, 1, 3]
    assert sorted(placed.between(1.0, 5.0).tolist()) == [1, 3, 4]
    assert placed.between(5.0, 9.0).tolist() == []
    assert [placed.next_above(value) for value in (0.0, 1.0, 4.9, 5.0)] == [1.0, 2.0, 5.0, np.inf]
