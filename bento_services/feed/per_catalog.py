"""Facts about every video, row by row with the snapshot, computed once per catalog and not once per request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from feature_repo.compute.crosses import Columns
from feature_repo.store.snapshot import VideoSnapshot

Array = np.ndarray[Any, Any]


class Aligned:
    """`compute(snapshot)` -> (V, ...), kept until the catalog is another one. Counters may change, videos may not."""

    def __init__(self, compute: Callable[[VideoSnapshot], Array]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._held: tuple[Array, Array] | None = None  # the video ids it is for, the values

    def of(self, snapshot: VideoSnapshot) -> Array:
        held = self._held
        if held is None or held[0] is not snapshot.video_ids:
            with self._lock:
                held = self._held
                if held is None or held[0] is not snapshot.video_ids:
                    held = self._held = (snapshot.video_ids, self._compute(snapshot))
        return held[1]


def channels(columns: Columns) -> list[str]:
    """What a viewer knows a creator by; "" when there is none."""
    names, ids = columns["creator_name"], columns["creator_id"]
    return [name or creator_id for name, creator_id in zip(names, ids, strict=True)]


def categories(columns: Columns) -> list[str]:
    """A video's first genre; "" when it has none."""
    return [names[0] if names is not None and len(names) else "" for names in columns["genre_names"]]
