"""Work in threads: loops beside a block, callers who begin at one instant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self


class Loops:
    """Runs `loops` until the block ends. Each of them looks at `stopping`, or waits for it between two rounds."""

    def __init__(self, *loops: Callable[[], None]) -> None:
        self.stopping = threading.Event()
        self._threads = [threading.Thread(target=loop) for loop in loops]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join()


def together(count: int, call: Callable[[int], None]) -> None:
    """Call it with 0 to count - 1 in as many threads, which begin together. Raises what one of them raises."""
    begin = threading.Barrier(count)

    def start(number: int) -> None:
        begin.wait()
        call(number)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(start, range(count)))
