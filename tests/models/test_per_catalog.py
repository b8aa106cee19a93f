"""What is kept of a catalog is computed once, extended by what changed, and never wrong for an earlier edition."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.packed_catalog import PackedCatalog, pieces_of
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.snapshot_writer import SnapshotWriter
from models.catalog import Catalog, CatalogTable
from models.per_catalog import CatalogRows, Codes, PerCatalog, codes

Array = np.ndarray[Any, Any]


def catalog(*video_ids: str) -> CatalogTable:
    return CatalogTable(np.array(video_ids, dtype=object), {})


def row(title: str, **other: Any) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, "title": title, **other}


def writer(*titles: str) -> SnapshotWriter:
    return SnapshotWriter.of([title.lower() for title in titles], [row(title) for title in titles], WORLD)


class Lengths:
    """Title -> its length, and which rows were computed."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __call__(self, of: Catalog, rows: Array) -> Array:
        self.asked.append(rows.tolist())
        return np.array([len(title) for title in of.columns["title"][rows]], dtype=np.int64)


def test_it_is_computed_again_only_for_other_videos() -> None:
    asked: list[int] = []

    def compute(of: Catalog, rows: Array) -> Array:
        asked.append(len(of))
        return rows

    per_catalog, first = PerCatalog(compute), catalog("a", "b")
    with_titles = CatalogTable(first.video_ids, {"title": np.array(["x", "y"])})
    assert np.shares_memory(per_catalog.of(first), per_catalog.of(with_titles))
    assert per_catalog.of(catalog("a")).tolist() == [0]
    assert asked == [2, 1]


def test_threads_that_ask_at_once_wait_for_one_computation() -> None:
    asked: list[int] = []
    together = threading.Barrier(4)

    def compute(of: Catalog, rows: Array) -> Array:
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


def test_only_new_and_changed_videos_are_computed() -> None:
    lengths, grown = Lengths(), writer("A", "BB")
    per_catalog = PerCatalog(lengths)
    first = grown.snapshot()
    assert per_catalog.of(first).tolist() == [1, 2]
    grown.publish(["ccc"], [row("CCC")])
    grown.publish(["a", "bb"], [row("Aaaa"), row("BB")])  # one of them is as it was
    assert per_catalog.of(grown.snapshot()).tolist() == [4, 2, 3]
    assert lengths.asked == [[0, 1], [0, 2]]
    assert len(per_catalog.of(first)) == 2  # a request that still has the earlier edition
    assert len(lengths.asked) == 2


def test_counted_events_and_takedowns_compute_nothing() -> None:
    lengths, grown = Lengths(), writer("A", "BB")
    per_catalog = PerCatalog(lengths)
    per_catalog.of(grown.snapshot())
    grown.count(["a"], [row("A", video_watch_count=3)], ("video_activity",))
    grown.settle({"bb"}, ())
    per_catalog.of(grown.snapshot())
    assert lengths.asked == [[0, 1]]


def test_two_catalogs_in_turn_do_not_displace_each_other() -> None:
    lengths, live, static = Lengths(), writer("A").snapshot(), writer("BB").snapshot()
    per_catalog = PerCatalog(lengths)
    for _ in range(3):
        assert (per_catalog.of(live).tolist(), per_catalog.of(static).tolist()) == ([1], [2])
    assert len(lengths.asked) == 2


def test_a_catalog_that_is_gone_is_not_kept() -> None:
    per_catalog = PerCatalog(Lengths())
    for _ in range(5):
        per_catalog.of(writer("A").snapshot())
    assert len(per_catalog._followed._held) <= 2
    per_catalog.of(last := writer("A").snapshot())
    assert [one.base() for one in per_catalog._followed._held if one.base() is not None] == [last.edition.base]


def test_equal_words_have_equal_codes_and_nothing_has_none() -> None:
    assert codes(["b", "", "a", "b"]).tolist() == [0, -1, 1, 0]


def test_codes_of_new_videos_continue_those_of_the_others() -> None:
    grown = writer("A", "B", "")
    titles = Codes(lambda catalog, rows: catalog.columns["title"][rows])
    first = grown.snapshot()
    assert titles.of(first).tolist() == [0, 1, -1]
    grown.publish(["x", "y", "a"], [row("B"), row("C"), row("C")])
    second = grown.snapshot()
    assert titles.of(second).tolist() == [2, 1, -1, 1, 2]
    assert titles.code_of(second, ["C", "", "B", "never heard of"]).tolist() == [2, -1, 1, -1]
    assert len(titles.of(first)) == 3


def test_words_of_videos_that_are_alike_are_asked_for_once() -> None:
    """Where the catalog is packed; the codes are those that it has otherwise."""
    titles = ["A", "B", "A", "", "B", "A"]
    grown = SnapshotWriter.of([f"v{n}" for n in range(6)], [row(title) for title in titles], WORLD)
    packed = SnapshotWriter.over(PackedCatalog(pieces_of(grown.snapshot())), WORLD, frozenset())
    asked: list[int] = []

    def words(of: Catalog, rows: Array) -> Array:
        asked.append(len(rows))
        return _titles(of, rows)

    codes_ = Codes(words, ("title", "creator_id"))
    assert codes_.of(packed.snapshot()).tolist() == codes_.of(grown.snapshot()).tolist() == [0, 1, 0, -1, 1, 0]
    packed.publish(["w0", "w1", "w2", "v1"], [row(title) for title in ("C", "A", "C", "C")])
    assert codes_.of(packed.snapshot()).tolist() == [0, 2, 0, -1, 1, 0, 2, 0, 2]
    assert asked == [3, 6, 3]  # a word that is written again may be kept twice


def located(own: Sequence[str]) -> CatalogRows:
    return CatalogRows(own, {video_id: place for place, video_id in enumerate(own)}.get)


def test_a_models_video_that_comes_to_the_catalog_later_is_found_there() -> None:
    grown = writer("A", "B")
    rows = located(["later", "b", "never"])
    first = grown.snapshot()
    assert rows.of(first).tolist() == [-1, 1, -1]
    grown.publish(["unheard of", "later"], [row("X"), row("Y")])
    assert rows.of(grown.snapshot()).tolist() == [3, 1, -1]
    assert rows.of(first).tolist() == [-1, 1, -1]


def test_whatever_is_written_in_whatever_order_is_as_if_computed_anew() -> None:
    rng = np.random.default_rng(3)
    ids = [f"v{n}" for n in range(60)]
    grown = SnapshotWriter.of(ids[:8], [row(one) for one in ids[:8]], WORLD)
    followed = PerCatalog(Lengths()), Codes(_titles), located([*ids[::2], "other"])
    editions: list[VideoSnapshot] = []
    for step in range(60):
        some = sorted({ids[n] for n in rng.integers(0, 8 + step % 52, rng.integers(1, 4))})
        grown.publish(some, [row("x" * int(rng.integers(1, 9))) for _ in some])
        editions.append(grown.snapshot())
        if step % 3 == 0:
            continue
        now, anew = editions[-1], (PerCatalog(Lengths()), Codes(_titles), located([*ids[::2], "other"]))
        assert followed[0].of(now).tolist() == anew[0].of(now).tolist()
        assert followed[2].of(now).tolist() == anew[2].of(now).tolist()
        coded = followed[1].of(now)
        same = coded[:, None] == coded[None, :]
        np.testing.assert_array_equal(same, now.columns["title"][:, None] == now.columns["title"][None, :])
        assert len(followed[0].of(editions[-2])) == len(editions[-2])


def _titles(of: Catalog, rows: Array) -> Array:
    titles: Array = of.columns["title"][rows]
    return titles
