"""Each table of marquee.toml that training reads sets what it names."""

from pathlib import Path

import pytest

from feature_repo.core.settings import FILE, SettingsError, read
from training.release.gates import GATES
from training.settings import SECTIONS


def test_every_table_of_training_is_here_once() -> None:
    names = ["two_tower", "ranker", "evaluation", "retrieval", "gates", "promotion"]
    assert [section.name for section in SECTIONS] == names


def test_a_bar_of_the_file_is_the_bar_of_the_gate_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[gates]\nmax_rank_ms = 20.0\n")
    bars = read(GATES, tmp_path)
    assert (bars.max_rank_ms, bars.max_skew) == (20.0, GATES.config().max_skew)


def test_a_recipe_that_cannot_be_trained_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[two_tower]\nepochs = 'many'\n")
    two_tower = SECTIONS[0]
    with pytest.raises(SettingsError, match=r"marquee\.toml:2: two_tower\.epochs: expected "):
        read(two_tower, tmp_path)
