"""The state of the service."""

from __future__ import annotations

from msgspec import Struct

from bento_services.health import Part


class Events(Struct, frozen=True):
    """Whether events are taken; pages are answered either way."""

    ready: bool
    why: str  # empty when they are


class Worker(Struct, frozen=True):
    """One of the processes that make pages."""

    name: str  # service, service-2, …
    pid: int
    state: str  # starting | ready | leaving
    since: str | None  # RFC 3339, UTC: when it became ready
    deaths: int  # how often one of this name has ended by itself


class Status(Struct, frozen=True):
    ready: bool  # for pages
    release_id: str
    world: str
    example_user: str
    videos: int
    snapshot_age_seconds: float
    refused_releases: list[str]
    events: Events
    workers: list[Worker]  # empty where no `marquee serve` runs them
    parts: dict[str, Part]  # store, log, processor, sink, publisher, follower, release, catalog, disk
