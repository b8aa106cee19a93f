"""The loss by hand: the mean cross-entropy of each next token over the catalog, and what was broken off below it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.retrieval.two_tower import TowerInputs
from training.fit.tower_batches import TrainingBatch
from training.fit.tower_loss import NextWatchLoss

VIDEOS = 5
CPU = torch.device("cpu")
TOKENS = torch.tensor([[VIDEOS, 0, 1, 2], [VIDEOS, 3, VIDEOS, VIDEOS]])  # the second row is padded
NONE = torch.full((2, 3, 2), -1)
BATCH = TrainingBatch(TowerInputs(TOKENS, torch.tensor([4, 2])), torch.zeros(2, 3, dtype=torch.bool), NONE)


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


def loss(scale: float, negatives: int = 0, batch: TrainingBatch = BATCH, **weights: float) -> float:
    network: Any = Fixed(scale)
    return float(NextWatchLoss(network, CPU, torch.full((VIDEOS,), 1.0 / VIDEOS), negatives, **weights)(batch))


def test_who_knows_nothing_guesses_and_pads_are_not_asked_for() -> None:
    assert loss(0.0) == pytest.approx(np.log(VIDEOS), rel=1e-2)  # in bfloat16
    assert loss(3.0) == pytest.approx(np.log(np.exp(3.0) + VIDEOS - 1) - 3.0, rel=2e-2)
    assert loss(50.0) == pytest.approx(0.0, abs=1e-6)


def test_a_sample_of_negatives_tells_the_same() -> None:
    torch.manual_seed(0)
    assert loss(50.0, negatives=64) == pytest.approx(0.0, abs=1e-3)
    assert loss(0.0, negatives=64) > loss(3.0, negatives=64) > loss(50.0, negatives=64)


class Knowing(Fixed):
    """Knows what follows on the start token, and nothing of what comes later."""

    def states(self, video_VD: Tensor, batch: TowerInputs) -> Tensor:
        return super().states(video_VD, batch) * torch.tensor([1.0, 0.0, 0.0, 0.0])[None, :, None]


@pytest.mark.parametrize("negatives", [0, 4096])
def test_a_finished_watch_counts_as_many_times_as_declared(negatives: int) -> None:
    torch.manual_seed(0)
    strong = torch.tensor([[True, False, False], [False, True, True]])  # padding is nothing, whatever it says
    network: Any = Knowing(50.0)
    made = NextWatchLoss(network, CPU, torch.full((VIDEOS,), 1.0 / VIDEOS), negatives, finished_weight=3.0)
    # Of the four watches the first of each row is known: one of them counts three times, two unknown ones once.
    assert float(made(BATCH._replace(strong_BT=strong))) == pytest.approx(2 * np.log(VIDEOS) / 6, rel=2e-2)
    assert float(made(BATCH)) == pytest.approx(2 * np.log(VIDEOS) / 4, rel=2e-2)


@pytest.mark.parametrize("negatives", [0, 4096])
def test_what_was_broken_off_ranks_below_the_watch_that_followed(negatives: int) -> None:
    torch.manual_seed(0)
    broken = NONE.clone()
    broken[0, 1] = torch.tensor([4, 2])  # before video 1; 4 stands in no row of the batch
    broken[1, 2] = torch.tensor([0, 0])  # padding
    batch = BATCH._replace(broken_BTK=broken)
    for scale in (0.0, 2.0):
        torch.manual_seed(1)
        without = loss(scale, negatives, batch)
        torch.manual_seed(1)
        added = loss(scale, negatives, batch, broken_weight=0.5) - without
        assert added == pytest.approx(0.5 * 2 * np.log1p(np.exp(-scale)) / 4, rel=1e-3)  # two pairs, four watches
    strong = batch._replace(strong_BT=torch.ones(2, 3, dtype=torch.bool))
    torch.manual_seed(1)
    added = loss(0.0, 0, strong, broken_weight=0.5, finished_weight=2.0) - loss(0.0)
    assert added == pytest.approx(0.5 * 2 * np.log(2.0) / 8, rel=1e-2)
