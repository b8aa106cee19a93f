"""Receipts: whether an accepted event has reached the features. The event processor writes a mark per folded event.

`ValkeyReceipts` for the service, `MemoryReceipts` (shipped double) for tests and for use without a store.
"""

from __future__ import annotations

from typing import Protocol

from feature_repo.store.connect import Client, StoreDown, answering
from feature_repo.store.layout import EVENT_MARK


class Receipts(Protocol):
    def folded_us(self, event_id: str, user_id: str = "") -> int | None:
        """When this event was folded into the features (wall clock); None if not yet. Raises StoreDown.

        Event ids are per viewer; without a viewer, the first event with this id of any viewer counts.
        """
        ...


class ValkeyReceipts:
    def __init__(self, client: Client) -> None:
        self._client = client

    def folded_us(self, event_id: str, user_id: str = "") -> int | None:
        key = EVENT_MARK + event_id
        with answering():
            marks = [self._client.hget(key, user_id)] if user_id else self._client.hvals(key)
        return min((int(mark) for mark in marks if mark is not None), default=None)


class MemoryReceipts:
    """Marks in process; `down = True` makes it fail like a dead store."""

    def __init__(self) -> None:
        self.folded: dict[tuple[str, str], int] = {}  # (user_id, event_id) -> when
        self.down = False

    def folded_us(self, event_id: str, user_id: str = "") -> int | None:
        if self.down:
            raise StoreDown("this store was told to be down")
        wanted = [at for (viewer, one), at in self.folded.items() if one == event_id and user_id in ("", viewer)]
        return min(wanted, default=None)
