"""A network with its batches, loss and validation: it learns the order of watches, and goes on where it stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds.ring import CONFIG, write_ring

from feature_repo.core.home import Home
from models.retrieval.content import ContentEncoding
from models.retrieval.tower_config import TimeBias
from training.fit import tower_trainer
from training.fit.loop import Checkpoint
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_config import TwoTowerConfig
from training.fit.two_tower_data import training_data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


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


def test_in_a_catalog_too_large_for_the_full_softmax_a_sample_learns_as_well(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tower_trainer, "FULL_SOFTMAX_BELOW", 10)
    config = TwoTowerConfig(**{**vars(CONFIG), "sampled_negatives": 64})
    trainer = Trainer(home, config, training_data(home, config))
    state = trainer.fit(None).run()
    assert state.curve[state.best]["mrr_at_10"] > 0.9


@pytest.mark.parametrize("time_bias", ["history", "query"])
def test_order_is_learned_with_a_time_bias_as_well(home: Home, time_bias: TimeBias) -> None:
    config = replace(CONFIG, time_bias=time_bias, content=False, average=0.5)
    trainer = Trainer(home, config, training_data(home, config))
    state = trainer.fit(None).run()
    assert state.curve[state.best]["mrr_at_10"] > 0.9
