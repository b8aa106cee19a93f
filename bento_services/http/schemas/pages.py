"""The short form of a page; the full form is in feed/page.py."""

from __future__ import annotations

from msgspec import Struct


class SurfaceItem(Struct, frozen=True):
    item_id: str
    title: str
    score: float
    reason: str


class Surface(Struct, frozen=True):
    """A page as one short list."""

    items: tuple[SurfaceItem, ...]
    cursor: str | None
    request_id: str
    served_by: str
