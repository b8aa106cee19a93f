"""Onboarding and ranking over HTTP: what a caller can say, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import error_of

ONBOARDING, RANK = "/api/v1/onboarding", "/api/v1/recommendations/rank"
SESSION = {"X-Session-Id": "s-1"}


async def test_titles_and_genres_are_offered(http: httpx.AsyncClient, made: Made) -> None:
    reply = await http.get(ONBOARDING, headers=SESSION)
    assert [item["item_id"] for item in reply.json()["titles"]][:2] == ["v1", "v2"]
    assert reply.json()["genres"][0] == "Drama"
    (query,) = made.feed.queries
    assert (query.limit, query.rows, query.session_id) == (20, False, "s-1")


async def test_picks_are_events_of_a_viewer_or_a_session_once_for_a_key(http: httpx.AsyncClient, made: Made) -> None:
    body = {"video_ids": ["v2", "v1", "v2"], "genres": ["Drama"]}
    for _ in range(2):
        reply = await http.post(ONBOARDING, json=body, headers={**SESSION, "Idempotency-Key": "k"})
        assert (reply.status_code, reply.json()["accepted"]) == (200, 3)
    told = [(one.user_id, one.event, one.video_id, one.about, one.surface) for one in made.log.events]
    assert told == [
        ("s-1", "pick", "v2", "", "onboarding"),
        ("s-1", "pick", "v1", "", "onboarding"),
        ("s-1", "pick", "", "Drama", "onboarding"),
    ]


@pytest.mark.parametrize(
    ("body", "who", "status", "code"),
    [
        ({"video_ids": ["v1"]}, {}, 400, "malformed"),
        ([], SESSION, 400, "malformed"),
        ({}, SESSION, 422, "unprocessable"),
        ({"video_ids": []}, SESSION, 422, "unprocessable"),
        ({"video_ids": "v1"}, SESSION, 422, "unprocessable"),
        ({"video_ids": [1]}, SESSION, 422, "unprocessable"),
        ({"video_ids": ["v1", " "]}, SESSION, 422, "unprocessable"),
        ({"video_ids": [f"v{n}" for n in range(51)]}, SESSION, 422, "unprocessable"),
        ({"video_ids": ["v1", "v99"]}, SESSION, 404, "unknown_video"),
        ({"video_ids": ["v1"], "genres": ["Westerns"]}, SESSION, 404, "unknown_genre"),
    ],
)
async def test_picks_that_cannot_be_are_refused_whole(
    http: httpx.AsyncClient, made: Made, body: Any, who: dict[str, str], status: int, code: str
) -> None:
    error_of(await http.post(ONBOARDING, json=body, headers=who), status, code)
    assert made.log.events == []


async def test_named_videos_are_ranked_and_the_others_are_said(http: httpx.AsyncClient, made: Made) -> None:
    reply = await http.post(RANK, json={"video_ids": ["v9", "v2", "v1", "v9"]}, headers=SESSION)
    answer = reply.json()
    assert [item["item_id"] for item in answer["ranked"]][:2] == ["v1", "v2"]
    assert answer["left_out"] == [{"video_id": "v9", "why": "not_allowed"}]
    (query,) = made.feed.queries
    assert (query.subject.video_ids, query.limit) == (("v9", "v2", "v1"), 3)


@pytest.mark.parametrize(
    "body", [{}, {"video_ids": []}, {"video_ids": [""]}, {"video_ids": ["v"] * 201}, {"ids": ["v1"]}]
)
async def test_what_cannot_be_ranked_is_refused(http: httpx.AsyncClient, made: Made, body: Any) -> None:
    error_of(await http.post(RANK, json=body), 422, "unprocessable")
    error_of(await http.post(RANK, json=[body]), 400, "malformed")
    assert made.feed.queries == []


async def test_the_viewers_order_of_similar_videos_is_asked_for(http: httpx.AsyncClient, made: Made) -> None:
    for said, personal in (({}, False), ({"personal": "true"}, True), ({"personal": "false"}, False)):
        await http.get("/api/v1/recommendations/similar/v1", params=said)
        assert made.feed.queries[-1].personal is personal
    error_of(await http.get("/api/v1/recommendations/similar/v1", params={"personal": "yes"}), 422, "unprocessable")
