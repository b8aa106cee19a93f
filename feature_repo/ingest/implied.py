"""Implied exposures, for data without any: a ranker needs negatives, and ratings only contain positives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.ingest.tables import lake_table, text
from feature_repo.lake.tables import IMPRESSIONS

Array = np.ndarray[Any, Any]

IMPLIED_REQUESTS = 40_000
PASSED_OVER = 4  # negatives per positive
SEED = 7


@dataclass(frozen=True)
class Taken:
    """N interactions in order of time, of U viewers with V videos, who are numbered."""

    user_ids_U: Sequence[str]
    video_ids_V: Sequence[str]
    user_N: Array
    video_N: Array
    timestamp_us_N: Array
    watch_seconds_N: Array
    watch_fraction_N: Array
    liked_N: Array
    disliked_N: Array


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


def implied_impressions(taken: Taken, named: str = "implied") -> pa.Table:
    """Impressions one second before a sample of interactions: surface "implied", position -1, propensity unknown.

    `named`: how the ids of their pages begin.
    """
    implied = imply_exposures(taken.user_N, taken.video_N, len(taken.video_ids_V), np.random.default_rng(SEED))
    width = 1 + PASSED_OVER
    shown_RP = np.concatenate([taken.video_N[implied.taken_R][:, None], implied.passed_RW], axis=1)
    kept = shown_RP.ravel() >= 0
    row = np.repeat(implied.taken_R, width)[kept]
    number = np.repeat(np.arange(len(implied)), width)[kept]
    slot = np.tile(np.arange(width), len(implied))[kept]
    shown, is_taken = shown_RP.ravel()[kept], slot == 0
    request = pc.binary_join_element_wise(named, text(number), "-")
    count = len(row)
    return lake_table(
        IMPRESSIONS,
        count,
        impression_id=pc.binary_join_element_wise(request, text(slot), "-"),
        request_id=request,
        user_id=pa.array(taken.user_ids_U).take(pa.array(taken.user_N[row])),
        video_id=pa.array(taken.video_ids_V).take(pa.array(shown)),
        timestamp_us=taken.timestamp_us_N[row] - 1_000_000,
        position=np.full(count, -1),
        surface=pa.array(["implied"] * count),
        clicked=is_taken,
        watch_seconds=np.where(is_taken, taken.watch_seconds_N[row], 0.0),
        watch_fraction=np.where(is_taken, taken.watch_fraction_N[row], 0.0),
        liked=is_taken & taken.liked_N[row],
        disliked=is_taken & taken.disliked_N[row],
    )


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
