"""A Page as the plain fields that both protocols send."""

from __future__ import annotations

from typing import Any

from bento_services.feed.page import Item, Page


def page_fields(page: Page) -> dict[str, Any]:
    items = {id(item): item_fields(item) for row in page.rows for item in row.items}
    return {
        "request_id": page.request_id,
        "rows": [
            {
                "row_id": row.row_id,
                "title": row.title,
                "reason": row.reason,
                "items": [items[id(item)] for item in row.items],
            }
            for row in page.rows
        ],
        "recommendations": [items.get(id(item)) or item_fields(item) for item in page.recommendations],
        "cursor": page.cursor or None,
        "served_by": page.served_by,
        "release_id": page.release_id,
        "certificate": page.certificate,
        "stage_ms": {name: round(milliseconds, 3) for name, milliseconds in page.stage_ms.items()},
        "candidates": page.candidates,
        "warnings": list(page.warnings),
    }


def item_fields(item: Item) -> dict[str, Any]:
    return {
        "video_id": item.video_id,
        "title": item.title,
        "channel": item.channel,
        "thumbnail": item.thumbnail,
        "duration": float(item.duration),
        "view_count": int(item.view_count),
        "published_at": item.published_at,
        "score": float(item.score),
        "reason": item.reason,
        "source": item.source,
        "sources": list(item.sources),
        "position": int(item.position),
        "row_id": item.row_id,
        "propensity": float(item.propensity),
        "genres": list(item.genres),
        "trace": item.trace,
    }
