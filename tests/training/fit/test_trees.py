"""Trees on the encoded features: without the position, and on top of it."""

from dataclasses import replace

import numpy as np
from worlds.exposures import CONFIG, rows

from feature_repo.core.progress import SILENT
from models.encoding.ranker import RankerEncoding
from training.fit.ranker_network import KnownVideos, fit_network
from training.fit.trees import fit_lightgbm, grow_trees, tree_features


def test_the_baseline_sees_the_same_features_without_the_position() -> None:
    train, valid = rows(), rows(1000, seed=1)
    encoding = RankerEncoding.fit(train.columns)
    assert tree_features(encoding, train).shape == (len(train), 3)
    booster = fit_lightgbm(train, valid, encoding, seed=0)
    assert booster.num_feature() == 3


def test_trees_stop_by_validation_or_grow_as_many_rounds_as_asked() -> None:
    train, valid = rows(1000), rows(500, seed=1)
    encoding = RankerEncoding.fit(train.columns)
    config = replace(CONFIG, max_epochs=1, tree_actions=("click",), tree_rounds=30)
    network, _ = fit_network(train, valid, encoding, KnownVideos((), np.zeros((0, 1))), config, SILENT)
    grown = grow_trees(train, valid, encoding, network, config)
    assert set(grown.rounds) == {"click"}
    assert 1 <= grown.rounds["click"] <= 30
    again = grow_trees(train, None, encoding, network, config, {"click": 7})
    assert again.rounds == {"click": 7}
    mean = float(train.labels["click"].mean())
    assert grown.intercepts["click"] == np.log(mean / (1 - mean))
