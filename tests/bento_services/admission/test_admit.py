"""Who may call what: a table small enough to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bento_services.admission.admit import Admission, Credentials
from bento_services.admission.endpoints import (
    EVENTS,
    HEALTH,
    OPERATIONS,
    PAGES,
    PUBLIC,
    UNKNOWN,
    VIEWERS,
    EndpointClass,
)
from bento_services.admission.keys import ANYBODY_HERE, NOBODY, Keys, create_key
from bento_services.admission.problem import Problem
from feature_repo.core.home import Home


def refusal(admission: Admission, credentials: Credentials, endpoint: EndpointClass) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        admission.admit(credentials, endpoint)
    return refused.value.status, refused.value.code


def test_a_scope_opens_its_classes_and_admin_opens_all(tmp_path: Path) -> None:
    home = Home(tmp_path)
    keys = {scope: Credentials(create_key(home, scope, [scope])) for scope in ("serve", "events", "admin")}  # type: ignore[list-item]
    admission = Admission(Keys.of(home))
    opens = {
        "serve": (PAGES, OPERATIONS, HEALTH, UNKNOWN, PUBLIC),
        "events": (EVENTS, HEALTH, UNKNOWN, PUBLIC),
        "admin": (PAGES, EVENTS, VIEWERS, OPERATIONS, HEALTH, UNKNOWN, PUBLIC),
    }
    for scope, classes in opens.items():
        for endpoint in (PAGES, EVENTS, VIEWERS, OPERATIONS, HEALTH, UNKNOWN, PUBLIC):
            if endpoint is PUBLIC:
                assert admission.admit(keys[scope], endpoint) is NOBODY
            elif endpoint in classes:
                assert admission.admit(keys[scope], endpoint).name == scope
            else:
                assert refusal(admission, keys[scope], endpoint) == (403, "not_allowed")


def test_with_keys_only_what_is_public_needs_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    create_key(home, "web", ["serve"])
    admission = Admission(Keys.of(home))
    assert admission.admit(Credentials(), PUBLIC) is NOBODY
    for endpoint in (PAGES, EVENTS, VIEWERS, OPERATIONS, HEALTH, UNKNOWN):
        assert refusal(admission, Credentials(), endpoint) == (401, "not_authenticated")
        assert refusal(admission, Credentials("mq_wrong"), endpoint) == (401, "not_authenticated")


@pytest.mark.parametrize("endpoint", [PUBLIC, PAGES, VIEWERS])
def test_without_keys_a_foreign_host_name_is_refused_and_a_protocol_without_one_is_not(endpoint: EndpointClass) -> None:
    admission = Admission()
    assert refusal(admission, Credentials(host="rebound.example"), endpoint) == (403, "wrong_host")
    for host in ("localhost:8080", "127.0.0.1", "[::1]:1", None):
        assert admission.admit(Credentials(host=host), endpoint) is ANYBODY_HERE
    assert Admission(loopback_only=False).admit(Credentials(host="rebound.example"), endpoint) is ANYBODY_HERE


def test_with_keys_any_host_name_will_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    key = create_key(home, "web", ["serve"])
    assert Admission(Keys.of(home)).admit(Credentials(key, "marquee.example"), PAGES).name == "web"


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
