"""Exposures of a made-up old ranking, where position and taste pull in opposite directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.ranking.ranker import ACTIONS
from training.data.dataset import RankingRows
from training.fit.ranker_config import RankerConfig

CONFIG = RankerConfig(max_epochs=8, batch_size=256, learning_rate=5e-3)


def rows(n: int = 4000, seed: int = 0) -> RankingRows:
    """A viewer likes what has a high `taste`, but clicks the more the higher it stands; good videos stand low."""
    rng = np.random.default_rng(seed)
    taste, creator = rng.normal(size=n), rng.integers(0, 5, n)
    position = np.clip(np.round(4.5 + 2.0 * taste + rng.normal(size=n)), 0, 9).astype(np.int64)
    click = rng.random(n) < 1 / (1 + np.exp(-(1.5 * taste + 0.8 * (creator == 2) - 0.8 * position + 2.0)))
    columns: dict[str, Any] = {
        "taste": taste.astype(np.float32),
        "duration_seconds": np.full(n, 600.0, dtype=np.float32),
        "creator_id": np.array([f"c{k}" for k in creator], dtype=object),
    }
    labels = {action: click.astype(np.float32) for action in ACTIONS} | {"watch_seconds": 600.0 * click}
    ids = np.array([f"r{k}" for k in range(n)], dtype=object)
    users = np.array([f"u{k % 50}" for k in range(n)], dtype=object)
    return RankingRows(columns, labels, users, ids, ids, np.arange(n), position, rng.uniform(0.01, 1.0, n))
