"""The data for training a two-tower model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.lake.cut import cut_of
from training.data.splits import Holdout, Sequences, sequences, split_of, time_cuts, watches
from training.fit.two_tower_config import TwoTowerConfig

LEAST_VIEWERS, LEAST_VIDEOS = 2, 3


@dataclass(frozen=True)
class TrainingData:
    train: Sequences
    valid: Holdout
    known_until_us: int  # content of videos published later was not known when training
    everything: Sequences | None = None  # for the refit; None = no refit


def training_data(home: Home, config: TwoTowerConfig) -> TrainingData:
    """Training data and validation question, by the config's split."""
    split = split_of(cut_of(home), config.split, config.min_count)
    return TrainingData(split.train, split.valid, split.train_until_us, split.whole)


def check_enough(home: Home, config: TwoTowerConfig, train: Sequences) -> None:
    """Raises HomeError if there is too little training data; the message gives the amounts found, usable and needed."""
    videos = len(set(train.video_ids))
    if len(train) >= LEAST_VIEWERS and videos >= LEAST_VIDEOS:
        return
    lake = cut_of(home)
    whole = sequences(watches(lake))
    left_out = "the last two watches of each viewer are kept for questions"
    if config.split == "time":
        until = np.datetime64(time_cuts(lake).t1_us, "us").astype("datetime64[s]")
        left_out = f"watches from {until} on are kept for questions"
    if config.min_count > 1:
        left_out += f", and videos watched by fewer than {config.min_count} viewers teach nothing (two_tower.min_count)"
    raise HomeError(
        f"too few to train on in {home.lake}: expected watches of at least {LEAST_VIEWERS} viewers and {LEAST_VIDEOS} "
        f"videos to learn from, found {len(train)} and {videos} (of {len(whole)} and {len(set(whole.video_ids))} with "
        f"watches; {left_out}): more viewers have to watch more, or another data set be ingested"
    )
