"""Progress reporting, independent of how it is drawn: bars on the command line, nothing in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    def task(self, label: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open a bar of `total` steps (None: unknown) and give the function that advances it."""
        ...


class Silent:
    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        yield lambda steps: None


SILENT: Progress = Silent()
