"""Recipes by the kind of data, and configs that cannot be."""

import pytest

from feature_repo.core.home import World
from training.fit.two_tower_config import TwoTowerConfig


def test_each_kind_of_data_has_its_recipe_and_what_is_given_wins() -> None:
    worlds = {source: World("w", source, "str", (), 30) for source in ("movielens", "kuairand", "simulator")}
    configs = {source: TwoTowerConfig.for_world(world, dim=8) for source, world in worlds.items()}
    assert {config.dim for config in configs.values()} == {8}
    assert {source: config.split for source, config in configs.items()} == {
        "movielens": "leave_last",
        "kuairand": "time",
        "simulator": "time",
    }
    assert {source: config.asker for source, config in configs.items()} == {
        "movielens": False,
        "kuairand": False,
        "simulator": True,
    }
    assert {config.length for config in configs.values()} == {30}


def test_only_what_differs_from_the_defaults_names_a_kept_model() -> None:
    assert TwoTowerConfig().chosen() == {}
    assert TwoTowerConfig(seed=2, dim=16).chosen() == {"seed": 2, "dim": 16}


def test_a_refit_is_short_slow_and_validated_by_nothing() -> None:
    config = TwoTowerConfig(learning_rate=1e-2, refit_epochs=2, refit_learning_rate=0.5)
    assert config.loop().max_epochs == config.epochs
    assert (config.refit_loop().max_epochs, config.refit_loop().validate_every) == (2, 2)
    assert config.refit_loop().learning_rate == pytest.approx(5e-3)


def test_a_config_that_cannot_be_says_so() -> None:
    with pytest.raises(ValueError, match="split"):
        TwoTowerConfig(split="random")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        TwoTowerConfig(epochs=0)
