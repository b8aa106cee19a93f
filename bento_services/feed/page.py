"""The request and the response of a feed: Query in, Page out.

Item, Row and Page are the one definition of an answer's fields: HTTP encodes them, the API's document is made from
them, and gRPC's messages are filled from them by name. A field's description is what the document says about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from feature_repo.limits import LIMITS
from models.catalog import Subject

UNTITLED = str(LIMITS["videos"]["title"].default)
TOP_PICKS, MORE = "top_picks", "more"
RECOMMENDATIONS = (TOP_PICKS, MORE)  # the rows that hold a page's recommendations
ANYTHING = Subject()
HOME = "home"  # the surface that is asked where none is named
STAYS_THE_SAME = ("rows", "recommendations", "certificate")  # of a page that is shown again
FULL, PAGE_CACHE, BASE, SEGMENT = "full", "page_cache", "base", "segment"  # Page.speed


@dataclass(frozen=True, slots=True)
class Watched:
    """How a video was watched that has just ended."""

    watch_seconds: float
    total_seconds: float = 0.0  # 0: the catalog knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One request for a page. Everything has a default: an empty query is an anonymous viewer's first page."""

    user_id: str = ""
    session_id: str = ""  # stands in for user_id when that is empty
    viewers: tuple[str, ...] = ()  # who watch with user_id; the page is for all of them
    strangers: bool = False  # somebody watches, too, of whom nothing may be read: their age is not known
    surface: str = HOME  # that answers; the feed sets it
    subject: Subject = ANYTHING  # what the surface is asked about
    watched: Watched | None = None  # how the video that is asked about was watched just now
    limit: int = 20  # recommendations, 1 or more
    cursor: str = ""  # from the previous page; empty = the first page
    rows: bool = True  # False: a flat list of recommendations
    device: str = ""
    utc_offset_minutes: int = 0
    country: str = ""  # overrides the profile's
    browsing: str = ""  # the category that the viewer is looking through
    last_watched_item_id: str = ""  # known to the client before the event log
    deadline_ms: int = 0  # from its arrival; 0 = the feed's own
    received_at: float = 0.0  # when its first byte was read, in perf_counter seconds; 0: now
    request_id: str = ""  # empty: generated; seeds all randomness of the page
    explain: bool = False  # add a trace to each item
    personal: bool = False  # in the viewer's order, where a surface has another
    left_out: dict[str, str] = field(default_factory=dict, compare=False)  # a surface of named videos: id -> why
    log: bool = True  # False: a page that no viewer sees (warm-up, batch, tests)

    @property
    def viewer_id(self) -> str:
        return self.user_id or self.session_id

    def without(self, refuses: Callable[[str], bool]) -> Query:
        """Without the viewers who want no personal pages: the others watch with somebody unknown."""
        if not any(map(refuses, (self.viewer_id, *self.viewers))):
            return self
        willing = [one for one in self.viewers if not refuses(one)]
        if not refuses(self.viewer_id):
            return replace(self, viewers=tuple(willing), strangers=True)
        first, *others = willing or [""]
        return replace(
            self,
            user_id=first,
            session_id="",
            viewers=tuple(others),
            strangers=bool(self.viewers),
            last_watched_item_id="",
        )

    @property
    def audience(self) -> str:
        """Of everybody for whom the page is, whatever their order; of one viewer: their id."""
        return "\n".join([self.viewer_id, *sorted(self.viewers), *("",) * self.strangers])


class Item(Struct, frozen=True):
    video_id: str
    title: str
    channel: str
    thumbnail: Annotated[str, Meta(description="The catalog's URL or path, else one under /thumbnails/.")]
    duration: Annotated[float, Meta(description="Seconds.")]
    view_count: int
    published_at: Annotated[str, Meta(description="ISO 8601 date.")]  # "" when not known
    score: float
    reason: Annotated[str, Meta(description="Why this is here, in words.")]
    source: Annotated[str, Meta(description="What found it, e.g. two_tower.")]
    sources: Annotated[tuple[str, ...], Meta(description="Everything that found it.")]
    position: Annotated[int, Meta(description="On the page, 0 = first. Send it back with events.")]
    row_id: str
    propensity: Annotated[
        float, Meta(description="Probability that this page showed it, for off-policy evaluation.")
    ]  # at this place, given what stands above it
    genres: tuple[str, ...]
    trace: Annotated[dict[str, Any] | None, Meta(description="With explain=true: scores and features.")] = None
    category: Annotated[str, Meta(description="The main one of its genres, which caps count.")] = ""
    series_id: Annotated[str, Meta(description="Empty: it is of no series.")] = ""
    episode: Annotated[int, Meta(description="From 1; 0: of no series.")] = 0


class Row(Struct, frozen=True):
    row_id: str
    title: str
    reason: str
    items: tuple[Item, ...]


class Page(Struct, frozen=True):
    """A served page. `recommendations` are the items of its personal row: top_picks, or `more` on later pages."""

    request_id: str
    rows: tuple[Row, ...]
    recommendations: Annotated[
        tuple[Item, ...], Meta(description="The personal row as one list; `cursor` continues it.")
    ]
    cursor: Annotated[str | None, Meta(description="Gives the rest of this feed; null at its end.")]
    served_by: Annotated[str, Meta(description="The rung of the ladder that answered; full_funnel when all is well.")]
    release_id: str
    certificate: Annotated[
        Mapping[str, Any], Meta(description="Which caps the page keeps, and which had to be relaxed.")
    ]  # certificate.certify's
    stage_ms: Mapping[str, float]
    candidates: int
    warnings: tuple[str, ...] = ()
    speed: Annotated[
        str,
        Meta(
            description="full: made for this request; page_cache: the last page of an unchanged viewer; "
            "base, segment: from a list made beforehand, for this viewer, for viewers like this one."
        ),
    ] = FULL
    age_seconds: Annotated[
        float, Meta(description="Of the oldest thing it was made from beforehand; 0 if for this request.")
    ] = 0.0

    def as_sent(self) -> Page:
        """The page as sent over every protocol: without an empty cursor, times in whole microseconds."""
        stage_ms = {name: round(milliseconds, 3) for name, milliseconds in self.stage_ms.items()}
        return msgspec.structs.replace(self, cursor=self.cursor or None, stage_ms=stage_ms)

    def as_json(self, encode: Callable[[Any], bytes]) -> Page:
        """The page as sent, for this encoder, which may find parts of it encoded already."""
        return self.as_sent()

    def to_json(self) -> dict[str, Any]:
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


class PageAgain(Page, frozen=True):
    """A page that may be shown again. What stays the same, nearly all of it, is encoded when it first is."""

    encoded: dict[str, msgspec.Raw] = {}

    @classmethod
    def of(cls, page: Page) -> PageAgain:
        return cls(**{name: getattr(page, name) for name in page.__struct_fields__}, encoded={})

    def with_others(self, rows: tuple[Row, ...], items: tuple[Item, ...], certificate: Mapping[str, Any]) -> PageAgain:
        """This page with other videos, of which nothing is encoded yet."""
        others = {"rows": rows, "recommendations": items, "certificate": certificate, "encoded": {}}
        return msgspec.structs.replace(self, **others)

    def as_json(self, encode: Callable[[Any], bytes]) -> Page:
        if not self.encoded:
            self.encoded.update({name: msgspec.Raw(encode(getattr(self, name))) for name in STAYS_THE_SAME})
        sent = self.as_sent()
        return Page(**{name: getattr(sent, name) for name in Page.__struct_fields__} | self.encoded)  # type: ignore[arg-type]
