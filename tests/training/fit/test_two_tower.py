"""Training learns the order of watches, from the past only, and writes what a release needs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from worlds.ring import CONFIG, RING, VIEWERS, WATCHES, video, write_ring

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.candidates.item_cf import ItemNeighbours
from models.candidates.popularity import Popularity
from models.retrieval.content import ContentEncoding
from models.retrieval.index import VideoIndex
from models.retrieval.two_tower import RetrievalModel, user_tower
from training.data.splits import Holdout, time_cuts
from training.data.video_vectors import build_index, content_columns, video_vectors
from training.data.viewer_context import Askers, user_vectors
from training.fit import two_tower as train_retrieval
from training.fit.loop import Checkpoint
from training.fit.two_tower import (
    EVEN_WIDTH,
    Trainer,
    TwoTowerConfig,
    fit,
    fit_and_keep,
    train_two_tower,
    training_data,
)
from training.judge.protocols.retrieval import Protocol, retrieval_figures


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
    figures = retrieval_figures(home, retrieval, Protocol.load("a1"))
    assert figures["two_tower"]["mrr_at_10"] > 0.9
    assert figures["popularity"]["mrr_at_10"] < 0.6
    assert set(figures) == {"two_tower", "ease", "ials", "item_knn", "popularity_7d", "popularity"}
    after = retrieval.user_vectors([[video(3), video(4)]], [[1, 2]], np.array([3]))
    ids, _ = build_index(home, retrieval).search(after, 1)
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


def test_neither_split_trains_on_what_it_is_asked(home: Home) -> None:
    cuts = time_cuts(Lake(home))
    by_time = training_data(home, TwoTowerConfig(split="time"))
    assert by_time.train.timestamps_us.max() < cuts.t1_us
    assert (by_time.valid.now_us == cuts.t1_us).all()
    last = training_data(home, CONFIG)
    assert last.train.lengths.tolist() == [WATCHES - 2] * VIEWERS
    assert {len(history) for history in last.valid.histories} == {WATCHES - 2}


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(home: Home) -> None:
    def losses(seed: int) -> list[float]:
        config = TwoTowerConfig(**{**vars(CONFIG), "epochs": 2, "seed": seed})
        trainer = Trainer(home, config, training_data(home, config))
        return [row["loss"] for row in trainer.fit(None).run().curve]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_a_run_that_goes_on_reads_content_as_the_stopped_one_did(home: Home, tmp_path: Path) -> None:
    data = training_data(home, CONFIG)
    first = Trainer(home, CONFIG, data)
    turned = replace(first.content, component_TK=-first.content.component_TK)  # as another machine's rounding may
    stopped = Trainer(home, replace(CONFIG, epochs=2), data, turned)
    checkpoint = Checkpoint(tmp_path / "checkpoint", "same", stopped.content.save)
    state = stopped.fit(checkpoint).run()
    assert checkpoint.exists()
    assert not Checkpoint(tmp_path / "checkpoint", "other").exists()
    resumed = Trainer(home, replace(CONFIG, epochs=2), data, ContentEncoding.load(checkpoint.directory))
    resumed.fit(checkpoint).run()
    assert resumed.validate()["ndcg_at_10"] == pytest.approx(state.curve[state.best]["ndcg_at_10"])
    np.testing.assert_array_equal(resumed.network.numbers_VF.numpy(), stopped.network.numbers_VF.numpy())


def test_every_watch_of_every_viewer_is_in_an_epoch_once(home: Home) -> None:
    trainer = Trainer(home, CONFIG, training_data(home, CONFIG))
    batches = trainer.batches(0)
    assert sum(int(batch.count_B.sum()) - len(batch.count_B) for batch in batches) == VIEWERS * (WATCHES - 2)
    assert not torch.equal(batches[0][0], trainer.batches(1)[0][0])


def test_in_a_catalog_too_large_for_the_full_softmax_a_sample_learns_as_well(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_retrieval, "FULL_SOFTMAX_BELOW", 10)
    config = TwoTowerConfig(**{**vars(CONFIG), "sampled_negatives": 64})
    trainer = Trainer(home, config, training_data(home, config))
    state = trainer.fit(None).run()
    assert state.curve[state.best]["mrr_at_10"] > 0.9


def test_a_long_history_gives_its_newest_watches_and_one_earlier_window(home: Home) -> None:
    config = replace(CONFIG, length=4)
    trainer = Trainer(home, config, training_data(home, config))
    whole = {tuple(row.tokens.tolist()) for row in trainer.rows}  # of ten watches each
    newest, earlier = set(), 0
    for batch in trainer.batches(0):
        for tokens, count in zip(batch.token_BT.tolist(), batch.count_B.tolist(), strict=True):
            piece = tuple(tokens[1:count])
            assert len(piece) <= 4
            assert any(piece == row[at : at + len(piece)] for row in whole for at in range(len(row)))
            newest |= {row for row in whole if row[-4:] == piece}
            earlier += any(piece == row[at : at + len(piece)] for row in whole for at in range(6))
    assert newest == whole
    assert earlier >= VIEWERS * 0.5
    alone = Trainer(home, replace(config, older_windows=False), training_data(home, config))
    assert sum(len(batch.count_B) for batch in alone.batches(0)) == VIEWERS


@pytest.mark.parametrize("time_bias", ["history", "query"])
def test_order_is_learned_with_a_time_bias_as_well(home: Home, time_bias: str) -> None:
    config = replace(CONFIG, time_bias=time_bias, content=False, average=0.5)
    trainer = Trainer(home, config, training_data(home, config))
    state = trainer.fit(None).run()
    assert state.curve[state.best]["mrr_at_10"] > 0.9


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


def test_batches_come_in_few_widths_and_their_padding_says_nothing(home: Home) -> None:
    config = replace(CONFIG, dropout=0.0, id_dropout=0.0, time_bias="query")
    trainer = Trainer(home, config, training_data(home, config))
    some = sorted(trainer.valid_rows, key=lambda row: len(row.tokens))[-2:]
    token_BT, count_B, time_BT, _ = trainer._batch(some)
    assert token_BT.shape[1] - 1 == min(-(-len(some[-1].tokens) // EVEN_WIDTH) * EVEN_WIDTH, config.length)
    assert time_BT is not None
    assert time_BT.shape[1] == token_BT.shape[1] + 1
    tower = user_tower(trainer.network)
    narrow = int(count_B.max())
    with torch.inference_mode():
        wide = tower(token_BT, count_B, time_BT)
        tight = tower(token_BT[:, :narrow], count_B, torch.cat([time_BT[:, :narrow], time_BT[:, -1:]], dim=1))
    torch.testing.assert_close(wide, tight, rtol=1e-4, atol=1e-5)


def test_a_new_viewer_is_known_by_where_others_like_him_begin(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_ring(home, watches=4, country="AQ")
    config = replace(CONFIG, asker=True, epochs=40, patience=40, average=0.9)
    model = fit(home, config, replace(training_data(home, config), everything=None), tmp_path / "checkpoint").model
    asked = Holdout(["u00", "u01", "nobody"], [[]] * 3, [[]] * 3, np.array([2, 2, 2]), [[]] * 3)
    score_BV = user_vectors(model, Askers.of(home), asked) @ model.item_vectors.T
    is_first_half = np.array([int(video_id[1:]) < RING // 2 for video_id in model.video_ids])
    in_first_B = score_BV[:, is_first_half].mean(axis=1) - score_BV[:, ~is_first_half].mean(axis=1)
    assert in_first_B[0] > in_first_B[1] + 0.4
    assert in_first_B[2] == pytest.approx(in_first_B[0])  # of neither a country is known


def test_too_little_to_learn_from_names_the_place(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_ring(home, watches=1)
    with pytest.raises(HomeError, match="too few to train on"):
        train_two_tower(home, TwoTowerConfig(split="time", min_count=1000))


def test_a_config_that_cannot_be_says_so() -> None:
    with pytest.raises(ValueError, match="split"):
        TwoTowerConfig(split="random")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        TwoTowerConfig(epochs=0)
