"""Pictures over HTTP: cached, harmless, and only of what may be shown."""

from __future__ import annotations

import httpx
from worlds.by_hand import Made
from worlds.http_api import error_of


async def test_a_video_has_a_picture_that_is_kept_and_runs_nothing(http: httpx.AsyncClient) -> None:
    reply = await http.get("/thumbnails/v1.svg")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/svg+xml")
    assert "Video “1”" in reply.text
    assert reply.headers["cache-control"] == "public, max-age=86400"
    assert reply.headers["content-security-policy"] == "default-src 'none'"
    again = await http.get("/thumbnails/v1.svg", headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_is_unknown_or_taken_down_has_none(http: httpx.AsyncClient, made: Made) -> None:
    error_of(await http.get("/thumbnails/gone.svg"), 404, "not_found")
    made.reader.taken_down = {"v1"}
    made.reader.refresh()
    error_of(await http.get("/thumbnails/v1.svg"), 404, "not_found")
