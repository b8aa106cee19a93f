"""Unsent changes: in order, again until they are marked, and to one relay at a time."""

from __future__ import annotations

import threading
from typing import Any

from feature_repo.catalog.outbox import Outbox
from feature_repo.catalog.store import CatalogStore

FILM: dict[str, Any] = {"video_id": "v1", "title": "A", "duration_seconds": 1}


def numbers(outbox: Outbox, limit: int = 10) -> list[int]:
    return [change.change_id for change in outbox.unsent(limit)]


def test_changes_come_in_order_until_they_are_marked(catalog: CatalogStore) -> None:
    outbox = Outbox(catalog.database, "one", 60.0)
    assert outbox.unsent(10) == []
    put = catalog.put(FILM, "web")
    catalog.patch("v1", {"title": "B"}, "ops")
    catalog.take_down("v1", "ops")
    first, second = outbox.unsent(2)
    assert (first.action, first.who, first.video) == ("put", "web", put.stored.video)
    assert (second.action, second.version, second.video) == ("patch", 2, {**put.stored.video, "title": "B"})
    assert numbers(outbox) == [1, 2, 3]  # again: nothing was marked
    outbox.mark_sent([1, 2])
    assert (numbers(outbox), outbox.waiting()) == ([3], 1)
    assert [one.sent_us > 0 for one in catalog.changes("v1")] == [True, True, False]
    outbox.mark_sent([3])
    outbox.mark_sent([])
    assert (numbers(outbox), outbox.waiting()) == ([], 0)


def test_a_second_relay_waits_until_the_first_lets_go_or_its_lease_has_run_out(catalog: CatalogStore) -> None:
    catalog.put(FILM, "web")
    first, second, late = (
        Outbox(catalog.database, name, seconds) for name, seconds in (("a", 60.0), ("b", 0.0), ("c", 60.0))
    )
    assert numbers(first) == [1]
    assert numbers(second) == []
    second.release()  # of a lease that is not its own
    assert numbers(second) == []
    first.release()
    assert numbers(second) == [1]
    assert numbers(late) == [1]  # the lease of the second was of no length


def test_two_relays_at_once_publish_each_change_once_and_in_order(catalog: CatalogStore) -> None:
    catalog.put_many([{**FILM, "video_id": f"v{number}"} for number in range(40)], "web")
    published: list[int] = []

    def relay(name: str) -> None:
        outbox = Outbox(catalog.database, name, 60.0)
        while outbox.waiting():
            found = numbers(outbox, 3)
            published.extend(found)
            outbox.mark_sent(found)
            outbox.release()

    threads = [threading.Thread(target=relay, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published == list(range(1, 41))
