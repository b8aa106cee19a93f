"""A session works like a viewer, whatever it says."""

from __future__ import annotations

import httpx
from worlds.by_hand import Made
from worlds.http_api import EVENTS, FEEDBACK, WATCH, error_of


async def test_events_and_feedback_of_a_session_are_its_own(http: httpx.AsyncClient, made: Made) -> None:
    session, watch = {"X-Session-Id": "s-1"}, {name: value for name, value in WATCH.items() if name != "user_id"}
    assert (await http.post(EVENTS, json=watch, headers=session)).status_code == 202
    assert (await http.post(EVENTS, json=watch, headers={**session, "X-User-Id": "u1"})).status_code == 202
    assert (await http.post(EVENTS, json=WATCH, headers=session)).status_code == 202
    liked = {"video_id": "v1", "action": "like"}
    assert (await http.post(FEEDBACK, json=liked, headers=session)).status_code == 200
    assert [event.user_id for event in made.log.events] == ["s-1", "u1", "u1", "s-1"]


async def test_without_a_viewer_or_a_session_nothing_is_taken(http: httpx.AsyncClient, made: Made) -> None:
    watch = {name: value for name, value in WATCH.items() if name != "user_id"}
    error_of(await http.post(EVENTS, json=watch), 422, "unprocessable")
    error_of(await http.post(FEEDBACK, json={"video_id": "v1", "action": "like"}), 400, "malformed")
    assert made.log.events == []
