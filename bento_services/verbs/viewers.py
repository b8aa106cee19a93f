"""Whom to look at the page as, and what is known of one viewer: for operators, over HTTP and gRPC alike."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bento_services.admission.limits import MAX_LIMIT, identifier
from bento_services.admission.problem import Problem, unprocessable
from bento_services.engine import Engine

HISTORY_LENGTH = 20
GENRES = 5


class Viewers(Struct, frozen=True):
    viewers: list[str]
    example_user: str


class WatchedVideo(Struct, frozen=True):
    video_id: str
    title: str
    watch_fraction: float


class LikedGenre(Struct, frozen=True):
    name: str
    weight: float


class Viewer(Struct, frozen=True):
    user_id: str
    known: bool
    country: str
    age_group: str
    watch_count: int
    like_count: int
    history: Annotated[list[WatchedVideo], Meta(description="Newest first.")]
    genres: Annotated[list[LikedGenre], Meta(description="Strongest first.")]


async def some_viewers(engine: Engine, limit: int) -> Viewers:
    """The world's example first. While the store is away, that alone."""
    if not 1 <= limit <= MAX_LIMIT:
        raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
    example = engine.world.example_user
    try:
        others = await engine.viewers(limit)
    except Problem:
        others = []
    chosen = list(dict.fromkeys([*([example] if example else []), *sorted(others)]))[:limit]
    return Viewers(chosen, example)


async def known_of(engine: Engine, user_id: str) -> Viewer:
    """Somebody never seen is known of as nobody. Raises Problem."""
    found = await engine.viewer(identifier(user_id, "user_id", required=True))
    snapshot = engine.reader.snapshot()
    titles = snapshot.columns["title"]
    values = found.values
    history = zip(reversed(values["history_video_ids"]), reversed(values["history_watch_fractions"]), strict=False)
    genres = sorted(zip(values["genre_affinity"], engine.world.genres, strict=False), reverse=True)
    return Viewer(
        user_id=found.user_id,
        known=found.known,
        country=values["country"],
        age_group=values["age_group"],
        watch_count=values["user_watch_count"],
        like_count=values["user_like_count"],
        history=[
            WatchedVideo(video_id, titles[snapshot.row_of[video_id]], fraction)
            for video_id, fraction in history
            if video_id in snapshot.row_of and not snapshot.taken_down[snapshot.row_of[video_id]]
        ][:HISTORY_LENGTH],
        genres=[LikedGenre(name, weight) for weight, name in genres[:GENRES] if weight > 0],
    )
