"""Work for many callers done at once: whoever asks while a batch is being done is in the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from bento_services.load.page_threads import PageThreads

Asked = TypeVar("Asked")
Result = TypeVar("Result")

MOST = 64  # in a batch: with about a millisecond for each, nobody waits much longer for being in a large one


class Together(Generic[Asked, Result]):
    """Used on the event loop only. One batch at a time, since threads that compute only take turns."""

    def __init__(self, threads: PageThreads, do: Callable[[Sequence[Asked]], Sequence[Result | Exception]]) -> None:
        """`do`: gives one result for each that was asked, in their order; an exception is raised to who asked."""
        self._threads = threads
        self._do = do
        self._waiting: list[tuple[Asked, asyncio.Future[Result]]] = []
        self._at_work = 0  # who asked for what is being done

    @property
    def in_flight(self) -> int:
        """Those who wait for a batch, and those whose batch is being done."""
        return len(self._waiting) + self._at_work

    async def ask(self, asked: Asked) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if not self._at_work:
            self._begin()
        return await future

    def _begin(self) -> None:
        asking = [(asked, future) for asked, future in self._waiting if not future.done()]  # some have gone
        batch, self._waiting = asking[:MOST], asking[MOST:]
        if not batch:
            return
        self._at_work = len(batch)
        work = self._threads.submit(partial(self._do, [asked for asked, _ in batch]))
        done = asyncio.wrap_future(work.future)
        done.add_done_callback(partial(self._done, [future for _, future in batch]))

    def _done(
        self, futures: Sequence[asyncio.Future[Result]], done: asyncio.Future[Sequence[Result | Exception]]
    ) -> None:
        self._at_work = 0
        failure = asyncio.CancelledError() if done.cancelled() else done.exception()
        results = [failure] * len(futures) if failure is not None else done.result()
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._begin()
