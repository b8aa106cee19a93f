"""Viewers over HTTP."""

from __future__ import annotations

import httpx


async def test_viewers_can_be_chosen_and_looked_at(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/viewers")).json() == {"viewers": ["u1", "u2"], "example_user": "u1"}
    known = (await http.get("/api/v1/viewers/u1")).json()
    assert known["history"] == [{"video_id": "v6", "title": "Video “6”", "watch_fraction": 0.5}]
    assert known["genres"] == [{"name": "Drama", "weight": 2.0}]
    assert (await http.get("/api/v1/viewers/nobody")).json()["known"] is False
