"""Reasons: why a video is shown, in words; the first rule that applies wins, most specific first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from bento_services.feed.rows.because_you_watched import BECAUSE
from bento_services.feed.ruled import PINNED
from bento_services.feed.stages import Request, title_of
from models.candidates.sources.area import AREA
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.fresh import NEW_RELEASES
from models.candidates.sources.owed import OWED
from models.candidates.sources.popular import POPULAR
from models.candidates.sources.resume import RESUME
from models.candidates.sources.series import SERIES
from models.candidates.sources.trending import TRENDING

FOLLOWED_WEIGHT = 2.0  # of a creator, in decayed watches and likes
WATCHED_LATELY = "Watched most lately"
MOST_WATCHED = "What is watched most"
JUST_PUBLISHED = "Just published"
FAVOURITE_SHARE = 0.5  # a genre with this share of the strongest genre's affinity is a favourite


class Shown(Struct, frozen=True):
    """One video of a page, with everything that rules read."""

    request: Request
    row_id: str
    video: int  # its row of the catalog
    provenance: Mapping[str, float]  # source -> its score
    anchor: int  # catalog row of the watched video that led to it; -1 = none

    @property
    def creator_id(self) -> str:
        return str(self.request.catalog.columns["creator_id"][self.video])

    @property
    def creator(self) -> str:
        """The creator's name, else the id."""
        return str(self.request.catalog.columns["creator_name"][self.video] or self.creator_id)


class Reason(Protocol):
    def words(self, shown: Shown) -> str | None:
        """None if the rule does not apply to this video."""
        ...


@dataclass(frozen=True)
class ShareWatched:
    row_id: str

    def words(self, shown: Shown) -> str | None:
        share = shown.provenance.get(self.row_id) if shown.row_id == self.row_id else None
        return None if share is None else f"{round(100 * share)} % watched"


@dataclass(frozen=True)
class InRow:
    """Applies to every video of this row."""

    row_id: str
    text: str

    def words(self, shown: Shown) -> str | None:
        return self.text if shown.row_id == self.row_id else None


@dataclass(frozen=True)
class BecauseYouWatched:
    """`in_row`: only in rows whose id starts with it."""

    in_row: str = ""

    def words(self, shown: Shown) -> str | None:
        if not shown.row_id.startswith(self.in_row) or (not self.in_row and shown.anchor < 0):
            return None
        catalog = shown.request.catalog
        verb = "picked" if catalog.video_ids[shown.anchor] in shown.request.picked else "watched"
        return f"Because you {verb} “{title_of(catalog, shown.anchor)}”"


@dataclass(frozen=True)
class NextInSeries:
    def words(self, shown: Shown) -> str | None:
        series = shown.request.catalog.columns["series_id"]
        follows = SERIES in shown.provenance and shown.anchor >= 0 and series[shown.anchor] == series[shown.video]
        return f"Next in series after “{title_of(shown.request.catalog, shown.anchor)}”" if follows else None


@dataclass(frozen=True)
class FollowedCreator:
    """The viewer follows the creator, or often watches and likes what is theirs. `in_row`: only in this row."""

    text: str
    in_row: str = ""

    def words(self, shown: Shown) -> str | None:
        if self.in_row and shown.row_id != self.in_row:
            return None
        creator_id = shown.creator_id
        request = shown.request
        often = request.creator_weights.get(creator_id, 0.0) > FOLLOWED_WEIGHT
        followed = bool(creator_id) and (often or creator_id in request.followed)
        return self.text.replace("{creator}", shown.creator) if followed else None


@dataclass(frozen=True)
class LikedGenre:
    """The strongest of the video's genres, if it is one of the viewer's favourites."""

    def words(self, shown: Shown) -> str | None:
        request = shown.request
        affinity = request.genre_affinity
        weights = affinity * request.catalog.columns["genres"][shown.video]
        best = int(weights.argmax())
        if weights[best] <= 0 or weights[best] < FAVOURITE_SHARE * affinity.max():
            return None
        return f"Because you like {request.world.genres[best]}"


@dataclass(frozen=True)
class OnlyFrom:
    source: str
    text: str

    def words(self, shown: Shown) -> str | None:
        return self.text if list(shown.provenance) == [self.source] else None


@dataclass(frozen=True)
class FoundBy:
    source: str
    text: str

    def words(self, shown: Shown) -> str | None:
        return self.text if self.source in shown.provenance else None


@dataclass(frozen=True)
class WatchedByMany:
    """Found by a source that scores in multiples of what "many" means (models/heuristics.py:times_many)."""

    source: str
    text: str

    def words(self, shown: Shown) -> str | None:
        return self.text if shown.provenance.get(self.source, 0.0) >= 1.0 else None


REASONS: tuple[Reason, ...] = (
    ShareWatched(RESUME),
    InRow(EXPLORE, "Something different"),
    BecauseYouWatched(in_row=BECAUSE),
    NextInSeries(),
    InRow(AREA, "Popular near you"),
    InRow(TRENDING, WATCHED_LATELY),
    InRow(POPULAR, MOST_WATCHED),
    FollowedCreator("New from {creator}", in_row=NEW_RELEASES),
    FollowedCreator("More from {creator}"),
    InRow(NEW_RELEASES, JUST_PUBLISHED),
    BecauseYouWatched(),
    LikedGenre(),
    OnlyFrom(EXPLORE, "Something different"),
    WatchedByMany(TRENDING, "Trending now"),
    FoundBy(NEW_RELEASES, "New release"),
    FoundBy(OWED, "New release"),
    WatchedByMany(AREA, "Popular near you"),
    WatchedByMany(POPULAR, "Popular now"),
)
OTHERWISE = "Picked for you"
FEATURED = "Featured"  # a rule put it here, whatever else found it


def reason(shown: Shown, reasons: tuple[Reason, ...] = REASONS) -> str:
    """The reason by the first rule that applies."""
    if PINNED in shown.provenance:
        return FEATURED
    return next((words for rule in reasons if (words := rule.words(shown)) is not None), OTHERWISE)
