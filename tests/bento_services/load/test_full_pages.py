"""The limit of pages in work follows how long they take."""

from __future__ import annotations

import pytest

from bento_services.load import full_pages
from bento_services.load.full_pages import PRESSED, FullPages


def test_the_limit_is_what_the_threads_can_do_within_the_wait() -> None:
    full = FullPages(threads=2, wait_seconds=0.040)
    full.took(0.010)
    assert full.limit == 2 + 8  # two in work, and 4 rounds of two within 40 ms


def test_slower_pages_lower_the_limit_to_the_threads_and_faster_ones_raise_it_again() -> None:
    full = FullPages(threads=2, wait_seconds=0.040)
    for _ in range(100):
        full.took(1.0)
    assert full.limit == 2
    for _ in range(100):
        full.took(0.010)
    assert full.limit in (9, 10)  # a mean converges from above


def test_a_page_is_admitted_until_as_many_are_in_work() -> None:
    full = FullPages(threads=1, wait_seconds=0.010)
    full.took(0.010)
    full.begin()
    assert full.admits()
    full.begin()
    assert not full.admits()
    full.end()
    assert full.admits()


def test_while_many_quick_pages_wait_one_is_in_work_and_then_there_is_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(full_pages, "perf_counter", lambda: now)
    full = FullPages(threads=4, wait_seconds=1.0)
    full.begin()
    assert full.admits()
    assert not full.admits(pressed=True)
    full.took(0.010)
    full.end()
    assert full.admits()
    assert not full.admits(pressed=True)
    now += 0.010 / PRESSED - 0.011
    assert not full.admits(pressed=True)
    now += 0.002
    assert full.admits(pressed=True)


def test_after_a_page_that_was_late_there_is_a_rest_which_doubles_and_is_halved_by_each_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(full_pages, "perf_counter", lambda: now)
    full = FullPages(threads=1, wait_seconds=1.0)

    def rests() -> float:
        nonlocal now
        began = now
        while not full.admits():
            now += 0.001
        return now - began

    lasted = []
    for _ in range(7):
        full.late()
        full.late()  # of the same burst
        lasted.append(rests())
    assert lasted == pytest.approx([0.03, 0.06, 0.12, 0.24, 0.48, 0.48, 0.48], abs=0.002)
    full.begin()
    assert not full.admits()  # one at a time, until none is late
    full.end()
    lasted = []
    for _ in range(6):
        full.took(0.01)
        lasted.append(rests())
    assert lasted == pytest.approx([0.24, 0.12, 0.06, 0.03, 0.0, 0.0], abs=0.002)
    assert sum(lasted) < 2.0
    full.begin()
    assert full.admits()
