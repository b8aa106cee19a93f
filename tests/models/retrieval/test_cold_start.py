"""Content speaks for videos that few have watched; what was watched often keeps its own vector."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from feature_repo.schema import GENRE_SLOTS
from models.encoding.sequence import SequenceEncoding
from models.retrieval.artifact import ContentAlone, RetrievalModel
from models.retrieval.cold_start import SHOWN, Alpha, better_of, vectors_of, with_content_share
from models.retrieval.content import ContentEncoding
from models.retrieval.tower_config import TowerConfig
from models.retrieval.two_tower import TwoTower, retrieval_model

VIDEOS = 30


def content() -> dict[str, np.ndarray]:
    tags = np.empty(VIDEOS, dtype=object)
    tags[:] = [["tag"]] * VIDEOS
    return {
        "title": np.array([f"word{row % 5} word{row % 3}" for row in range(VIDEOS)], dtype=object),
        "description": np.array([f"about{row % 7}" for row in range(VIDEOS)], dtype=object),
        "tags": tags,
        "genres": np.eye(VIDEOS, GENRE_SLOTS, dtype=np.float32),
        "creator_id": np.array([f"c{row % 4}" for row in range(VIDEOS)], dtype=object),
        "video_language": np.array(["en"] * VIDEOS, dtype=object),
        "duration_seconds": np.linspace(10, 1000, VIDEOS),
        "published_timestamp_us": np.arange(VIDEOS),
    }


@pytest.fixture(scope="module")
def model() -> RetrievalModel:
    torch.manual_seed(0)
    encoding, config = ContentEncoding.fit(content(), text_dimensions=4), TowerConfig(dim=16, length=10)
    network = TwoTower(encoding.encode(content()), len(encoding.creators), len(encoding.languages), config)
    ids = tuple(f"v{number:02}" for number in range(VIDEOS))
    return retrieval_model(network, SequenceEncoding(ids, config.length), encoding)


def vector(model: RetrievalModel, history: list[str]) -> np.ndarray:
    vector_D: np.ndarray = model.user_vectors([history], [list(range(len(history)))], np.array([10**6]))[0]
    return vector_D


def test_alpha_falls_from_one_to_the_floor_and_is_half_way_at_half() -> None:
    alpha = Alpha(half=10.0, floor=0.2).of(np.array([0, 10, 10**9]))
    assert alpha == pytest.approx([1.0, 0.6, 0.2])
    assert Alpha().of(np.array([0, 5])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("wrong", [{"half": -1.0}, {"half": 1.0, "floor": 1.0}])
def test_an_alpha_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="alpha"):
        Alpha(**wrong)


def test_a_blended_model_lies_between_content_and_what_was_trained(model: RetrievalModel) -> None:
    watches = np.array([0, 10] + [10**9] * 28)
    alone = model.embed(content())
    found = with_content_share(model, content(), watches, Alpha(half=10.0))
    np.testing.assert_allclose(found.item_vectors[0], alone[0], rtol=1e-5)
    np.testing.assert_allclose(found.item_vectors[1], (alone[1] + model.item_vectors[1]) / 2, rtol=1e-5)
    np.testing.assert_allclose(found.item_vectors[2:], model.item_vectors[2:], rtol=1e-4)
    assert with_content_share(model, content(), watches, Alpha()) is model


def test_histories_are_read_as_before(model: RetrievalModel) -> None:
    found = with_content_share(model, content(), np.zeros(30), Alpha(half=1.0))
    history = ["v01", "v07", "v03"]
    np.testing.assert_array_equal(vector(found, history), vector(model, history))


def test_a_video_published_after_training_has_the_vector_of_its_content(model: RetrievalModel) -> None:
    asked: list[int] = []

    def columns(rows: np.ndarray) -> dict[str, np.ndarray]:
        asked.extend(rows.tolist())
        return {name: column[rows] for name, column in content().items()}

    vectors = vectors_of(model, ["v02", "new", "v00"], columns)
    assert asked == [1]
    np.testing.assert_array_equal(vectors[[0, 2]], model.item_vectors[[2, 0]])
    one = {name: column[1:2] for name, column in content().items()}
    np.testing.assert_array_equal(vectors[1:2], model.embed(one))


def test_a_video_that_has_lain_there_unwatched_speaks_as_loudly_as_was_chosen(
    model: RetrievalModel, tmp_path: Path
) -> None:
    replace(model, alone=ContentAlone(scale=0.5, before_us=10)).save(tmp_path)
    quiet = RetrievalModel.load(tmp_path)
    ids = ["v09", *(f"new{row}" for row in range(1, VIDEOS))]
    as_new = vectors_of(model, ids, lambda rows: {name: column[rows] for name, column in content().items()})
    vectors = vectors_of(quiet, ids, lambda rows: {name: column[rows] for name, column in content().items()})
    np.testing.assert_array_equal(vectors[0], model.item_vectors[9])  # of a trained one nothing changes
    np.testing.assert_allclose(vectors[1:10], 0.5 * as_new[1:10], atol=1e-6)
    np.testing.assert_allclose(vectors[10:], as_new[10:], atol=1e-6)


def test_content_unlike_any_in_training_does_not_drown_the_rest(model: RetrievalModel) -> None:
    loudest = float(np.linalg.norm(model.embed(content()), axis=1).mean())
    ids = [f"new{row}" for row in range(VIDEOS)]
    kept = replace(model, alone=ContentAlone(loudest=loudest))
    vectors = vectors_of(kept, ids, lambda rows: {name: column[rows] for name, column in content().items()})
    alone = model.embed(content())
    length, was = np.linalg.norm(vectors, axis=1), np.linalg.norm(alone, axis=1)
    np.testing.assert_allclose(length, np.minimum(was, loudest), rtol=1e-5)
    np.testing.assert_allclose(vectors / length[:, None], alone / was[:, None], atol=1e-5)  # the direction is its own


SCORES = np.array([[9.0, 7.0, 5.0, 3.0, 1.0, 0.0]], dtype=np.float32)


def test_a_new_video_moves_to_the_place_that_its_content_has() -> None:
    """The last by the model is third by content: .8 of two places ahead of it is the second place."""
    by_content = np.array([[6.0, 1.0, 5.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    alone = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    assert better_of(SCORES, by_content, alone).tolist() == [[9.0, 7.0, 5.0, 3.0, 1.0, 7.0]]
    assert better_of(SCORES, by_content, 0.2 * alone)[0, 5] == pytest.approx(0.2 * 7.0)


def test_a_new_video_keeps_the_place_by_the_model_where_that_is_better() -> None:
    last_by_content = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]], dtype=np.float32)
    assert better_of(SCORES, last_by_content, np.eye(6)[0]).tolist() == SCORES.tolist()


def test_what_is_not_ranked_stays_so_and_gives_no_other_its_place() -> None:
    watched = SCORES.copy()
    watched[0, 0] = -np.inf
    by_content = np.array([[-np.inf, 1.0, 2.0, 3.0, 4.0, 5.0]], dtype=np.float32)
    assert better_of(watched, by_content, np.ones(6))[0, [0, 5]].tolist() == [-np.inf, 7.0]
    nothing = np.full((1, 6), -np.inf, dtype=np.float32)
    assert better_of(nothing, by_content, np.ones(6)).tolist() == nothing.tolist()


def test_the_content_of_a_new_video_counts_less_with_every_impression() -> None:
    assert SHOWN.of(np.array([0, 100, 10**9])) == pytest.approx([1.0, 0.6, 0.2])


def test_the_content_of_the_videos_of_training_is_kept_with_the_model(model: RetrievalModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    kept = RetrievalModel.load(tmp_path).content_vectors
    assert kept is not None
    own = model.embed(content())
    assert kept == pytest.approx(own / np.linalg.norm(own, axis=1, keepdims=True), abs=2e-3)
