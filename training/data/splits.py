"""Watch histories in order of time, and the time splits that keep training away from validation and test data.

time         two-tower [start, t1) · ranker [t1, t2) · untouched test [t2, end)
leave_last   per viewer: ... training ... | validation = second-last watch | test = last watch

`split_of` is the one place that chooses between the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.core.errors import HomeError
from feature_repo.lake.tables import DAY_US, Lake
from feature_repo.schema import (
    LONGEST_WATCH_SECONDS,
    MIN_WATCH_FRACTION,
    SUSPICIOUS_SECONDS,
    SUSPICIOUS_TIMES,
    VIEWINGS,
)

Array = np.ndarray[Any, Any]
SplitRule = Literal["time", "leave_last"]
TRAIN_UNTIL, RANK_UNTIL = 0.75, 0.9  # quantiles of the events' time


@dataclass(frozen=True)
class Cuts:
    """Instants in microseconds UTC; each window includes its start and excludes its end."""

    t1_us: int
    t2_us: int
    end_us: int


def time_cuts(lake: Lake, events: pa.Table | None = None) -> Cuts:
    """The boundaries of the windows in this lake; pass `events` when they were read already.

    Of a viewer's events of one kind on one video, one a day: nobody's repetitions move the windows of all.
    """
    times = np.sort(once_a_day(lake.events() if events is None else events)["timestamp_us"].to_numpy())
    if len(times) < 2:
        raise HomeError(f"{len(times)} events in {lake.root}: too few to train on; simulate or ingest first")
    t1, t2 = (int(times[int(len(times) * quantile)]) for quantile in (TRAIN_UNTIL, RANK_UNTIL))
    return Cuts(t1, t2, int(times[-1]) + 1)


@dataclass(frozen=True)
class Sequences:
    """Watch histories of U viewers as serving sees them: a video stands once in each, at its newest watch.

    `offsets` (U + 1,): viewer u's watches are rows offsets[u]:offsets[u + 1] of the two arrays, oldest first.
    """

    user_ids: Array  # (U,) object
    video_ids: Array  # (N,) object
    timestamps_us: Array  # (N,) int64
    offsets: Array  # (U + 1,) int64

    def __len__(self) -> int:
        return len(self.user_ids)

    @property
    def lengths(self) -> Array:
        return np.diff(self.offsets)

    def histories(self) -> list[list[str]]:
        return [part.tolist() for part in np.split(self.video_ids, self.offsets[1:-1])] if len(self) else []

    def times(self) -> list[list[int]]:
        return [part.tolist() for part in np.split(self.timestamps_us, self.offsets[1:-1])] if len(self) else []

    def keep(self, rows: Array) -> Sequences:
        """Only the watches where the mask (N,) is true; viewers left without any are dropped."""
        kept_before: Array = np.concatenate([[0], np.cumsum(rows)])
        counts = np.diff(kept_before[self.offsets])
        present = counts > 0
        return Sequences(
            user_ids=self.user_ids[present],
            video_ids=self.video_ids[rows],
            timestamps_us=self.timestamps_us[rows],
            offsets=np.concatenate([[0], np.cumsum(counts[present])]).astype(np.int64),
        )

    def with_frequent(self, min_count: int) -> Sequences:
        """Only the videos that at least `min_count` viewers watched."""
        if min_count <= 1:
            return self
        _, video = _codes(pa.chunked_array([pa.array(self.video_ids, pa.string())]))
        return self.keep(np.bincount(video)[video] >= min_count)

    def digest(self, lake: Lake) -> str:
        """Of all that a model of these watches may learn from: including the lake's data on videos and viewers."""
        content = hashlib.sha256("\0".join([*self.user_ids, "", *self.video_ids]).encode())
        for part in (self.timestamps_us, self.offsets):
            content.update(np.ascontiguousarray(part).tobytes())
        content.update(lake.profiles_digest().encode())
        return content.hexdigest()


@dataclass(frozen=True)
class Holdout:
    """Viewers whose next watches are known: `histories[u]` came before, `targets[u]` (not in the history) after."""

    user_ids: list[str]
    histories: list[list[str]]
    times_us: list[list[int]]
    now_us: Array  # (U,) when the question is asked
    targets: list[list[str]]

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: Sequence[int] | Array) -> Holdout:
        def pick(values: list[Any]) -> list[Any]:
            return [values[row] for row in rows]

        return Holdout(
            pick(self.user_ids),
            pick(self.histories),
            pick(self.times_us),
            self.now_us[np.asarray(rows, dtype=np.int64)],
            pick(self.targets),
        )

    def draw(self, most: int, seed: int = 0) -> Holdout:
        """At most so many of the viewers, in their order."""
        if len(self) <= most:
            return self
        return self.take(drawn(len(self), most, np.random.default_rng(seed)))


def drawn(rows: int, most: int, rng: np.random.Generator) -> Array:
    """`most` of `rows` row numbers, each once, in order; all of them where there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(rng.choice(rows, most, replace=False))


@dataclass(frozen=True)
class Split:
    """What may be learned, and two questions about what comes after it: `valid` to choose by, `test` to report.

    The content of a video counts as known when it was published before `train_until_us` (choosing) or `known_until_us`
    (testing).
    """

    whole: Sequences
    train: Sequences
    valid: Holdout
    known: Sequences  # all watches before the test question
    test: Holdout
    train_until_us: int
    known_until_us: int
    catalog: frozenset[str] | None = None  # videos that can be targets; None: all videos of the lake


def split_of(lake: Lake, rule: SplitRule, min_count: int = 1) -> Split:
    """The watches of a lake by one of the two rules. Videos that fewer than `min_count` viewers watched are not trained
    on; by leave_last, which asks about the same watches that it trains on, they are not asked for either."""
    events = lake.events()
    watched, cuts = watches(lake, events), time_cuts(lake, events)
    whole = sequences(watched).with_frequent(min_count)
    if rule == "leave_last":
        known, test = leave_last(whole, 1)
        train, valid = leave_last(known, 1)
        return Split(whole, train, valid, known, test, cuts.end_us, cuts.end_us, frozenset(whole.video_ids))
    return Split(
        whole=whole,
        train=sequences(watched, cuts.t1_us).with_frequent(min_count),
        valid=next_watches(watched, cuts.t1_us, cuts.t2_us),
        known=sequences(watched, cuts.t2_us),
        test=next_watches(watched, cuts.t2_us, cuts.end_us),
        train_until_us=cuts.t1_us,
        known_until_us=cuts.t2_us,
    )


def watches(lake: Lake, events: pa.Table | None = None) -> pa.Table:
    """user_id, video_id, timestamp_us of every event that enters a history (fold.is_watch, on columns), in order. Of a
    viewer's watches of one video on one day the newest.

    `events` are those of the lake, when they were read already.
    """
    seen = viewings(lake, lake.events() if events is None else events)
    taken = seen.filter(pc.greater_equal(seen["fraction"], MIN_WATCH_FRACTION))
    return once_a_day(taken.select(["user_id", "video_id", "timestamp_us"]))


def viewings(lake: Lake, events: pa.Table) -> pa.Table:
    """user_id, video_id, event, timestamp_us and the `fraction` watched of every viewing among these events of a lake
    (fold.watch_fraction, on columns; above 1 where it is), in order. Suspicious ones (fold.is_suspicious) teach
    nothing, and are left out, as are videos that the lake does not know.
    """
    events = events.filter(pc.is_in(events["event"], pa.array(VIEWINGS)))
    videos = lake.videos().select(["video_id", "duration_seconds"])
    place = pc.index_in(events["video_id"], videos["video_id"])
    catalog = pc.fill_null(pc.take(videos["duration_seconds"], place), 0.0).to_numpy()
    logged = events["duration_seconds"].to_numpy()
    duration = np.where(logged > 0, logged, catalog)
    seconds = events["watch_seconds"].to_numpy()
    fraction = np.divide(seconds, duration, out=np.ones(len(seconds)), where=duration > 0)
    kind = events["event"].to_numpy()
    fraction[kind == "watch_complete"] = 1.0
    fraction[(kind == "skip") | ((kind == "pause") & (seconds == 0))] = 0.0
    length = np.where(catalog > 0, catalog, logged)
    most = np.maximum(length * SUSPICIOUS_TIMES, length + SUSPICIOUS_SECONDS)
    suspicious = seconds > np.where(length > 0, most, LONGEST_WATCH_SECONDS)
    columns = events.select(["user_id", "video_id", "event", "timestamp_us"]).append_column(
        "fraction", pa.array(fraction)
    )
    return columns.filter(pa.array(~suspicious & place.is_valid().to_numpy()))


def once_a_day(rows: pa.Table, most: int = 1) -> pa.Table:
    """At most so many rows (in order of time) of a viewer, video, UTC day and, for events, kind: the newest of them."""
    keys = [name for name in ("user_id", "video_id", "event") if name in rows.column_names]
    codes = [rows[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in keys]
    order = np.lexsort([np.arange(len(rows)), rows["timestamp_us"].to_numpy() // DAY_US, *codes])
    groups = np.stack([rows["timestamp_us"].to_numpy() // DAY_US, *codes])[:, order]
    last = np.append((groups[:, 1:] != groups[:, :-1]).any(axis=0), True)[: len(rows)]
    ends = np.flatnonzero(last)
    end_of_row = np.repeat(ends, np.diff(ends, prepend=-1))
    kept = np.zeros(len(rows), dtype=bool)
    kept[order] = end_of_row - np.arange(len(rows)) < most
    return rows if kept.all() else rows.filter(pa.array(kept))


def sequences(watched: pa.Table, until_us: int | None = None) -> Sequences:
    """The histories as of `until_us` (None: after everything), viewers in order of id."""
    if until_us is not None:
        watched = watched.filter(pc.less(watched["timestamp_us"], until_us))
    user_ids, user = _codes(watched["user_id"])
    video_ids, video = _codes(watched["video_id"])
    times = watched["timestamp_us"].to_numpy()
    newest = np.arange(len(watched))[::-1]  # the table is in order of time: the first from the end is the newest
    _, first = np.unique((user * len(video_ids) + video)[newest], return_index=True)
    kept = np.sort(newest[first])
    kept = kept[np.argsort(user[kept], kind="stable")]
    counts = np.bincount(user[kept], minlength=len(user_ids))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Sequences(user_ids, video_ids[video[kept]], times[kept], offsets)


def next_watches(watched: pa.Table, start_us: int, end_us: int) -> Holdout:
    """The question of the time split: given all before `start_us`, which unseen videos do viewers watch until `end_us`?

    Includes viewers without any history: a service has to answer them, too.
    """
    before = sequences(watched, start_us)
    past = dict(zip(before.user_ids, zip(before.histories(), before.times(), strict=True), strict=True))
    later = watched.filter(pc.less(watched["timestamp_us"], end_us))
    after = sequences(later.filter(pc.greater_equal(later["timestamp_us"], start_us)))
    rows = []
    for user_id, watched_later in zip(after.user_ids, after.histories(), strict=True):
        history, times = past.get(user_id, ([], []))
        targets = [video_id for video_id in watched_later if video_id not in set(history)]
        if targets:
            rows.append((user_id, history, times, targets))
    return Holdout(
        user_ids=[row[0] for row in rows],
        histories=[row[1] for row in rows],
        times_us=[row[2] for row in rows],
        now_us=np.full(len(rows), start_us, dtype=np.int64),
        targets=[row[3] for row in rows],
    )


def leave_last(whole: Sequences, place: int = 1) -> tuple[Sequences, Holdout]:
    """Hold back the `place`-th watch from the end (1 = the last, 2 = the second-last), and what comes after it.

    Viewers with fewer than place + 2 watches only train. Gives the training part and the question.
    """
    lengths = whole.lengths
    asked = lengths >= place + 2
    cut = np.where(asked, lengths - place, lengths)
    position = np.arange(len(whole.video_ids)) - np.repeat(whole.offsets[:-1], lengths)
    train = whole.keep(position < np.repeat(cut, lengths))
    histories, times = whole.histories(), whole.times()
    users = np.flatnonzero(asked)
    return train, Holdout(
        user_ids=[str(whole.user_ids[user]) for user in users],
        histories=[histories[user][: cut[user]] for user in users],
        times_us=[times[user][: cut[user]] for user in users],
        now_us=np.array([times[user][cut[user]] for user in users], dtype=np.int64),
        targets=[[histories[user][cut[user]]] for user in users],
    )


def _codes(column: pa.ChunkedArray) -> tuple[Array, Array]:
    """Distinct values in order, and each row's place among them."""
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    order = np.argsort(values.astype(str), kind="stable") if len(values) else np.zeros(0, dtype=np.int64)
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.arange(len(values))
    return values[order], place[encoded.indices.to_numpy(zero_copy_only=False)]
