"""Training learns the order of watches, from the past only, and writes what a release needs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds.ring import CONFIG, RING, VIEWERS, WATCHES, video, write_ring

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import Popularity
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex
from training.data.splits import Holdout
from training.data.video_vectors import content_columns, video_vectors
from training.data.viewer_context import ViewerContexts, user_vectors
from training.fit.two_tower import fit, fit_and_keep, train_two_tower
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data
from training.judge.protocols.retrieval import retrieval_figures
from training.judge.protocols.retrieval_config import RetrievalProtocol


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


@pytest.fixture(scope="module")
def trained(home: Home) -> dict[str, object]:
    return train_two_tower(home, CONFIG)


def test_it_learns_what_comes_next_where_the_baselines_cannot(home: Home, trained: dict[str, object]) -> None:
    retrieval = RetrievalModel.load(home.models / "two_tower")
    figures = retrieval_figures(home, retrieval, RetrievalProtocol.load("a1"))
    assert (figures["two_tower"]["mrr_at_10"] or 0.0) > 0.9
    assert (figures["popularity"]["mrr_at_10"] or 0.0) < 0.6
    assert set(figures) == {"two_tower", "ease", "ials", "item_knn", "popularity_7d", "popularity"}
    after = retrieval.user_vectors([[video(3), video(4)]], [[1, 2]], np.array([3]))
    ids, _ = VideoIndex.build(*video_vectors(home, retrieval)).search(after, 1)
    assert ids[0, 0] == video(5)


def test_everything_a_release_needs_is_written(home: Home, trained: dict[str, object]) -> None:
    ids, vectors = video_vectors(home, RetrievalModel.load(home.models / "two_tower"))
    assert ids == [f"v{number:02}" for number in range(RING + 1)]  # also the one that nobody watched
    assert vectors.shape == (RING + 1, 16)
    assert len(VideoIndex.build(ids, vectors)) == RING + 1
    assert len(ItemNeighbours.load(home.models / "item_cf").neighbours(video(3), 5)) == 5
    assert sum(Popularity.load(home.models / "popularity").counts.values()) == VIEWERS * WATCHES
    assert not (home.models / ".two_tower.checkpoint").exists()
    said = json.loads((home.models / "two_tower" / "training.json").read_text())
    assert (said["split"], said["viewers"], said["config"]["dim"]) == ("leave_last", VIEWERS, 16)
    assert said["metrics"]["ndcg_at_10"] == trained["metrics"]["ndcg_at_10"]  # type: ignore[index]
    assert trained["mlflow_version"] == "1"
    assert RetrievalModel.load(home.models / "two_tower_refit").dim == 16


def test_a_refit_goes_on_with_everything_and_stays_in_the_same_space(home: Home, tmp_path: Path) -> None:
    """Without watches of video 5 before the cut: only the refit has learned a vector for it."""
    data = training_data(home, CONFIG)
    assert data.everything is not None
    partial = replace(data, train=data.train.keep(data.train.video_ids != video(5)))
    fitted = fit(home, CONFIG, partial, tmp_path / "checkpoint")
    assert fitted.refitted is not None
    assert video(5) not in fitted.model.video_ids
    row = {video_id: at for at, video_id in enumerate(fitted.refitted.video_ids)}
    content_only = fitted.refitted.embed(content_columns(Lake(home).videos(), home.world()))[5]
    assert np.abs(fitted.refitted.item_vectors[row[video(5)]] - content_only).max() > 0.01
    before = fitted.model.item_vectors[fitted.model.video_ids.index(video(9))]
    after = fitted.refitted.item_vectors[row[video(9)]]
    assert before @ after / np.linalg.norm(before) / np.linalg.norm(after) > 0.9
    assert fit(home, replace(CONFIG, refit_epochs=0), partial, tmp_path / "other").refitted is None


def test_a_kept_model_is_found_again_but_not_by_who_chose_its_epoch_otherwise(home: Home) -> None:
    config = replace(CONFIG, epochs=1, refit_epochs=0)
    data = training_data(home, config)
    kept = home.root / "quality" / "two_tower"
    first, again = fit_and_keep(home, config, data), fit_and_keep(home, config, data)
    assert first.curve == again.curve  # the clock's readings as well: nothing was trained again
    assert len(list(kept.iterdir())) == 1
    fit_and_keep(home, config, replace(data, valid=data.valid.take(range(len(data.valid) // 2))))
    assert len(list(kept.iterdir())) == 2


def test_a_new_viewer_is_known_by_where_others_like_him_begin(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_ring(home, watches=4, country="AQ")
    config = replace(CONFIG, asker=True, epochs=40, patience=40, average=0.9)
    model = fit(home, config, replace(training_data(home, config), everything=None), tmp_path / "checkpoint").model
    asked = Holdout(["u00", "u01", "nobody"], [[]] * 3, [[]] * 3, np.array([2, 2, 2]), [[]] * 3)
    score_BV = user_vectors(model, ViewerContexts.of(home), asked) @ model.item_vectors.T
    is_first_half = np.array([int(video_id[1:]) < RING // 2 for video_id in model.video_ids])
    in_first_B = score_BV[:, is_first_half].mean(axis=1) - score_BV[:, ~is_first_half].mean(axis=1)
    assert in_first_B[0] > in_first_B[1] + 0.4
    assert in_first_B[2] == pytest.approx(in_first_B[0])  # of neither a country is known


def test_too_little_to_learn_from_names_the_place(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_ring(home, watches=1)
    with pytest.raises(HomeError, match="too few to train on"):
        train_two_tower(home, TwoTowerConfig(split="time", min_count=1000))
