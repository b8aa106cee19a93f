"""policy.toml as values, and what is said of a file that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.page.context import ContextWeights
from models.page.policy import PolicyError, load_policy
from models.page.policy_file import POLICY
from models.ranking.score import ActionWeights


def test_the_shipped_policy_is_the_strictest_set() -> None:
    policy = load_policy()
    assert policy.caps.max_per_creator == 3
    assert policy.caps.category_bar(20) == 6
    assert policy.caps.fresh_bar(20) == 2
    assert policy.caps.max_genre_in_top == 3
    assert policy.caps.max_category_run == 3
    assert (policy.boosts.day, policy.boosts.week) == (1.2, 1.1)
    assert policy.exploration.share == 0.1
    assert policy.score == ActionWeights(watch=1.0, complete=0.5, like=1.0, share=1.0, dislike=1.0, click=0.0)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("max_per_creator = 3", "max_per_creator = 0", "at least 1"),
        ("max_per_creator = 3", "most_per_creator = 3", "most_per_creator"),
        ("share = 0.10", "share = 0.9", "share"),
        ('version = "home-1"', "", "version"),
        ("[boosts]", "[boosts", "policy.toml"),
        ('"min_fresh", ', "", "relaxation"),
        ("relevance = 0.92", "relevance = 1.8", "relevance"),
        ('method = "max_sum"', 'method = "sum"', "method"),
        ("max_per_creator = 3", 'max_per_creator = "3"', "whole number"),
        ("max_per_creator = 3", "max_per_creator = true", "whole number"),
        ("max_per_creator = 3", "max_per_creator = 2.5", "whole number"),
        ("min_fresh = 2", "min_fresh = 99999999999999999999", "min_fresh"),
        ("fresh_days = 7", "fresh_days = -1", "fresh_days"),
        ("day = 1.2", "day = nan", "day"),
        ("day = 1.2", "day = inf", "day"),
        ("week = 1.1", "week = -1.0", "week"),
        ("protected = 3", "protected = -5", "protected"),
        ("[boosts]", "[boost]", "found boost"),
        ("click = 0.0", "clicks = 0.0", "clicks"),
        ("dislike = 1.0", "dislike = -1.0", "dislike"),
        ("tv_longer = 0.1", "tv_longer = -0.1", "tv_longer"),
        ("tv_longer = 0.1", "tv_shorter = 0.1", "tv_shorter"),
        ("night_from = 22.0", "night_from = 25.0", "0 to 24"),
        ("heavy = []", "heavy = [3]", "heavy"),
        ("heavy = []", 'heavy = "War"', "heavy"),
    ],
)
def test_an_invalid_policy_is_refused_by_the_name_of_its_fault(tmp_path: Path, old: str, new: str, part: str) -> None:
    text = POLICY.read_text()
    assert old in text
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(PolicyError, match=part):
        load_policy(path)


def test_a_policy_of_before_there_was_a_context_weighs_none(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY.read_text().partition("[context]")[0])
    assert load_policy(path).context == ContextWeights()


def test_heavy_genres_are_declared_as_a_list(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY.read_text().replace("heavy = []", 'heavy = ["War"]'))
    assert load_policy(path).context.heavy == ("War",)
