"""The index gives what comparing with every vector gives, or nearly all of it, under filters as well, and never changes
under a search."""

import threading
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from models.bits import Bits
from models.retrieval.index import VideoIndex, shard_files
from models.retrieval.index_config import IndexConfig
from models.retrieval.index_facts import Exact
from models.retrieval.index_ids import IndexIds

RNG = np.random.default_rng(3)
IDS = [f"v{row}" for row in range(200)]
VECTORS = RNG.normal(size=(200, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(5, 8)).astype(np.float32)


@pytest.fixture
def index() -> VideoIndex:
    return VideoIndex.build(IDS, VECTORS)


def best(allowed: np.ndarray, k: int) -> list[list[str]]:
    scores = np.where(allowed, QUERIES @ VECTORS.T, -np.inf)
    return [[IDS[row] for row in np.argsort(-line)[:k]] for line in scores]


def test_it_finds_the_best_of_all(index: VideoIndex) -> None:
    ids, scores = index.search(QUERIES, 10)
    assert ids.tolist() == best(np.ones(200, dtype=bool), 10)
    np.testing.assert_allclose(scores, -np.sort(-(QUERIES @ VECTORS.T))[:, :10], rtol=1e-5)
    assert scores.dtype == np.float32


def test_a_mask_leaves_the_best_of_those_allowed(index: VideoIndex) -> None:
    allowed = RNG.random(200) < 0.2
    assert index.search(QUERIES, 10, Bits.of(allowed))[0].tolist() == best(allowed, 10)


def test_where_there_are_fewer_the_rest_is_empty(index: VideoIndex) -> None:
    allowed = np.isin(IDS, ["v3", "v77"])
    ids, scores = index.search(QUERIES, 4, Bits.of(allowed))
    assert set(ids[0, :2]) == {"v3", "v77"}
    assert ids[0, 2:].tolist() == ["", ""]
    assert np.isneginf(scores[:, 2:]).all()


def test_an_index_without_a_video_does_not_find_it_and_rows_stay(index: VideoIndex) -> None:
    found = index.search(QUERIES, 4)[0][:, :3]
    fourth = index.search(QUERIES, 4)[0][0, 3]
    shrunk = index.without([found[0, 0], "never there"])
    assert shrunk.search(QUERIES, 3)[0][0].tolist() == [*found[0, 1:], fourth]
    assert found[0, 0] not in shrunk.search(QUERIES, 200)[0]
    assert (len(shrunk), len(shrunk.ids)) == (199, 200)
    allowed = np.isin(shrunk.ids, found[0].tolist())
    assert shrunk.search(QUERIES, 3, Bits.of(allowed))[0][0].tolist() == [*found[0, 1:], ""]


def test_an_added_video_is_found_and_a_changed_one_by_its_new_vector_only(index: VideoIndex) -> None:
    grown = index.with_added(["fresh"], QUERIES[:1] * 50)
    assert grown.search(QUERIES[:1], 1)[0].tolist() == [["fresh"]]
    changed = grown.with_added(["fresh"], -QUERIES[:1] * 50)
    assert "fresh" not in changed.search(QUERIES[:1], 100)[0]
    assert changed.search(-QUERIES[:1], 1)[0].tolist() == [["fresh"]]
    assert len(changed) == 201


def test_an_index_that_others_were_made_of_stays_what_it_was(index: VideoIndex) -> None:
    ids, scores = index.search(QUERIES, 20)
    index.without([ids[0, 0]]).with_added(["fresh", ids[1, 0]], QUERIES[:2] * 50)
    index.with_added([ids[2, 0]], QUERIES[:1])
    again, scores_again = index.search(QUERIES, 20)
    assert again.tolist() == ids.tolist()
    np.testing.assert_array_equal(scores_again, scores)
    assert (len(index), list(index.ids)) == (200, IDS)
    with pytest.raises(FrozenInstanceError):
        index.ids = IndexIds.of([])  # type: ignore[misc]


def test_a_search_in_another_thread_sees_nothing_of_an_addition(index: VideoIndex) -> None:
    expected = index.search(QUERIES, 20)[0].tolist()
    wrong: list[object] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            if (found := index.search(QUERIES, 20)[0].tolist()) != expected:
                wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    grown = index
    for number in range(100):
        grown = grown.with_added([f"fresh-{number}"], QUERIES[:1] * (50 + number)).without([f"v{number}"])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert grown.search(QUERIES[:1], 1)[0].tolist() == [["fresh-99"]]
    assert len(grown) == 200


def test_nothing_added_and_nothing_taken_out_is_the_same_index(index: VideoIndex) -> None:
    assert index.with_added([], np.zeros((0, 8), dtype=np.float32)) is index
    assert index.without(["never there"]) is index


def test_a_loaded_index_without_a_video_answers_the_same(index: VideoIndex, tmp_path: Path) -> None:
    index = index.without(["v5"])
    index.save(tmp_path / "index")
    loaded = VideoIndex.load(tmp_path / "index")
    assert list(loaded.ids) == list(index.ids)
    for ours, theirs in zip(loaded.search(QUERIES, 20), index.search(QUERIES, 20), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    whole = loaded.with_added(["v5"], VECTORS[5:6])
    assert whole.search(QUERIES, 10)[0].tolist() == best(np.ones(200, dtype=bool), 10)


KINDS = ("flat", "ivf_sq8", "ivf_pq")


def clustered(count: int = 3000, dim: int = 16) -> np.ndarray:
    centres = RNG.normal(size=(30, dim))
    return (centres[RNG.integers(30, size=count)] + 0.3 * RNG.normal(size=(count, dim))).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_index_answers_the_same(kind: Literal["flat", "ivf_sq8", "ivf_pq"], tmp_path: Path) -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig(kind))
    index.save(tmp_path / "index")
    loaded = VideoIndex.load(tmp_path / "index")
    assert (list(loaded.ids), loaded.kind, loaded.dim) == (list(index.ids), kind, 16)
    allowed = Bits.of(RNG.random(3000) < 0.3)
    for mask in (None, allowed):
        for ours, theirs in zip(loaded.search(vectors[:5], 20, mask), index.search(vectors[:5], 20, mask), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_of_any_kind_can_be_changed_also_when_it_was_loaded(
    kind: Literal["flat", "ivf_sq8", "ivf_pq"], tmp_path: Path
) -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig(kind))
    index.save(tmp_path)
    for one in (index, VideoIndex.load(tmp_path)):
        before = one.search(vectors[:5], 20)[0].tolist()
        changed = one.without(["v0"]).with_added(["v0"], vectors[:1] * 50)
        assert changed.search(vectors[:1], 1)[0].tolist() == [["v0"]]
        assert "v1" not in one.without(["v1"]).search(vectors[1:2], 100)[0]
        assert (len(changed), len(one.without(["v1"])), len(one)) == (3000, 2999, 3000)
        assert one.search(vectors[:5], 20)[0].tolist() == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [1.0, 0.5, 0.02])
def test_every_kind_finds_nearly_all_under_every_filter(
    kind: Literal["flat", "ivf_sq8", "ivf_pq"], share: float
) -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig(kind, probes=20))
    allowed = RNG.random(3000) < share
    queries = vectors[:50]
    assert Exact.of(vectors, queries, 20, None if share == 1.0 else allowed).recall(index) > (
        0.99 if kind == "flat" else 0.9
    )
    if share < 1.0:
        rows, _ = index.search_rows(queries, 20, Bits.of(allowed))
        assert allowed[rows].all()  # none is -1: lists are searched until there are enough


def test_few_videos_that_a_filter_leaves_are_all_found_whatever_lists_they_are_in() -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig("ivf_sq8", probes=1))
    allowed = np.zeros(3000, dtype=bool)
    allowed[RNG.choice(3000, 7, replace=False)] = True
    rows, scores = index.search_rows(vectors[:3], 10, Bits.of(allowed))
    assert all(set(found[:7]) == set(np.flatnonzero(allowed)) for found in rows)
    assert (rows[:, 7:] == -1).all()
    assert np.isneginf(scores[:, 7:]).all()


def test_the_kind_follows_the_size_of_the_catalog_unless_it_is_set() -> None:
    vectors = clustered(400)
    ids = [f"v{row}" for row in range(400)]
    assert VideoIndex.build(ids, vectors).kind == "flat"
    assert VideoIndex.build(ids, vectors, IndexConfig(flat_videos=399)).kind == "ivf_sq8"
    assert VideoIndex.build(ids, vectors, IndexConfig(flat_videos=400)).kind == "flat"
    assert VideoIndex.build(ids, vectors, IndexConfig("ivf_pq")).kind == "ivf_pq"


def test_equal_vectors_give_the_same_index(tmp_path: Path) -> None:
    vectors = clustered()
    for name in ("one", "two"):
        config = IndexConfig("ivf_sq8", sampled_vectors=500)
        VideoIndex.build([f"v{row}" for row in range(3000)], vectors, config).save(tmp_path / name)
    assert (tmp_path / "one" / "videos.faiss").read_bytes() == (tmp_path / "two" / "videos.faiss").read_bytes()


@pytest.mark.parametrize("count", [2, 3])
def test_exact_shards_answer_as_one_index_does(count: int, tmp_path: Path) -> None:
    one, shards = VideoIndex.build(IDS, VECTORS), VideoIndex.build(IDS, VECTORS, IndexConfig("flat", shards=count))
    shards.save(tmp_path)
    for several in (shards, VideoIndex.load(tmp_path)):
        assert (len(several.shards), list(several.ids), several.kind) == (count, list(one.ids), "flat")
        masks = (RNG.random(200) < 0.3, np.isin(IDS, ["v3", "v177"]), np.zeros(200, dtype=bool))
        for bits in (None, *map(Bits.of, masks)):
            for ours, theirs in zip(several.search(QUERIES, 10, bits), one.search(QUERIES, 10, bits), strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", ["ivf_sq8", "ivf_pq"])
def test_shards_of_lists_find_as_much_as_one_index_does(kind: Literal["ivf_sq8", "ivf_pq"], tmp_path: Path) -> None:
    vectors, ids = clustered(), [f"v{row}" for row in range(3000)]
    one = VideoIndex.build(ids, vectors, IndexConfig(kind, probes=8))
    VideoIndex.build(ids, vectors, IndexConfig(kind, probes=8, shards=2)).save(tmp_path)
    mapped = VideoIndex.load(tmp_path)
    assert (mapped.kind, mapped.mapped_from) == (kind, shard_files(tmp_path))
    assert [shard.ntotal for shard in mapped.shards] == [1500, 1500]
    for mask in (None, RNG.random(3000) < 0.3, RNG.random(3000) < 0.02):
        ours, theirs = (Exact.of(vectors, vectors[:100], 20, mask).recall(index) for index in (mapped, one))
        assert ours >= theirs
        if mask is not None:
            assert mask[mapped.search_rows(vectors[:100], 20, Bits.of(mask))[0]].all()


@pytest.mark.parametrize("kind", KINDS)
def test_shards_can_be_changed_and_are_saved_in_place_of_an_earlier_index(
    kind: Literal["flat", "ivf_sq8", "ivf_pq"], tmp_path: Path
) -> None:
    vectors = clustered()
    VideoIndex.build(["a"], vectors[:1]).save(tmp_path)
    VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig(kind, shards=2)).save(tmp_path)
    assert [file.name for file in shard_files(tmp_path)] == ["videos-000.faiss", "videos-001.faiss"]
    index = VideoIndex.load(tmp_path)
    changed = index.without(["v0", "v2999"]).with_added(["v0"], vectors[:1] * 50)
    assert changed.search(vectors[:1], 1)[0].tolist() == [["v0"]]
    assert "v2999" not in changed.search(vectors[2999:], 2999)[0]
    assert (len(changed), len(index)) == (2999, 3000)
    assert index.search(vectors[2999:], 1)[1] > 0


def test_a_catalog_smaller_than_its_shards_has_one_of_each_video() -> None:
    index = VideoIndex.build(["a", "b"], VECTORS[:2], IndexConfig(shards=5))
    assert [shard.ntotal for shard in index.shards] == [1, 1]
    empty = VideoIndex.build([], np.zeros((0, 8), dtype=np.float32), IndexConfig(shards=5))
    assert (len(empty), empty.search(QUERIES[:1], 2)[0].tolist()) == (0, [["", ""]])


def test_a_folder_without_an_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        VideoIndex.load(tmp_path)


def test_an_id_that_repeats_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 different ids, found 1: 'a' is repeated"):
        VideoIndex.build(["a", "a"], VECTORS[:2])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_refused_by_name(index: VideoIndex, number: float) -> None:
    vectors = np.ones((2, 8), dtype=np.float32)
    vectors[1, 3] = number
    with pytest.raises(ValueError, match=r"finite.*'b'"):
        VideoIndex.build(["a", "b"], vectors)
    with pytest.raises(ValueError, match=r"finite.*'b'"):
        index.with_added(["a", "b"], vectors)


def test_what_cannot_be_added_is_refused(index: VideoIndex) -> None:
    with pytest.raises(ValueError, match="different ids"):
        index.with_added(["a", "a"], VECTORS[:2])
    with pytest.raises(ValueError, match="one vector for each"):
        index.with_added(["a", "b"], VECTORS[:1])
    with pytest.raises(ValueError, match=r"not empty.* row 1"):
        index.with_added(["a", ""], VECTORS[:2])
    with pytest.raises(ValueError, match="not empty"):
        VideoIndex.build([""], VECTORS[:1])
    with pytest.raises(ValueError, match="vectors of 8 numbers"):
        index.with_added(["a"], np.ones((1, 9), dtype=np.float32))
    assert len(index) == 200


def test_what_cannot_be_indexed_is_refused() -> None:
    with pytest.raises(ValueError, match="different ids"):
        VideoIndex.build(["a", "a"], VECTORS[:2])
    with pytest.raises(ValueError, match="one vector for each"):
        VideoIndex.build(["a", "b"], VECTORS[:1])
    with pytest.raises(ValueError, match=r"not empty.* row 1"):
        VideoIndex.build(["a", ""], VECTORS[:2])
    with pytest.raises(ValueError, match="not empty"):
        VideoIndex.build([""], VECTORS[:1])


@pytest.mark.parametrize("mapped", [False, True])
def test_more_probes_find_more_and_leave_the_index_as_it_is(mapped: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(3000, 16)).astype(np.float32)
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig("ivf_sq8", probes=1))
    if mapped:
        index.save(tmp_path)
        index = VideoIndex.load(tmp_path)
    exact = Exact.of(vectors, vectors[:50], 20)
    more = index.with_probes(10**6)
    assert (index.probes, more.probes) == (1, more.lists)
    assert exact.recall(index) < 0.7 < 0.95 < exact.recall(more)
    more.save(tmp_path / "more")
    assert VideoIndex.load(tmp_path / "more").probes == more.probes
    with pytest.raises(ValueError, match="exact one"):
        VideoIndex.build(["a"], vectors[:1]).with_probes(2)
