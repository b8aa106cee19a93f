"""An index and what lies beside it find what one index of all videos would, as soon as a video is in the catalog."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds.live import WORLD

from feature_repo.registry import VIDEO_FEATURES, default_of
from feature_repo.store.snapshot_writer import SnapshotWriter
from models.allowed import Allowed
from models.candidates.sources.vectors import Nearest
from models.catalog import Catalog, OfflineRequest
from models.per_catalog import PerCatalog
from models.retrieval import beside
from models.retrieval.beside import BesideIndex
from models.retrieval.index import VideoIndex

Array = np.ndarray[Any, Any]
DIM = 6
IDS = [f"v{n:03}" for n in range(40)]


def vectors_of(catalog: Catalog, rows: Array) -> Array:
    """By the title, so that a changed video has another vector."""
    return np.stack([np.random.default_rng(len(title)).normal(size=DIM) for title in catalog.columns["title"][rows]])


def row(length: int) -> dict[str, Any]:
    return {**{name: default_of(name) for name in VIDEO_FEATURES}, "title": "x" * length}


def request(catalog: Catalog, query: Array) -> OfflineRequest:
    return OfflineRequest(catalog=catalog, now_us=1, user_vector=query)


def expected(catalog: Catalog, query: Array, allowed: Array, n: int) -> list[str]:
    scores = np.where(allowed, vectors_of(catalog, np.arange(len(catalog))) @ query, -np.inf)
    order = np.argsort(-scores, kind="stable")[: min(n, int(allowed.sum()))]
    return [str(video_id) for video_id in catalog.video_ids[order]]


@pytest.fixture
def writer() -> SnapshotWriter:
    return SnapshotWriter.of(IDS, [row(at) for at in range(1, 41)], WORLD)


@pytest.fixture
def nearest(writer: SnapshotWriter) -> Nearest:
    """Of a release that knows half of the catalog."""
    known = writer.snapshot()
    vectors = vectors_of(known, np.arange(len(known))).astype(np.float32)
    index = VideoIndex.build(IDS[:20], vectors[:20])
    return Nearest(index, lambda asked: asked.user_vector, BesideIndex(index, PerCatalog(vectors_of)))


def found(nearest: Nearest, catalog: Catalog, query: Array, allowed: Array, n: int) -> list[str]:
    rows = nearest.find(request(catalog, query), Allowed.of(allowed), n).rows
    return [str(video_id) for video_id in catalog.video_ids[rows]]


def test_a_new_video_is_found_and_a_disallowed_one_is_not(writer: SnapshotWriter, nearest: Nearest) -> None:
    query = np.random.default_rng(99).normal(size=DIM)  # the vector of a title of 99 characters
    before = writer.snapshot()
    writer.publish(["new"], [row(99)])
    after = writer.snapshot()
    everything = np.ones(len(after), dtype=bool)
    assert found(nearest, after, query, everything, 5)[0] == "new"
    assert "new" not in found(nearest, before, query, everything[:-1], 50)  # a request of the earlier edition
    assert found(nearest, after, query, np.append(everything[:-1], False), 5)[0] != "new"


def test_only_the_small_part_is_built_anew(writer: SnapshotWriter, nearest: Nearest) -> None:
    assert nearest._beside is not None
    (large,) = nearest._beside.of(writer.snapshot()).parts
    writer.publish(["new"], [row(99)])
    again, small = nearest._beside.of(writer.snapshot()).parts
    assert again.index is large.index
    assert small.rows.tolist() == [40]


@pytest.mark.parametrize("folded_from", [3, 2_000])
def test_whatever_is_published_the_answer_is_that_of_one_exact_search(
    writer: SnapshotWriter, nearest: Nearest, folded_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "FOLDED_FROM", folded_from)
    rng = np.random.default_rng(5)
    trained = set(IDS[:20])
    for step in range(40):
        some = sorted({f"v{n:03}" for n in rng.integers(20, 80, 3)} - trained)
        writer.publish(some, [row(100 * (step + 1) + int(video_id[1:])) for video_id in some])
        catalog = writer.snapshot()
        if step % 2:
            continue
        query, allowed = rng.normal(size=DIM), rng.random(len(catalog)) < 0.7  # no two videos have one vector
        assert found(nearest, catalog, query, allowed, 12) == expected(catalog, query, allowed, 12)


def test_a_catalog_without_new_videos_has_nothing_beside_the_index(writer: SnapshotWriter) -> None:
    catalog = writer.snapshot()
    index = VideoIndex.build(IDS, vectors_of(catalog, np.arange(40)).astype(np.float32))
    assert BesideIndex(index, PerCatalog(vectors_of)).of(catalog).parts == ()
