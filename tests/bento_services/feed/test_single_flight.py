"""One computation per key, whoever asks."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from worlds.loops import together

from bento_services.feed.single_flight import WAITING, SingleFlight
from feature_repo.store.connect import StoreDown
from feature_repo.store.made_lists import MemoryLists


def always(key: str) -> bool:
    return True


def test_64_callers_of_four_processes_cause_one_computation_per_key() -> None:
    lists, made = MemoryLists(), Counter[str]()
    processes = [SingleFlight(lambda key: lists.lease(key, 60.0), 1.0) for _ in range(4)]
    results = []

    def ask(caller: int) -> None:
        for key in ("a", "b", "c"):
            asked = processes[caller % 4].ask(key, lambda key=key: made.update([key]))  # type: ignore[misc]
            assert asked is not None
            results.append(asked.result())

    together(64, ask)
    for process in processes:
        process.close()
    assert made == {"a": 1, "b": 1, "c": 1}
    assert len(results) == 192


def test_who_asks_meanwhile_gets_the_same_future_and_who_asks_later_another() -> None:
    flight, go = SingleFlight(always, 1.0), threading.Event()
    first = flight.ask("a", lambda: _waited(go))
    second = flight.ask("a", lambda: pytest.fail("made twice"))
    assert first is not None
    assert first is second
    go.set()
    assert first.result()
    assert flight.ask("a", lambda: None) is not first
    flight.settle()
    flight.close()


def test_what_fails_is_reported_and_does_not_end_the_others() -> None:
    flight = SingleFlight(always, 1.0)

    def fail() -> None:
        raise ValueError("no ranker")

    failed, made = flight.ask("a", fail), flight.ask("b", lambda: None)
    assert failed is not None
    assert made is not None
    assert (failed.result(), made.result()) == (False, True)
    flight.close()


def test_while_the_store_is_down_nothing_is_made() -> None:
    def down(key: str) -> bool:
        raise StoreDown("gone")

    flight = SingleFlight(down, 1.0)
    asked = flight.ask("a", lambda: pytest.fail("made without a lease"))
    assert asked is not None
    assert not asked.result()
    flight.close()


def test_too_many_keys_are_dropped_and_an_end_drops_those_that_wait() -> None:
    flight, go, begun = SingleFlight(always, 1.0), threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        _waited(go)

    first = flight.ask("first", hold)
    assert begun.wait(60)
    waiting = [flight.ask(str(number), lambda: pytest.fail("made after the end")) for number in range(WAITING + 3)]
    assert [one is None for one in waiting] == [False] * WAITING + [True] * 3
    closing = threading.Thread(target=flight.close)
    closing.start()
    for one in waiting[:WAITING]:
        assert one is not None
        assert not one.result()
    go.set()
    closing.join()
    assert first is not None
    assert first.result()
    assert flight.ask("later", lambda: None) is None


def test_it_works_for_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from bento_services.feed import single_flight

    times = iter([10.0, 12.0])
    monkeypatch.setattr(single_flight, "perf_counter", lambda: next(times))
    flight, rested = SingleFlight(always, 0.2), []
    monkeypatch.setattr(flight._closing, "wait", lambda seconds: rested.append(seconds))
    asked = flight.ask("a", lambda: None)
    assert asked is not None
    asked.result()
    flight.close()
    assert rested == [pytest.approx(8.0)]


def _waited(go: threading.Event) -> None:
    assert go.wait(60)
