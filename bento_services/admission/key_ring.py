"""The keys of a running service: follows changes of HOME/keys.json, and records when each key was last used.

A thread polls the file, so that no request does; every process of a service has its own.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import msgspec
import structlog

from bento_services.admission.keys import FILE, MAX_BYTES, WAYS_OUT, Keys, keys_path, used_path
from feature_repo.core.files import read_bounded, write_atomic
from feature_repo.core.home import Home

LOOK_SECONDS = 0.4  # interval of polling: a change is in effect within a second
NOTE_SECONDS = 60.0  # interval of recording the last use of a key

report = structlog.get_logger("keys")


class KeyRing:
    """Fails closed if the file cannot be read or has disappeared; only valid keys open it again."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._seen = self._signature()
        self._keys = Keys.of(home)
        self._used: dict[str, float] = {}  # key id -> seconds since 1970
        self._noted: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    @property
    def current(self) -> Keys:
        return self._keys

    def follow(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.note()

    def used(self, key_id: str) -> None:
        self._used[key_id] = time.time()

    def look(self) -> None:
        """Reload the file if it has changed."""
        signature = self._signature()
        if signature == self._seen:
            return
        found = Keys.of(self._home)
        if found.keyless and not self._keys.keyless:
            found = Keys(closed=f"{FILE} of the home is gone; {WAYS_OUT}")
        self._seen = signature
        if found != self._keys:
            self._keys = found
            say = report.error if found.closed else report.info
            say("keys changed", keys=len(found), closed=found.closed)

    def note(self) -> None:
        """Record when keys were last used: soon the first time, then once a minute."""
        due = {one: at for one, at in self._used.items() if at - self._noted.get(one, 0) >= NOTE_SECONDS}
        if not due:
            return
        try:
            noted = last_used(self._home)
            noted.update((one, max(noted.get(one, _moment(0)), _moment(at))) for one, at in due.items())
            kept = {key.key_id for key in self._keys}
            content = msgspec.json.encode({one: at for one, at in noted.items() if one in kept})
            write_atomic(used_path(self._home), msgspec.json.format(content, indent=2) + b"\n")
        except OSError:  # disk full: recorded later
            return
        self._noted |= due

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
                self.note()
            except Exception as error:  # no error may leave old keys in effect for good
                self._keys = Keys(closed=f"keys cannot be followed: {error!r}")
                self._seen = None
                report.error("keys cannot be followed", exc_info=error)

    def _signature(self) -> object:
        try:
            found = keys_path(self._home).stat()
        except OSError as error:
            return error.errno
        return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def last_used(home: Home) -> dict[str, datetime]:
    """Key id -> when it was last used, accurate to NOTE_SECONDS."""
    try:
        return msgspec.json.decode(read_bounded(used_path(home), MAX_BYTES), type=dict[str, datetime])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}  # only informative, so no reason to refuse anyone


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
