"""Shapes of a network that cannot be."""

import pytest

from models.retrieval.tower_config import TowerConfig


def test_a_config_that_cannot_be_says_so() -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        TowerConfig(dim=10, heads=3)
    with pytest.raises(ValueError, match="none, history or query"):
        TowerConfig(time_bias="always")  # type: ignore[arg-type]
