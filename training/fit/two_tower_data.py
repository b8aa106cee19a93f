"""The data that a two-tower model may be trained on."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from training.data.splits import Holdout, Sequences, split_of
from training.fit.two_tower_config import TwoTowerConfig


@dataclass(frozen=True)
class TrainingData:
    train: Sequences
    valid: Holdout
    known_until_us: int  # content of videos published later was not known when training
    everything: Sequences | None = None  # for the refit; None = no refit


def training_data(home: Home, config: TwoTowerConfig) -> TrainingData:
    """What may be trained on, and the validation question, by the config's split."""
    split = split_of(cut_of(home), config.split, config.min_count)
    return TrainingData(split.train, split.valid, split.train_until_us, split.whole)
