"""Watch histories -> the tokens of the user tower. B viewers, T tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SequenceEncoding:
    """Watch histories -> rows of tokens for the user tower: a start token, then the newest `length` known videos.

    Token v is video_ids[v]; the start token, len(video_ids), begins every row and pads it at the end. B viewers,
    T tokens: 1 + the longest history of the batch, so that short histories cost little.
    """

    video_ids: tuple[str, ...]
    length: int
    _token_of: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_token_of", {video_id: token for token, video_id in enumerate(self.video_ids)})

    @property
    def token_of(self) -> Mapping[str, int]:
        return self._token_of

    @property
    def start(self) -> int:
        return len(self.video_ids)

    def known(self, history: Sequence[str]) -> list[int]:
        """Indices into a history of the newest `length` videos that have a token, oldest first."""
        token_of = self._token_of
        places = [at for at, video_id in enumerate(history) if video_id in token_of]
        return places[-self.length :]

    def tokens(self, history: Sequence[str]) -> list[int]:
        """A history's known videos, oldest first, at most `length` of the newest."""
        token_of = self._token_of
        return [token_of[history[at]] for at in self.known(history)]

    def encode(
        self, histories: Sequence[Sequence[str]], timestamps_us: Sequence[Sequence[int]], now_us: Array
    ) -> tuple[Array, Array, Array]:
        """Tokens (B, T) int64; the number of real ones per row (B,) int64, start token included; and `seconds`.

        Watches after `now_us` (B,) are in the future and are left out.
        """
        token_of = self._token_of
        rows, times = [], []
        for history, times_us, now in zip(histories, timestamps_us, now_us, strict=True):
            places = self.known(history)
            if places and max(times_us[at] for at in places) > now:
                past = [at for at, time_us in enumerate(times_us) if time_us <= now]
                places = [past[at] for at in self.known([history[at] for at in past])]
            rows.append([token_of[history[at]] for at in places])
            times.append([times_us[at] for at in places])
        return (*self.pad(rows), self.seconds(times, now_us))

    def pad(self, rows: Sequence[Sequence[int] | Array], width: int = 0) -> tuple[Array, Array]:
        """Rows of video tokens -> (B, T) with the start token before and after each, and real counts (B,).

        T is 1 + the longest row, but at least 1 + `width`.
        """
        count_B = np.array([len(row) + 1 for row in rows], dtype=np.int64)
        token_BT = np.full((len(rows), int(count_B.max(initial=1 + width))), self.start, dtype=np.int64)
        for at, row in enumerate(rows):
            token_BT[at, 1 : len(row) + 1] = row
        return token_BT, count_B

    def seconds(self, times_us: Sequence[Sequence[int] | Array], now_us: Array, width: int = 0) -> Array:
        """(B, T + 1) float64: when each token of `pad` was watched, padded with `now_us`; T as in `pad`.

        The start token has the time of the oldest watch.
        """
        longest = max([width, *(len(row) for row in times_us)])
        time_BT = np.repeat(np.asarray(now_us, dtype=np.float64)[:, None], longest + 2, axis=1)
        for at, row in enumerate(times_us):
            if len(row):
                time_BT[at, 0], time_BT[at, 1 : len(row) + 1] = row[0], row
        return time_BT / 1e6
