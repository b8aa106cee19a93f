"""Keys are made, rotated and revoked; what is stored opens nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bento_services.admission.key_file import create_key, revoke_all, revoke_key, rotate_key, token_of
from bento_services.admission.keys import AuthError, Keys, keys_path
from bento_services.admission.problem import Problem
from feature_repo.core.home import Home

HOUR = timedelta(hours=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def knows(home: Home, key: str, now: datetime | None = None) -> bool:
    try:
        return bool(Keys.of(home).caller(key, now))
    except Problem:
        return False


def test_a_key_is_stored_as_a_hash_for_its_owner_alone(home: Home) -> None:
    key = create_key(home, "web", ["serve"])
    assert key not in keys_path(home).read_text()
    assert [path.name for path in home.root.iterdir() if path.stat().st_mode & 0o077] == []


def test_a_rotated_key_has_a_new_secret_and_the_old_one_for_the_overlap(home: Home) -> None:
    now = datetime.now(UTC)
    old = create_key(home, "web", ["serve", "events"], viewers="none", expires=now + 10 * HOUR)
    other = create_key(home, "me", ["admin"])
    new = rotate_key(home, "web", overlap=HOUR)
    assert knows(home, old)
    assert knows(home, new)
    assert not knows(home, old, now + HOUR + timedelta(seconds=5))
    caller = Keys.of(home).caller(new)
    assert (caller.name, caller.scopes, caller.viewers) == ("web", frozenset({"serve", "events"}), "none")
    expires = [key.expires - now for key in Keys.of(home) if key.expires is not None]
    assert [round(span / HOUR) for span in expires] == [1, 10]
    newest = rotate_key(home, "web")
    assert [knows(home, key) for key in (old, new, newest, other)] == [False, False, True, True]


def test_an_overlap_gives_an_old_key_no_longer_life_than_it_had(home: Home) -> None:
    now = datetime.now(UTC)
    old = create_key(home, "web", ["serve"], expires=now + HOUR)
    rotate_key(home, "web", overlap=10 * HOUR)
    assert not knows(home, old, now + HOUR)


def test_a_revoked_key_is_nobodys_and_the_others_stay(home: Home) -> None:
    web, mine = create_key(home, "web", ["serve"]), create_key(home, "me", ["admin"])
    revoke_key(home, "web")
    assert [knows(home, key) for key in (web, mine)] == [False, True]
    with pytest.raises(AuthError, match="no key is named 'web'; there are: me"):
        revoke_key(home, "web")
    with pytest.raises(AuthError, match="no key is named 'web'; there are: me"):
        rotate_key(home, "web")
    revoke_key(home, "me")
    assert not Keys.of(home).keyless
    revoke_all(home)
    assert Keys.of(home).keyless


def test_what_cannot_be_a_key_is_refused_and_nothing_is_written(home: Home) -> None:
    with pytest.raises(
        AuthError, match="unknown scope 'root': expected some of serve, events, catalog, admin, metrics"
    ):
        create_key(home, "web", ["root"])
    with pytest.raises(AuthError, match="expected one of any, token, none"):
        create_key(home, "web", ["serve"], viewers="some")  # type: ignore[arg-type]
    with pytest.raises(AuthError, match="expected the scopes serve and events"):
        create_key(home, "app", ["serve", "admin"], viewers="token")
    for name in ("", " ", "a\nb", "x" * 65):
        with pytest.raises(AuthError, match="the name of a key"):
            create_key(home, name, ["serve"])
    assert not keys_path(home).exists()
    create_key(home, "web", ["serve"])
    with pytest.raises(AuthError, match="marquee keys rotate web"):
        create_key(home, "web", ["serve"])


def test_a_file_that_cannot_be_read_is_not_written_over(home: Home) -> None:
    keys_path(home).write_text("{}")
    for change in (lambda: create_key(home, "web", ["serve"]), lambda: revoke_key(home, "web")):
        with pytest.raises(AuthError, match="is no list of keys") as refusal:
            change()
        assert refusal.value.exit_status == 3
    assert keys_path(home).read_text() == "{}"


def test_after_the_file_was_lost_a_new_key_can_be_made(home: Home) -> None:
    create_key(home, "web", ["serve"])
    keys_path(home).unlink()
    assert knows(home, create_key(home, "web", ["serve"]))


def test_two_who_change_keys_at_once_lose_none(home: Home) -> None:
    threads = [threading.Thread(target=create_key, args=(home, f"k{number}", ["serve"])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key.name for key in Keys.of(home)) == [f"k{number}" for number in range(8)]


def test_a_token_is_signed_with_a_key_by_its_name_for_an_id_within_its_limits(home: Home) -> None:
    create_key(home, "app", ["serve"], viewers="token")
    create_key(home, "web", ["serve"])
    caller = Keys.of(home).caller(token_of(home, "app", "Zoe\u0308", HOUR))
    assert caller.viewer_id == "Zo\u00eb"
    with pytest.raises(AuthError, match="signs no viewer tokens: marquee keys create NAME --viewer token"):
        token_of(home, "web", "u1", HOUR)
    with pytest.raises(AuthError, match="--viewer: user_id: expected"):
        token_of(home, "app", "u1 ", HOUR)
    with pytest.raises(AuthError, match="no key is named 'me'"):
        token_of(home, "me", "u1", HOUR)
