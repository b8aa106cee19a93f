"""What the file of keys says: who may call, until when; and that what cannot be read admits nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bento_services.admission.key_file import create_key, rotate_key
from bento_services.admission.keys import AuthError, Keys, check_bind, keys_path, used_path
from bento_services.admission.problem import Problem
from bento_services.viewer_tokens import viewer_token
from feature_repo.core.home import Home

LATER = timedelta(hours=1)


def refused(keys: Keys, presented: str, now: datetime | None = None) -> tuple[int, str]:
    with pytest.raises(Problem) as problem:
        keys.caller(presented, now)
    return problem.value.status, problem.value.message


def test_a_key_belongs_to_its_name_with_its_scopes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    web = create_key(home, "web", ["serve", "events", "serve"])
    create_key(home, "me", ["admin"])
    caller = Keys.of(home).caller(web)
    assert (caller.name, caller.scopes, caller.viewers) == ("web", frozenset({"serve", "events"}), "any")
    assert caller.key_id == Keys.of(home).keys[0].key_id
    assert caller.who == f"web ({caller.key_id})"
    for unknown in ("", "mq_", web[:-1], web + "a", "mv_", "é"):
        assert refused(Keys.of(home), unknown)[0] == 401


def test_a_key_ends_when_it_was_said_to(tmp_path: Path) -> None:
    home, now = Home(tmp_path), datetime.now(UTC)
    key = create_key(home, "web", ["serve"], expires=now + LATER)
    assert Keys.of(home).caller(key, now).name == "web"
    assert refused(Keys.of(home), key, now + LATER) == (
        401,
        "this API key has expired (`marquee keys rotate` gives a new one)",
    )


def test_a_key_that_signs_tokens_acts_through_them_for_one_viewer_each(tmp_path: Path) -> None:
    home, now = Home(tmp_path), datetime.now(UTC)
    key = create_key(home, "app", ["serve", "events"], viewers="token", expires=now + 2 * LATER)
    create_key(home, "web", ["serve"])
    keys = Keys.of(home)
    assert refused(keys, key)[0] == 403
    token = viewer_token(key, "Zoë", LATER.total_seconds())
    caller = keys.caller(token)
    assert (caller.name, caller.viewers, caller.viewer_id) == ("app", "token", "Zoë")
    assert caller.key_id == keys.keys[0].key_id
    assert refused(keys, token, now + LATER + timedelta(seconds=1))[0] == 401
    assert refused(keys, viewer_token(key, "Zoë", 1e6), now + 2 * LATER)[0] == 401
    assert refused(keys, token[:-2])[0] == 401
    assert refused(keys, viewer_token("mq_another", "Zoë"))[0] == 401


def test_a_token_outlives_no_rotation_but_for_its_overlap(tmp_path: Path) -> None:
    home = Home(tmp_path)
    token = viewer_token(create_key(home, "app", ["serve"], viewers="token"), "u1")
    new = rotate_key(home, "app", LATER)
    keys = Keys.of(home)
    assert keys.caller(token).viewer_id == keys.caller(viewer_token(new, "u1")).viewer_id == "u1"
    assert refused(keys, token, datetime.now(UTC) + LATER)[0] == 401
    rotate_key(home, "app")
    assert refused(Keys.of(home), token)[0] == 401


def test_a_key_of_another_kind_signs_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "web", ["serve"])
    assert refused(Keys.of(home), viewer_token(key, "u1"))[0] == 401


BROKEN = [
    b"",
    b"{",
    b"{}",
    b"null",
    b"[1]",
    b'[{"name": "web"}]',
    b'[{"nome": "web", "scopes": []}]',
    b'[{"name": "web", "sha256": "short", "scopes": ["serve"], "created": "2026-01-01T00:00:00+00:00"}]',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_file_that_is_no_list_of_keys_admits_nobody(tmp_path: Path, content: bytes) -> None:
    keys_path(Home(tmp_path)).write_bytes(content)
    keys = Keys.of(Home(tmp_path))
    assert "keys.json of the home is no list of keys" in keys.closed
    assert not keys.keyless
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(AuthError, match="marquee keys"):
            check_bind(host, keys, insecure=True)


def test_a_file_that_cannot_be_opened_admits_nobody(tmp_path: Path) -> None:
    keys_path(Home(tmp_path)).mkdir()
    assert "cannot be read" in Keys.of(Home(tmp_path)).closed


def test_a_file_without_keys_needs_one_all_the_same(tmp_path: Path) -> None:
    keys_path(Home(tmp_path)).write_text("[]")
    keys = Keys.of(Home(tmp_path))
    assert (keys.keyless, keys.closed) == (False, "")
    assert refused(keys, "mq_any")[0] == 401


def test_without_a_file_there_are_no_keys_unless_there_were_some(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert Keys.of(home).keyless
    create_key(home, "web", ["serve"])
    assert used_path(home).exists()
    keys_path(home).unlink()
    assert "keys.json of the home is gone" in Keys.of(home).closed


def test_keys_of_earlier_versions_are_read(tmp_path: Path) -> None:
    keys_path(Home(tmp_path)).write_text(
        '[{"name": "web", "sha256": "' + "a" * 64 + '", "scopes": ["serve"], "created": "2026-01-01T00:00:00+00:00"}]'
    )
    (key,) = Keys.of(Home(tmp_path))
    assert (key.name, key.scopes, key.expires, key.viewers) == ("web", ("serve",), None, "any")


def test_an_address_of_the_network_needs_keys_or_a_word_that_they_are_not_wanted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(AuthError, match=r"refusing to listen on 0\.0\.0\.0 without API keys") as refusal:
        check_bind("0.0.0.0", Keys(), insecure=False)
    assert "marquee keys create" in str(refusal.value)
    assert refusal.value.exit_status == 3
    check_bind("0.0.0.0", Keys(), insecure=True)
    check_bind("127.0.0.1", Keys(), insecure=False)
    create_key(home, "web", ["serve"])
    check_bind("0.0.0.0", Keys.of(home), insecure=False)


@pytest.mark.parametrize("viewer_id", ["", " u1", "a\x00", "a" * 129, "\u202e"])
def test_a_token_for_an_id_that_no_viewer_has_admits_nobody(tmp_path: Path, viewer_id: str) -> None:
    key = create_key(Home(tmp_path), "app", ["serve", "events"], viewers="token")
    with pytest.raises(Problem, match="the viewer of this token") as refused:
        Keys.of(Home(tmp_path)).caller(viewer_token(key, viewer_id))
    assert refused.value.status == 401


def test_a_token_is_for_the_viewer_whatever_form_of_unicode_its_id_was_signed_in(tmp_path: Path) -> None:
    key = create_key(Home(tmp_path), "app", ["serve", "events"], viewers="token")
    caller = Keys.of(Home(tmp_path)).caller(viewer_token(key, "cafe\u0301"))
    assert caller.acts_for("caf\u00e9") == "caf\u00e9"
