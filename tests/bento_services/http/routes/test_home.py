"""Pages over HTTP: shapes, and everything that a caller can say."""

from __future__ import annotations

import json

import httpx
from worlds.by_hand import Made
from worlds.http_api import HOME, error_of

from bento_services.admission import limits


async def test_a_home_page_has_the_documented_fields(http: httpx.AsyncClient) -> None:
    reply = await http.get(HOME, headers={"X-User-Id": "u1"})
    page = reply.json()
    assert reply.status_code == 200
    assert page["request_id"] == reply.headers["x-request-id"]
    assert [row["row_id"] for row in page["rows"]] == ["top_picks", "trending"]
    assert page["recommendations"] == page["rows"][0]["items"]
    assert page["recommendations"][0] == {
        "video_id": "v1",
        "title": "Video “1”",
        "channel": "Lumen",
        "thumbnail": "",
        "duration": 100.0,
        "view_count": 10,
        "published_at": "2025-06-02",
        "score": 1.0,
        "reason": "Because you like Drama",
        "source": "two_tower",
        "sources": ["two_tower", "trending"],
        "position": 0,
        "row_id": "top_picks",
        "propensity": 0.9,
        "genres": ["Drama"],
        "category": "",
        "series_id": "",
        "episode": 0,
        "trace": None,
    }
    assert (page["cursor"], page["served_by"], page["release_id"]) == ("more", "full_funnel", "r-0123456789ab")
    assert page["stage_ms"] == {"sources": 1.5, "score": 2.25}


async def test_everything_a_caller_says_reaches_the_feed(http: httpx.AsyncClient, made: Made) -> None:
    context = {
        "device": "tv",
        "time_zone": "Asia/Kolkata",
        "country": "de",
        "last_watched_item_id": "v2",
        "browsing": "Drama",
        "mood": 1,
    }
    await http.get(
        HOME,
        params={"limit": 2, "cursor": "c", "explain": "true"},
        headers={"X-User-Id": "u1", "X-Session-Id": "s", "X-Context": json.dumps(context), "X-Request-Id": "mine-1"},
    )
    (query,) = made.feed.queries
    assert (query.user_id, query.session_id, query.limit, query.cursor, query.explain) == ("u1", "s", 2, "c", True)
    assert (query.device, query.utc_offset_minutes, query.country) == ("tv", 330, "DE")
    assert query.browsing == "Drama"
    assert (query.last_watched_item_id, query.request_id, query.rows, query.log) == ("v2", "mine-1", True, True)


async def test_beyond_what_can_wait_a_page_is_refused_at_once(http: httpx.AsyncClient, made: Made) -> None:
    made.engine._in_flight = limits.Limits().max_in_flight_pages
    reply = await http.get(HOME)
    error_of(reply, 503, "overloaded")
    assert reply.headers["retry-after"] == "1"
    assert (await http.get("/livez")).status_code == 200
