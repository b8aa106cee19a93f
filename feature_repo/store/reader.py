"""Readers of features for serving: one viewer's in one round trip, and all videos' held in process.

`OnlineReader` reads the online store; `memory.MemoryReader` is the shipped double. Both pass one contract suite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import redis
import structlog

from feature_repo.core.home import World
from feature_repo.store.catalog_reader import CatalogReader
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import StoreDown, answering, connect
from feature_repo.store.layout import USER_IDS, entity_key
from feature_repo.store.made_lists import ListStore, ValkeyLists
from feature_repo.store.remembered import RememberedTakedowns
from feature_repo.store.snapshot import Prepare, UserFeatures, VideoSnapshot
from feature_repo.store.snapshot_files import SnapshotFiles
from feature_repo.store.viewer_rows import FIELDS, DecodedRows, decoded
from feature_repo.store.whole_catalog import CHUNK

report = structlog.get_logger("catalog")


class FeatureReader(Protocol):
    @property
    def lists(self) -> ListStore:
        """The lists that are made before anybody asks, in the same store."""
        ...

    def user(self, user_id: str) -> UserFeatures:
        """All features of one viewer in one round trip. Raises StoreDown after StoreConfig.user_timeout_seconds."""
        ...

    def together(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        """As `user` for each, in one round trip for all of them. Raises StoreDown as `user` does."""
        ...

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        """Many viewers, in the order asked for; for batch work. Raises StoreDown."""
        ...

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """Keep nothing of viewers who were erased."""
        ...

    def viewers(self, count: int) -> list[str]:
        """Up to `count` ids of viewers, in no particular order. Raises StoreDown."""
        ...

    def snapshot(self) -> VideoSnapshot:
        """The catalog as last read, without network access; empty until the store was reached once."""
        ...

    def follow(self, prepare: Prepare) -> None:
        """Call `prepare` with each snapshot of other videos from now on, before `snapshot` gives it to anybody.

        Snapshots that only take videos down, or only count events, are given out at once.
        """
        ...

    @property
    def unshared(self) -> str:
        """Why this process holds the catalog in memory of its own; "" where it shares a file, or is not to."""
        ...

    def refresh(self) -> VideoSnapshot:
        """Reload the whole catalog and return the new snapshot. Raises StoreDown, keeping the old one."""
        ...

    def close(self) -> None: ...


class OnlineReader:
    """Reads the online store: viewers on request, the catalog in the background.

    A background thread reads what was published, changed or taken down at once, and what was counted every
    StoreConfig.refresh_seconds, and nothing else; after it slept for longer than `stale_seconds`, it reads everything.
    """

    def __init__(
        self,
        url: str,
        world: World,
        config: StoreConfig = StoreConfig(),
        background: bool = True,
        remembered: RememberedTakedowns | None = None,
        files: SnapshotFiles | None = None,
    ) -> None:
        """`files`: where the processes of a home share the catalog; without them each reads the whole store."""
        self._client = connect(url, config.user_timeout_seconds)
        self._bulk = connect(url, config.bulk_timeout_seconds)
        self.lists: ListStore = ValkeyLists(self._client, self._bulk)
        self._config = config
        self._catalog = CatalogReader(self._bulk, world, remembered, files)
        self._decoded = DecodedRows(config.decoded_viewers)
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        with suppress(StoreDown):  # the background thread retries; until it succeeds there are no videos
            self.refresh()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._run, name="video-snapshot", daemon=True)
            self._thread.start()

    def user(self, user_id: str) -> UserFeatures:
        with answering():
            row = self._client.hmget(entity_key("user_id", user_id), FIELDS)
        return self._decoded.features(user_id, row)

    def together(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        with answering(), self._client.pipeline(transaction=False) as pipe:
            for user_id in user_ids:
                pipe.hmget(entity_key("user_id", user_id), FIELDS)
            rows = pipe.execute()
        return list(map(self._decoded.features, user_ids, rows))

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        users: list[UserFeatures] = []
        with answering():
            for start in range(0, len(user_ids), CHUNK):
                chunk = user_ids[start : start + CHUNK]
                with self._bulk.pipeline(transaction=False) as pipe:
                    for user_id in chunk:
                        pipe.hmget(entity_key("user_id", user_id), FIELDS)
                    answers = pipe.execute()
                users.extend(map(decoded, chunk, answers))
        return users

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        self._decoded.forget(is_erased)

    def viewers(self, count: int) -> list[str]:
        with answering():
            return [raw.decode() for raw in self._bulk.srandmember(USER_IDS, count)]

    def snapshot(self) -> VideoSnapshot:
        return self._catalog.snapshot

    def follow(self, prepare: Prepare) -> None:
        with self._refreshing:
            self._catalog.follow(prepare)

    @property
    def unshared(self) -> str:
        return self._catalog.shared.problem

    def refresh(self) -> VideoSnapshot:
        with self._refreshing, answering():
            self._catalog.read()
            return self._catalog.snapshot

    def close(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self._catalog.close()
        self._client.close()
        self._bulk.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self._wait()
            slept = time.monotonic() - began  # without the last look: of a large catalog that takes long, too
            with self._refreshing:
                self._look(slept)

    def _wait(self) -> None:
        try:
            self._catalog.wait(self._config.refresh_seconds)
        except redis.RedisError:
            self._stopping.wait(self._config.refresh_seconds)

    def _look(self, slept: float) -> None:
        if slept > self._config.stale_seconds:
            self._catalog.forget()
        try:
            self._catalog.catch_up()
        except (StoreDown, redis.RedisError):
            self._catalog.doubt()
        except Exception as error:  # one unreadable row must not end the thread: it tries again
            self._catalog.forget()
            report.error("the catalog cannot be read", error=repr(error), exc_info=error)
