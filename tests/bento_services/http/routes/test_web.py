"""The page and its files."""

from __future__ import annotations

import httpx


async def test_the_page_needs_nothing_from_anywhere_else(http: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/static/app.js", "/static/app.css", "/static/docs.js"):
        reply = await http.get(path)
        assert reply.status_code == 200
        assert "https://" not in reply.text
        assert "http://" not in reply.text.replace("http://www.w3.org/2000/svg", "").replace("http%3A", "").replace(
            "'http://www.w3.org", ""
        )
    assert "script-src 'self'" in (await http.get("/")).headers["content-security-policy"]
