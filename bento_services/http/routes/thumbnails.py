"""Pictures of videos whose catalog has none. Browsers ask for pictures without a key."""

from __future__ import annotations

from hashlib import blake2b

from fastapi import Request, Response

from bento_services.admission.endpoints import PUBLIC
from bento_services.admission.problem import Problem
from bento_services.feed.stages import title_of
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import engine_of
from bento_services.http.thumbnail import picture
from models.orders import category_of

KEPT_SECONDS = 86_400
HEADERS = {
    "cache-control": f"public, max-age={KEPT_SECONDS}",
    "content-security-policy": "default-src 'none'",
}

thumbnails = Endpoints()


@thumbnails.get("/thumbnails/{video_id:path}.svg", PUBLIC, in_document=False)
async def thumbnail(request: Request, video_id: str) -> Response:
    """Only of what is published and not taken down."""
    engine = engine_of(request)
    snapshot = engine.reader.snapshot()
    row = snapshot.row_of.get(video_id, -1)
    published_us = snapshot.columns["published_timestamp_us"][row] if row >= 0 else 0
    if row < 0 or snapshot.taken_down[row] or published_us > engine.world.now_us():
        raise Problem(404, "not_found", "there is nothing at this address")
    drawn = picture(title_of(snapshot, row), category_of(snapshot, [row])[0])
    tag = f'"{blake2b(drawn, digest_size=8).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, {**HEADERS, "etag": tag})
    return Response(drawn, 200, {**HEADERS, "etag": tag}, "image/svg+xml")
