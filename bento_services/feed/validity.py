"""How long a page that was made once may be shown again: its release, its catalog and rules, and the time."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bento_services.feed.page import Item, Query
from bento_services.feed.stages import Request
from feature_repo.store.snapshot import VideoSnapshot
from models.page.rulebook import RuleBook

Array = np.ndarray[Any, Any]


class _Videos(NamedTuple):
    """What identifies the videos of a catalog, counters aside. It refers weakly: a catalog's memory is used again."""

    base: weakref.ref[Any]
    at: int
    taken_down: weakref.ref[Any]

    @classmethod
    def of(cls, catalog: VideoSnapshot) -> _Videos:
        return cls(weakref.ref(catalog.edition.base), catalog.edition.at, weakref.ref(catalog.taken_down))

    def are_those_of(self, catalog: VideoSnapshot) -> bool:
        edition = catalog.edition
        return self.base() is edition.base and self.at == edition.at and self.taken_down() is catalog.taken_down


@dataclass(frozen=True)
class Validity:
    """It ends with any change of the catalog's videos, takedowns and rules, and with the first video that expires."""

    release_id: str
    videos: _Videos
    rules: RuleBook
    made_us: int
    ends_us: int
    rows: Array  # of the catalog: the page's videos that are in it

    @classmethod
    def of(cls, items: Sequence[Item], request: Request, release_id: str, seconds: float) -> Validity:
        """`request`: that made a page of these items, which may live for so many seconds."""
        found = request.catalog.row_of.many([item.video_id for item in items])
        rows = found[found >= 0]
        now_us, rules = request.now_us, request.rules
        ends_us = min(now_us + int(seconds * 1e6), _expires_us(rows, request.catalog), rules.next_us(now_us))
        return cls(release_id, _Videos.of(request.catalog), rules, now_us, ends_us, rows)

    def holds(self, release_id: str, request: Request) -> bool:
        return (
            self.release_id == release_id
            and self.made_us <= request.now_us < self.ends_us
            and self.videos.are_those_of(request.catalog)
            and self.rules is request.rules
        )


def can_be_shown_again(query: Query) -> bool:
    """First pages as one viewer sees them: neither explained, nor after what only the client knows."""
    return query.log and not (
        query.cursor or query.explain or query.last_watched_item_id or query.viewers or query.strangers
    )


def _expires_us(rows: Array, catalog: VideoSnapshot) -> int:
    """When the first of these videos expires; the largest integer if none does."""
    ends_us = catalog.columns["expires_timestamp_us"][rows]
    ends_us = ends_us[ends_us > 0]
    return int(ends_us.min()) if len(ends_us) else int(np.iinfo(np.int64).max)
