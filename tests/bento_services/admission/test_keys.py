"""Keys are hashes with scopes; without any, only this machine is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bento_services.admission.keys import (
    AuthError,
    Keys,
    check_bind,
    create_key,
    host_is_ours,
    is_loopback,
    keys_path,
    revoke_key,
)
from feature_repo.core.home import Home


def test_a_key_is_stored_as_a_hash_and_replaced_under_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = create_key(home, "web", ["serve"])
    new = create_key(home, "web", ["serve"])
    stored = (tmp_path / "keys.json").read_text()
    assert old not in stored
    assert new not in stored
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    assert len(Keys.of(home)) == 1


def test_a_key_belongs_to_its_name_with_its_scopes_and_a_replaced_one_to_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = create_key(home, "web", ["serve"])
    new = create_key(home, "web", ["serve", "events", "serve"])
    create_key(home, "me", ["admin"])
    keys = Keys.of(home)
    owner = keys.owner(new)
    assert owner is not None
    assert (owner.name, owner.scopes) == ("web", frozenset({"serve", "events"}))
    assert [owner.has(scope) for scope in ("serve", "events", "admin")] == [True, True, False]  # type: ignore[arg-type]
    assert keys.owner(old) is None
    assert keys.owner("") is None


def test_a_revoked_key_is_nobodys_and_the_others_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    web, mine = create_key(home, "web", ["serve"]), create_key(home, "me", ["admin"])
    revoke_key(home, "web")
    assert [key.name for key in Keys.of(home)] == ["me"]
    assert Keys.of(home).owner(web) is None
    assert Keys.of(home).owner(mine) is not None
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    with pytest.raises(AuthError, match="no key is named 'web'; there are: me"):
        revoke_key(home, "web")


def test_an_unknown_scope_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(AuthError, match="unknown scope 'root': expected some of serve, events, admin"):
        create_key(Home(tmp_path), "web", ["root"])  # type: ignore[list-item]
    assert not keys_path(Home(tmp_path)).exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"name": "web"}]', '[{"nome": "web", "scopes": []}]'])
def test_a_broken_file_of_keys_is_an_error_and_not_keyless_use(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(AuthError, match="is not a list of keys"):
        Keys.of(Home(tmp_path))


def test_an_address_of_the_network_needs_keys_or_a_word_that_they_are_not_wanted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(AuthError, match=r"refusing to listen on 0\.0\.0\.0 without API keys"):
        check_bind("0.0.0.0", Keys(()), insecure=False)
    check_bind("0.0.0.0", Keys(()), insecure=True)
    check_bind("127.0.0.1", Keys(()), insecure=False)
    create_key(home, "web", ["serve"])
    check_bind("0.0.0.0", Keys.of(home), insecure=False)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LOCALHOST:8080", True),
        ("127.0.0.1:1", True),
        ("127.8.8.8", True),
        ("[::1]:8080", True),
        ("rebound.example", False),
        ("rebound.example:8080", False),
        ("127.0.0.1.rebound.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_ours(host: str, ours: bool) -> None:
    assert host_is_ours(host) is ours


def test_loopback_is_an_address_or_localhost() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "elsewhere")] == [
        True,
        True,
        True,
        False,
        False,
    ]
