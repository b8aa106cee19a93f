"""Tombstones: until when nothing of a viewer counts, so that what is on its way when a viewer is erased is not folded.

In the store for processes that run (`ERASED`, a hash), in HOME/people/tombstones.json for good: whoever starts brings
the store up to the file. Both hold pseudonyms, no ids. What a viewer does after the moment of a tombstone counts: the
viewer starts from nothing. The tombstone of somebody who wants no personal pages never ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from feature_repo.core.files import read_json, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.store.connect import Client, answering

ERASED = "marquee:erased"  # hash: pseudonym -> until when (wall clock, µs); NEVER: until the viewer agrees
ERASURES = "marquee:erasures"  # counter: raised with every change of ERASED, which services follow
NEVER = 2**62
GRACE_SECONDS = 10.0  # events of so much later do not count either: a device and a service may be at one just now

Tombstones = Mapping[str, int]  # pseudonym -> until when


def people(home: Home) -> Path:
    """What is kept of erasures and of consent: tombstones and receipts."""
    return home.root / "people"


def buried(home: Home) -> dict[str, int]:
    """The tombstones of a home. Raises FileError for a damaged file: nobody may come back by that."""
    path = _path(home)
    if not path.exists():
        return {}
    return read_json(path, lambda content: msgspec.convert(content, dict[str, int]), "tombstones", "restore the file")


def bury(home: Home, client: Client, user_id: str, until_us: int) -> None:
    """Nothing of this viewer before that moment counts from now on; file first. Raises StoreDown, OSError."""
    with _alone(home):
        write_atomic(_path(home), msgspec.json.encode({**buried(home), pseudonym(user_id): until_us}) + b"\n")
    with answering(), client.pipeline(transaction=True) as pipe:
        pipe.hset(ERASED, pseudonym(user_id), until_us)
        pipe.incr(ERASURES)
        pipe.execute()


def restore(home: Home, client: Client) -> None:
    """Bring the store up to the home's tombstones, also after it lost what it held. Raises StoreDown."""
    with answering():
        if not (kept := buried(home)):
            return
        held = tombstones(client)
        lacking = {name: until for name, until in kept.items() if held.get(name) != until}
        if lacking:
            with client.pipeline(transaction=True) as pipe:
                pipe.hset(ERASED, mapping=lacking)
                pipe.incr(ERASURES)
                pipe.execute()


def tombstones(client: Client) -> dict[str, int]:
    """All of them. Raises StoreDown."""
    with answering():
        return {name.decode(): int(until) for name, until in client.hgetall(ERASED).items()}


def changes_so_far(client: Client) -> int:
    """Another number than before: tombstones have changed. Raises StoreDown."""
    with answering():
        return int(client.get(ERASURES) or 0)


def until_us(found: Iterable[bytes | None], user_ids: Iterable[str]) -> dict[str, int]:
    """The answer to HMGET of ERASED by pseudonym -> until when, by viewer."""
    return {one: int(until) for one, until in zip(user_ids, found, strict=True) if until is not None}


def counts(timestamp_us: int, appended_us: int, until: int, clock_offset_seconds: float) -> bool:
    """Whether something that happened then counts beside a tombstone. `timestamp_us`: by the world's clock;
    `appended_us`: when the log took it, 0 where nobody knows."""
    if until >= NEVER:
        return False
    ends_us = until + int(GRACE_SECONDS * 1e6)
    return timestamp_us > ends_us + int(clock_offset_seconds * 1e6) and (not appended_us or appended_us > ends_us)


def _path(home: Home) -> Path:
    return people(home) / "tombstones.json"


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    people(home).mkdir(mode=0o700, exist_ok=True)
    with open(people(home) / "lock", "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
