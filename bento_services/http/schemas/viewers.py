"""Viewers, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct


class ConsentIn(Struct, frozen=True, forbid_unknown_fields=True):
    personal_pages: Annotated[bool, Meta(description="false: the viewer is erased, and nothing is kept.")]


class Viewers(Struct, frozen=True):
    viewers: list[str]
    example_user: str


class Watched(Struct, frozen=True):
    video_id: str
    title: str
    watch_fraction: float


class Viewer(Struct, frozen=True):
    user_id: str
    known: bool
    country: str
    age_group: str
    watch_count: int
    like_count: int
    history: Annotated[list[Watched], Meta(description="Newest first.")]
    genres: Annotated[list[dict[str, Any]], Meta(description="name and weight, strongest first.")]
