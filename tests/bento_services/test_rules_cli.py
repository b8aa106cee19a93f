"""`marquee rules`, on a home with a catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds.catalog import catalog_home

import marquee
from feature_repo.catalog.open import open_catalog
from feature_repo.core.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return catalog_home(tmp_path / "home")


def run(home: Home, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(marquee.command_line(), ["rules", *arguments, "--home", str(home.root), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_rules_are_added_listed_shown_and_removed(home: Home) -> None:
    added = run(home, "add", "strike", "block", "creator_ids=c7,c8", "countries=DE", "--why", "a strike")
    assert (added["creator_ids"], added["version"], added["created"]) == (["c7", "c8"], 1, True)
    assert run(home, "add", "strike", "block", "creator_ids=c7", "enabled=false", "--if-match", "1")["version"] == 2
    assert [one["rule_id"] for one in run(home, "list")["rules"]] == ["strike"]
    removed = run(home, "remove", "strike", "--if-match", "2")
    assert removed == {"rule_id": "strike", "change_id": 3}
    shown = run(home, "show", "strike")
    assert shown["rule"] is None
    assert [(one["action"], one["why"]) for one in shown["changes"]] == [
        ("put", "a strike"),
        ("put", ""),
        ("remove", ""),
    ]
    assert all("command line" in one["who"] for one in shown["changes"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("pin", "video_ids=nothing"), "expected videos of the catalog, which `marquee videos list` shows"),
        (("pin", "video_ids=v1", "row=no_row"), "row: expected one of top_picks, followed"),
        (("block", "tag=a"), "did you mean tags?"),
        (("boost", "tags=a", "factor=much"), "factor: expected a number from 0 to 100, found 'much'"),
    ],
)
def test_a_rule_that_says_something_impossible_is_refused(home: Home, fields: tuple[str, ...], said: str) -> None:
    with pytest.raises(Exception, match=said.replace("?", r"\?")):
        run(home, "add", "x", *fields)
    assert run(home, "list") == {"rules": []}


def test_a_pin_of_a_video_of_the_catalog_is_kept(home: Home) -> None:
    catalog = open_catalog(home)
    catalog.put({"video_id": "v1", "title": "One", "duration_seconds": 60}, "test")
    catalog.close()
    assert run(home, "add", "hero", "pin", "video_ids=v1", "position=2", "surfaces=home")["position"] == 2
