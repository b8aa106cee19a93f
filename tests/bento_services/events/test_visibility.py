"""The time until an event is visible is measured in a sample, and measuring never waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bento_services import metrics
from bento_services.events import visibility
from bento_services.events.visibility import VisibilityProbe
from feature_repo.store.connect import StoreDown
from feature_repo.store.receipts import MemoryReceipts


class Watched(MemoryReceipts):
    def __init__(self) -> None:
        super().__init__()
        self.refused = threading.Event()

    def folded_us(self, event_id: str, user_id: str = "") -> int | None:
        try:
            return super().folded_us(event_id, user_id)
        except StoreDown:
            self.refused.set()
            raise


@pytest.fixture
def receipts() -> Watched:
    return Watched()


@pytest.fixture
def probe(receipts: Watched) -> Iterator[VisibilityProbe]:
    probe = VisibilityProbe(receipts)
    yield probe
    probe.close()


def measured() -> float:
    return float(sum(bucket.get() for bucket in metrics.VISIBLE_SECONDS._buckets))


def wait_for(count: float) -> None:
    deadline = time.monotonic() + 5
    while measured() < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_event_is_measured_once_it_is_folded(receipts: Watched, probe: VisibilityProbe) -> None:
    before = measured()
    probe.watch("u1", "e1")
    time.sleep(0.05)
    assert measured() == before
    receipts.folded["u1", "e1"] = 1
    wait_for(before + 1)


def test_a_store_that_is_down_ends_one_measurement_and_not_the_next(receipts: Watched, probe: VisibilityProbe) -> None:
    before = measured()
    receipts.down = True
    probe.watch("u1", "e1")
    receipts.refused.wait(5)
    receipts.down = False
    receipts.folded["u1", "e2"] = 1
    probe.watch("u1", "e2")
    wait_for(before + 1)


def test_an_event_that_never_arrives_counts_as_the_longest_wait(
    probe: VisibilityProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visibility, "PROBE_GIVES_UP_SECONDS", 0.03)
    before = measured()
    probe.watch("u1", "never")
    wait_for(before + 1)


def test_closing_ends_a_measurement_under_way(receipts: Watched) -> None:
    probe = VisibilityProbe(receipts)
    probe.watch("u1", "never")
    started = time.monotonic()
    probe.close()
    assert time.monotonic() - started < 1
