"""Erases a viewer everywhere and writes a receipt; gives out everything that is known of one.

    HOME/people/tombstones.json     what came before an erasure does not count, wherever it is still on its way
    HOME/people/receipts/ID.json    what each holder removed; without the viewer's id

The tombstone comes first: from then on nothing older is folded. Workers forget the viewer within a second, so the
holders are asked after that, once more where something came in between.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from feature_repo.core.errors import Refused
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.core.settings import read
from feature_repo.limits import check
from feature_repo.people.event_log import note_event_ids
from feature_repo.people.holder import Place, Removed, Subject
from feature_repo.people.holders import HOLDERS
from feature_repo.store.config import STORE
from feature_repo.store.connect import connect
from feature_repo.store.erased import NEVER, buried, bury, people
from feature_repo.store.lease import leased
from feature_repo.stream.heartbeat import is_processing
from feature_repo.stream.log.open import open_home_log

LEASE = "marquee:erasing"  # one erasure of a home at a time
LEASE_SECONDS = 10.0
FOLLOWED_SECONDS = 1.0  # after which every worker has forgotten a viewer who has a tombstone
ROUNDS = 3  # in which what came in meanwhile is erased, too

Said = Callable[[str], None]


class ErasureRuns(Refused):
    """Another viewer is being erased in this home right now."""


@dataclass
class Receipt:
    """What an erasure did. Written to the home when it begins, with every holder, and when it ends."""

    receipt_id: str
    viewer: str  # pseudonym
    began: str  # RFC 3339, UTC
    ended: str = ""  # "" while it runs, and if it was interrupted
    known: bool = False  # whether anything was found
    removed: int = 0
    left: int = 0  # that cannot be removed; its holder says why
    holders: list[dict[str, Any]] = field(default_factory=list)  # name, removed, left, why

    def add(self, name: str, found: Removed) -> None:
        entry = next((one for one in self.holders if one["name"] == name), None)
        if entry is None:
            self.holders.append(entry := {"name": name, "removed": {}, "left": {}, "why": ""})
        for kind, count in found.removed.items():
            entry["removed"][kind] = entry["removed"].get(kind, 0) + count
        entry["left"], entry["why"] = dict(found.left), found.why
        self.removed += sum(found.removed.values())
        self.left = sum(count for one in self.holders for count in one["left"].values())
        self.known = self.known or self.removed > 0 or self.left > 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def erase(home: Home, url: str, user_id: str, say: Said = lambda line: None, *, for_good: bool = False) -> Receipt:
    """Erase a viewer. `for_good`: nothing of this viewer counts until `agree` is called.

    Raises LimitError for what is no id, ErasureRuns, StoreDown, EventLogDown, FileError and OSError; it can be called
    again then, and erases what is left.
    """
    subject = Subject(check("events", "user_id", user_id))
    with _placed(home, url) as place, leased(place.store, LEASE, LEASE_SECONDS) as is_mine:
        if not is_mine:
            raise ErasureRuns(f"{home.root}: a viewer is being erased already; wait until that has ended")
        began = datetime.now(UTC)
        receipt = Receipt(f"e-{began:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}", subject.pseudonym, _shown(began))
        refuses = buried(home).get(subject.pseudonym) == NEVER
        bury(home, place.store, subject.user_id, NEVER if for_good or refuses else time.time_ns() // 1000)
        _write(home, receipt)
        note_event_ids(place, subject)
        time.sleep(FOLLOWED_SECONDS)
        for number in range(ROUNDS):
            before = receipt.removed
            for holder in HOLDERS:
                say(holder.name)
                receipt.add(holder.name, holder.erase(place, subject))
                _write(home, receipt)
            if receipt.removed == before or (number and not is_processing(place.store)):
                break
        receipt.ended = _shown(datetime.now(UTC))
        _write(home, receipt)
    return receipt


def export(home: Home, url: str, user_id: str) -> dict[str, Any]:
    """Everything that the home holds of a viewer, by holder. Raises as `erase`."""
    subject = Subject(check("events", "user_id", user_id))
    with _placed(home, url) as place:
        found = {holder.name: holder.export(place, subject) for holder in HOLDERS}
    until = buried(home).get(subject.pseudonym)
    return {
        "viewer": subject.user_id,
        "personal_pages": until != NEVER,
        "at": _shown(datetime.now(UTC)),
        "holders": {name: content for name, content in found.items() if content},
    }


def refuse(home: Home, url: str, user_id: str) -> Receipt:
    """A viewer wants no personal pages: erase what is there, and keep nothing from now on. Raises as `erase`."""
    return erase(home, url, user_id, for_good=True)


def agree(home: Home, url: str, user_id: str) -> bool:
    """Take back `refuse`: what the viewer does from now on counts. Returns whether anything changed."""
    viewer = check("events", "user_id", user_id)
    if buried(home).get(pseudonym(viewer)) != NEVER:
        return False
    with _placed(home, url) as place:
        bury(home, place.store, viewer, time.time_ns() // 1000)
    return True


@contextmanager
def _placed(home: Home, url: str) -> Iterator[Place]:
    store = connect(url, read(STORE, home.root).batch_timeout_seconds)
    log = open_home_log(home, url)
    try:
        yield Place(home, url, store, log)
    finally:
        log.close()
        store.close()


def _write(home: Home, receipt: Receipt) -> None:
    content = msgspec.json.format(msgspec.json.encode(receipt.to_json()), indent=1)
    write_atomic(people(home) / "receipts" / f"{receipt.receipt_id}.json", content + b"\n")


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
