"""Loops that run in threads of their own beside a block."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
