"""Changes that are not in the event log yet: in order, at least once, published by one relay at a time.

A relay that reads has a lease; another one gets nothing until that has run out, so that two never publish at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from feature_repo.catalog.change import VideoChange
from feature_repo.catalog.database import Database
from feature_repo.catalog.store import audited
from feature_repo.catalog.tables import CATALOG, CHANGES


class Outbox:
    """The unsent changes of a catalog. Every method raises CatalogDown, or FileError for a damaged file."""

    def __init__(self, database: Database, relay: str, lease_seconds: float) -> None:
        """`relay`: a name that no other relay has, such as a host and a process id."""
        self._database = database
        self._relay = relay
        self._lease_us = int(lease_seconds * 1_000_000)

    def unsent(self, limit: int) -> list[VideoChange]:
        """The oldest changes that were not published, oldest first. Empty while another relay publishes them."""
        query = sa.select(CHANGES).where(CHANGES.c.sent_us.is_(None)).order_by(CHANGES.c.change_id)
        with self._database.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        now_us = _wall_us()
        with self._database.writing() as connection:
            holder, until_us = connection.execute(sa.select(CATALOG.c.relay, CATALOG.c.relay_until_us)).one()
            if holder not in (None, self._relay) and until_us > now_us:
                return []
            connection.execute(sa.update(CATALOG).values(relay=self._relay, relay_until_us=now_us + self._lease_us))
            return [audited(row).change for row in connection.execute(query.limit(limit))]

    def mark_sent(self, change_ids: Sequence[int]) -> None:
        """They are in the log. A relay that ends before this publishes them once more."""
        if not change_ids:
            return
        numbers = CHANGES.c.change_id.between(min(change_ids), max(change_ids))  # without gaps: all below are sent
        with self._database.writing() as connection:
            connection.execute(
                sa.update(CHANGES).where(numbers, CHANGES.c.sent_us.is_(None)).values(sent_us=_wall_us())
            )

    def waiting(self) -> int:
        """How many changes are not published."""
        query = sa.select(sa.func.count()).select_from(CHANGES).where(CHANGES.c.sent_us.is_(None))
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def release(self) -> None:
        """Let another relay publish at once."""
        mine = CATALOG.c.relay == self._relay
        with self._database.writing() as connection:
            connection.execute(sa.update(CATALOG).where(mine).values(relay=None, relay_until_us=0))


def _wall_us() -> int:
    return time.time_ns() // 1000
