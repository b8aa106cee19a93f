"""Ranks of held-back watches, asked of a network that nobody trained."""

from dataclasses import replace

import pytest
from worlds.ring import CONFIG, RING, write_ring

from feature_repo.core.home import Home
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return Trainer(home, CONFIG, training_data(home, CONFIG))


def test_what_was_watched_before_is_left_out_of_the_ranks(trainer: Trainer) -> None:
    validation = trainer.validation
    assert 0.0 < trainer.validate()["hit_rate_at_10"] < 1.0
    others = [[token for token in range(RING) if token not in wanted] for wanted in validation.targets]
    alone = replace(validation, seen=others)
    assert alone.figures(trainer.network, trainer.inputs, trainer.device)["mrr_at_10"] == 1.0
    assert all(not set(seen) & set(wanted) for seen, wanted in zip(validation.seen, validation.targets, strict=True))


def test_a_target_without_a_vector_cannot_be_found_and_counts(trainer: Trainer) -> None:
    unknown = replace(trainer.validation, targets=[[-1]] * len(trainer.validation.asked))
    assert unknown.figures(trainer.network, trainer.inputs, trainer.device)["hit_rate_at_10"] == 0.0
