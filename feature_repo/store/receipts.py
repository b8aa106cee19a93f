"""Whether an accepted event is in the features yet: the event processor writes a mark for each event it folds.

`ValkeyReceipts` for the service, `MemoryReceipts` (shipped double) for tests and for use without a store.
"""

from __future__ import annotations

from typing import Protocol

from feature_repo.store.connect import Client, StoreDown, answering
from feature_repo.store.layout import EVENT_MARK


class Receipts(Protocol):
    def folded_us(self, event_id: str) -> int | None:
        """When this event was folded into the features (wall clock); None if it was not yet. Raises StoreDown."""
        ...


class ValkeyReceipts:
    def __init__(self, client: Client) -> None:
        self._client = client

    def folded_us(self, event_id: str) -> int | None:
        with answering():
            mark = self._client.get(EVENT_MARK + event_id)
        return None if mark is None else int(mark)


class MemoryReceipts:
    """Marks in process; `down = True` makes it fail like a dead store."""

    def __init__(self) -> None:
        self.folded: dict[str, int] = {}
        self.down = False

    def folded_us(self, event_id: str) -> int | None:
        if self.down:
            raise StoreDown("this store was told to be down")
        return self.folded.get(event_id)
