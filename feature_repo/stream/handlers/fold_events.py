"""The event processor: watch-events -> user and video state in the online store, each event exactly once.

A micro-batch is folded onto the stored states and written in one transaction together with a mark per event; only then
is it acknowledged. If the process is killed before the transaction, the batch is delivered again and nothing was
written; if it is killed after, the batch is delivered again and all its events are found marked. The states are watched
(WATCH), so that processors and batch jobs never overwrite each other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.floods import FloodConfig, Pace
from feature_repo.compute.fold_batch import Changes, fold_batch
from feature_repo.compute.votes import Vote, possible_votes
from feature_repo.core.home import World
from feature_repo.core.pseudonym import pseudonym
from feature_repo.events import Event, EventError
from feature_repo.registry import VIDEO_PROFILE
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import Client
from feature_repo.store.erased import ERASED, counts, until_us
from feature_repo.store.layout import (
    CATALOG_STATE,
    COUNTED,
    EVENT_MARK,
    GENERATION,
    MATERIALIZING,
    PROCESSOR,
    TAGGED,
    USER_IDS,
    VIDEO_CHANGES,
    VIDEO_CHANGES_KEPT,
    VOTES,
    decode,
    decode_row,
    encode_row,
    entity_key,
    field,
    row_fields,
    timestamp_field,
)
from feature_repo.store.strangers import let_expire, sweep
from feature_repo.store.viewers import forget_inactive, note_active
from feature_repo.stream.config import StreamConfig
from feature_repo.stream.decoding import decode_record
from feature_repo.stream.handlers.protocol import Failure, Later, Reading
from feature_repo.stream.handlers.storing import storing
from feature_repo.stream.log.protocol import Record

GROUP = "feature-processor"
MARK_SECONDS = 8 * 24 * 3600  # longer than any log keeps a record
FACTS_CACHED = 200_000
SWEEP_SECONDS = 60.0  # interval of removing expired viewers

_FACTS = ("genres", "creator_id", "duration_seconds")
_USER_FIELDS = (*row_fields(("user_activity",)), timestamp_field("user_profile"))
_VIDEO_FIELDS = (*row_fields(("video_activity",)), CATALOG_STATE)
_FACT_FIELDS = (*(field("video_profile", name) for name in _FACTS), timestamp_field("video_profile"))


class BatchJobRunning(Later):
    """A batch job is writing stream views; the events wait in the log."""

    pause_seconds = 0.05


class FoldEvents:
    """The handler. In `counts`, conflicts are batches folded again because another process wrote one of the states, and
    doubted are events of viewers who are not believed (compute/floods.py)."""

    topics = (WATCH_EVENTS,)
    group = GROUP
    consumer = "processor-0"
    status_key = PROCESSOR

    def __init__(
        self, world: World, store: Client, config: StreamConfig = StreamConfig(), floods: FloodConfig = FloodConfig()
    ) -> None:
        self.reading = Reading(batch=config.fold_batch, block_ms=config.fold_block_ms)
        self._world = world
        self._store = store
        self._slot_of = {name: slot for slot, name in enumerate(world.genres)}
        self._facts: dict[str, VideoFacts] = {}
        self._facts_of_state: dict[str, bytes | None] = {}  # the catalog's state of each video when they were read
        self._facts_generation: bytes | None = None
        self._swept = time.monotonic()
        self._pace = Pace(floods)
        self.counts = dict.fromkeys(("folded", "duplicates", "suspicious", "doubted", "conflicts", "erased"), 0)

    def handle(self, topic: str, records: Sequence[Record]) -> list[Failure]:
        clock = self._world.clock()
        events: list[Event] = []
        appended_us: dict[tuple[str, str], int] = {}
        failures: list[Failure] = []
        for record in records:
            try:
                events.append(event := decode_record(record, clock=clock))
                appended_us.setdefault(event.identity, record.appended_us)
            except EventError as error:
                failures.append(Failure(record, str(error)))
        with storing():
            self._sweep()
            self._fold(events, appended_us)
        return failures

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            sweep(self._store)
            forget_inactive(self._store)

    def _fold(self, events: Sequence[Event], appended_us: Mapping[tuple[str, str], int]) -> None:
        """Fold these events into the stored states, all or nothing, skipping those already folded and those of viewers
        who were erased since. `appended_us`: when the log took each identity."""
        while events:
            with self._store.pipeline(transaction=True) as transaction:
                transaction.watch(
                    MATERIALIZING,
                    ERASED,
                    *{entity_key("user_id", event.user_id) for event in events},
                    *{entity_key("video_id", event.video_id) for event in events if event.video_id},
                )
                stored = self._read(events)
                if stored.materializing:
                    raise BatchJobRunning
                erased = {
                    event.identity
                    for event in events
                    if (until := stored.erased_until.get(event.user_id)) is not None
                    and not self._counts(event, appended_us[event.identity], until)
                }
                done = stored.folded | erased
                fresh = {event.identity: event for event in events if event.identity not in done}
                tagged = stored.tagged | self._pace.too_fast(fresh.values())
                changes = fold_batch(
                    stored.users,
                    stored.videos,
                    events,
                    self._facts,
                    slot_of=self._slot_of,
                    already_folded=done,
                    already_voted=stored.voted,
                    tagged=tagged,
                    history_length=self._world.history_length,
                )
                transaction.multi()
                _queue(transaction, changes)
                if tagged > stored.tagged:
                    transaction.sadd(TAGGED, *sorted(tagged))
                let_expire(
                    transaction,
                    user_ids=stored.strangers.intersection(changes.users),
                    video_ids=changes.videos.keys() - self._facts.keys(),
                )
                try:
                    transaction.execute()
                except redis.WatchError:
                    self.counts["conflicts"] += 1
                    continue
                self._pace.add(changes.folded)
                self.counts["folded"] += len(changes.folded)
                self.counts["doubted"] += sum(event.user_id in tagged for event in changes.folded)
                self.counts["suspicious"] += changes.suspicious
                self.counts["erased"] += len(erased)
                self.counts["duplicates"] += len(events) - len(changes.folded) - len(erased)
                return

    def _counts(self, event: Event, appended_us: int, until: int) -> bool:
        return counts(event.timestamp_us, appended_us, until, self._world.clock_offset_seconds)

    def _read(self, events: Sequence[Event]) -> _Stored:
        """Read everything that folding these events needs, in one round trip."""
        user_ids = list(dict.fromkeys(event.user_id for event in events))
        video_ids = list(dict.fromkeys(event.video_id for event in events if event.video_id))
        unread = [video_id for video_id in video_ids if video_id not in self._facts]
        votes = _by_viewer_and_day(vote for event in events if event.video_id for vote in possible_votes(event))
        with self._store.pipeline(transaction=False) as pipe:
            pipe.mget(MATERIALIZING, GENERATION)
            pipe.hmget(ERASED, [pseudonym(user_id) for user_id in user_ids])
            pipe.smismember(TAGGED, user_ids)
            for event in events:
                pipe.hget(EVENT_MARK + event.event_id, event.user_id)
            for key, voted in votes.items():
                pipe.smismember(key, [_member(vote) for vote in voted])
            for user_id in user_ids:
                pipe.hmget(entity_key("user_id", user_id), _USER_FIELDS)
            for video_id in video_ids:
                pipe.hmget(entity_key("video_id", video_id), _VIDEO_FIELDS)
            for video_id in unread:
                pipe.hmget(entity_key("video_id", video_id), _FACT_FIELDS)
            (materializing, generation), erased, tagged, *rows = pipe.execute()
        if generation != self._facts_generation or len(self._facts) > FACTS_CACHED:
            known = set(self._facts)
            self._facts.clear()
            self._facts_of_state.clear()
            self._facts_generation = generation
            if known.intersection(video_ids):
                return self._read(events)
        marks, rows = rows[: len(events)], rows[len(events) :]
        voted, rows = rows[: len(votes)], rows[len(votes) :]
        user_rows, rest = rows[: len(user_ids)], rows[len(user_ids) :]
        video_rows, fact_rows = rest[: len(video_ids)], rest[len(video_ids) :]
        state_of = {video_id: row[-1] for video_id, row in zip(video_ids, video_rows, strict=True)}
        changed = [one for one in video_ids if one in self._facts and self._facts_of_state[one] != state_of[one]]
        if changed:
            for video_id in changed:
                del self._facts[video_id]
            return self._read(events)
        for video_id, row in zip(unread, fact_rows, strict=True):
            if row[-1]:
                self._facts[video_id], self._facts_of_state[video_id] = self._facts_of(row), state_of[video_id]
        return _Stored(
            materializing=materializing is not None,
            folded={event.identity for event, mark in zip(events, marks, strict=True) if mark is not None},
            voted={
                vote
                for asked, answers in zip(votes.values(), voted, strict=True)
                for vote, is_said in zip(asked, answers, strict=True)
                if is_said
            },
            users=dict(zip(user_ids, _rows("user_activity", [row[:-1] for row in user_rows]), strict=True)),
            videos=dict(zip(video_ids, _rows("video_activity", [row[:-1] for row in video_rows]), strict=True)),
            erased_until=until_us(erased, user_ids),
            tagged={user_id for user_id, is_tagged in zip(user_ids, tagged, strict=True) if is_tagged},
            strangers={user_id for user_id, row in zip(user_ids, user_rows, strict=True) if not row[-1]},
        )

    def _facts_of(self, row: Sequence[bytes | None]) -> VideoFacts:
        genres, creator_id, duration_seconds = (
            decode(VIDEO_PROFILE[name], data) for name, data in zip(_FACTS, row[:-1], strict=True)
        )
        slots = tuple(self._slot_of[name] for name in genres if name in self._slot_of)
        return VideoFacts(slots, creator_id, duration_seconds)


@dataclass(frozen=True, slots=True)
class _Stored:
    materializing: bool
    folded: set[tuple[str, str]]  # identities of events
    voted: set[Vote]
    users: dict[str, dict[str, Any]]
    videos: dict[str, dict[str, Any]]
    erased_until: dict[str, int]
    tagged: set[str]  # viewers whose events count for no video
    strangers: set[str]  # viewers without a profile


def _queue(transaction: Any, changes: Changes) -> None:
    """Put the writes of these changes, and a mark per event, into the transaction."""
    if not changes.folded:
        return
    folded_us = time.time_ns() // 1000
    for user_id, row in changes.users.items():
        fields = encode_row("user_activity", row, row["user_activity_timestamp_us"])
        transaction.hset(entity_key("user_id", user_id), mapping=fields)
    for video_id, row in changes.videos.items():
        fields = encode_row("video_activity", row, row["video_activity_timestamp_us"])
        transaction.hset(entity_key("video_id", video_id), mapping=fields)
    for event in changes.folded:
        transaction.hset(EVENT_MARK + event.event_id, event.user_id, folded_us)
        transaction.expire(EVENT_MARK + event.event_id, MARK_SECONDS)
    for key, votes in _by_viewer_and_day(changes.votes).items():
        transaction.sadd(key, *map(_member, votes))
        transaction.expire(key, MARK_SECONDS)
    transaction.sadd(USER_IDS, *changes.users)
    note_active(transaction, changes.users)
    if changed := dict.fromkeys(changes.videos, COUNTED):
        transaction.xadd(VIDEO_CHANGES, changed, maxlen=VIDEO_CHANGES_KEPT, approximate=True)


def _rows(view: str, answers: Iterable[Sequence[bytes | None]]) -> list[dict[str, Any]]:
    return [decode_row((view,), values)[0] for values in answers]


def _by_viewer_and_day(votes: Iterable[Vote]) -> dict[str, list[Vote]]:
    """Key in the store -> the votes that stand there."""
    found: dict[str, list[Vote]] = {}
    for vote in votes:
        found.setdefault(f"{VOTES}{vote.user_id}:{vote.day}", []).append(vote)
    return found


def _member(vote: Vote) -> str:
    return f"{vote.kind}:{vote.video_id}"
