"""Feedback is an event of one viewer about one video."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import FEEDBACK, error_of


async def test_feedback_is_an_event(http: httpx.AsyncClient, made: Made) -> None:
    body = {"video_id": "v2", "action": "not_interested", "reason": "seen it elsewhere"}
    reply = await http.post(FEEDBACK, json=body, headers={"X-User-Id": "u1"})
    (event,) = made.log.events
    assert reply.status_code == 200
    assert reply.json() == {"status": "accepted", "event_id": event.event_id, "receipt": "0-0"}
    assert (event.user_id, event.video_id, event.event) == ("u1", "v2", "not_interested")
    assert event.about == "seen it elsewhere"


@pytest.mark.parametrize(
    ("body", "user", "status", "code"),
    [
        ({"video_id": "v2", "action": "like"}, "", 400, "malformed"),
        ({"action": "like"}, "u1", 400, "malformed"),
        ({"video_id": "v2", "action": "adore"}, "u1", 422, "unprocessable"),
        ({"video_id": "v99", "action": "like"}, "u1", 404, "unknown_video"),
        ({"video_id": "v1", "item_id": "v2", "action": "like"}, "u1", 422, "unprocessable"),
        ({"video_id": "v1", "item_id": 5, "action": "like"}, "u1", 422, "unprocessable"),
        ({"video_id": None, "item_id": "v1", "action": "like"}, "u1", 422, "unprocessable"),
        ({"video_id": None, "action": "like"}, "u1", 422, "unprocessable"),
        ({"video_id": "v1 ", "action": "like"}, "u1", 422, "unprocessable"),
        ([], "u1", 400, "malformed"),
        ({"video_id": "v2", "action": "like", "reason": "x" * 70_000}, "u1", 413, "too_large"),
    ],
)
async def test_feedback_that_cannot_be_is_refused(
    http: httpx.AsyncClient, body: Any, user: str, status: int, code: str
) -> None:
    error_of(await http.post(FEEDBACK, json=body, headers={"X-User-Id": user}), status, code)


async def test_a_video_may_be_said_by_both_names_where_they_agree(http: httpx.AsyncClient, made: Made) -> None:
    body = {"video_id": "v2", "item_id": "v2", "action": "like"}
    assert (await http.post(FEEDBACK, json=body, headers={"X-User-Id": "u1"})).status_code == 200
    assert [event.video_id for event in made.log.events] == ["v2"]
