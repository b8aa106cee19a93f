"""Watches of viewers -> batches for the user tower: windows of long histories, padding, times, viewer context.

B viewers, T tokens, C categories of viewer context, K broken-off videos before a watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.encoding.sequence import SequenceEncoding
from models.encoding.viewer_context import ViewerContextEncoding
from models.retrieval.two_tower import TowerInputs
from training.data.verdicts import Verdicts
from training.data.viewer_context import ViewerContexts
from training.fit.two_tower_config import TwoTowerConfig

Array = np.ndarray[Any, Any]
EVEN_WIDTH = 16  # tokens
BROKEN = 4  # at most, of the videos that were broken off before a watch: the newest
SHUFFLED_TOGETHER = 16  # batches whose viewers are sorted by length: little padding, still random batches


class Watched(NamedTuple):
    """One viewer's known watches, oldest first."""

    tokens: Array
    times_us: Array
    context_TC: Array  # codes of the viewer context; C = 0 when the tower does not use it
    strong_T: Array  # bool: finished or liked (training/data/verdicts.py)
    broken_TK: Array  # tokens of what was broken off between this watch and the one before; -1 = none

    def piece(self, start: int, end: int) -> Watched:
        return Watched(*(part[start:end] for part in self))


class TrainingBatch(NamedTuple):
    """What the loss reads. T is one less than the tokens of `inputs`: nothing is predicted before the first."""

    inputs: TowerInputs
    strong_BT: Tensor  # bool: whether the predicted watch was finished or liked
    broken_BTK: Tensor  # tokens that were broken off before it; -1 = none

    def to(self, device: torch.device) -> TrainingBatch:
        return TrainingBatch(self.inputs.to(device), self.strong_BT.to(device), self.broken_BTK.to(device))


@dataclass(frozen=True)
class TowerBatches:
    """`viewer_context`: None when the tower does not use it."""

    config: TwoTowerConfig
    encoding: SequenceEncoding
    contexts: ViewerContexts
    viewer_context: ViewerContextEncoding | None

    def watched(
        self,
        encoding: SequenceEncoding,
        user_ids: Sequence[str] | Array,
        histories: Sequence[Sequence[str]],
        times_us: Sequence[Sequence[int]],
        verdicts: Verdicts | None = None,
    ) -> list[Watched]:
        """The watches of each viewer, of the videos that `encoding` knows. `verdicts`: of just these histories."""
        count = sum(map(len, histories))
        strong_N = np.zeros(count, dtype=bool) if verdicts is None else verdicts.strong_N
        broken_NK = _broken(verdicts, count, encoding)
        rows, start = [], 0
        for user_id, history, moments in zip(user_ids, histories, times_us, strict=True):
            known = encoding.known(history)
            known_us = [moments[at] for at in known]
            own = start + np.array(known, dtype=np.int64)
            start += len(history)
            context_TC = self.codes([user_id] * len(known_us), known_us)
            tokens = np.array(encoding.tokens(history), dtype=np.int64)
            moments_T = np.array(known_us, dtype=np.int64)
            rows.append(Watched(tokens, moments_T, context_TC, strong_N[own], broken_NK[own]))
        return rows

    def codes(self, user_ids: Sequence[str], moments_us: Sequence[int] | Array) -> Array:
        """(B, C) of viewers at moments."""
        if self.viewer_context is None:
            return np.zeros((len(user_ids), 0), dtype=np.int64)
        return self.viewer_context.encode(self.contexts.columns(user_ids, moments_us))

    def of_epoch(self, watched: Sequence[Watched], epoch: int) -> list[TrainingBatch]:
        """Tokens, real counts and times of every viewer once; rows of similar length together."""
        rng = np.random.default_rng((self.config.seed, epoch))
        rows = self._windows(watched, rng)
        order = rng.permutation(len(rows))
        length = np.array([len(row.tokens) for row in rows])
        size, together = self.config.batch_size, self.config.batch_size * SHUFFLED_TOGETHER
        groups = [order[start : start + together] for start in range(0, len(order), together)]
        sorted_groups = [group[np.argsort(length[group], kind="stable")] for group in groups]
        parts = [group[start : start + size] for group in sorted_groups for start in range(0, len(group), size)]
        return [self._training_batch([rows[row] for row in parts[at]]) for at in rng.permutation(len(parts))]

    def batch(
        self, rows: Sequence[Watched], now_us: Array | None = None, context_BC: Array | None = None
    ) -> TowerInputs:
        """In training, nothing is predicted after the last watch, so its time and context do not matter."""
        longest = max(len(row.tokens) for row in rows)
        token_BT, count_B = self.encoding.pad([row.tokens for row in rows], _even(longest, self.config.length))
        time_BT = None
        context = None if context_BC is None or self.viewer_context is None else torch.from_numpy(context_BC)
        if self.config.time_bias != "none":
            last_us = np.array([row.times_us[-1] if len(row.times_us) else 0 for row in rows])
            asked_us = last_us if now_us is None else now_us
            time_BT = torch.from_numpy(
                self.encoding.seconds([row.times_us for row in rows], asked_us, token_BT.shape[1] - 1)
            )
        if self.viewer_context is not None and context is None:  # a token carries the context of the next watch
            context = torch.zeros(*token_BT.shape, len(self.viewer_context.cardinalities), dtype=torch.int64)
            for at, row in enumerate(rows):
                context[at, : len(row.tokens)] = torch.from_numpy(row.context_TC)
        return TowerInputs(torch.from_numpy(token_BT), torch.from_numpy(count_B), time_BT, context)

    def _training_batch(self, rows: Sequence[Watched]) -> TrainingBatch:
        inputs = self.batch(rows)
        size, width = len(rows), inputs.token_BT.shape[1] - 1
        strong_BT, broken_BTK = np.zeros((size, width), dtype=bool), np.full((size, width, BROKEN), -1)
        for at, row in enumerate(rows):
            strong_BT[at, : len(row.tokens)] = row.strong_T
            broken_BTK[at, : len(row.tokens)] = row.broken_TK
        return TrainingBatch(inputs, torch.from_numpy(strong_BT), torch.from_numpy(broken_BTK))

    def _windows(self, watched: Sequence[Watched], rng: np.random.Generator) -> list[Watched]:
        """The newest `length` watches of every viewer, and for those with more one earlier window: heavy viewers teach
        much, but must not dominate."""
        length = self.config.length
        windows = [row.piece(max(0, len(row.tokens) - length), len(row.tokens)) for row in watched]
        if not self.config.older_windows:
            return windows
        for row in watched:
            count, half = len(row.tokens), length // 2
            if count > length + 1:
                end = int(rng.integers(half, count - half)) if count > length + half else count - length
                if end > 1:
                    windows.append(row.piece(max(0, end - length), end))
        return windows


def _broken(verdicts: Verdicts | None, count: int, encoding: SequenceEncoding) -> Array:
    """(count, K) tokens, -1 = none."""
    broken_NK = np.full((count, BROKEN), -1, dtype=np.int64)
    if verdicts is None:
        return broken_NK
    for before, video_id in zip(verdicts.before_P.tolist(), verdicts.broken_P.tolist(), strict=True):
        if (token := encoding.token_of.get(video_id, -1)) >= 0 and token not in broken_NK[before]:
            broken_NK[before] = [token, *broken_NK[before, :-1]]
    return broken_NK


def _even(longest: int, most: int) -> int:
    """Round the width of a batch up. Tensors of many sizes fragment the heap, and oneDNN compiles code for every new
    size (an epoch grew from 30 to 130 CPU-seconds in one run)."""
    return min(-(-longest // EVEN_WIDTH) * EVEN_WIDTH, max(most, longest))
