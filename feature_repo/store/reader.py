"""What serving knows: one viewer's features in one round trip, and all videos' features in process.

`OnlineReader` reads the online store; `MemoryReader` is the shipped double. Both pass one contract suite.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import redis

from feature_repo.compute.crosses import Columns, multi_hot
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import World
from feature_repo.schema import DEFAULTS, FLOAT, INT, USER_FEATURES, USER_VIEWS, VIDEO_FEATURES, VIDEO_VIEWS, VIEWS
from feature_repo.store.connect import connect
from feature_repo.store.layout import (
    GENERATION,
    VIDEO_CHANGES,
    VIDEO_IDS,
    decode_row,
    entity_key,
    row_fields,
    with_genre_slots,
)

Array = np.ndarray[Any, Any]

USER_TIMEOUT_SECONDS = 0.05
BULK_TIMEOUT_SECONDS = 5.0
CHUNK = 256  # videos per round trip of a whole reading; between two chunks request threads get the interpreter
STREAMED = ("video_activity",)  # what the event processor writes of a video
STALE_SECONDS = 60.0  # a reader that slept longer than this does not trust its increments


class FeatureStoreDown(MarqueeError):
    """The online store did not answer in time, or answered that it has lost its contents."""


@dataclass(frozen=True)
class UserFeatures:
    """One viewer. `values` holds every one of schema.USER_FEATURES; an unknown viewer has the defaults."""

    user_id: str
    known: bool
    values: Mapping[str, Any]
    as_of_us: int  # the newest event time among the views; 0 for an unknown viewer

    def columns(self) -> Columns:
        """One row: numbers (1,), lists as (1,) of objects, genre_affinity (1, GENRE_SLOTS) float64."""
        columns = {name: _column(dtype, [self.values[name]]) for name, dtype in USER_FEATURES.items()}
        columns["genre_affinity"] = np.array([self.values["genre_affinity"]], dtype=np.float64)
        return columns


@dataclass(frozen=True)
class VideoSnapshot:
    """The catalog at one moment, N rows that belong together. Never changed in place.

    `columns` holds every one of schema.VIDEO_FEATURES: int64, float64, or object for strings and lists; except that
    "genres" is the (N, GENRE_SLOTS) float32 multi-hot and "genre_names" the lists of names.
    """

    video_ids: Array
    row_of: Mapping[str, int]
    columns: Columns
    as_of_us: int

    def __len__(self) -> int:
        return len(self.video_ids)

    def rows(self, indices: Array | Sequence[int]) -> Columns:
        at = np.asarray(indices, dtype=np.int64)
        return {name: column[at] for name, column in self.columns.items()}


class FeatureReader(Protocol):
    def user(self, user_id: str) -> UserFeatures:
        """Everything about one viewer, in one round trip. Raises FeatureStoreDown within 50 ms, never retries."""
        ...

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        """Many viewers, in the order asked for; for batch work. Raises FeatureStoreDown."""
        ...

    def snapshot(self) -> VideoSnapshot:
        """The catalog as last read. Never waits for the network; empty until the store was reached once."""
        ...

    def refresh(self) -> VideoSnapshot:
        """Read the whole catalog again and give the new snapshot. Raises FeatureStoreDown and keeps the old one."""
        ...

    def close(self) -> None: ...


class MemoryReader:
    """Features given by hand; `down = True` makes it fail as a dead store does."""

    def __init__(
        self,
        world: World,
        users: Mapping[str, Mapping[str, Any]],
        videos: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.world = world
        self.users_by_id = {user_id: dict(row) for user_id, row in users.items()}
        self.videos_by_id = {video_id: dict(row) for video_id, row in videos.items()}
        self.down = False
        self._snapshot = self._read()

    def user(self, user_id: str) -> UserFeatures:
        if self.down:
            raise FeatureStoreDown("this reader was told to be down")
        row = self.users_by_id.get(user_id)
        values = with_genre_slots(_filled(USER_FEATURES, row or {}))
        as_of_us = max(values["signup_timestamp_us"], values["user_activity_timestamp_us"]) if row is not None else 0
        return UserFeatures(user_id, row is not None, values, as_of_us)

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        return [self.user(user_id) for user_id in user_ids]

    def snapshot(self) -> VideoSnapshot:
        return self._snapshot

    def refresh(self) -> VideoSnapshot:
        if self.down:
            raise FeatureStoreDown("this reader was told to be down")
        self._snapshot = self._read()
        return self._snapshot

    def close(self) -> None:
        pass

    def _read(self) -> VideoSnapshot:
        ids = sorted(self.videos_by_id)
        rows = [_filled(VIDEO_FEATURES, self.videos_by_id[video_id]) for video_id in ids]
        return _snapshot(ids, rows, self.world)


class OnlineReader:
    """Reads the online store: viewers when asked for, the catalog in the background.

    A background tick asks which videos the event processor has written since the last one and reads only those; the
    whole catalog is read at the start, when a batch job has announced itself, and after any failure.
    """

    def __init__(self, url: str, world: World, refresh_seconds: float = 2.0, background: bool = True) -> None:
        self._world = world
        self._client = connect(url, USER_TIMEOUT_SECONDS)
        self._bulk = connect(url, BULK_TIMEOUT_SECONDS)
        self._refresh_seconds = refresh_seconds
        self._snapshot = _snapshot([], [], world)
        self._cursor: _Cursor | None = None
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        with suppress(FeatureStoreDown):  # the background finds it when it comes; until then there are no videos
            self.refresh()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._follow, name="video-snapshot", daemon=True)
            self._thread.start()

    def user(self, user_id: str) -> UserFeatures:
        try:
            values = self._client.hmget(entity_key("user_id", user_id), row_fields(USER_VIEWS))
        except redis.RedisError as error:
            raise FeatureStoreDown(f"the online store does not answer: {error}") from error
        return _user_features(user_id, values)

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        found: list[UserFeatures] = []
        try:
            for start in range(0, len(user_ids), CHUNK):
                chunk = user_ids[start : start + CHUNK]
                with self._bulk.pipeline(transaction=False) as pipe:
                    for user_id in chunk:
                        pipe.hmget(entity_key("user_id", user_id), row_fields(USER_VIEWS))
                    answers = pipe.execute()
                found.extend(_user_features(user_id, values) for user_id, values in zip(chunk, answers, strict=True))
        except redis.RedisError as error:
            raise FeatureStoreDown(f"the online store does not answer: {error}") from error
        return found

    def snapshot(self) -> VideoSnapshot:
        return self._snapshot

    def refresh(self) -> VideoSnapshot:
        with self._refreshing:
            self._cursor = None
            try:
                cursor = _Cursor(self._generation(), self._newest_change())  # before the rows: nothing falls between
                ids = sorted(raw.decode() for raw in self._bulk.smembers(VIDEO_IDS))
                if not ids and len(self._snapshot):
                    raise FeatureStoreDown("the online store has lost its videos (run `marquee features`)")
                self._snapshot = _snapshot(ids, self._video_rows(ids), self._world)
            except redis.RedisError as error:
                raise FeatureStoreDown(f"the online store does not answer: {error}") from error
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
        while not self._stopping.wait(self._refresh_seconds):
            slept, ticked = time.monotonic() - ticked, time.monotonic()
            cursor = self._cursor
            try:
                if cursor is None or slept > STALE_SECONDS or self._generation() != cursor.generation:
                    self.refresh()
                else:
                    self._refresh_changed()
            except (FeatureStoreDown, redis.RedisError):
                self._cursor = None

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
                self._snapshot = _patched(old, ids, self._video_rows(ids, STREAMED), self._world)
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
    # Feast marks a missing row as present; only its timestamp tells.
    as_of_us = max(timestamps.values())
    return UserFeatures(user_id, as_of_us > 0, row, as_of_us)


def _filled(features: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] if row.get(name) is not None else _default(dtype) for name, dtype in features.items()}


def _default(dtype: str) -> Any:
    default = DEFAULTS[dtype]
    return list(default) if isinstance(default, list) else default


def _column(dtype: str, values: Sequence[Any]) -> Array:
    if dtype == INT:
        return np.array(values, dtype=np.int64)
    if dtype == FLOAT:
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # numpy would make lists of one length a matrix
        column[row] = value
    return column


def _video_columns(rows: Sequence[Mapping[str, Any]], world: World) -> dict[str, Array]:
    columns = {name: _column(dtype, [row[name] for row in rows]) for name, dtype in VIDEO_FEATURES.items()}
    columns["genre_names"] = columns["genres"]
    columns["genres"] = multi_hot([row["genres"] for row in rows], world.genres)
    return columns


def _snapshot(ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World) -> VideoSnapshot:
    return VideoSnapshot(
        video_ids=_column("", ids),
        row_of={video_id: row for row, video_id in enumerate(ids)},
        columns=_video_columns(rows, world),
        as_of_us=world.now_us(),
    )


def _patched(old: VideoSnapshot, ids: Sequence[str], rows: Sequence[Mapping[str, Any]], world: World) -> VideoSnapshot:
    """A snapshot in which the streamed features of these videos are new; requests go on reading the old one."""
    at = np.array([old.row_of[video_id] for video_id in ids], dtype=np.int64)
    columns = dict(old.columns)
    for view in STREAMED:
        for name, dtype in VIEWS[view].items():
            columns[name] = columns[name].copy()
            columns[name][at] = _column(dtype, [row[name] for row in rows])
    return VideoSnapshot(old.video_ids, old.row_of, columns, world.now_us())
