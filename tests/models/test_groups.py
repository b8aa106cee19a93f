"""The rows that have a word, whatever is published and changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import changing_catalogs

from models.catalog import CatalogTable
from models.groups import Groups

Array = np.ndarray[Any, Any]


def of_countries() -> Groups:
    return Groups(lambda catalog, rows: catalog.columns["countries"][rows])


def test_a_word_has_its_rows_in_their_order_and_an_unknown_one_none() -> None:
    countries = np.empty(4, dtype=object)
    countries[:] = [["DE"], [], ["US", "DE"], ["DE"]]
    catalog = CatalogTable(np.array(list("abcd"), dtype=object), {"countries": countries})
    groups = of_countries()
    assert [groups.rows_of(catalog, word).tolist() for word in ("DE", "US", "FR", "")] == [[0, 2, 3], [2], [], []]
    assert [groups.has(catalog, word) for word in ("DE", "FR")] == [True, False]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_the_rows_are_those_of_every_edition(seed: int) -> None:
    rng, groups, count = np.random.default_rng(seed), of_countries(), 50
    catalogs = changing_catalogs.writer(rng, count)
    editions = []
    for _ in range(30):
        count = changing_catalogs.change(catalogs, rng, count)
        editions.append(catalogs.snapshot())
        for catalog in (editions[-1], editions[max(len(editions) - 3, 0)]):
            for word in changing_catalogs.COUNTRIES:
                listed = catalog.columns["countries"]
                wanted = [row for row in range(len(catalog)) if word in listed[row]]
                found = groups.rows_of(catalog, word).tolist()
                if catalog is editions[-1]:
                    assert found == wanted
                else:  # of a video that has changed since, the newer words may count
                    newest = editions[-1].columns["countries"]
                    assert all(row in wanted or word in newest[row] for row in found)
                    assert all(row in found or word not in newest[row] for row in wanted)
                    assert all(row < len(catalog) for row in found)
