"""Threads that make pages: results, failures, and threads that hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bento_services.load.page_threads import MOST_LOST, PageThreads


@pytest.fixture
def threads() -> Iterator[PageThreads]:
    threads = PageThreads(1, "page")
    yield threads
    threads.close()


def test_work_is_done_in_order_and_a_failure_reaches_the_caller_alone(threads: PageThreads) -> None:
    def failing() -> int:
        raise ValueError("no")

    done = [threads.submit(lambda: 1), threads.submit(failing), threads.submit(lambda: 3)]
    assert done[0].future.result(10) == 1
    with pytest.raises(ValueError, match="no"):
        done[1].future.result(10)
    assert done[2].future.result(10) == 3


def test_a_thread_that_hangs_is_replaced_once_and_ends_with_its_work(threads: PageThreads) -> None:
    going_on, begun = threading.Event(), threading.Event()
    worker: list[threading.Thread] = []

    def hang() -> None:
        worker.append(threading.current_thread())
        begun.set()
        going_on.wait(10)

    hung = threads.submit(hang)
    assert begun.wait(10)
    threads.give_up(hung)
    threads.give_up(hung)
    assert threads.submit(lambda: 2).future.result(10) == 2
    assert not threads.hang(0.0)
    going_on.set()
    worker[0].join(10)
    assert not worker[0].is_alive()
    assert threads.submit(lambda: 3).future.result(10) == 3
    assert sum(thread.is_alive() for thread in threads._threads) == 1


def test_work_that_was_not_begun_is_dropped_and_costs_no_thread(threads: PageThreads) -> None:
    going_on, done = threading.Event(), []
    first = threads.submit(lambda: going_on.wait(10))
    second = threads.submit(lambda: done.append(2))
    threads.give_up(second)
    going_on.set()
    assert first.future.result(10)
    assert threads.submit(lambda: 3).future.result(10) == 3
    assert (done, len(threads._threads)) == ([], 1)


def test_so_many_threads_may_hang_and_then_the_process_is_said_to_hang(threads: PageThreads) -> None:
    going_on = threading.Event()
    for _ in range(MOST_LOST + 1):
        begun = threading.Event()

        def hang(begun: threading.Event = begun) -> None:
            begun.set()
            going_on.wait(10)

        work = threads.submit(hang)
        assert begun.wait(10)
        threads.give_up(work)
    assert threads.hang(0.0)
    going_on.set()
