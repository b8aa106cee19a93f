"""Layers: what they drop, what they do not see, and what says nothing until it has learned."""

import pytest
import torch

from models.retrieval.blocks import CONTEXT_DROPOUT, Block, ContentTower, Dropout, ViewerContextEmbedding
from models.retrieval.tower_config import TowerConfig

CONFIG = TowerConfig(dim=8, heads=2, dropout=0.0)


def test_dropout_drops_its_share_keeps_the_mean_and_rests_when_serving() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.3), torch.ones(257, 33)
    dropped = dropout(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(77 / 256, abs=0.01)
    assert dropped.max().item() == pytest.approx(256 / 179)
    assert not torch.equal(dropped, dropout(x))
    assert torch.equal(dropout.eval()(x), x)


def test_a_token_does_not_see_what_comes_after_it_and_the_last_state_is_that_of_the_whole() -> None:
    torch.manual_seed(0)
    block, x_BTD = Block(CONFIG).eval(), torch.randn(2, 5, 8)
    changed = x_BTD.clone()
    changed[:, 3:] = 0.0
    whole = block(x_BTD, None)
    torch.testing.assert_close(block(changed, None)[:, :3], whole[:, :3])
    last = block.last(x_BTD, torch.tensor([5, 2]), None)
    torch.testing.assert_close(last[:, 0], torch.stack([whole[0, 4], whole[1, 1]]))


def test_an_unknown_creator_says_nothing_at_first() -> None:
    tower = ContentTower(3, creators=2, languages=1, config=CONFIG)
    assert not tower.creator.weight[0].any()
    assert tower(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0]), torch.zeros(4, dtype=torch.int64)).shape == (4, 8)


def test_unknown_context_adds_nothing_and_in_training_some_is_left_out() -> None:
    torch.manual_seed(0)
    context = ViewerContextEmbedding((3, 3), 1)
    with torch.no_grad():
        context.table.weight[1:] = 1.0
    context.eval()
    assert context(torch.tensor([[0, 0], [1, 0], [2, 2]])).flatten().tolist() == [0.0, 1.0, 2.0]
    context.train()
    kept = context(torch.ones(20_000, 2, dtype=torch.int64)).mean().item() / 2
    assert kept == pytest.approx((1.0 - CONTEXT_DROPOUT) ** 2, abs=0.01)
