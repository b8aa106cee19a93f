"""Every video of the lake has a vector, learned or from its content."""

import numpy as np
import pytest
from worlds.ring import CONFIG, RING, video, write_ring

from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.retrieval.artifact import RetrievalModel
from training.data.video_vectors import content_columns, video_vectors
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RetrievalModel]:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home, Trainer(home, CONFIG, training_data(home, CONFIG)).export()


def test_trained_videos_have_their_learned_vector_and_others_that_of_their_content(
    made: tuple[Home, RetrievalModel],
) -> None:
    home, retrieval = made
    ids, vectors = video_vectors(home, retrieval)
    assert ids == Lake(home).videos()["video_id"].to_pylist()
    row = retrieval.video_ids.index(video(3))
    np.testing.assert_array_equal(vectors[ids.index(video(3))], retrieval.item_vectors[row])
    assert ids[RING] not in retrieval.video_ids
    alone = retrieval.embed(content_columns(Lake(home).videos(), home.world()))[RING]
    np.testing.assert_allclose(vectors[RING], alone, atol=1e-6)
