"""What predictions are worth, as one number."""

from __future__ import annotations

import numpy as np

from models.ranking.ranker import HEADS
from models.ranking.score import ActionWeights


def test_watching_and_liking_count_a_dislike_is_subtracted_and_a_click_is_worth_nothing_unless_stated() -> None:
    heads = {head: np.zeros(3, dtype=np.float32) for head in HEADS}
    heads["watch_gain"][:] = 0.5, 0.0, 0.25
    heads["p_complete"][:] = 0.5, 0.0, 0.0
    heads["p_like"][:] = 0.25, 0.0, 0.0
    heads["p_share"][:] = 0.125, 0.0, 0.0
    heads["p_dislike"][:] = 0.0, 0.5, 0.0
    heads["p_click"][:] = 1.0, 1.0, 0.5
    assert ActionWeights().of(heads).tolist() == [1.125, -0.5, 0.25]
    assert ActionWeights(watch=2.0, complete=0.0, click=1.0).of(heads).tolist() == [2.375, 0.5, 1.0]
