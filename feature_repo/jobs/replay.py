"""Historical replay: the live fold run over all events of the lake, in order of time, to build the stream views."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.compute.facts import UNKNOWN_VIDEO, VideoFacts, facts_of
from feature_repo.compute.fold import DAY_US, UserState, VideoState, fold_user, fold_video
from feature_repo.compute.votes import Votes
from feature_repo.core.home import World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.events import Event
from feature_repo.lake.feature_tables import table_schema
from feature_repo.registry import VIEWS

Array = np.ndarray[Any, Any]

ROWS_PER_GROUP = 4_096  # states held in memory before they are written
VALUES_PER_GROUP = 1_000_000  # list elements: one viewer's lists may hold thousands


def video_facts(videos: pa.Table, world: World) -> dict[str, VideoFacts]:
    """What the fold needs to know about each video of the catalog."""
    slot_of = slots(world)
    columns = (videos[name].to_pylist() for name in ("video_id", "genres", "creator_id", "duration_seconds"))
    return {
        video_id: VideoFacts(tuple(slot_of[name] for name in genres or () if name in slot_of), creator_id, seconds)
        for video_id, genres, creator_id, seconds in zip(*columns, strict=True)
    }


def slots(world: World) -> dict[str, int]:
    """Genre -> its index into the world's genres."""
    return {name: slot for slot, name in enumerate(world.genres)}


def replay_users(
    events: pa.Table,
    impressions: pa.Table,
    facts: dict[str, VideoFacts],
    world: World,
    path: Path,
    progress: Progress = SILENT,
) -> int:
    """Write `user_activity`: for each viewer the states at impressions, and the last; returns their number.

    No training row can ask for any other state, and states are large because of their lists of videos.
    """
    shown = _Groups(impressions, "user_id")
    times_of = {user_id: impressions["timestamp_us"].to_numpy()[rows] for user_id, rows in shown}
    by_user = _Groups(events, "user_id")
    with (
        _TableWriter("user_activity", path) as writer,
        progress.task("replaying viewers", len(events)) as advance,
    ):
        log, slot_of = _EventLog(events), slots(world)
        for user_id, rows in by_user:
            times = log.timestamps_us[rows]
            asked = _asked(times, times_of.get(user_id, _NO_TIMES))
            state = UserState()
            for row, is_asked in zip(rows.tolist(), asked.tolist(), strict=True):
                event = log.event(row)
                fold_user(state, event, facts_of(event, facts, slot_of), history_length=world.history_length)
                if is_asked:
                    writer.add(user_id, state, state.user_activity_timestamp_us)
            advance(len(rows))
    return writer.written


def replay_videos(
    events: pa.Table,
    facts: dict[str, VideoFacts],
    path: Path,
    progress: Progress = SILENT,
    tagged: Collection[str] = (),
) -> int:
    """Write `video_activity`: for each video the state after each moment with an event; returns their number.

    Events of `tagged` viewers count for nothing, as for the event processor.
    """
    with (
        _TableWriter("video_activity", path) as writer,
        progress.task("replaying videos", len(events)) as advance,
    ):
        log = _EventLog(events)
        for video_id, rows in _Groups(events, "video_id"):
            if not video_id:
                continue
            video = facts.get(video_id, UNKNOWN_VIDEO)
            state, votes, day = VideoState(), Votes(), 0
            for row, is_last in zip(rows.tolist(), _last_of_moment(log.timestamps_us[rows]).tolist(), strict=True):
                event = log.event(row)
                if (
                    event.timestamp_us // DAY_US != day
                ):  # events are in order of time, so votes of earlier days can be forgotten
                    votes, day = Votes(), event.timestamp_us // DAY_US
                fold_video(state, event, video, counts=event.user_id not in tagged and votes.first(event, video))
                if is_last:
                    writer.add(video_id, state, state.video_activity_timestamp_us)
            advance(len(rows))
    return writer.written


_NO_TIMES = np.empty(0, dtype=np.int64)


def _last_of_moment(times: Array) -> Array:
    """Which of these sorted moments differ from the next."""
    return np.append(times[1:] != times[:-1], True)


def _asked(times: Array, shown: Array) -> Array:
    """After which of a viewer's events (N sorted moments) the state was seen by an impression, or is the last."""
    until = np.append(times[1:], np.iinfo(np.int64).max)
    shown = np.sort(shown)
    seen = np.searchsorted(shown, until, side="left") > np.searchsorted(shown, times, side="left")
    seen[-1] = True
    return seen & _last_of_moment(times)


class _Groups:
    """The rows of each entity, their order kept; entities by id."""

    def __init__(self, table: pa.Table, key: str) -> None:
        encoded = table[key].combine_chunks().dictionary_encode()
        self._ids: list[str] = encoded.dictionary.to_pylist()
        by_id = sorted(range(len(self._ids)), key=self._ids.__getitem__)
        place = np.empty(len(by_id), dtype=np.int64)
        place[by_id] = np.arange(len(by_id))
        places = place[encoded.indices.to_numpy()]
        self._ids.sort()
        self._order = np.argsort(places, kind="stable")
        self._bounds = np.searchsorted(places[self._order], np.arange(len(self._ids) + 1))

    def __iter__(self) -> Iterator[tuple[str, Array]]:
        for entity_id, (start, end) in zip(self._ids, pairwise(self._bounds.tolist()), strict=True):
            yield entity_id, self._order[start:end]


class _EventLog:
    """The events as objects for the fold, created one at a time; equal ids share one string object."""

    def __init__(self, events: pa.Table) -> None:
        self.timestamps_us: Array = events["timestamp_us"].to_numpy()
        self._times = self.timestamps_us.tolist()
        self._users, self._videos, self._kinds = (_shared(events[name]) for name in ("user_id", "video_id", "event"))
        self._watched = events["watch_seconds"].to_pylist()
        self._lengths = events["duration_seconds"].to_pylist()
        self._about = _shared(events["about"])

    def event(self, row: int) -> Event:
        return Event(
            event_id="",
            user_id=self._users[row],
            video_id=self._videos[row],
            event=self._kinds[row],
            timestamp_us=self._times[row],
            watch_seconds=self._watched[row],
            duration_seconds=self._lengths[row],
            about=self._about[row],
        )


def _shared(column: pa.ChunkedArray) -> list[str]:
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return [values[code] for code in encoded.indices.to_pylist()]


class _TableWriter:
    """Feature rows to one Parquet file, some thousands at a time."""

    def __init__(self, view: str, path: Path) -> None:
        self._schema = table_schema(view)
        self._features = tuple(VIEWS[view])
        self._writer = pq.ParquetWriter(path, self._schema)
        self._clear()
        self.written = 0

    def __enter__(self) -> _TableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, entity_id: str, state: UserState | VideoState, timestamp_us: int) -> None:
        self._ids.append(entity_id)
        self._times.append(timestamp_us)
        for column, name in zip(self._columns, self._features, strict=True):
            value = getattr(state, name)
            if isinstance(value, list):
                value = value.copy()
                self._values += len(value)
            column.append(value)
        if len(self._ids) >= ROWS_PER_GROUP or self._values >= VALUES_PER_GROUP:
            self._flush()

    def _clear(self) -> None:
        self._ids: list[str] = []
        self._times: list[int] = []
        self._values = 0
        self._columns: tuple[list[Any], ...] = tuple([] for _ in self._features)

    def _flush(self) -> None:
        rows: Sequence[Sequence[Any]] = (self._ids, self._times, self._times, *self._columns)
        arrays = [pa.array(values, field.type) for values, field in zip(rows, self._schema, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self.written += len(self._ids)
        self._clear()
