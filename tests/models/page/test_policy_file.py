"""The policy of a home is its own file, else the rules that Marquee comes with."""

import tomllib
from pathlib import Path

from feature_repo.core.home import Home
from models.page.policy_file import POLICY, policy_of


def test_a_home_without_rules_of_its_own_has_the_shipped_ones(tmp_path: Path) -> None:
    assert policy_of(Home(tmp_path)) == POLICY
    assert tomllib.loads(POLICY.read_text())


def test_a_file_of_the_home_wins(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("")
    assert policy_of(Home(tmp_path)) == tmp_path / "policy.toml"
