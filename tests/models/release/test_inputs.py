"""What the promoted ranker reads is told without loading it."""

from pathlib import Path

from worlds.untrained import untrained_home

from feature_repo.core.home import Home
from feature_repo.registry import FEATURES, columns_of
from models.release.artifact import load_champion
from models.release.inputs import champion_inputs


def test_the_columns_of_the_champion_are_those_of_its_encoding_and_all_are_registered(tmp_path: Path) -> None:
    home = untrained_home(tmp_path)
    found, encoding = champion_inputs(home), load_champion(home)[0].ranker.encoding
    assert found is not None
    assert found.columns[: len(encoding.numbers)] == encoding.numbers
    assert set(encoding.categories) <= set(found.columns)
    genres = home.world().genres
    assert set(found.columns) <= {name for one in FEATURES.values() for name in columns_of(one, genres)}


def test_before_anything_was_promoted_nothing_is_read(tmp_path: Path) -> None:
    assert champion_inputs(Home(tmp_path)) is None
