"""What is computed per catalog is computed once per catalog, and marks and rows follow ids."""

import threading

import numpy as np
import pytest

from models.catalog import CatalogTable, OfflineRequest, PerCatalog, marks, rows_of


def catalog(*video_ids: str) -> CatalogTable:
    return CatalogTable(np.array(video_ids, dtype=object), {})


def test_it_is_computed_again_only_for_other_videos() -> None:
    asked: list[int] = []

    def compute(of: CatalogTable) -> np.ndarray:
        asked.append(len(of))
        return np.arange(len(of))

    per_catalog, first = PerCatalog(compute), catalog("a", "b")
    assert per_catalog.of(first) is per_catalog.of(CatalogTable(first.video_ids, {"title": np.array(["x", "y"])}))
    assert per_catalog.of(catalog("a")).tolist() == [0]
    assert asked == [2, 1]


def test_threads_that_ask_at_once_wait_for_one_computation() -> None:
    asked: list[int] = []
    together = threading.Barrier(4)

    def compute(of: CatalogTable) -> np.ndarray:
        asked.append(len(of))
        return np.zeros(1)

    per_catalog, shared = PerCatalog(compute), catalog("a")

    def ask() -> None:
        together.wait()
        per_catalog.of(shared)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [1]


def test_rows_leave_out_what_the_catalog_lacks_and_keep_the_order() -> None:
    assert rows_of(catalog("a", "b", "c"), ["c", "gone", "a"]).tolist() == [2, 0]


def test_a_mark_depends_on_the_id_alone() -> None:
    assert marks(["a", "b"]).tolist() == [*marks(["a"]).tolist(), *marks(["b"]).tolist()]
    assert marks([]).dtype == np.uint32


def test_an_offline_question_draws_nothing() -> None:
    with pytest.raises(ValueError, match="explore: an offline request has no random generator"):
        OfflineRequest(catalog("a"), now_us=0).rng("explore")
