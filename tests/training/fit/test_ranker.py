"""A ranker's data set is known by its values, and training one needs a two-tower model."""

from pathlib import Path

import pytest
from worlds.exposures import rows

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from training.fit.ranker import data_hash, train_ranker


def test_a_changed_value_is_another_data_set() -> None:
    changed = rows()
    changed.columns["taste"][7] += 1.0
    assert data_hash(rows()) == data_hash(rows())
    assert data_hash(rows()) != data_hash(changed)


def test_without_a_two_tower_model_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee train two-tower"):
        train_ranker(Home(tmp_path))
