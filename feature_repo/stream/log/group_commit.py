"""Group commit: one fsync of the embedded server's append-only file for all appends that wait for it.

The server passes a write on to the kernel before it answers, so an fsync that begins after the answer covers it. It
must not do this itself: with `appendfsync always` it holds up every page's read for the length of an fsync, and ends
itself when the disk is full; with `everysec` a power cut loses a second.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from feature_repo.store.append_only import sync_files
from feature_repo.stream.log.protocol import EventLogDown


class GroupCommit:
    """Runs its own thread, because a hanging fsync cannot be cancelled: waiting callers give up, the thread goes on."""

    def __init__(self, append_only_files: Path, check_written: Callable[[], None]) -> None:
        """`check_written` raises EventLogDown unless the server has passed all of its writes on to the kernel."""
        self._files = append_only_files
        self._check_written = check_written
        self._waiting: queue.SimpleQueue[Future[None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until everything that the server has acknowledged is on disk. Raises EventLogDown."""
        committed: Future[None] = Future()
        self._waiting.put(committed)
        try:
            committed.result(max(seconds, 0.0))
        except TimeoutError as error:
            raise EventLogDown(f"the disk of {self._files} takes nothing for {seconds:.3f} s") from error

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            with suppress(queue.Empty):
                while (another := self._waiting.get_nowait()) is not None:
                    group.append(another)
                self._waiting.put(None)
            why = self._sync()
            for committed in group:
                if why is None:
                    committed.set_result(None)
                else:
                    committed.set_exception(why)

    def _sync(self) -> EventLogDown | None:
        """None if everything is on disk, else why not. No error may end this thread."""
        try:
            self._check_written()
            sync_files(self._files)
        except EventLogDown as error:
            return error
        except Exception as error:
            return EventLogDown(f"cannot write to the disk of {self._files}: {error}")
        return None
