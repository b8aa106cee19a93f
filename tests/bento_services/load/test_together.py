"""Work for many callers done at once: each gets their own result, and nobody waits for one who has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from bento_services.load.page_threads import PageThreads
from bento_services.load.together import MOST, Together


class Doubling:
    """Doubles what is asked once it may, and remembers each batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = threading.Event()

    def __call__(self, asked: Sequence[int]) -> list[int | Exception]:
        assert self.may.wait(10)
        self.batches.append(list(asked))
        return [ValueError(f"no {one}") if one < 0 else 2 * one for one in asked]


@pytest.fixture
def threads() -> Iterator[PageThreads]:
    threads = PageThreads(1, "quick-page")
    yield threads
    threads.close()


def test_those_who_ask_meanwhile_are_the_next_batch_and_each_gets_what_is_theirs(threads: PageThreads) -> None:
    doubling = Doubling()

    async def ask() -> list[int | BaseException]:
        together = Together(threads, doubling)
        asking = [asyncio.ensure_future(together.ask(one)) for one in (1, 2, -3, 4)]
        await asyncio.sleep(0)
        assert together.in_flight == 4
        doubling.may.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    one, two, failed, four = asyncio.run(ask())
    assert (one, two, four) == (2, 4, 8)
    assert isinstance(failed, ValueError)
    assert doubling.batches == [[1], [2, -3, 4]]


def test_a_batch_has_a_most_and_nobody_who_has_gone(threads: PageThreads) -> None:
    doubling = Doubling()

    async def ask() -> None:
        together = Together(threads, doubling)
        asking = [asyncio.ensure_future(together.ask(one)) for one in range(MOST + 3)]
        await asyncio.sleep(0)
        asking[1].cancel()
        await asyncio.sleep(0)
        doubling.may.set()
        await asyncio.gather(*asking, return_exceptions=True)
        assert together.in_flight == 0

    asyncio.run(ask())
    assert [len(batch) for batch in doubling.batches] == [1, MOST, 1]
    assert 1 not in doubling.batches[1]


def test_a_batch_that_fails_fails_for_all_and_the_next_is_done(threads: PageThreads) -> None:
    def fails_first(asked: Sequence[int]) -> list[int]:
        if 1 in asked:
            raise ValueError("the whole batch")
        return list(asked)

    async def ask() -> list[int | BaseException]:
        together = Together(threads, fails_first)
        return await asyncio.gather(*(together.ask(one) for one in (1, 2, 3)), return_exceptions=True)

    first, two, three = asyncio.run(ask())
    assert isinstance(first, ValueError)
    assert (two, three) == (2, 3)
