"""Surfaces over HTTP: what a caller can say, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import error_of

from bento_services.errors import NothingToAsk, QueryError, UnknownSubject
from bento_services.feed.page import Watched
from bento_services.feed.surfaces.registry import LISTED

LIST = "/api/v1/recommendations"
SEARCH = "/api/v1/search"


@pytest.mark.parametrize("surface", LISTED)
async def test_every_surface_has_one_shape(http: httpx.AsyncClient, made: Made, surface: str) -> None:
    reply = await http.get(LIST, params={"surface": surface, "count": 2}, headers={"X-Session-Id": "s-1"})
    answer = reply.json()
    assert reply.status_code == 200
    assert [entry["item_id"] for entry in answer["items"]] == ["v1", "v2"]
    assert (answer["surface"], answer["cursor"], answer["served_by"]) == (surface, "more", "full_funnel")
    assert answer["request_id"] == reply.headers["x-request-id"]
    assert answer["certificate"]["relaxed"] == []
    (query,) = made.feed.queries
    assert (query.rows, query.limit, query.session_id, query.user_id) == (False, 2, "s-1", "")


async def test_a_category_is_asked_for_by_name(http: httpx.AsyncClient, made: Made) -> None:
    await http.get(LIST, params={"surface": "category", "category": "Drama"})
    await http.get("/api/v1/browse/Sci-Fi%20%2F%20Fantasy", params={"limit": 3})
    assert [query.subject.category for query in made.feed.queries] == ["Drama", "Sci-Fi / Fantasy"]
    assert made.feed.queries[1].limit == 3


async def test_the_categories_are_listed(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/browse")).json() == {"categories": ["Drama"]}


async def test_an_unknown_category_is_answered_with_those_that_there_are(http: httpx.AsyncClient, made: Made) -> None:
    made.feed.failure = UnknownSubject("category", "Westerns", ["Drama"])
    error = error_of(await http.get("/api/v1/browse/Westerns"), 404, "unknown_category")
    assert error["details"] == {"category": "Westerns", "known": ["Drama"]}


async def test_what_cannot_be_asked_is_refused(http: httpx.AsyncClient, made: Made) -> None:
    error_of(await http.get(LIST, params={"surface": "attic"}), 422, "unprocessable")
    error_of(await http.get(LIST, params={"count": 0}), 422, "unprocessable")
    error_of(await http.get(LIST, params={"category": "x" * 200}), 422, "unprocessable")
    error_of(await http.get(LIST, params={"surfaces": "new"}), 422, "unprocessable")
    assert made.feed.queries == []
    made.feed.failure = QueryError("category", "expected a category of the catalog, found none")
    error_of(await http.get(LIST, params={"surface": "category"}), 400, "malformed")


async def test_under_load_other_surfaces_are_refused_before_home(http: httpx.AsyncClient, made: Made) -> None:
    made.engine._in_flight = made.engine._limits.max_in_flight_pages // 2
    reply = await http.get(LIST, params={"surface": "trending"})
    error_of(reply, 503, "overloaded")
    assert reply.headers["retry-after"] == "1"
    assert (await http.get(f"{LIST}/home")).status_code == 200


async def test_what_is_like_a_video_and_what_plays_after_it(http: httpx.AsyncClient, made: Made) -> None:
    similar = (await http.get(f"{LIST}/similar/v1", params={"limit": 2})).json()
    assert [(one["video_id"], one["similarity_score"]) for one in similar["similar"]] == [("v1", 1.0), ("v2", 0.5)]
    said: dict[str, Any] = {"current_video": "v9", "watch_time": 600, "total_duration": 1200, "limit": 2}
    after = (await http.get(f"{LIST}/up-next", params=said)).json()
    assert (after["up_next"]["video_id"], after["up_next"]["autoplay_in_seconds"]) == ("v1", 5)
    assert [one["item_id"] for one in after["related"]] == ["v2", "v3"]
    asked = made.feed.queries[-1]
    assert (asked.subject.video_id, asked.watched, asked.limit) == ("v9", Watched(600.0, 1200.0), 3)
    made.feed.failure = UnknownSubject("video_id", "gone")
    error_of(await http.get(f"{LIST}/similar/gone"), 404, "unknown_video")
    error_of(await http.get(f"{LIST}/up-next"), 400, "malformed")
    error_of(await http.get(f"{LIST}/up-next", params={**said, "watch_time": -1}), 422, "unprocessable")
    error_of(await http.get(f"{LIST}/up-next", params={**said, "watch_time": "nan"}), 400, "malformed")


async def test_a_search_is_asked_for_as_it_was_typed(http: httpx.AsyncClient, made: Made) -> None:
    said: dict[str, Any] = {
        "q": "Péper orb ",
        "limit": 2,
        "genre": "Drama",
        "creator_id": "c1",
        "language": "sv",
        "category": "Drama",
    }
    moments = {"published_since": "2026-01-01T00:00:00Z", "published_before": "2026-01-02T00:00:00Z"}
    reply = await http.get(SEARCH, params={**said, **moments}, headers={"X-Session-Id": "s-1"})
    answer = reply.json()
    assert (reply.status_code, answer["surface"], answer["category"]) == (200, "search", "Drama")
    assert answer["request_id"] == reply.headers["x-request-id"]
    assert [entry["item_id"] for entry in answer["items"]] == ["v1", "v2"]
    (query,) = made.feed.queries
    subject = query.subject
    assert (subject.text, subject.genre, subject.creator_id, subject.language) == ("Péper orb ", "Drama", "c1", "sv")
    assert subject.published_before_us - subject.published_since_us == 86_400_000_000
    assert (query.rows, query.limit, query.session_id) == (False, 2, "s-1")


@pytest.mark.parametrize(
    "said",
    [
        {"q": ""},
        {"q": "  \t"},
        {"q": "x" * 201},
        {"q": "x", "limit": 0},
        {"q": "x", "genre": "y" * 200},
        {"q": "x", "published_since": "yesterday"},
        {"q": "x", "year": 1999},
    ],
)
async def test_what_cannot_be_searched_for_is_refused(
    http: httpx.AsyncClient, made: Made, said: dict[str, str]
) -> None:
    error_of(await http.get(SEARCH, params=said), 422, "unprocessable")
    assert made.feed.queries == []


async def test_a_search_for_nothing_at_all_is_malformed(http: httpx.AsyncClient) -> None:
    error_of(await http.get(SEARCH), 400, "malformed")


async def test_an_index_that_cannot_be_read_is_said(http: httpx.AsyncClient, made: Made) -> None:
    made.feed.failure = NothingToAsk("search cannot be answered right now; try again")
    reply = await http.get(SEARCH, params={"q": "x"})
    error_of(reply, 503, "unavailable")
    assert reply.headers["retry-after"] == "1"
