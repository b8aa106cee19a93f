"""The verbs of the catalog, for HTTP and gRPC alike: input checked here, work on threads, answers as structs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bento_services import metrics
from bento_services.admission.limits import MAX_CURSOR_LENGTH, MAX_LIMIT, identifier
from bento_services.admission.problem import unprocessable
from bento_services.catalog.answers import (
    VideoHistory,
    VideoList,
    VideosWritten,
    VideoWritten,
    after_of,
    audited,
    version_of,
    video_list,
    written,
)
from bento_services.catalog.incoming import moment_stated, video_stated, videos_stated
from bento_services.catalog.lane import Lane
from bento_services.catalog.opened import HomeCatalog
from bento_services.catalog.video import Video, shown_video
from bento_services.settings import ServiceConfig
from feature_repo.catalog.video import Written
from feature_repo.core.home import Home
from feature_repo.limits import LIMITS, LimitError, check

if TYPE_CHECKING:
    from feature_repo.catalog.rule_store import RuleStore
    from feature_repo.catalog.store import CatalogStore

MAX_WHY_LENGTH = int(LIMITS["changes"]["why"].most or 0)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Asked:
    """Which videos to list; "" and None: all."""

    category: str = ""
    genre: str = ""
    creator_id: str = ""
    published_since: str | None = None  # RFC 3339
    taken_down: bool | None = None
    expired: bool | None = None


class Catalog:
    """Every method raises Problem: 422 with each fault, and what `Lane.run` raises. `who` goes into the audit.

    `if_match`: the version that the caller has read; 0: there must be none yet; None: whatever it is.
    """

    def __init__(self, home: Home | None, config: ServiceConfig = ServiceConfig()) -> None:
        self._opened = HomeCatalog(home)
        lane = partial(
            Lane,
            threads=config.catalog_threads,
            seconds=config.catalog_seconds,
            pause_seconds=config.write_breaker_seconds,
        )
        self._reads = lane("catalog-read", changes=False)
        self._changes = lane("catalog-change", changes=True)

    async def put(self, video_id: str, sent: Any, who: str, if_match: int | None = None) -> VideoWritten:
        """Create a video or replace it as a whole: what is not stated has its default afterwards."""
        fields = video_stated(sent, _id(video_id), whole=True)
        return await self._changed("put", lambda store: store.put(fields, who, if_match))

    async def put_many(self, sent: Any, who: str) -> VideosWritten:
        """As `put`, all or none."""
        videos = await asyncio.to_thread(videos_stated, sent)  # 40 ms for 500: the event loop answers pages meanwhile
        found = await self._on(self._changes, lambda store: store.put_many(videos, who))
        _count("put", found)
        return VideosWritten([version_of(one) for one in found])

    async def patch(self, video_id: str, sent: Any, who: str, if_match: int | None = None) -> VideoWritten:
        """Change the fields that are stated."""
        video_id = _id(video_id)
        fields = video_stated(sent, video_id, whole=False)
        return await self._changed("patch", lambda store: store.patch(video_id, fields, who, if_match))

    async def take_down(self, video_id: str, who: str, why: str = "", if_match: int | None = None) -> VideoWritten:
        """Show it nowhere; it stays in the catalog, with `taken_down_at`."""
        video_id, why = _id(video_id), reason_stated(why)
        return await self._changed("take_down", lambda store: store.take_down(video_id, who, why, if_match))

    async def restore(self, video_id: str, who: str, why: str = "", if_match: int | None = None) -> VideoWritten:
        """Take back its takedown."""
        video_id, why = _id(video_id), reason_stated(why)
        return await self._changed("restore", lambda store: store.restore(video_id, who, why, if_match))

    async def get(self, video_id: str) -> Video:
        video_id = _id(video_id)
        return await self._on(self._reads, lambda store: shown_video(store.get(video_id)))

    async def listed(self, asked: Asked, limit: int, cursor: str = "") -> VideoList:
        if not 1 <= limit <= MAX_LIMIT:
            raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise unprocessable(f"cursor: at most {MAX_CURSOR_LENGTH} characters", field="cursor")
        filters: dict[str, Any] = {
            "taken_down": asked.taken_down,
            "expired": asked.expired,
            "genre": _word(asked.genre, "genre"),
            "category": _word(asked.category, "category"),
            "creator_id": identifier(asked.creator_id, "creator_id"),
            "published_since_us": None
            if asked.published_since is None
            else moment_stated(asked.published_since, "published_since"),
        }
        after = after_of(cursor)

        def read(store: CatalogStore) -> VideoList:
            from feature_repo.catalog.store import VideoFilter  # with the database's libraries

            return video_list(store.listed(after, limit + 1, VideoFilter(**filters)), limit)

        return await self._on(self._reads, read)

    async def history(self, video_id: str, limit: int) -> VideoHistory:
        """The newest `limit` changes."""
        if not 1 <= limit <= MAX_LIMIT:
            raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
        video_id = _id(video_id)
        return await self._on(
            self._reads,
            lambda store: VideoHistory(
                video_id, [audited(line) for line in reversed(store.changes(video_id)[-limit:])]
            ),
        )

    async def rules(self, work: Callable[[RuleStore], Result], *, changes: bool = False) -> Result:
        """Work with the rules of the catalog."""

        def ask(store: CatalogStore) -> Result:
            from feature_repo.catalog.rule_store import RuleStore  # with the database's libraries

            return work(RuleStore(store.database))

        return await self._on(self._changes if changes else self._reads, ask)

    def close(self) -> None:
        self._reads.close()
        self._changes.close()
        self._opened.close()

    async def _changed(self, action: str, work: Callable[[CatalogStore], Written]) -> VideoWritten:
        found = await self._on(self._changes, work)
        _count(action, [found])
        return written(found)

    async def _on(self, lane: Lane, work: Callable[[CatalogStore], Result]) -> Result:
        return await lane.run(lambda: work(self._opened.store()))


def _count(action: str, found: list[Written]) -> None:
    metrics.CATALOG_CHANGES.labels(action).inc(sum(bool(one.change_id) for one in found))


def _id(video_id: str) -> str:
    return identifier(video_id, "video_id", required=True)


def _word(value: str, name: str) -> str:
    try:
        kept: str = check("videos", "category", value, called=name)
    except LimitError as error:
        raise unprocessable(str(error), field=name) from error
    return kept


def reason_stated(why: str) -> str:
    """For the audit. Raises Problem 422."""
    if len(why) > MAX_WHY_LENGTH:
        raise unprocessable(f"why: expected text of at most {MAX_WHY_LENGTH} characters", field="why")
    kept: str = check("changes", "why", why)
    return kept
