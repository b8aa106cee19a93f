"""The verbs of serving: keys from their making to their end."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from worlds.by_hand import WORLD

from bento_services.cli import app
from feature_repo.core.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.write_world(WORLD)
    return home


def said(*arguments: str, home: Home) -> str:
    shown = CliRunner().invoke(app, [*arguments, "--home", str(home.root)], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_every_verb_says_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for verb in ("serve", "recommend", "precompute", "package", "keys"):
        assert verb in shown


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("precompute",), "give either --active or --all"),
        (("precompute", "--active", "--all"), "give either --active or --all"),
        (("precompute", "--all", "--engine", "dask"), "expected here or spark, found dask"),
        (("recommend",), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "--all"), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "u1", "--all", "--out", "r.parquet"), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "u1", "--stage", "ranker"), "expected retrieval or full, found ranker"),
        (("recommend", " u1"), "USER: expected printable text"),
        (("serve", "--http-port", "70000"), "Invalid value for '--http-port'"),
    ],
)
def test_a_wrong_option_ends_with_2_and_says_what_was_expected(
    home: Home, arguments: tuple[str, ...], complaint: str
) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--home", str(home.root)])
    assert shown.exit_code == 2
    assert complaint in " ".join(shown.output.replace("│", " ").split())


@pytest.mark.parametrize("verb", [("recommend", "u1"), ("precompute", "--all"), ("package",), ("serve",)])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*verb, "--home", str(tmp_path)])
    assert "marquee simulate" in str(shown.exception)
