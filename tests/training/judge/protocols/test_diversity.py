"""A frontier refuses what is none, and a home without a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.page.policy import PolicyError
from training.judge.protocols.diversity import frontier
from training.judge.protocols.frontier_points import FrontierConfig
from training.judge.protocols.reading import read_protocol

SAID = {"name": "diversity", "kind": "diversity"}


def test_a_file_of_another_kind_or_an_empty_one_is_not_a_frontier(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="protocol a1: kind: expected 'diversity', found 'retrieval'"):
        frontier(Home(tmp_path), read_protocol("a1"), "marquee frontier --protocol a1")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(HomeError, match=r"empty\.toml: name: expected text, found nothing"):
        read_protocol(str(tmp_path / "empty.toml"))
    assert FrontierConfig.of(read_protocol("diversity")).candidates == 100


def test_a_home_without_a_model_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee train"):
        frontier(Home.open(tmp_path), SAID, "marquee frontier")


def test_a_policy_that_the_choice_cannot_be_written_into_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("x =")
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        frontier(Home.open(tmp_path), SAID, "marquee frontier")
