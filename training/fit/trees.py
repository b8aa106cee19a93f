"""LightGBM: the ranker's trees, and the baseline on the same features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.encoding.ranker import RankerEncoding
from models.ranking.boosted import require_end
from models.ranking.network import Ranker
from models.ranking.ranker import ACTIONS
from models.ranking.trees import Trees, tree_inputs
from training.data.dataset import RankingRows
from training.fit.ranker_config import RankerConfig

if TYPE_CHECKING:
    from lightgbm import Booster

Array = np.ndarray[Any, Any]


def grow_trees(
    train: RankingRows,
    valid: RankingRows | None,
    encoding: RankerEncoding,
    network: Ranker,
    config: RankerConfig,
    rounds: dict[str, int] | None = None,
) -> Trees:
    """Boosters on top of the position bias; as many as `rounds` says, or by early stopping on the validation rows."""
    import lightgbm

    bias_PA = network.position_bias.weight.detach().numpy()
    numbers = len(encoding.numbers)
    params = tree_params(config.seed) | {"objective": "cross_entropy", "learning_rate": config.tree_learning_rate}
    params |= {"num_leaves": config.tree_leaves}
    inputs = [(part, encoding.encode(part.columns, part.position)) for part in (train, valid) if part is not None]
    texts, intercepts = {}, {}
    for action in config.tree_actions:
        mean = float(np.clip(train.labels[action].mean(), 1e-4, 1 - 1e-4))
        intercepts[action] = float(np.log(mean / (1.0 - mean)))
        sets: list[Any] = []
        for part, encoded in inputs:
            start = intercepts[action] + bias_PA[encoded.categorical[:, -1], ACTIONS.index(action)]
            sets.append(
                lightgbm.Dataset(
                    tree_inputs(encoded),
                    part.labels[action],
                    init_score=start.astype(np.float64),
                    categorical_feature=list(range(numbers, numbers + len(encoding.categories))),
                    reference=sets[0] if sets else None,
                )
            )
        most = rounds[action] if rounds is not None else config.tree_rounds
        stop = [lightgbm.early_stopping(20, verbose=False)] if len(sets) > 1 else []
        booster = lightgbm.train(params, sets[0], max(most, 1), valid_sets=sets[1:], callbacks=stop)
        best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        texts[action] = booster.model_to_string(num_iteration=best)
    return Trees(texts, intercepts)


def tree_params(seed: int) -> dict[str, Any]:
    """The LightGBM parameters that all its models share."""
    return {
        "max_bin": 63,
        "num_leaves": 31,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": 2,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def fit_lightgbm(train: RankingRows, valid: RankingRows, encoding: RankerEncoding, seed: int) -> Any:
    """Gradient-boosted trees for the click on the same encoded features; the position is left out, as when serving."""
    import lightgbm

    numbers = len(encoding.numbers)
    categorical = list(range(numbers, numbers + len(encoding.categories)))
    sets = [
        lightgbm.Dataset(tree_features(encoding, part), part.labels["click"], categorical_feature=categorical)
        for part in (train, valid)
    ]
    params = tree_params(seed) | {"objective": "binary", "learning_rate": 0.1}
    stop = lightgbm.early_stopping(10, verbose=False)
    return lightgbm.train(params, sets[0], 150, valid_sets=[sets[1]], callbacks=[stop])


def read_booster(file: Path) -> Booster:
    """Raises ValueError for a file that was cut short."""
    import lightgbm

    text = file.read_text()
    require_end(text, file.name)
    return lightgbm.Booster(model_str=text)


def tree_features(encoding: RankerEncoding, rows: RankingRows) -> Array:
    return tree_inputs(encoding.encode(rows.columns))
