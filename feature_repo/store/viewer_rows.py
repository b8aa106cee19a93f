"""Rows of viewers as the store holds them -> features. A row that was decoded lately and is the same is not again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from feature_repo.schema import USER_VIEWS
from feature_repo.store.layout import decode_row, row_fields
from feature_repo.store.snapshot import UserFeatures

FIELDS = row_fields(USER_VIEWS)

Row = Sequence[bytes | None]


def decoded(user_id: str, row: Row) -> UserFeatures:
    """`row`: the answer to HMGET `FIELDS`."""
    features, timestamps = decode_row(USER_VIEWS, row)
    # Feast reports a missing row as present; only its timestamp shows that it is missing.
    as_of_us = max(timestamps.values())
    return UserFeatures(user_id, as_of_us > 0, features, as_of_us)


class DecodedRows:
    """Keeps the `most` viewers that were read most recently. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[Row, UserFeatures]] = OrderedDict()
        self._lock = threading.Lock()

    def features(self, user_id: str, row: Row) -> UserFeatures:
        with self._lock:
            kept = self._kept.get(user_id)
            if kept is not None and kept[0] == row:
                self._kept.move_to_end(user_id)
                return kept[1]
        features = decoded(user_id, row)
        with self._lock:
            self._kept[user_id] = (row, features)
            self._kept.move_to_end(user_id)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return features

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        with self._lock:
            for user_id in [one for one in self._kept if is_erased(one)]:
                del self._kept[user_id]
