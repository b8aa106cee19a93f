"""How often each record was tried, kept in the store: a record that ends the process must not be tried for ever.

What is being handled is written down before and taken back after. A process that finds such a note of its own name died
while it handled these records, so each of them was tried once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from feature_repo.store.connect import Client, StoreDown, answering
from feature_repo.store.layout import HANDLING, TRIES
from feature_repo.stream.log.protocol import Record

KEPT_SECONDS = 8 * 24 * 3600  # longer than any log keeps a record


class Tries:
    """The tries of one consumer of one group. Every method raises StoreDown."""

    def __init__(self, store: Client, group: str, consumer: str) -> None:
        self._store = store
        self._tries = f"{TRIES}{group}:"
        self._handling = f"{HANDLING}{group}:{consumer}:"
        self._counts: dict[str, dict[str, int]] = {}  # topic -> record id -> tries; of records that were not handled

    def of(self, topic: str, record: Record) -> int:
        return self._of(topic).get(record.id, 0)

    @contextmanager
    def handling(self, topic: str, records: Sequence[Record]) -> Iterator[None]:
        """Around every handling. However it is left, but by the end of the process, the note is taken back."""
        with answering():
            self._store.set(self._handling + topic, msgspec.json.encode([record.id for record in records]))
        try:
            yield
        finally:
            with suppress(StoreDown), answering():  # the next handling writes over it
                self._store.delete(self._handling + topic)

    def failed(self, topic: str, record: Record) -> int:
        """Count a try that failed; returns how many there were."""
        counts = self._of(topic)
        self._count(topic, [record.id])
        return counts[record.id]

    def forget(self, topic: str, ids: Sequence[str]) -> None:
        """These records were handled, or put aside."""
        counts = self._of(topic)
        if counted := [record_id for record_id in ids if record_id in counts]:
            with answering():
                self._store.hdel(self._tries + topic, *counted)
            for record_id in counted:
                del counts[record_id]

    def _of(self, topic: str) -> dict[str, int]:
        if topic not in self._counts:
            with answering():
                note = self._store.get(self._handling + topic)
                self._counts[topic] = {
                    record_id.decode(): int(tries)
                    for record_id, tries in self._store.hgetall(self._tries + topic).items()
                }
            if note:
                self._count(topic, msgspec.json.decode(note, type=list[str]))
        return self._counts[topic]

    def _count(self, topic: str, ids: Sequence[str]) -> None:
        with answering(), self._store.pipeline(transaction=True) as pipe:
            for record_id in ids:
                pipe.hincrby(self._tries + topic, record_id, 1)
            pipe.expire(self._tries + topic, KEPT_SECONDS)
            pipe.delete(self._handling + topic)
            *counted, _, _ = pipe.execute()
        self._counts[topic].update(zip(ids, counted, strict=True))
