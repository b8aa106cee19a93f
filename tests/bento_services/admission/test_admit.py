"""Who may call what: a table small enough to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bento_services.admission.admit import Admission, Credentials
from bento_services.admission.callers import ANYBODY_HERE, NOBODY
from bento_services.admission.endpoints import (
    EVENTS,
    HEALTH,
    LIVENESS,
    OPERATIONS,
    PAGES,
    PUBLIC,
    UNKNOWN,
    VIEWERS,
    EndpointClass,
)
from bento_services.admission.key_file import create_key
from bento_services.admission.key_ring import KeyRing, last_used
from bento_services.admission.keys import Keys
from bento_services.admission.problem import Problem
from feature_repo.core.home import Home


def refusal(admission: Admission, credentials: Credentials, endpoint: EndpointClass) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        admission.admit(credentials, endpoint)
    return refused.value.status, refused.value.code


def test_a_scope_opens_its_classes_and_admin_opens_all(tmp_path: Path) -> None:
    home = Home(tmp_path)
    keys = {scope: Credentials(create_key(home, scope, [scope])) for scope in ("serve", "events", "metrics", "admin")}  # type: ignore[list-item]
    admission = Admission(Keys.of(home))
    opens = {
        "serve": (PAGES, UNKNOWN),
        "events": (EVENTS, UNKNOWN),
        "metrics": (OPERATIONS, UNKNOWN),
        "admin": (PAGES, EVENTS, VIEWERS, OPERATIONS, UNKNOWN),
    }
    for scope, classes in opens.items():
        for endpoint in (PAGES, EVENTS, VIEWERS, OPERATIONS, HEALTH, UNKNOWN, PUBLIC):
            if endpoint in (PUBLIC, HEALTH):
                assert admission.admit(keys[scope], endpoint) is NOBODY
            elif endpoint in classes:
                assert admission.admit(keys[scope], endpoint).name == scope
            else:
                assert refusal(admission, keys[scope], endpoint) == (403, "not_allowed")


def test_with_keys_only_what_is_public_needs_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    create_key(home, "web", ["serve"])
    admission = Admission(Keys.of(home))
    assert admission.admit(Credentials(), PUBLIC) is admission.admit(Credentials(), HEALTH) is NOBODY
    for endpoint in (PAGES, EVENTS, VIEWERS, OPERATIONS, UNKNOWN):
        assert refusal(admission, Credentials(), endpoint) == (401, "not_authenticated")
        assert refusal(admission, Credentials("mq_wrong"), endpoint) == (401, "not_authenticated")


@pytest.mark.parametrize("endpoint", [PUBLIC, PAGES, VIEWERS])
def test_without_keys_a_foreign_host_name_is_refused_and_a_protocol_without_one_is_not(endpoint: EndpointClass) -> None:
    admission = Admission()
    assert refusal(admission, Credentials(host="rebound.example"), endpoint) == (403, "wrong_host")
    for no_host in ("", "localhost:80@rebound.example", "[::1].rebound.example"):
        assert refusal(admission, Credentials(host=no_host), endpoint) == (400, "malformed")
    for host in ("localhost:8080", "127.0.0.1", "[::1]:1", None):
        assert admission.admit(Credentials(host=host), endpoint) is ANYBODY_HERE
    assert Admission(loopback_only=False).admit(Credentials(host="rebound.example"), endpoint) is ANYBODY_HERE


def test_with_keys_any_host_name_will_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "web", ["serve"])
    assert Admission(Keys.of(home)).admit(Credentials(key, "marquee.example"), PAGES).name == "web"


def test_where_keys_cannot_be_read_the_process_says_that_it_lives_and_admits_nobody() -> None:
    admission = Admission(Keys(closed="keys.json of the home is gone"))
    assert admission.admit(Credentials(), LIVENESS) is NOBODY
    for endpoint in (PAGES, EVENTS, VIEWERS, OPERATIONS, UNKNOWN, PUBLIC, HEALTH):
        assert refusal(admission, Credentials("mq_any"), endpoint) == (503, "keys_unreadable")


def test_a_use_of_a_key_is_remembered(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key, other = create_key(home, "web", ["serve"]), create_key(home, "me", ["admin"])
    ring = KeyRing(home)
    admission = Admission(ring)
    admission.admit(Credentials(key), PAGES)
    assert refusal(admission, Credentials(key), VIEWERS)[0] == 403
    ring.close()
    assert list(last_used(home)) == [Keys.of(home).keys[0].key_id]
    assert other


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "Bearer k1"}, "k1"),
        ({"authorization": "bearer  k1 "}, "k1"),
        ({"x-api-key": "k2"}, "k2"),
        ({"authorization": "Bearer k1", "x-api-key": "k2"}, "k1"),
        ({"authorization": "Basic k1", "x-api-key": "k2"}, "k2"),
        ({"authorization": "Bearer"}, ""),
        ({}, ""),
    ],
)
def test_a_key_comes_in_one_of_two_headers(headers: dict[str, str], key: str) -> None:
    assert Credentials.of(headers) == Credentials(key)


def test_a_key_is_not_shown_where_credentials_are() -> None:
    assert "secret" not in repr(Credentials("secret"))
