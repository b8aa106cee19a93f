"""Whether an event is in the features yet: the store and the shipped double promise the same."""

from __future__ import annotations

import pytest

from feature_repo.store.connect import StoreDown, connect
from feature_repo.store.layout import EVENT_MARK
from feature_repo.store.receipts import MemoryReceipts, ValkeyReceipts


def test_an_event_is_visible_from_its_mark_on(url: str) -> None:
    client = connect(url, 5.0)
    receipts, double = ValkeyReceipts(client), MemoryReceipts()
    assert (receipts.folded_us("e1"), double.folded_us("e1")) == (None, None)
    client.hset(EVENT_MARK + "e1", "u1", 1_760_000_000_000_001)
    double.folded["u1", "e1"] = 1_760_000_000_000_001
    for one in (receipts, double):
        assert one.folded_us("e1") == one.folded_us("e1", "u1") == 1_760_000_000_000_001
        assert one.folded_us("e1", "u2") is None  # an id is its viewer's
        assert one.folded_us("e2") is None
    client.close()


def test_a_store_that_is_away_is_named_so() -> None:
    down = MemoryReceipts()
    down.down = True
    for receipts in (down, ValkeyReceipts(connect("redis://127.0.0.1:1"))):
        with pytest.raises(StoreDown):
            receipts.folded_us("e1")
