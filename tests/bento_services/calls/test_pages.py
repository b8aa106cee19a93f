"""Pages are asked for with all that is known, and nothing else."""

from __future__ import annotations

import json

from bento_services.calls import pages


def test_a_home_page_is_asked_for_with_all_that_is_known() -> None:
    call = pages.home("u1", 5, "c", {"device": "tv"}, explain=True, session_id="s")
    assert (call.method, call.path) == ("GET", "/api/v1/recommendations/home")
    assert call.params == {"limit": 5, "cursor": "c", "explain": "true"}
    assert (call.headers["x-user-id"], call.headers["x-session-id"]) == ("u1", "s")
    assert json.loads(call.headers["x-context"]) == {"device": "tv"}


def test_what_is_not_said_is_not_sent() -> None:
    for call in (pages.home(), pages.browse("Drama"), pages.search("x"), pages.recommendations(), pages.up_next("v")):
        assert call.headers == {}
        assert not {"cursor", "category", "explain", "watch_time"} & set(call.params)


def test_names_in_addresses_are_one_part_of_them() -> None:
    assert pages.browse("Sci-Fi / Fantasy").path == "/api/v1/browse/Sci-Fi%20%2F%20Fantasy"
    assert pages.similar("v/1").path == "/api/v1/recommendations/similar/v%2F1"


def test_filters_of_a_search_are_its_parameters() -> None:
    asked = pages.search("orbit", limit=3, genre="Drama", published_since="2026-01-01T00:00:00Z").params
    assert asked == {"q": "orbit", "limit": 3, "genre": "Drama", "published_since": "2026-01-01T00:00:00Z"}
