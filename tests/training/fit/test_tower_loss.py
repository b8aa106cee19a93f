"""The loss by hand: the mean cross-entropy of each next token over the catalog."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.retrieval.two_tower import TowerInputs
from training.fit.tower_loss import NextWatchLoss

VIDEOS = 5
CPU = torch.device("cpu")
TOKENS = torch.tensor([[VIDEOS, 0, 1, 2], [VIDEOS, 3, VIDEOS, VIDEOS]])  # the second row is padded
BATCH = TowerInputs(TOKENS, torch.tensor([4, 2]))


class Fixed:
    """Videos are axes; the state after each token is `scale` times the axis of the token after it."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def video_vectors(self, rows: Tensor | None = None) -> Tensor:
        whole = torch.eye(VIDEOS)
        return whole if rows is None else whole[rows]

    def states(self, video_VD: Tensor, batch: TowerInputs) -> Tensor:
        table = torch.cat([video_VD, torch.zeros(1, VIDEOS)])
        following = torch.roll(batch.token_BT, -1, dims=1)
        return self.scale * table[following]


def loss(scale: float, negatives: int = 0) -> float:
    network: Any = Fixed(scale)
    return float(NextWatchLoss(network, CPU, torch.full((VIDEOS,), 1.0 / VIDEOS), negatives)(BATCH))


def test_who_knows_nothing_guesses_and_pads_are_not_asked_for() -> None:
    assert loss(0.0) == pytest.approx(np.log(VIDEOS), rel=1e-2)  # in bfloat16
    assert loss(3.0) == pytest.approx(np.log(np.exp(3.0) + VIDEOS - 1) - 3.0, rel=2e-2)
    assert loss(50.0) == pytest.approx(0.0, abs=1e-6)


def test_a_sample_of_negatives_tells_the_same() -> None:
    torch.manual_seed(0)
    assert loss(50.0, negatives=64) == pytest.approx(0.0, abs=1e-3)
    assert loss(0.0, negatives=64) > loss(3.0, negatives=64) > loss(50.0, negatives=64)
