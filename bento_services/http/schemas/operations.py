"""The state of the service."""

from __future__ import annotations

from msgspec import Struct

from bento_services.health import Part


class Events(Struct, frozen=True):
    """Whether events are taken; pages are answered either way."""

    ready: bool
    why: str  # empty when they are


class Status(Struct, frozen=True):
    ready: bool  # for pages
    release_id: str
    world: str
    example_user: str
    videos: int
    snapshot_age_seconds: float
    refused_releases: list[str]
    events: Events
    parts: dict[str, Part]  # store, log, processor, sink, publisher, follower, release, catalog, disk
