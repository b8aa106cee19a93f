"""The contract of a holder: a part of a home that holds something of viewers.

A new holder is a class of its own and a line in holders.py. A part that keeps ids and is no holder breaks the promise
of an erasure; tests/e2e/test_erased_viewer.py looks for an id in every file and key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.store.connect import Client
from feature_repo.stream.log.protocol import EventLog


@dataclass(frozen=True)
class Place:
    """Where to look: a home with its online store and its event log."""

    home: Home
    url: str  # of the store
    store: Client
    log: EventLog


@dataclass(frozen=True)
class Subject:
    """Whom to look for. `event_ids`: of this viewer's events, as far as store and log know them."""

    user_id: str
    event_ids: set[str] = field(default_factory=set)

    @property
    def pseudonym(self) -> str:
        return pseudonym(self.user_id)

    def is_named_in(self, text: bytes) -> bool:
        """Whether JSON says that something is this viewer's; for text that is no JSON, whether the id stands there in
        quotes."""
        if not any(form in text for form in self.forms()):
            return False
        try:
            return self.is_in(json.loads(text))
        except (ValueError, RecursionError):
            return any(b'"' + form + b'"' in text for form in self.forms())

    def is_in(self, found: Any) -> bool:
        """Whether a parsed object, or one within, has this viewer as its user."""
        if isinstance(found, Mapping):
            return any(
                (name in USER_FIELDS and str(value) == self.user_id) or self.is_in(value)
                for name, value in found.items()
            )
        return isinstance(found, list) and any(map(self.is_in, found))

    def forms(self) -> Iterator[bytes]:
        """The id as JSON may spell it."""
        yield json.dumps(self.user_id, ensure_ascii=False)[1:-1].encode()
        if not self.user_id.isascii():
            yield json.dumps(self.user_id)[1:-1].encode()


USER_FIELDS = ("user_id", "viewer_id", "userId", "user")  # in JSON that others may have written


@dataclass(frozen=True)
class Removed:
    """What a holder has removed, and what it cannot: number by kind, and why with what becomes of it."""

    removed: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    why: str = ""


class Holder(Protocol):
    """Erasing twice removes nothing the second time; erasing may be stopped at any point, and begun again.

    Methods raise StoreDown, EventLogDown, FileError and OSError.
    """

    @property
    def name(self) -> str: ...

    def export(self, place: Place, subject: Subject) -> Any:
        """Everything of this viewer, as JSON; changes nothing. Something falsy if there is nothing."""
        ...

    def erase(self, place: Place, subject: Subject) -> Removed: ...
