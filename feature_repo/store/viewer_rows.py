"""Rows of viewers as the store holds them -> features. A row that was decoded lately and is the same is not again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from feature_repo.core.recent import Recent
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
        self._kept: Recent[str, tuple[Row, UserFeatures]] = Recent(most)

    def features(self, user_id: str, row: Row) -> UserFeatures:
        kept = self._kept.get(user_id)
        if kept is not None and kept[0] == row:
            return kept[1]
        features = decoded(user_id, row)
        self._kept.put(user_id, (row, features))
        return features

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        self._kept.forget(lambda user_id, kept: is_erased(user_id))
