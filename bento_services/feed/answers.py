"""What surfaces other than the home page answer: one list, over HTTP and gRPC alike.

A field's description is what the API's document says about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from bento_services.feed.page import Item, Page
from models.candidates.sources.popular import POPULAR

CERTIFICATE = Meta(description="Which caps the list keeps, and which had to be relaxed.")
SERVED_BY = Meta(description="The rung of the surface's ladder that answered; the best one when all is well.")


class SurfaceItem(Struct, frozen=True):
    item_id: str
    title: str
    score: float
    reason: Annotated[str, Meta(description="Why this is here, in words.")]
    channel: str
    thumbnail: Annotated[str, Meta(description="URL or path of a picture.")]
    duration: Annotated[float, Meta(description="Seconds.")]
    view_count: int
    published_at: Annotated[str, Meta(description="ISO 8601 date.")]
    genres: tuple[str, ...]
    source: Annotated[str, Meta(description="What found it, e.g. trending.")]
    position: Annotated[int, Meta(description="In the list, 0 = first. Send it back with events.")]
    propensity: Annotated[float, Meta(description="Probability that it was shown, for off-policy evaluation.")]


class Surface(Struct, frozen=True):
    """One page of a surface as a list."""

    surface: str
    category: Annotated[str, Meta(description="That was asked for; empty: all.")]
    title: Annotated[str, Meta(description="What stands above the list; empty where there is none.")]
    items: tuple[SurfaceItem, ...]
    cursor: Annotated[str | None, Meta(description="Gives the rest; null at its end.")]
    certificate: Annotated[Mapping[str, Any], CERTIFICATE]
    request_id: str
    served_by: Annotated[str, SERVED_BY]
    release_id: str
    warnings: tuple[str, ...]


class Categories(Struct, frozen=True):
    categories: Annotated[tuple[str, ...], Meta(description="Those of most videos first, at most a hundred.")]


class SimilarItem(Struct, frozen=True):
    video_id: str
    title: str
    similarity_score: Annotated[float, Meta(description="0 to 1; 0 of what merely fills the list.")]
    reason: Annotated[str, Meta(description="Why this is here, in words.")]
    channel: str
    thumbnail: Annotated[str, Meta(description="URL or path of a picture.")]
    duration: Annotated[float, Meta(description="Seconds.")]
    genres: tuple[str, ...]
    position: Annotated[int, Meta(description="In the list, 0 = first. Send it back with events.")]


class Similar(Struct, frozen=True):
    """Videos like one."""

    similar: tuple[SimilarItem, ...]
    cursor: Annotated[str | None, Meta(description="Gives the rest; null at its end.")]
    certificate: Annotated[Mapping[str, Any], CERTIFICATE]
    request_id: str
    served_by: Annotated[str, SERVED_BY]
    release_id: str
    warnings: tuple[str, ...]


class Onboarding(Struct, frozen=True):
    """Titles and genres for a newcomer to pick from."""

    titles: Annotated[tuple[SurfaceItem, ...], Meta(description="Popular ones, of every category in turn.")]
    genres: Annotated[tuple[str, ...], Meta(description="Those of most videos first.")]
    certificate: Annotated[Mapping[str, Any], CERTIFICATE]
    request_id: str
    served_by: Annotated[str, SERVED_BY]
    release_id: str
    warnings: tuple[str, ...]


class LeftOut(Struct, frozen=True):
    video_id: str
    why: Annotated[
        str,
        Meta(
            description="unknown, taken_down, hidden (disliked by the viewer), or not_allowed: by age, country, date "
            "or a rule."
        ),
    ]


class Ranked(Struct, frozen=True):
    """The videos that were named, in the viewer's order."""

    ranked: tuple[SurfaceItem, ...]
    left_out: Annotated[tuple[LeftOut, ...], Meta(description="Those of them that this viewer may not be shown.")]
    request_id: str
    served_by: Annotated[str, SERVED_BY]
    release_id: str
    warnings: tuple[str, ...]


class NextUp(Struct, frozen=True):
    video_id: str
    title: str
    reason: Annotated[str, Meta(description='Why this is next, e.g. "Next in series".')]
    autoplay_in_seconds: int
    channel: str
    thumbnail: Annotated[str, Meta(description="URL or path of a picture.")]
    duration: Annotated[float, Meta(description="Seconds.")]


class UpNext(Struct, frozen=True):
    """What plays after a video."""

    up_next: Annotated[NextUp | None, Meta(description="null: there is nothing that this viewer may be shown.")]
    related: tuple[SurfaceItem, ...]
    certificate: Annotated[Mapping[str, Any], CERTIFICATE]
    request_id: str
    served_by: Annotated[str, SERVED_BY]
    release_id: str
    warnings: tuple[str, ...]


def similar(page: Page) -> Similar:
    page = page.as_sent()
    return Similar(
        similar=tuple(
            SimilarItem(
                video_id=item.video_id,
                title=item.title,
                similarity_score=0.0 if item.source == POPULAR else item.score,
                reason=item.reason,
                channel=item.channel,
                thumbnail=item.thumbnail,
                duration=item.duration,
                genres=item.genres,
                position=item.position,
            )
            for item in page.recommendations
        ),
        cursor=page.cursor,
        certificate=page.certificate,
        request_id=page.request_id,
        served_by=page.served_by,
        release_id=page.release_id,
        warnings=page.warnings,
    )


def up_next(page: Page, autoplay_seconds: int) -> UpNext:
    first = page.recommendations[0] if page.recommendations else None
    return UpNext(
        up_next=None
        if first is None
        else NextUp(
            video_id=first.video_id,
            title=first.title,
            reason=first.reason,
            autoplay_in_seconds=autoplay_seconds,
            channel=first.channel,
            thumbnail=first.thumbnail,
            duration=first.duration,
        ),
        related=tuple(_listed(item) for item in page.recommendations[1:]),
        certificate=page.certificate,
        request_id=page.request_id,
        served_by=page.served_by,
        release_id=page.release_id,
        warnings=page.warnings,
    )


def onboarding(page: Page, genres: tuple[str, ...]) -> Onboarding:
    return Onboarding(
        titles=tuple(_listed(item) for item in page.recommendations),
        genres=genres,
        certificate=page.certificate,
        request_id=page.request_id,
        served_by=page.served_by,
        release_id=page.release_id,
        warnings=page.warnings,
    )


def ranked(page: Page, video_ids: Sequence[str], why: Mapping[str, str]) -> Ranked:
    """Each of these ids is in the answer once. `why`: some are left out."""
    shown = {item.video_id for item in page.recommendations}
    return Ranked(
        ranked=tuple(_listed(item) for item in page.recommendations),
        left_out=tuple(LeftOut(one, why.get(one, "not_allowed")) for one in video_ids if one not in shown),
        request_id=page.request_id,
        served_by=page.served_by,
        release_id=page.release_id,
        warnings=page.warnings,
    )


def surface(name: str, category: str, page: Page) -> Surface:
    page = page.as_sent()
    return Surface(
        surface=name,
        category=category,
        title=next((row.title for row in page.rows if row.items == page.recommendations), ""),
        items=tuple(_listed(item) for item in page.recommendations),
        cursor=page.cursor,
        certificate=page.certificate,
        request_id=page.request_id,
        served_by=page.served_by,
        release_id=page.release_id,
        warnings=page.warnings,
    )


def _listed(item: Item) -> SurfaceItem:
    return SurfaceItem(
        item_id=item.video_id,
        title=item.title,
        score=item.score,
        reason=item.reason,
        channel=item.channel,
        thumbnail=item.thumbnail,
        duration=item.duration,
        view_count=item.view_count,
        published_at=item.published_at,
        genres=item.genres,
        source=item.source,
        position=item.position,
        propensity=item.propensity,
    )
