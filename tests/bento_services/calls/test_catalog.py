"""Videos are put, read and taken down where the API does it."""

from __future__ import annotations

from typing import Any

from bento_services.calls import catalog
from bento_services.calls.call import NO_BODY, Call

FILM = {"title": "Paper Orbit", "duration_seconds": 60}


def test_each_verb_has_its_address_and_its_body() -> None:
    calls: list[tuple[Call[Any], str, str, Any]] = [
        (catalog.put_video("a/b", FILM), "PUT", "/api/v1/videos/a%2Fb", FILM),
        (catalog.patch_video("v1", {"cast": None}), "PATCH", "/api/v1/videos/v1", {"cast": None}),
        (catalog.put_videos([FILM]), "POST", "/api/v1/videos:batch", {"videos": [FILM]}),
        (catalog.take_down("v1", why="rights ended"), "DELETE", "/api/v1/videos/v1", NO_BODY),
        (catalog.restore("v1"), "POST", "/api/v1/videos/v1/restore", NO_BODY),
        (catalog.get_video("v1"), "GET", "/api/v1/videos/v1", NO_BODY),
        (catalog.history("v1"), "GET", "/api/v1/videos/v1/history", NO_BODY),
    ]
    for call, method, path, body in calls:
        assert (call.method, call.path, call.body) == (method, path, body)
    assert calls[3][0].params == {"why": "rights ended"}


def test_versions_are_headers_and_such_a_change_may_not_be_sent_twice() -> None:
    assert catalog.patch_video("v1", {}, if_match=3).headers == {"if-match": '"3"'}
    assert catalog.put_video("v1", FILM, only_new=True).headers == {"if-none-match": "*"}
    assert catalog.put_video("v1", FILM, only_new=True).again == "unless_changed"
    assert catalog.put_video("v1", FILM).again == "always"


def test_filters_of_a_list_are_its_parameters() -> None:
    asked = catalog.list_videos(5, "c", expired=True, genre="Drama").params
    assert asked == {"limit": 5, "cursor": "c", "expired": "true", "genre": "Drama"}
