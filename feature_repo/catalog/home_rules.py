"""The rules of a home, as a process that follows them asks: often whether they have changed, seldom what they are.

Where the catalog is a file, the first question is one look at it, by what comes with Python: a service without rules
imports no database library for them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from feature_repo.catalog.config import CATALOG as SECTION
from feature_repo.core.errors import DependencyDown
from feature_repo.core.home import Home
from feature_repo.core.settings import read

if TYPE_CHECKING:
    from feature_repo.catalog.database import Database
    from feature_repo.catalog.rule_store import RulesRead, RuleStore

FILE = "catalog.db"  # as in open.py
NEWEST = "SELECT coalesce(max(change_id), 0) FROM rule_changes"


class RulesDown(DependencyDown):
    """Nobody can say now which rules there are."""


class HomeRules:
    """Used by one thread. A database server stays connected until `close`; a file is opened for each question."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._config = read(SECTION, home.root)
        self._server: Database | None = None

    def version(self) -> int:
        """0: there never was a rule. Raises RulesDown, and what the database raises."""
        if self._config.url:
            with self._store() as store:
                return store.version()
        path = self._home.root / FILE
        if not path.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=1.0)) as connection:
                return int(connection.execute(NEWEST).fetchone()[0])
        except sqlite3.Error as error:
            if "no such table" in str(error):
                return 0  # of an older revision
            raise RulesDown(f"{path}: the rules cannot be read: {error}") from error

    def read(self) -> RulesRead:
        """All that can be read: not a rule of a newer Marquee. Raises as `version`."""
        with self._store() as store:
            return store.read()

    @contextmanager
    def _store(self) -> Iterator[RuleStore]:
        from feature_repo.catalog.open import database_of, open_database
        from feature_repo.catalog.rule_store import RuleStore

        if not self._config.url:
            with open_database(self._home) as database:
                yield RuleStore(database)
            return
        if self._server is None:
            self._server = database_of(self._home)
        yield RuleStore(self._server)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
