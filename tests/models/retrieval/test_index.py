"""The index gives what comparing with every vector gives, or nearly all of it, under filters as well."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from models.retrieval.index import INDEX_FILE, VideoIndex
from models.retrieval.index_config import IndexConfig
from models.retrieval.index_facts import recall_of

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
    assert (loaded.ids, loaded.kind, loaded.dim) == (index.ids, kind, 16)
    allowed = RNG.random(3000) < 0.3
    for mask in (None, allowed):
        for ours, theirs in zip(loaded.search(vectors[:5], 20, mask), index.search(vectors[:5], 20, mask), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [1.0, 0.5, 0.02])
def test_every_kind_finds_nearly_all_under_every_filter(
    kind: Literal["flat", "ivf_sq8", "ivf_pq"], share: float
) -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig(kind, probes=20))
    allowed = RNG.random(3000) < share
    queries = vectors[:50]
    assert recall_of(index, vectors, queries, 20, None if share == 1.0 else allowed) > (0.99 if kind == "flat" else 0.9)
    if share < 1.0:
        rows, _ = index.search_rows(queries, 20, allowed)
        assert allowed[rows].all()  # none is -1: lists are searched until there are enough


def test_few_videos_that_a_filter_leaves_are_all_found_whatever_lists_they_are_in() -> None:
    vectors = clustered()
    index = VideoIndex.build([f"v{row}" for row in range(3000)], vectors, IndexConfig("ivf_sq8", probes=1))
    allowed = np.zeros(3000, dtype=bool)
    allowed[RNG.choice(3000, 7, replace=False)] = True
    rows, scores = index.search_rows(vectors[:3], 10, allowed)
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
    assert (tmp_path / "one" / INDEX_FILE).read_bytes() == (tmp_path / "two" / INDEX_FILE).read_bytes()


def test_an_id_that_repeats_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 different ids, found 1: 'a' is repeated"):
        VideoIndex.build(["a", "a"], VECTORS[:2])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_is_refused_by_name(number: float) -> None:
    vectors = np.ones((2, 8), dtype=np.float32)
    vectors[1, 3] = number
    with pytest.raises(ValueError, match=r"finite.*'b'"):
        VideoIndex.build(["a", "b"], vectors)


def test_what_cannot_be_indexed_is_refused() -> None:
    with pytest.raises(ValueError, match="different ids"):
        VideoIndex.build(["a", "a"], VECTORS[:2])
    with pytest.raises(ValueError, match="one vector for each"):
        VideoIndex.build(["a", "b"], VECTORS[:1])
    with pytest.raises(ValueError, match=r"not empty.* row 1"):
        VideoIndex.build(["a", ""], VECTORS[:2])
    with pytest.raises(ValueError, match="not empty"):
        VideoIndex.build([""], VECTORS[:1])
