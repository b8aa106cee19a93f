"""The event processor: watch-events -> user and video state in the online store, each event exactly once.

One micro-batch is read, folded onto the stored states and written in one transaction together with a mark per event;
only then is it acknowledged. Killed before the transaction, the batch is handed out again and nothing had happened;
killed after it, the batch is handed out again and every event in it is found marked. The states are watched, so that
several processors, or a batch job, never overwrite each other.

    python -m feature_repo.stream.handlers.fold_events --home DIR [--kafka HOST:PORT]
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import redis
import structlog

from feature_repo.compute.fold import (
    UNKNOWN_VIDEO,
    VideoFacts,
    fold_user,
    fold_video,
    to_features,
    user_state,
    video_state,
)
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import World
from feature_repo.events import Event, EventError
from feature_repo.schema import RECOMMENDATION_SERVED, VIDEO_PROFILE, WATCH_EVENTS
from feature_repo.store.connect import connect
from feature_repo.store.layout import (
    EVENT_MARK,
    GENERATION,
    MATERIALIZING,
    PROCESSOR,
    USER_IDS,
    VIDEO_CHANGES,
    decode,
    decode_row,
    encode_row,
    entity_key,
    field,
    row_fields,
    timestamp_field,
)
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.log.protocol import EventLog, EventLogDown, Record

GROUP = "feature-processor"
CONSUMER = "processor-0"
BATCH = 256
BLOCK_MS = 250
MAX_TRIES = 3
MARK_SECONDS = 8 * 24 * 3600  # longer than any log keeps a record
STORE_TIMEOUT_SECONDS = 5.0
VIDEO_CHANGES_KEPT = 10_000
STATUS_SECONDS, STATUS_EXPIRES_SECONDS = 1.0, 10
TRIM_SECONDS = 30.0
KEPT_RECORDS = {WATCH_EVENTS: 10_000, RECOMMENDATION_SERVED: 1_000}  # in an embedded log, for `tail`
FACTS_CACHED = 200_000

_FACTS = ("genres", "creator_id", "duration_seconds")
_FACT_FIELDS = (*(field("video_profile", name) for name in _FACTS), timestamp_field("video_profile"))

report = structlog.get_logger("processor")


class BatchJobRunning(MarqueeError):
    """A batch job is writing stream views; the events wait in the log."""


@dataclass(slots=True)
class Counts:
    """What this process has done since it started."""

    folded: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    conflicts: int = 0  # batches folded again because somebody else had written one of their states


class Processor:
    def __init__(self, url: str, log: EventLog, world: World, consumer: str = CONSUMER) -> None:
        self._store = connect(url, STORE_TIMEOUT_SECONDS)
        self._log = log
        self._world = world
        self._consumer = consumer
        self._slot_of = {name: slot for slot, name in enumerate(world.genres)}
        self._facts: dict[str, VideoFacts] = {}
        self._facts_generation: bytes | None = None
        self.counts = Counts()

    def step(self, block_ms: int = BLOCK_MS) -> int:
        """Deal with one micro-batch; how many records it had.

        Raises RedisError, EventLogDown or BatchJobRunning; then nothing is lost and the next step tries again.
        """
        records = self._log.read(WATCH_EVENTS, GROUP, self._consumer, BATCH, block_ms)
        if records:
            self._handle(records)
        return len(records)

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop. A store or a log that is away is waited for."""
        reported = trimmed = time.monotonic()
        pause_seconds = 0.0
        while not stopping.is_set():
            try:
                self.step()
                now = time.monotonic()
                if now - reported >= STATUS_SECONDS:
                    reported = now
                    self.write_status()
                if now - trimmed >= TRIM_SECONDS:
                    trimmed = now
                    for topic, keep in KEPT_RECORDS.items():
                        self._log.trim(topic, keep)
                if pause_seconds:
                    report.info("store and log are back")
                pause_seconds = 0.0
            except BatchJobRunning:
                stopping.wait(0.05)
            except (EventLogDown, redis.ConnectionError, redis.TimeoutError) as error:
                if not pause_seconds:
                    report.warning("store or log is away, waiting", error=str(error))
                pause_seconds = min(pause_seconds * 2 or 0.05, 1.0)
                stopping.wait(pause_seconds)

    def write_status(self) -> None:
        status = {
            "pid": os.getpid(),
            "at_us": time.time_ns() // 1000,
            "lag": self._log.lag(WATCH_EVENTS, GROUP),
            **asdict(self.counts),
        }
        self._store.set(PROCESSOR + self._consumer, msgspec.json.encode(status), ex=STATUS_EXPIRES_SECONDS)

    def close(self) -> None:
        self._store.delete(PROCESSOR + self._consumer)
        self._store.close()

    def _handle(self, records: Sequence[Record]) -> None:
        now_us = self._world.now_us()
        events: list[Event] = []
        sound: list[Record] = []
        for record in records:
            try:
                events.append(decode_record(record, now_us=now_us))
                sound.append(record)
            except EventError as error:
                self._failed(record, str(error))
        try:
            self._fold(events)
        except _POISON as error:
            if len(sound) == 1:
                self._failed(sound[0], f"{type(error).__name__}: {error}")
                return
            for record in sound:  # one of them is to blame; the others must not wait for it
                self._handle([record])
            return
        self._log.ack(WATCH_EVENTS, GROUP, [record.id for record in sound])

    def _failed(self, record: Record, reason: str) -> None:
        """Leave it to be handed out again, or, after enough tries, put it aside with the reason."""
        if record.deliveries < MAX_TRIES:
            return
        self._log.dead_letter(WATCH_EVENTS, GROUP, record, reason)
        self.counts.dead_letters += 1
        report.warning("dead letter", record=record.id, reason=reason)

    def _fold(self, events: Sequence[Event]) -> None:
        """Fold these events into the stored states, all or nothing, those already folded left out."""
        while events:
            with self._store.pipeline(transaction=True) as transaction:
                transaction.watch(
                    MATERIALIZING,
                    *{entity_key("user_id", event.user_id) for event in events},
                    *{entity_key("video_id", event.video_id) for event in events},
                )
                stored = self._read(events)
                if stored.materializing:
                    raise BatchJobRunning
                transaction.multi()
                folded = self._queue(transaction, events, stored)
                try:
                    transaction.execute()
                except redis.WatchError:
                    self.counts.conflicts += 1
                    continue
                self.counts.folded += folded
                self.counts.duplicates += len(events) - folded
                return

    def _read(self, events: Sequence[Event]) -> _Stored:
        """Everything the fold of these events needs, in one round trip."""
        user_ids = list(dict.fromkeys(event.user_id for event in events))
        video_ids = list(dict.fromkeys(event.video_id for event in events))
        unread = [video_id for video_id in video_ids if video_id not in self._facts]
        with self._store.pipeline(transaction=False) as pipe:
            pipe.mget(MATERIALIZING, GENERATION, *(EVENT_MARK + event.event_id for event in events))
            for user_id in user_ids:
                pipe.hmget(entity_key("user_id", user_id), row_fields(("user_activity",)))
            for video_id in video_ids:
                pipe.hmget(entity_key("video_id", video_id), row_fields(("video_activity",)))
            for video_id in unread:
                pipe.hmget(entity_key("video_id", video_id), _FACT_FIELDS)
            (materializing, generation, *marks), *rows = pipe.execute()
        if generation != self._facts_generation or len(self._facts) > FACTS_CACHED:
            known = set(self._facts)
            self._facts.clear()
            self._facts_generation = generation
            if known.intersection(video_ids):
                return self._read(events)
        user_rows, rest = rows[: len(user_ids)], rows[len(user_ids) :]
        video_rows, fact_rows = rest[: len(video_ids)], rest[len(video_ids) :]
        for video_id, row in zip(unread, fact_rows, strict=True):
            if row[-1]:
                self._facts[video_id] = self._facts_of(row)
        return _Stored(
            materializing=materializing is not None,
            folded={event.event_id for event, mark in zip(events, marks, strict=True) if mark is not None},
            users=dict(zip(user_ids, _rows("user_activity", user_rows), strict=True)),
            videos=dict(zip(video_ids, _rows("video_activity", video_rows), strict=True)),
        )

    def _facts_of(self, row: Sequence[bytes | None]) -> VideoFacts:
        genres, creator_id, duration_seconds = (
            decode(VIDEO_PROFILE[name], data) for name, data in zip(_FACTS, row[:-1], strict=True)
        )
        slots = tuple(self._slot_of[name] for name in genres if name in self._slot_of)
        return VideoFacts(slots, creator_id, duration_seconds)

    def _queue(self, transaction: Any, events: Sequence[Event], stored: _Stored) -> int:
        """Fold, and queue the writes; how many events were new."""
        users = {user_id: user_state(row) for user_id, row in stored.users.items()}
        videos = {video_id: video_state(row) for video_id, row in stored.videos.items()}
        fresh: list[Event] = []
        seen = set(stored.folded)
        for event in events:
            if event.event_id in seen:
                continue
            seen.add(event.event_id)
            fresh.append(event)
            facts = self._facts.get(event.video_id, UNKNOWN_VIDEO)
            fold_user(users[event.user_id], event, facts, history_length=self._world.history_length)
            fold_video(videos[event.video_id], event, facts)
        if not fresh:
            return 0
        folded_us = time.time_ns() // 1000
        changed_users = list(dict.fromkeys(event.user_id for event in fresh))
        changed_videos = list(dict.fromkeys(event.video_id for event in fresh))
        for user_id in changed_users:
            user = users[user_id]
            row = encode_row("user_activity", to_features(user), user.user_activity_timestamp_us)
            transaction.hset(entity_key("user_id", user_id), mapping=row)
        for video_id in changed_videos:
            video = videos[video_id]
            row = encode_row("video_activity", to_features(video), video.video_activity_timestamp_us)
            transaction.hset(entity_key("video_id", video_id), mapping=row)
        for event in fresh:
            transaction.set(EVENT_MARK + event.event_id, folded_us, ex=MARK_SECONDS)
        transaction.sadd(USER_IDS, *changed_users)
        changes = dict.fromkeys(changed_videos, b"")
        transaction.xadd(VIDEO_CHANGES, changes, maxlen=VIDEO_CHANGES_KEPT, approximate=True)
        return len(fresh)


@dataclass(frozen=True, slots=True)
class _Stored:
    materializing: bool
    folded: set[str]  # event ids
    users: dict[str, dict[str, Any]]
    videos: dict[str, dict[str, Any]]


# What a record itself can be guilty of once it is an event: a state of another type under its id, a number too large.
_POISON = (redis.ResponseError, ValueError, OverflowError)


def _rows(view: str, answers: Iterable[Sequence[bytes | None]]) -> list[dict[str, Any]]:
    return [decode_row((view,), values)[0] for values in answers]
