"""Candidate scores that need no training, only counters and the catalog, for serving and evaluation.

N videos that are asked about.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# What "many" watches are, in words and rows of a page: in a small world a few are, in a large one it takes a share.
FEWEST = 3.0  # by as many viewers: each counts once a day for a video
SHARE = 0.001  # of all watches of the same time


def times_many(watches_N: Array, total: float) -> Array:
    """(N,) watches, of any one time, as multiples of what "many" means among `total` ones: 1 and above are many."""
    many: Array = watches_N / max(FEWEST, SHARE * total)
    return many


def popular(watched_30d_N: Array, watched_N: Array, most: float) -> Array:
    """(N,) watches of the last month; ties, and videos not watched lately, are ordered by watches of all time, of which
    no video has more than `most`."""
    score_N: Array = watched_30d_N + np.asarray(watched_N, dtype=np.float64) / (most + 1.0)
    return score_N


def of_creators(weight_N: Array, popular_N: Array) -> Array:
    """(N,) the viewer's affinity to each video's creator times the logarithm of the video's popularity."""
    score_N: Array = weight_N * np.log(2.0 + popular_N)
    return score_N


def next_episode(episode_N: Array, after: int) -> int | None:
    """The place of the episode that comes next; None if there is none."""
    ahead = np.flatnonzero(episode_N > after)
    return int(ahead[np.argmin(episode_N[ahead])]) if len(ahead) else None
