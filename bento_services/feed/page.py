"""What is asked and what is answered: Query in, Page out. Plain values; every protocol says the same with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One request for a page. Everything has a default: an empty query is an anonymous viewer's first page."""

    user_id: str = ""
    session_id: str = ""  # stands in for user_id when that is empty
    surface: str = "home"
    limit: int = 20  # recommendations, 1 or more
    cursor: str = ""  # of the page before; empty = the first page
    rows: bool = True  # False: recommendations only, so that a flat list has no gaps where rows would be
    device: str = ""
    utc_offset_minutes: int = 0
    country: str = ""  # overrides the profile's
    last_watched_item_id: str = ""  # known to the client before the event log knows it
    deadline_ms: int = 0  # 0 = the feed's own
    request_id: str = ""  # empty: one is made; it seeds whatever is random on the page
    explain: bool = False  # give each item its trace
    log: bool = True  # False: a page that nobody sees (warm-up, batch, tests)

    @property
    def viewer_id(self) -> str:
        return self.user_id or self.session_id


@dataclass(frozen=True, slots=True)
class Item:
    video_id: str
    title: str
    channel: str
    thumbnail: str
    duration: float  # seconds
    view_count: int
    published_at: str  # ISO date; "" when not known
    score: float
    reason: str
    source: str
    sources: tuple[str, ...]
    position: int  # on the whole page in its order of display, 0 = first
    row_id: str
    propensity: float  # probability of this video at this place, given what stands above it
    genres: tuple[str, ...]
    trace: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    row_id: str
    title: str
    reason: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A served page. `recommendations` are the very items of its personal row: top_picks, or more on later pages."""

    request_id: str
    rows: tuple[Row, ...]
    recommendations: tuple[Item, ...]
    cursor: str  # "" = the feed ends here
    served_by: str  # the rung of the ladder
    release_id: str
    certificate: Mapping[str, Any]  # what policy.certify says of the recommendations
    stage_ms: Mapping[str, float]
    candidates: int
    warnings: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
