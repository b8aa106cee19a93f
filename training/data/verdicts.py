"""What viewers said of what they watched: finished or liked it, or broke it off at once.

A two-tower model learns more from the first than from a watch that was merely begun, and that the last is none. All of
it is known by the time of a viewer's last watch in the sequences, so that it tells nothing of the questions, which come
after that.

N watches of the sequences, P videos that were broken off.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.lake.tables import Lake
from feature_repo.schema import COMPLETE_FRACTION, MIN_WATCH_FRACTION, WATCHES
from training.data.splits import Sequences, viewings

Array = np.ndarray[Any, Any]

BREAKS_OFF = (*WATCHES, "skip")  # a pause may be gone on from
LIKES, ENDS_A_LIKE = ("like",), ("unlike", "undo", "rating", "dislike", "not_interested")
DISLIKES = ("dislike", "not_interested")


@dataclass(frozen=True)
class Verdicts:
    """`strong_N`: whether the video of each watch was finished and not disliked, or liked. `broken_P` were broken off
    after the watch before `before_P`, a row of the sequences, and before that one; never by who also watched them."""

    strong_N: Array  # bool
    before_P: Array  # int64, ascending
    broken_P: Array  # object: video ids

    @classmethod
    def of(cls, lake: Lake, train: Sequences) -> Verdicts:
        """In the events of a lake, of the viewers of these sequences."""
        events = lake.events()
        seen = viewings(lake, events)
        pairs = _Pairs(train)
        watched = pairs.of(seen)
        fraction = seen["fraction"].to_numpy()
        finished = pairs.marked(watched[fraction >= COMPLETE_FRACTION])
        judged = events.filter(pc.is_in(events["event"], pa.array([*LIKES, *ENDS_A_LIKE])))
        judging, kind = pairs.of(judged), judged["event"].to_numpy(zero_copy_only=False)
        newest = pairs.newest(judging)  # (N,) place among the judgements, -1: none
        said = np.append(kind, "")[newest]
        strong = np.isin(said, LIKES) | (finished & ~np.isin(said, DISLIKES))
        is_break = (fraction < MIN_WATCH_FRACTION) & pc.is_in(seen["event"], pa.array(BREAKS_OFF)).to_numpy()
        before, broken = pairs.not_watched(seen.filter(pa.array(is_break)))
        return cls(strong, before, broken)

    def digest(self) -> str:
        content = hashlib.sha256("\0".join(self.broken_P).encode())
        for part in (self.strong_N, self.before_P):
            content.update(np.ascontiguousarray(part).tobytes())
        return content.hexdigest()


class _Pairs:
    """Looks up rows of events among viewers and their watches."""

    def __init__(self, train: Sequences) -> None:
        self._train = train
        self._users = pa.array(train.user_ids, pa.string())
        self._videos = pa.array(np.unique(train.video_ids.astype(str)), pa.string())
        user_N = np.repeat(np.arange(len(train)), train.lengths)
        video_N = np.searchsorted(np.asarray(self._videos.to_pylist(), dtype=str), train.video_ids.astype(str))
        key_N = user_N * len(self._videos) + video_N
        self._row_of_key = np.argsort(key_N, kind="stable")
        self._key = key_N[self._row_of_key]

    def of(self, events: pa.Table) -> Array:
        """(E,) the row of the watch of this viewer and video; -1 where there is none, or it is too late to be known."""
        user = _places(events["user_id"], self._users)
        video = _places(events["video_id"], self._videos)
        key = user * len(self._videos) + video
        at = np.minimum(np.searchsorted(self._key, key), max(len(self._key) - 1, 0))
        found = (user >= 0) & (video >= 0) & self._known(user, events)
        if not len(self._key):
            return np.full(len(events), -1)
        rows: Array = np.where(found & (self._key[at] == key), self._row_of_key[at], -1)
        return rows

    def marked(self, rows: Array) -> Array:
        """(N,) bool."""
        marks = np.zeros(len(self._train.video_ids), dtype=bool)
        marks[rows[rows >= 0]] = True
        return marks

    def newest(self, rows: Array) -> Array:
        """(N,) the last place of each row among these, which are in order of time; -1 where there is none."""
        newest = np.full(len(self._train.video_ids), -1)
        at = np.flatnonzero(rows >= 0)
        np.maximum.at(newest, rows[at], at)
        return newest

    def not_watched(self, events: pa.Table) -> tuple[Array, Array]:
        """The watch that followed on each, and its video: of known viewers who have not watched it, before a watch."""
        user = _places(events["user_id"], self._users)
        kept = (self.of(events) < 0) & (user >= 0) & self._known(user, events)
        user, times = user[kept], events["timestamp_us"].to_numpy()[kept]
        videos = events["video_id"].to_numpy(zero_copy_only=False)[kept]
        offsets, moments = self._train.offsets, self._train.timestamps_us
        before = np.array(
            [
                offsets[one] + np.searchsorted(moments[offsets[one] : offsets[one + 1]], at, side="left")
                for one, at in zip(user.tolist(), times.tolist(), strict=True)
            ],
            dtype=np.int64,
        )
        order = np.argsort(before, kind="stable")
        return before[order], videos[order]

    def _known(self, user: Array, events: pa.Table) -> Array:
        """Whether it was said no later than the viewer's last watch."""
        last = self._train.timestamps_us[self._train.offsets[1:] - 1] if len(self._train) else np.zeros(1)
        known: Array = events["timestamp_us"].to_numpy() <= last[np.maximum(user, 0)]
        return known


def _places(column: pa.ChunkedArray, among: pa.Array) -> Array:
    """(E,) int64, -1 = not among them."""
    found: Array = pc.fill_null(pc.index_in(column, value_set=among), -1).to_numpy().astype(np.int64)
    return found
