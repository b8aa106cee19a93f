"""The page that people look at, and the API's document drawn for them; nothing on either comes from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import Request, Response

from bento_services.admission.endpoints import PUBLIC
from bento_services.admission.problem import Problem
from bento_services.http.endpoints import Endpoints

WEB = Path(__file__).parents[1] / "web"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
STATIC = {
    *("app.css", "views.css", "app.js", "api.js", "behind.js", "cards.js", "clicks.js", "countdown.js", "docs.js"),
    *("dom.js", "go.js", "home.js", "lists.js", "player.js", "reactions.js", "search.js", "state.js", "video.js"),
    *("view.js", "welcome.js", "why.js", "words.js"),
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

web = Endpoints()


@web.get("/", PUBLIC, in_document=False)
async def index() -> Response:
    return _page("index.html")


@web.get("/docs", PUBLIC, in_document=False)
async def docs() -> Response:
    return _page("docs.html")


@web.get("/openapi.json", PUBLIC, in_document=False)
async def openapi(request: Request) -> Response:
    """The one document: FastAPI would make its own anew, and without our shapes."""
    return Response(request.app.state.document(), media_type="application/json", headers={"cache-control": "no-cache"})


@web.get("/static/{name}", PUBLIC, in_document=False)
async def static(name: str) -> Response:
    if name not in STATIC:
        raise Problem(404, "not_found", "there is nothing at this address")
    return Response(_content(name), media_type=TYPES[Path(name).suffix], headers={"cache-control": "no-cache"})


def _page(name: str) -> Response:
    headers = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Response(_content(name), media_type="text/html; charset=utf-8", headers=headers)


@cache
def _content(name: str) -> bytes:
    return (WEB / name).read_bytes()
