"""What the verbs of keys print, and how they end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bento_services.admission.key_ring import KeyRing
from bento_services.admission.keys import AuthError, Keys
from bento_services.cli import app
from bento_services.keys_cli import duration
from feature_repo.core.home import Home, World


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.write_world(World("keys", "simulator", "str", ("Drama",)))
    return home


def said(*arguments: str, home: Home) -> str:
    shown = CliRunner().invoke(app, ["keys", *arguments, "--home", str(home.root)], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return shown.output


def listed(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said("list", "--json", home=home))["keys"]
    return found


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(home: Home) -> None:
    scopes = ("--scope", "serve", "--scope", "events")
    key = said("create", "web", *scopes, "--expires", "90d", "--viewer", "none", home=home).strip()
    caller = Keys.of(home).caller(key)
    assert (caller.name, set(caller.scopes), caller.viewers) == ("web", {"serve", "events"}, "none")
    (entry,) = listed(home)
    assert key not in json.dumps(entry)
    assert (entry["name"], entry["viewer"], entry["last_used"]) == ("web", "none", "")
    assert entry["scopes"] == ["serve", "events"]
    assert entry["created"] < entry["expires"]
    ring = KeyRing(home)
    ring.used(entry["id"])
    ring.close()
    assert listed(home)[0]["last_used"] >= entry["created"]
    assert "web" in said("list", home=home)
    said("revoke", "web", home=home)
    assert listed(home) == []
    said("revoke", "--all", home=home)
    assert Keys.of(home).keyless


def test_a_rotated_key_is_printed_and_both_are_listed_while_both_are_good(home: Home) -> None:
    old = said("create", "web", "--scope", "serve", home=home).strip()
    new = said("rotate", "web", "--overlap", "24h", home=home).strip()
    old_caller, new_caller = Keys.of(home).caller(old), Keys.of(home).caller(new)
    assert replace(old_caller, key_id="") == replace(new_caller, key_id="")
    assert [entry["name"] for entry in listed(home)] == ["web", "web"]


def test_a_token_is_printed_and_good_for_its_viewer(home: Home) -> None:
    said("create", "app", "--scope", "serve", "--viewer", "token", home=home)
    token = said("token", "app", "--viewer", "Zoë", "--ttl", "30m", home=home).strip()
    assert Keys.of(home).caller(token).viewer_id == "Zoë"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", "web", "--scope", "root"), "unknown scope 'root'"),
        (("create", "web", "--scope", "serve", "--viewer", "all"), "unknown rule for viewers 'all'"),
        (("revoke", "web"), "no key is named 'web'; there are: none"),
        (("token", "web", "--viewer", "u1"), "no key is named 'web'; there are: none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(home: Home, arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(AuthError, match=complaint) as refusal:
        said(*arguments, home=home)
    assert refusal.value.exit_status == 2


def test_keys_that_cannot_be_read_are_refused(home: Home) -> None:
    (home.root / "keys.json").write_text("{}")
    with pytest.raises(AuthError, match="is no list of keys") as refusal:
        said("list", home=home)
    assert refusal.value.exit_status == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "web"),
        ("create", "web", "--scope", "serve", "--expires", "soon"),
        ("revoke",),
        ("revoke", "a", "--all"),
    ],
)
def test_a_wrong_option_ends_with_2(home: Home, arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["keys", *arguments, "--home", str(home.root)]).exit_code == 2


def test_a_time_is_a_number_and_a_unit() -> None:
    assert [duration(text).total_seconds() for text in ("45s", "30m", "12h", "90d")] == [45, 1800, 43200, 7776000]
    assert duration("3660d") == timedelta(days=3660)
    for text in ("", "1", "h", "0h", "-1h", "1.5h", "1w", "3661d", "999999999d", "９h"):
        with pytest.raises(typer.BadParameter, match="such as 45s, 30m, 12h or 90d"):
            duration(text)
