"""The state of the service."""

from __future__ import annotations

from msgspec import Struct


class Status(Struct, frozen=True):
    ready: bool
    release_id: str
    world: str
    example_user: str
    videos: int
    snapshot_age_seconds: float
    refused_releases: list[str]
