"""Reads the catalog from the online store: whole at the start, and then what has changed.

Whoever writes a video says so in the stream VIDEO_CHANGES. Where the stream has no gap since the last look, the catalog
is brought up to date from it at the cost of what changed; it is read whole after a batch job has announced a write of
everything, and where the stream does not go back that far. One process of a home does that, and shares it by a file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from feature_repo.core.home import World
from feature_repo.schema import VIDEO_VIEWS
from feature_repo.store.connect import Client
from feature_repo.store.layout import (
    FROM_THE_START,
    GENERATION,
    NEWS,
    PUBLISHED,
    TAKEN_DOWN,
    VIDEO_CHANGES,
    VIDEO_IDS,
    decode_row,
    entity_key,
    row_fields,
)
from feature_repo.store.remembered import RememberedTakedowns
from feature_repo.store.shared_catalog import SharedCatalog
from feature_repo.store.snapshot import Prepare
from feature_repo.store.snapshot_files import Cursor, SnapshotFiles
from feature_repo.store.snapshot_writer import SnapshotWriter
from feature_repo.store.whole_catalog import CHUNK

AT_ONCE = 4_096  # videos that are published together; more come in several snapshots

STREAMED = ("video_activity",)  # the views of a video that the event processor writes


class CatalogReader:
    """For one thread at a time, except for `snapshot`."""

    def __init__(
        self,
        client: Client,
        world: World,
        remembered: RememberedTakedowns | None = None,
        files: SnapshotFiles | None = None,
    ) -> None:
        """`remembered`: what is known to be taken down before the store was reached for the first time."""
        self._client = client
        self._world = world
        self._remembered = remembered
        taken_down = remembered.load() if remembered is not None else frozenset()
        self._writer = SnapshotWriter.of([], [], world, taken_down)
        self._cursor: Cursor | None = None  # None: nothing was read yet
        self._news: bytes | str = "$"  # id in NEWS; from now on
        self._is_doubtful = False  # the store was away: it may have come back with other contents
        self._followers: list[Prepare] = []
        self.shared = SharedCatalog(client, world, files)
        self.snapshot = self._writer.snapshot()

    def follow(self, prepare: Prepare) -> None:
        self._followers.append(prepare)

    def doubt(self) -> None:
        """The next `catch_up` finds out whether the store still holds what was read from it."""
        self._is_doubtful = True

    def forget(self) -> None:
        """The next `catch_up` reads everything."""
        self._cursor = None

    def read(self) -> None:
        """Read the whole catalog. Raises StoreDown and the client's errors, keeping the snapshot."""
        self._cursor = None
        catalog, cursor = self.shared.whole(must_have_videos=len(self.snapshot) > 0)
        # A file may be older than a takedown that this process is to know from the first page on.
        taken_down = {raw.decode() for raw in self._client.smembers(TAKEN_DOWN)}
        self._writer = SnapshotWriter.over(catalog, self._world, taken_down)
        self._give_out()
        self._cursor, self._is_doubtful = cursor, False
        self._go_on(cursor)

    def wait(self, seconds: float) -> None:
        """Until a video is published, at most so long. Raises the client's errors."""
        news = self._client.xread({NEWS: self._news}, count=1, block=max(int(seconds * 1000), 1))
        if news:
            self._news = news[0][1][-1][0]

    def catch_up(self) -> None:
        """Bring the snapshot up to date: one round trip where nothing has changed. Raises as `read`."""
        cursor = self._cursor
        if cursor is None or not self._go_on(cursor):
            self.read()

    def close(self) -> None:
        self.shared.close()

    def _go_on(self, cursor: Cursor) -> bool:
        """Apply what has changed since; False: that cannot be told."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.get(GENERATION)
            pipe.xrange(VIDEO_CHANGES, min=cursor.change)
            generation, entries = pipe.execute()
        has_gap = (
            self._is_doubtful if cursor.change == FROM_THE_START else not entries or entries[0][0] != cursor.change
        )
        if generation != cursor.generation or has_gap:
            return False
        self._is_doubtful = False
        new = entries if cursor.change == FROM_THE_START else entries[1:]
        if new:
            self._apply(new)
            self._cursor = Cursor(cursor.generation, new[-1][0])
            self.shared.has_moved(len(new), self.snapshot, self._cursor)
        else:
            self._give_out()
        return True

    def _apply(self, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> None:
        marked = {(raw.decode(), mark) for _, fields in entries for raw, mark in fields.items()}
        published = sorted(video_id for video_id, mark in marked if mark == PUBLISHED)
        live, gone = self._sorted_out(published)
        if published:
            self._writer.settle(gone, live)
            self._give_out(prepared=False)  # takedowns first, before rows are read
        counted = self._writer.held(sorted({video_id for video_id, _ in marked}.difference(published)))
        if counted:
            self._writer.count(counted, list(self._rows(counted, STREAMED)), STREAMED)
            self._give_out()
        for start in range(0, len(live), AT_ONCE):
            some = live[start : start + AT_ONCE]
            self._writer.publish(some, list(self._rows(some, VIDEO_VIEWS)))
            self._give_out()

    def _sorted_out(self, video_ids: Sequence[str]) -> tuple[list[str], list[str]]:
        """Of these videos, those that may be shown, and the others."""
        if not video_ids:
            return [], []
        with self._client.pipeline(transaction=True) as pipe:
            pipe.smismember(VIDEO_IDS, video_ids)
            pipe.smismember(TAKEN_DOWN, video_ids)
            held, hidden = pipe.execute()
        is_live = [bool(is_held) and not is_hidden for is_held, is_hidden in zip(held, hidden, strict=True)]
        live = [video_id for video_id, shown in zip(video_ids, is_live, strict=True) if shown]
        return live, [video_id for video_id, shown in zip(video_ids, is_live, strict=True) if not shown]

    def _give_out(self, prepared: bool = True) -> None:
        snapshot = self._writer.snapshot()
        if prepared:
            for prepare in self._followers:
                prepare(snapshot)
        self.snapshot = snapshot
        if self._remembered is not None:
            self._remembered.save(snapshot.taken_down_ids)

    def _rows(self, ids: Sequence[str], views: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(ids), CHUNK):
            with self._client.pipeline(transaction=False) as pipe:
                for video_id in ids[start : start + CHUNK]:
                    pipe.hmget(entity_key("video_id", video_id), row_fields(views))
                yield from [decode_row(views, values)[0] for values in pipe.execute()]
            time.sleep(0)
