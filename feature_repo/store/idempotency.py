"""Stored answers by idempotency key: the same request sent again gets the same answer.

`ValkeyAnswers` for the service, `MemoryAnswers` (shipped double) for tests and for use without a store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from feature_repo.store.connect import Client, StoreDown, answering

ANSWER = "marquee:answer:"  # + idempotency key: fingerprint of the request, then its answer once there is one
ANSWER_SECONDS = 24 * 3600
BODY = "marquee:body:"  # + hash of an event's viewer and id: fingerprint of its body


def body_id(identity: tuple[str, str]) -> str:
    """What the body of an event is claimed under. `identity`: its viewer and id."""
    return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:32]


@dataclass(frozen=True)
class Answered:
    """An earlier request of the same idempotency key."""

    fingerprint: str
    answer: bytes | None  # None: still being answered, or its process died


class Answers(Protocol):
    """Every method raises StoreDown if the store does not answer."""

    def begin(self, key: str, fingerprint: str) -> Answered | None:
        """Claim an idempotency key for a request; None if it was free, else the earlier request with this key."""
        ...

    def finish(self, key: str, fingerprint: str, answer: bytes) -> None: ...

    def claim(self, bodies: Mapping[str, str]) -> set[str]:
        """Store the fingerprint of the body sent under each of these ids; returns the ids that were used with another
        body before, and then stores none."""
        ...


class ValkeyAnswers:
    def __init__(self, client: Client) -> None:
        self._client = client

    def begin(self, key: str, fingerprint: str) -> Answered | None:
        with answering():
            if self._client.set(ANSWER + key, fingerprint, nx=True, ex=ANSWER_SECONDS):
                return None
            stored: bytes | None = self._client.get(ANSWER + key)
        if stored is None:  # it expired between the two
            return None
        earlier, _, answer = stored.partition(b"\n")
        return Answered(earlier.decode(), answer or None)

    def finish(self, key: str, fingerprint: str, answer: bytes) -> None:
        with answering():
            self._client.set(ANSWER + key, fingerprint.encode() + b"\n" + answer, ex=ANSWER_SECONDS)

    def claim(self, bodies: Mapping[str, str]) -> set[str]:
        with answering(), self._client.pipeline(transaction=False) as pipe:
            for key, fingerprint in bodies.items():
                pipe.set(BODY + key, fingerprint, nx=True, get=True, ex=ANSWER_SECONDS)
            earlier = dict(zip(bodies, pipe.execute(), strict=True))
            other = {key for key, found in earlier.items() if found is not None and found.decode() != bodies[key]}
            if other and (new := [BODY + key for key, found in earlier.items() if found is None]):
                self._client.delete(*new)
        return other


class MemoryAnswers:
    """Answers in process; `down = True` makes it fail like a dead store."""

    def __init__(self) -> None:
        self.answers: dict[str, Answered] = {}
        self.bodies: dict[str, str] = {}
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

    def claim(self, bodies: Mapping[str, str]) -> set[str]:
        self._check()
        other = {key for key, fingerprint in bodies.items() if self.bodies.get(key, fingerprint) != fingerprint}
        if not other:
            self.bodies.update(bodies)
        return other

    def _check(self) -> None:
        if self.down:
            raise StoreDown("this store was told to be down")
