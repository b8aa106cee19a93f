"""The whole catalog, from the file that the processes of a home share, or from the store by one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis
import structlog

from feature_repo.core.home import World
from feature_repo.store.connect import Client, StoreDown
from feature_repo.store.layout import COUNTED, FROM_THE_START, GENERATION, VIDEO_CHANGES, VIDEO_CHANGES_KEPT, VIDEO_IDS
from feature_repo.store.packed_catalog import PackedCatalog, pieces_of
from feature_repo.store.snapshot import VideoSnapshot
from feature_repo.store.snapshot_files import Cursor, SnapshotFiles
from feature_repo.store.whole_catalog import read_catalog

REWRITTEN_AFTER = VIDEO_CHANGES_KEPT // 2  # entries of the stream since the file; a process that starts applies them

report = structlog.get_logger("catalog")


class SharedCatalog:
    """For one thread at a time."""

    def __init__(self, client: Client, world: World, files: SnapshotFiles | None) -> None:
        """Without `files`, each process reads the store."""
        self._client = client
        self._world = world
        self._files = files
        self._name = ""  # of the newest file that is known here
        self._moved = 0  # entries of the stream since it was written
        self._writing: threading.Thread | None = None
        self.problem = ""  # why this process has a catalog of its own, in its own memory

    def whole(self, must_have_videos: bool) -> tuple[PackedCatalog, Cursor]:
        """The catalog, and up to where it is current. Raises StoreDown and the client's errors."""
        if self._files is None:
            return self._from_store(must_have_videos)
        if (found := self._from_file(self._files)) is not None:
            return found
        try:
            with self._files.lock(wait=True) as advance:
                if advance is not None:
                    return self._built(self._files, must_have_videos, advance)
        except OSError as error:
            return self._alone(must_have_videos, str(error))
        return self._alone(must_have_videos, "another process that reads the catalog does not get on")

    def has_moved(self, entries: int, snapshot: VideoSnapshot, cursor: Cursor) -> None:
        """So many entries of the stream were applied; of many, one process writes a file in the background."""
        self._moved += entries
        if self._files is None or self.problem or self._moved < REWRITTEN_AFTER:
            return
        if self._writing is not None and self._writing.is_alive():
            return
        self._moved = 0
        newest = next(iter(self._files.names()), "")
        if newest != self._name:
            self._name = newest  # another process has just written it
            return
        self._writing = threading.Thread(
            target=self._write, args=(self._files, snapshot, cursor), name="snapshot-file", daemon=True
        )
        self._writing.start()

    def close(self) -> None:
        if self._writing is not None:
            self._writing.join()

    def _from_file(self, files: SnapshotFiles) -> tuple[PackedCatalog, Cursor] | None:
        """None where no file is current."""
        found = files.newest()
        if found is None:
            return None
        with self._client.pipeline(transaction=False) as pipe:
            pipe.get(GENERATION)
            pipe.xrange(VIDEO_CHANGES, min=found.cursor.change, count=1)
            generation, entries = pipe.execute()
        if generation != found.cursor.generation or not entries or entries[0][0] != found.cursor.change:
            return None
        self._name, self._moved, self.problem = found.name, 0, ""
        return found.catalog, found.cursor

    def _built(
        self, files: SnapshotFiles, must_have_videos: bool, advance: Callable[[], None]
    ) -> tuple[PackedCatalog, Cursor]:
        if (found := self._from_file(files)) is not None:
            return found  # another process wrote it while this one waited for the lock
        catalog, cursor = self._from_store(must_have_videos, advance, anchored=True)
        if cursor.change == FROM_THE_START:  # nothing ties it to this store; or there are no videos yet
            return catalog, cursor
        try:
            files.write(catalog.pieces, cursor, advance)
        except OSError as error:
            self._cannot_share(str(error))
            return catalog, cursor
        return self._from_file(files) or (catalog, cursor)

    def _alone(self, must_have_videos: bool, why: str) -> tuple[PackedCatalog, Cursor]:
        self._cannot_share(why)
        return self._from_store(must_have_videos)

    def _from_store(
        self, must_have_videos: bool, advance: Callable[[], None] = lambda: None, anchored: bool = False
    ) -> tuple[PackedCatalog, Cursor]:
        # Where the stream ends is read before the rows, so that no change is missed.
        cursor = Cursor(self._client.get(GENERATION), self._newest_change(anchored))
        if must_have_videos and not self._client.scard(VIDEO_IDS):
            raise StoreDown("the online store has lost its videos (run `marquee features`)")
        return read_catalog(self._client, self._world, advance), cursor

    def _newest_change(self, anchored: bool) -> bytes:
        """`anchored`: there is to be an entry, by which the file is known to be of this store, if it has videos."""
        newest = self._client.xrevrange(VIDEO_CHANGES, count=1)
        if newest:
            return bytes(newest[0][0])
        if anchored and self._client.scard(VIDEO_IDS):
            try:
                return bytes(self._client.xadd(VIDEO_CHANGES, {b"": COUNTED}))
            except redis.ResponseError as error:  # it is full, or a replica
                self._cannot_share(f"the online store takes no entry: {error}")
        return FROM_THE_START

    def _cannot_share(self, why: str) -> None:
        if self.problem != why:
            report.warning("the catalog is in the memory of this process alone", why=why)
        self.problem = why

    def _write(self, files: SnapshotFiles, snapshot: VideoSnapshot, cursor: Cursor) -> None:
        try:
            with files.lock(wait=False) as advance:
                if advance is not None and next(iter(files.names()), "") == self._name:
                    self._name = files.write(pieces_of(snapshot, advance), cursor, advance)
        except OSError as error:
            report.warning("the snapshot file is not written anew", error=str(error))
