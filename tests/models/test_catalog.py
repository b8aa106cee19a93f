"""Marks and rows follow ids."""

import numpy as np
import pytest

from models.catalog import CatalogTable, OfflineRequest, marks, rows_of


def catalog(*video_ids: str) -> CatalogTable:
    return CatalogTable(np.array(video_ids, dtype=object), {})


def test_rows_leave_out_what_the_catalog_lacks_and_keep_the_order() -> None:
    assert rows_of(catalog("a", "b", "c"), ["c", "gone", "a"]).tolist() == [2, 0]


def test_a_mark_depends_on_the_id_alone() -> None:
    assert marks(["a", "b"]).tolist() == [*marks(["a"]).tolist(), *marks(["b"]).tolist()]
    assert marks([]).dtype == np.uint32


def test_an_offline_question_draws_nothing() -> None:
    with pytest.raises(ValueError, match="explore: an offline request has no random generator"):
        OfflineRequest(catalog("a"), now_us=0).rng("explore")
