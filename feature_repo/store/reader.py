"""Readers of features for serving: one viewer's in one round trip, and all videos' held in process.

`OnlineReader` reads the online store; `memory.MemoryReader` is the shipped double. Both pass one contract suite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import redis
import structlog

from feature_repo.core.home import World
from feature_repo.schema import USER_VIEWS, VIDEO_VIEWS
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import StoreDown, answering, connect
from feature_repo.store.layout import GENERATION, USER_IDS, VIDEO_CHANGES, VIDEO_IDS, decode_row, entity_key, row_fields
from feature_repo.store.snapshot import UserFeatures, VideoSnapshot, video_snapshot

CHUNK = 256  # videos per round trip of a full reload; between two chunks, request threads can run
report = structlog.get_logger("catalog")

STREAMED = ("video_activity",)  # the views of a video that the event processor writes


class FeatureReader(Protocol):
    def user(self, user_id: str) -> UserFeatures:
        """All features of one viewer in one round trip. Raises StoreDown after StoreConfig.user_timeout_seconds."""
        ...

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        """Many viewers, in the order asked for; for batch work. Raises StoreDown."""
        ...

    def viewers(self, count: int) -> list[str]:
        """Up to `count` ids of viewers, in no particular order. Raises StoreDown."""
        ...

    def snapshot(self) -> VideoSnapshot:
        """The catalog as last read, without network access; empty until the store was reached once."""
        ...

    def refresh(self) -> VideoSnapshot:
        """Reload the whole catalog and return the new snapshot. Raises StoreDown, keeping the old one."""
        ...

    def close(self) -> None: ...


class OnlineReader:
    """Reads the online store: viewers on request, the catalog in the background.

    A background thread polls for videos that the event processor has written and reads only those; it reads the whole
    catalog at the start, after a batch job has announced a write, and after any failure.
    """

    def __init__(self, url: str, world: World, config: StoreConfig = StoreConfig(), background: bool = True) -> None:
        self._world = world
        self._client = connect(url, config.user_timeout_seconds)
        self._bulk = connect(url, config.bulk_timeout_seconds)
        self._config = config
        self._snapshot = video_snapshot([], [], world)
        self._cursor: _Cursor | None = None
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        with suppress(StoreDown):  # the background thread retries; until it succeeds there are no videos
            self.refresh()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._follow, name="video-snapshot", daemon=True)
            self._thread.start()

    def user(self, user_id: str) -> UserFeatures:
        with answering():
            values = self._client.hmget(entity_key("user_id", user_id), row_fields(USER_VIEWS))
        return _user_features(user_id, values)

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        users: list[UserFeatures] = []
        with answering():
            for start in range(0, len(user_ids), CHUNK):
                chunk = user_ids[start : start + CHUNK]
                with self._bulk.pipeline(transaction=False) as pipe:
                    for user_id in chunk:
                        pipe.hmget(entity_key("user_id", user_id), row_fields(USER_VIEWS))
                    answers = pipe.execute()
                users.extend(_user_features(user_id, values) for user_id, values in zip(chunk, answers, strict=True))
        return users

    def viewers(self, count: int) -> list[str]:
        with answering():
            return [raw.decode() for raw in self._bulk.srandmember(USER_IDS, count)]

    def snapshot(self) -> VideoSnapshot:
        return self._snapshot

    def refresh(self) -> VideoSnapshot:
        with self._refreshing, answering():
            self._cursor = None
            cursor = _Cursor(
                self._generation(), self._newest_change()
            )  # read before the rows, so that no change is missed
            ids = sorted(raw.decode() for raw in self._bulk.smembers(VIDEO_IDS))
            if not ids and len(self._snapshot):
                raise StoreDown("the online store has lost its videos (run `marquee features`)")
            self._snapshot = video_snapshot(ids, self._video_rows(ids), self._world)
            self._cursor = cursor
            return self._snapshot

    def close(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._client.close()
        self._bulk.close()

    def _follow(self) -> None:
        ticked = time.monotonic()
        while not self._stopping.wait(self._config.refresh_seconds):
            slept, ticked = time.monotonic() - ticked, time.monotonic()
            cursor = self._cursor
            try:
                if cursor is None or slept > self._config.stale_seconds or self._generation() != cursor.generation:
                    self.refresh()
                else:
                    self._refresh_changed()
            except (StoreDown, redis.RedisError):
                self._cursor = None
            except Exception as error:  # one unreadable row must not end the thread: it tries again
                self._cursor = None
                report.error("the catalog cannot be read", error=repr(error), exc_info=error)

    def _refresh_changed(self) -> None:
        with self._refreshing:
            cursor, old = self._cursor, self._snapshot
            if cursor is None:
                return
            entries = self._bulk.xrange(VIDEO_CHANGES, min=b"(" + cursor.change, max=b"+")
            if not entries:
                self._snapshot = VideoSnapshot(old.video_ids, old.row_of, old.columns, self._world.now_us())
                return
            changed = {raw.decode() for _, fields in entries for raw in fields}
            ids = sorted(changed & old.row_of.keys())
            if ids:
                rows = self._video_rows(ids, STREAMED)
                self._snapshot = old.patched(ids, rows, STREAMED, self._world.now_us())
            self._cursor = _Cursor(cursor.generation, entries[-1][0])

    def _video_rows(self, ids: Sequence[str], views: tuple[str, ...] = VIDEO_VIEWS) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for start in range(0, len(ids), CHUNK):
            with self._bulk.pipeline(transaction=False) as pipe:
                for video_id in ids[start : start + CHUNK]:
                    pipe.hmget(entity_key("video_id", video_id), row_fields(views))
                rows.extend(decode_row(views, values)[0] for values in pipe.execute())
            time.sleep(0)
        return rows

    def _generation(self) -> bytes | None:
        generation: bytes | None = self._bulk.get(GENERATION)
        return generation

    def _newest_change(self) -> bytes:
        newest = self._bulk.xrevrange(VIDEO_CHANGES, count=1)
        return bytes(newest[0][0]) if newest else b"0-0"


@dataclass(frozen=True)
class _Cursor:
    """Up to where the snapshot is current."""

    generation: bytes | None
    change: bytes  # id in VIDEO_CHANGES


def _user_features(user_id: str, values: Sequence[bytes | None]) -> UserFeatures:
    row, timestamps = decode_row(USER_VIEWS, values)
    # Feast reports a missing row as present; only its timestamp shows that it is missing.
    as_of_us = max(timestamps.values())
    return UserFeatures(user_id, as_of_us > 0, row, as_of_us)
