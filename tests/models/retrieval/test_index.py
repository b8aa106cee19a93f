"""The index gives what comparing with every vector gives, under filters as well, and never changes under a search."""

import threading
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from models.retrieval.index import VideoIndex

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
    assert index.search(QUERIES, 10, allowed)[0].tolist() == best(allowed, 10)


def test_where_there_are_fewer_the_rest_is_empty(index: VideoIndex) -> None:
    allowed = np.isin(IDS, ["v3", "v77"])
    ids, scores = index.search(QUERIES, 4, allowed)
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
    assert shrunk.search(QUERIES, 3, allowed)[0][0].tolist() == [*found[0, 1:], ""]


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
    assert (len(index), index.ids) == (200, tuple(IDS))
    with pytest.raises(FrozenInstanceError):
        index.ids = ()  # type: ignore[misc]


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


def test_a_loaded_index_answers_the_same(index: VideoIndex, tmp_path: Path) -> None:
    index = index.without(["v5"])
    index.save(tmp_path / "index")
    loaded = VideoIndex.load(tmp_path / "index")
    assert loaded.ids == index.ids
    for ours, theirs in zip(loaded.search(QUERIES, 20), index.search(QUERIES, 20), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    whole = loaded.with_added(["v5"], VECTORS[5:6])
    assert whole.search(QUERIES, 10)[0].tolist() == best(np.ones(200, dtype=bool), 10)


def test_inverted_lists_find_nearly_all_and_can_be_filtered_and_changed() -> None:
    vectors = RNG.normal(size=(2000, 8)).astype(np.float32)
    ids = [f"v{row}" for row in range(2000)]
    index = VideoIndex.build(ids, vectors, ivf_above=1000)
    exact = VideoIndex.build(ids, vectors)
    allowed = RNG.random(2000) < 0.5
    for mask in (None, allowed):
        found, wanted = index.search(QUERIES, 20, mask)[0], exact.search(QUERIES, 20, mask)[0]
        assert np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, wanted, strict=True)]) > 0.8
        assert mask is None or mask[[ids.index(video_id) for video_id in found.ravel()]].all()
    changed = index.without(["v0"]).with_added(["v0"], QUERIES[:1] * 50)
    assert changed.search(QUERIES[:1], 1)[0].tolist() == [["v0"]]


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
