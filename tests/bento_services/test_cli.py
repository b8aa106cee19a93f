"""The verbs of serving: keys from their making to their end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from worlds.by_hand import WORLD

from bento_services.admission.keys import AuthError, Keys
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


def test_a_key_is_printed_once_listed_by_name_and_revoked(home: Home) -> None:
    key = said("keys", "create", "web", "--scope", "serve", "--scope", "events", home=home).strip()
    owner = Keys.of(home).owner(key)
    assert owner is not None
    assert (owner.name, set(owner.scopes)) == ("web", {"serve", "events"})
    listed = said("keys", "list", "--json", home=home)
    assert key not in listed
    (entry,) = json.loads(listed)["keys"]
    assert (entry["name"], entry["scopes"]) == ("web", ["serve", "events"])
    assert "web" in said("keys", "list", home=home)
    said("keys", "revoke", "web", home=home)
    assert json.loads(said("keys", "list", "--json", home=home)) == {"keys": []}


def test_what_is_no_scope_and_whose_key_is_no_key_is_said(home: Home) -> None:
    with pytest.raises(AuthError, match="unknown scope 'root'"):
        said("keys", "create", "web", "--scope", "root", home=home)
    with pytest.raises(AuthError, match="no key is named 'web'; there are: none"):
        said("keys", "revoke", "web", home=home)


def test_every_verb_says_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for verb in ("serve", "recommend", "package", "keys"):
        assert verb in shown


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("recommend",), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "--all"), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "u1", "--all", "--out", "r.parquet"), "give either a USER, or --all with --out FILE.parquet"),
        (("recommend", "u1", "--stage", "ranker"), "expected retrieval or full, found ranker"),
        (("serve", "--http-port", "70000"), "Invalid value for '--http-port'"),
        (("keys", "create", "web"), "Missing option"),
    ],
)
def test_a_wrong_option_ends_with_2_and_says_what_was_expected(
    home: Home, arguments: tuple[str, ...], complaint: str
) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--home", str(home.root)])
    assert shown.exit_code == 2
    assert complaint in " ".join(shown.output.replace("│", " ").split())


@pytest.mark.parametrize("verb", [("recommend", "u1"), ("package",), ("serve",)])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*verb, "--home", str(tmp_path)])
    assert "marquee simulate" in str(shown.exception)
