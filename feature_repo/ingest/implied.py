"""Implied exposures, for data without any: a ranker needs negatives, and ratings only contain positives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

IMPLIED_REQUESTS = 40_000
PASSED_OVER = 4  # negatives per positive


@dataclass(frozen=True)
class Implied:
    """R requests of one taken video and W passed-over ones each, in the order of the interactions."""

    taken_R: Array  # rows of the interactions
    passed_RW: Array  # videos; -1 if the viewer has taken (almost) everything

    def __len__(self) -> int:
        return len(self.taken_R)


def imply_exposures(user_N: Array, video_N: Array, videos: int, rng: np.random.Generator) -> Implied:
    """Draw a sample of N interactions and, for each, PASSED_OVER negatives that its viewer never interacts with.

    Negatives are drawn in proportion to popularity: if drawn uniformly, popularity would explain every click, and a
    ranker would learn nothing about the viewer. Interactions are ordered by time; videos are 0..V-1.
    """
    taken_R = np.sort(rng.permutation(len(user_N))[:IMPLIED_REQUESTS])
    pairs = np.unique(user_N.astype(np.int64) * videos + video_N)
    shape = (len(taken_R), PASSED_OVER)
    viewer_RW = np.broadcast_to(user_N[taken_R].astype(np.int64)[:, None], shape)
    passed_RW = np.full(shape, -1, dtype=np.int64)
    for _ in range(40):
        rows, slots = np.nonzero(passed_RW < 0)
        if not len(rows):
            break
        drawn = video_N[rng.integers(len(video_N), size=len(rows))].astype(np.int64)  # by popularity
        fresh = ~_contains(pairs, viewer_RW[rows, slots] * videos + drawn)
        fresh &= (passed_RW[rows] != drawn[:, None]).all(axis=1)
        passed_RW[rows[fresh], slots[fresh]] = drawn[fresh]
        passed_RW = _without_repeats(passed_RW)
    return Implied(taken_R, passed_RW)


def _contains(sorted_values: Array, wanted: Array) -> Array:
    at = np.searchsorted(sorted_values, wanted).clip(max=len(sorted_values) - 1)
    found: Array = sorted_values[at] == wanted
    return found


def _without_repeats(passed_RW: Array) -> Array:
    """Marks duplicates within a request for another draw: the later one is drawn again."""
    for slot in range(1, passed_RW.shape[1]):
        repeated = (passed_RW[:, :slot] == passed_RW[:, slot : slot + 1]).any(axis=1)
        passed_RW[repeated, slot] = -1
    return passed_RW
