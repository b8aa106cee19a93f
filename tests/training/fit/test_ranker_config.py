"""Configs of a ranker that cannot be meant."""

import pytest

from training.fit.ranker_config import RankerConfig


def test_a_config_that_cannot_be_meant_explains_itself() -> None:
    with pytest.raises(ValueError, match="validation_fraction: expected between 0 and 1, found 2"):
        RankerConfig(validation_fraction=2.0)
    with pytest.raises(ValueError, match="action_losses: expected click, complete"):
        RankerConfig(action_losses={"click": 1.0})
    with pytest.raises(ValueError, match="retrieval: expected some weights, none below 0, found"):
        RankerConfig(retrieval=())
