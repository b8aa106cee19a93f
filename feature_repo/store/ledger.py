"""What the service keeps in the online store beside the features: answers already given, and a look at who there is.

`ValkeyLedger` for the service, `MemoryLedger` (shipped double) for whoever has no store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import redis

from feature_repo.store.connect import connect
from feature_repo.store.layout import EVENT_MARK, USER_IDS

ANSWER = "marquee:answer:"  # + idempotency key: fingerprint of the request, then its answer once there is one
ANSWER_SECONDS = 24 * 3600
TIMEOUT_SECONDS = 0.5


class LedgerDown(Exception):
    """The store did not answer in time."""


@dataclass(frozen=True)
class Answered:
    """An earlier request of the same idempotency key."""

    fingerprint: str
    answer: bytes | None  # None: it was begun and is not finished, or its process died


class Ledger(Protocol):
    """Every method raises LedgerDown when the store does not answer."""

    def begin(self, key: str, fingerprint: str) -> Answered | None:
        """Claim an idempotency key for a request; None when nobody had it, else what is known of the earlier one."""
        ...

    def finish(self, key: str, fingerprint: str, answer: bytes) -> None: ...

    def viewers(self, count: int) -> list[str]:
        """Some ids of viewers, in no order."""
        ...

    def folded_us(self, event_id: str) -> int | None:
        """When this event went into the features (wall clock), None as long as it has not."""
        ...

    def close(self) -> None: ...


class ValkeyLedger:
    def __init__(self, url: str) -> None:
        self._client = connect(url, TIMEOUT_SECONDS)

    def begin(self, key: str, fingerprint: str) -> Answered | None:
        with _down():
            if self._client.set(ANSWER + key, fingerprint, nx=True, ex=ANSWER_SECONDS):
                return None
            stored: bytes | None = self._client.get(ANSWER + key)
        if stored is None:  # it expired between the two
            return None
        earlier, _, answer = stored.partition(b"\n")
        return Answered(earlier.decode(), answer or None)

    def finish(self, key: str, fingerprint: str, answer: bytes) -> None:
        with _down():
            self._client.set(ANSWER + key, fingerprint.encode() + b"\n" + answer, ex=ANSWER_SECONDS)

    def viewers(self, count: int) -> list[str]:
        with _down():
            return [raw.decode() for raw in self._client.srandmember(USER_IDS, count)]

    def folded_us(self, event_id: str) -> int | None:
        with _down():
            mark = self._client.get(EVENT_MARK + event_id)
        return None if mark is None else int(mark)

    def close(self) -> None:
        self._client.close()


class MemoryLedger:
    def __init__(self, viewers: tuple[str, ...] = ()) -> None:
        self.ids = viewers
        self.answers: dict[str, Answered] = {}
        self.folded: dict[str, int] = {}
        self.down = False

    def begin(self, key: str, fingerprint: str) -> Answered | None:
        self._check()
        if (earlier := self.answers.get(key)) is not None:
            return earlier
        self.answers[key] = Answered(fingerprint, None)
        return None

    def finish(self, key: str, fingerprint: str, answer: bytes) -> None:
        self._check()
        self.answers[key] = Answered(fingerprint, answer)

    def viewers(self, count: int) -> list[str]:
        self._check()
        return list(self.ids[:count])

    def folded_us(self, event_id: str) -> int | None:
        self._check()
        return self.folded.get(event_id)

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.down:
            raise LedgerDown("this ledger was told to be down")


@contextmanager
def _down() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise LedgerDown(f"the online store does not answer: {error}") from error
