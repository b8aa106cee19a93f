"""The index gives what comparing with every vector gives, under filters, additions and removals as well."""

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


def test_a_removed_video_is_gone_at_once_and_rows_stay(index: VideoIndex) -> None:
    found = index.search(QUERIES, 4)[0][:, :3]
    fourth = index.search(QUERIES, 4)[0][0, 3]
    assert index.remove([found[0, 0], "never there"]) == 1
    assert index.search(QUERIES, 3)[0][0].tolist() == [*found[0, 1:], fourth]
    assert found[0, 0] not in index.search(QUERIES, 200)[0]
    assert (len(index), len(index.ids)) == (199, 200)
    allowed = np.isin(index.ids, found[0].tolist())
    assert index.search(QUERIES, 3, allowed)[0][0].tolist() == [*found[0, 1:], ""]


def test_an_added_video_is_found_and_a_changed_one_by_its_new_vector_only(index: VideoIndex) -> None:
    index.add(["fresh"], QUERIES[:1] * 50)
    assert index.search(QUERIES[:1], 1)[0].tolist() == [["fresh"]]
    index.add(["fresh"], -QUERIES[:1] * 50)
    assert "fresh" not in index.search(QUERIES[:1], 100)[0]
    assert index.search(-QUERIES[:1], 1)[0].tolist() == [["fresh"]]
    assert len(index) == 201


def test_a_loaded_index_answers_the_same(index: VideoIndex, tmp_path: Path) -> None:
    index.remove(["v5"])
    index.save(tmp_path / "index")
    loaded = VideoIndex.load(tmp_path / "index")
    assert loaded.ids == index.ids
    for ours, theirs in zip(loaded.search(QUERIES, 20), index.search(QUERIES, 20), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    loaded.add(["v5"], VECTORS[5:6])
    assert loaded.search(QUERIES, 10)[0].tolist() == best(np.ones(200, dtype=bool), 10)


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
    index.remove(["v0"])
    index.add(["v0"], QUERIES[:1] * 50)
    assert index.search(QUERIES[:1], 1)[0].tolist() == [["v0"]]


def test_an_id_that_repeats_is_refused() -> None:
    with pytest.raises(ValueError, match="different ids"):
        VideoIndex.build(["a", "a"], VECTORS[:2])
