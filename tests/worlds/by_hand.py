"""An engine whose pages are made by hand: what tests of the protocols ask, without a model or a store."""

from __future__ import annotations

from typing import Any

import msgspec

from bento_services.engine import Engine
from bento_services.errors import QueryError
from bento_services.feed.attempt import Attempt
from bento_services.feed.page import Item, Page, Query, Row
from bento_services.settings import ServiceConfig
from feature_repo.core.home import Home, World
from feature_repo.events import Event, decode_event
from feature_repo.store.idempotency import MemoryAnswers
from feature_repo.store.memory import MemoryReader
from feature_repo.store.receipts import MemoryReceipts
from feature_repo.store.shown import Shown
from feature_repo.stream.log.protocol import EventLogDown
from models.page.rulebook import NO_RULES, RuleBook

WORLD = World("by-hand", "simulator", "str", ("Drama", "Comedy"), example_user="u1")
VIDEOS: dict[str, dict[str, Any]] = {
    f"v{number}": {
        "title": f"Video “{number}”",
        "creator_name": "Lumen",
        "genres": ["Drama"],
        "duration_seconds": 100.0,
    }
    for number in range(1, 7)
}
USERS: dict[str, dict[str, Any]] = {
    "u1": {
        "signup_timestamp_us": 1,
        "country": "US",
        "user_watch_count": 1,
        "history_video_ids": ["v6"],
        "history_timestamps_us": [5],
        "history_watch_fractions": [0.5],
        "genre_affinity": [2.0] + [0.0] * 31,
    },
    "u2": {"signup_timestamp_us": 2},
}


def item(number: int, row_id: str) -> Item:
    return Item(
        video_id=f"v{number}",
        title=f"Video “{number}”",
        channel="Lumen",
        thumbnail="",
        duration=100.0,
        view_count=10 * number,
        published_at="2025-06-02",
        score=1 / number,
        reason="Because you like Drama",
        source="two_tower",
        sources=("two_tower", "trending"),
        position=number - 1,
        row_id=row_id,
        propensity=0.9,
        genres=("Drama",),
    )


class HandMadeFeed:
    """Answers every query with the same two rows and remembers the queries."""

    def __init__(self) -> None:
        self.queries: list[Query] = []
        self.failure: Exception | None = None
        self.released: list[str] = []
        self.heard: list[Event] = []
        self.warm: list[str] = []
        self.rules = NO_RULES

    def page(self, query: Query, surface: str = "home", attempt: Attempt | None = None) -> Page:
        self.queries.append(query)
        if self.failure is not None:
            raise self.failure
        if query.cursor == "not-a-cursor":
            raise QueryError("cursor", "expected one that a page gave")
        picks = tuple(item(number, "top_picks") for number in (1, 2, 3))[: query.limit]
        if query.explain:
            picks = tuple(msgspec.structs.replace(one, trace={"p_click": 0.25}) for one in picks)
        rows = (
            Row("top_picks", "Top picks for you", "From what you watch", picks),
            Row("trending", "Trending now", "Watched most lately", (item(4, "trending"), item(5, "trending"))),
        )
        return Page(
            request_id=query.request_id,
            rows=rows if query.rows else (),
            recommendations=picks,
            cursor="more",
            served_by="full_funnel",
            release_id="r-0123456789ab",
            certificate={"relaxed": [], "caps": {"max_per_creator": 3}},
            stage_ms={"sources": 1.5, "score": 2.25},
            candidates=6,
            warnings=("one thing",),
        )

    def pages(self, asked: Any) -> list[Page | Exception]:
        return [self.page(*one) for one in asked]

    def may_have(self, query: Query, surface: str) -> bool:
        return False

    def cached(self, query: Query, surface: str) -> Page | None:
        return None

    def patience(self, query: Query, attempts: int) -> float:
        return query.received_at + (query.deadline_ms or 60_000) / 1e3

    def forget(self, is_erased: Any) -> None:
        self.forgotten = is_erased

    def hear(self, events: Any) -> None:
        self.heard += events

    def use_shown(self, shown: Shown) -> None:
        pass

    def use_rules(self, rules: RuleBook) -> None:
        self.rules = rules

    def page_with(self, rules: RuleBook, query: Query, surface: str = "home") -> Page:
        return self.page(query, surface)

    def keep_warm(self, release: Any) -> None:
        self.warm.append(release.release_id)

    def is_warm(self, release_id: str) -> bool:
        return release_id in self.warm

    def switch(self, release_id: str) -> None:
        self.released.append(release_id)

    def close(self) -> None:
        pass


class MemoryLog:
    """The append half of an event log; `down = True` makes it fail as a dead one does."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, bytes]] = []
        self.down = False

    def append(self, topic: str, items: Any, *, durable: bool = True) -> list[str]:
        if self.down:
            raise EventLogDown("this log was told to be down")
        first = len(self.records)
        self.records += [(topic, key, value) for key, value in items]
        return [f"{number}-0" for number in range(first, len(self.records))]

    def close(self) -> None:
        pass

    @property
    def events(self) -> list[Event]:
        return [decode_event(value) for _, _, value in self.records]


class Made:
    """One engine with all its parts in reach."""

    def __init__(self, home: Home | None = None) -> None:
        """`home`: whose catalog is asked."""
        self.feed = HandMadeFeed()
        self.log = MemoryLog()
        self.answers = MemoryAnswers()
        self.receipts = MemoryReceipts()
        self.reader = MemoryReader(WORLD, USERS, VIDEOS)
        self.engine = Engine(
            _Named("r-0123456789ab", WORLD),  # type: ignore[arg-type]
            self.reader,
            self.log,  # type: ignore[arg-type]
            self.answers,
            self.receipts,
            make_feed=lambda release, reader, log: self.feed,
            config=ServiceConfig(catalog_seconds=60.0),  # a disk that is busy with other tests is no fault
            home=home,
        )
        self.engine.ready = True


class _Named:
    def __init__(self, release_id: str, world: World) -> None:
        self.release_id = release_id
        self.world = world
