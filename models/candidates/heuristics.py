"""Candidate scores that need no training, only counters and the catalog, for serving and evaluation.

V videos of the catalog, C creators that a viewer likes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# What "many" watches are, in words and rows of a page: in a small world a few are, in a large one it takes a share.
FEWEST = 3.0  # by as many viewers: each counts once a day for a video
SHARE = 0.001  # of all watches of the same time


def times_many(watches_V: Array) -> Array:
    """(V,) watches, of any one time, as multiples of what "many" means among them: 1 and above are many."""
    many: Array = watches_V / max(FEWEST, SHARE * float(np.sum(watches_V)))
    return many


def popular(watched_30d_V: Array, watched_V: Array) -> Array:
    """(V,) watches of the last month; ties, and videos not watched lately, are ordered by watches of all time."""
    ever_V = np.asarray(watched_V, dtype=np.float64)
    score_V: Array = watched_30d_V + ever_V / (ever_V.max(initial=0.0) + 1.0)
    return score_V


def among(code_V: Array, wanted: Array) -> Array:
    """(V,) bool: whether a code, counted from 0, is among the wanted ones; -1 never is."""
    table = np.zeros(int(max(code_V.max(initial=-1), wanted.max(initial=-1))) + 2, dtype=bool)
    table[wanted[wanted >= 0]] = True
    found: Array = table[code_V]  # code -1 reads the last entry, which stays False
    return found


def of_creators(creator_V: Array, liked_C: Array, weight_C: Array, popular_V: Array) -> Array:
    """(V,) the viewer's affinity to each video's creator times the logarithm of the video's popularity.

    `creator_V` are codes, -1 for unknown. Creators whose weight is not positive, and code -1, score 0.
    """
    weight = np.zeros(int(max(creator_V.max(initial=-1), liked_C.max(initial=-1))) + 2)
    real = (liked_C >= 0) & (weight_C > 0)
    weight[liked_C[real]] = weight_C[real]  # code -1 reads the last entry, which stays 0
    score_V: Array = weight[creator_V] * np.log(2.0 + popular_V)
    return score_V


def next_in_series(series_V: Array, episode_V: Array, watched: Array, allowed_V: Array) -> tuple[Array, Array]:
    """Rows of the next allowed episode of each started series, and the watched rows they follow; latest watched first.

    `watched` are catalog rows, newest first; `series_V` are codes, -1 for a video that is in no series.
    """
    rows: list[int] = []
    after: list[int] = []
    begun: set[int] = set()
    ahead_of_some = np.flatnonzero(among(series_V, series_V[watched]) & allowed_V)
    series, episode = series_V[ahead_of_some], episode_V[ahead_of_some]
    for row in watched.tolist():
        if series_V[row] < 0 or int(series_V[row]) in begun:
            continue
        begun.add(int(series_V[row]))
        ahead = np.flatnonzero((series == series_V[row]) & (episode > episode_V[row]))
        if len(ahead):
            rows.append(int(ahead_of_some[ahead[np.argmin(episode[ahead])]]))
            after.append(row)
    return np.array(rows, dtype=np.int64), np.array(after, dtype=np.int64)
