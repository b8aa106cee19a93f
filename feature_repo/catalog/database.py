"""Connections to a catalog's database, SQLite or PostgreSQL: transactions, and errors in one line.

Writers take turns in both: SQLite has one at a time, and in PostgreSQL each locks the one row of `catalog` first. So a
change gets its number in the order of the commits.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError

from feature_repo.catalog.config import CatalogConfig
from feature_repo.catalog.errors import CatalogDown
from feature_repo.catalog.migrate import is_current, upgrade
from feature_repo.catalog.tables import CATALOG
from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import FileError, one_line

RESTORE = "restore it, or remove it: a new one begins with the lake's videos, without later changes and the history"
GONE_HOST = {  # libpq's: a call to a host that is gone ends after ten seconds; else its thread would wait for hours
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_NO_ROOM = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)  # even to read: SQLite keeps an index beside the file
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@dataclass(frozen=True)
class Database:
    """One database; a thread may use it at the same time as others."""

    engine: sa.Engine
    called: str  # in messages: a path, or a URL without its password

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the catalog. Raises CatalogDown, or FileError for a damaged file."""
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._answering(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that nobody else writes beside; committed at the end, unless the block raises. Raises so."""
        with self._begun() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(CATALOG.c.row).with_for_update())
            yield connection

    def prepare(self) -> None:
        """Make the tables, or bring them up to this revision. Raises NewerCatalog, CatalogDown, FileError."""
        with self.reading() as connection:
            if is_current(connection):
                return
        with self._begun() as connection:
            upgrade(connection, self.called)

    def fold_journal(self) -> None:
        """Bring SQLite's write-ahead log into the file and empty it, as far as nobody reads it just now."""
        if self.is_sqlite:
            with self._answering(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _begun(self) -> Iterator[sa.Connection]:
        with self._answering(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise CatalogDown(f"the catalog at {self.called} has no free connection: try again") from error
        except DBAPIError as error:
            raise self._said(error) from error
        except SQLAlchemyError as error:
            raise MarqueeError(f"{self.called}: the catalog cannot be used: {one_line(error)}") from error

    def _said(self, error: DBAPIError) -> MarqueeError:
        cause = error.orig or error
        if not isinstance(cause, sqlite3.Error):
            return CatalogDown(
                f"the catalog at {self.called} does not answer: {one_line(cause)}; start it, or try again"
            )
        code = (getattr(cause, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF
        if code in _BUSY:
            return CatalogDown(f"{self.called}: another process is writing to the catalog: try again")
        if code in _DAMAGED:
            return FileError(f"{self.called}: expected the catalog, found something else: {one_line(cause)}; {RESTORE}")
        if code in _NO_ROOM:
            return FileError(f"{self.called}: the catalog cannot be used: {one_line(cause)}; is its disk full?")
        return FileError(f"{self.called}: the catalog cannot be read or written: {one_line(cause)}")


def sqlite_database(path: Path, config: CatalogConfig = CatalogConfig(), *, building: bool = False) -> Database:
    """A catalog in a file. `building`: nobody reads it, and it is discarded if anything fails."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": config.busy_seconds, "check_same_thread": False},
        json_serializer=_json,
        json_deserializer=msgspec.json.decode,
    )

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so
        # WAL: readers and the writer do not wait for each other. FULL: a commit survives a power cut.
        mode, sync = ("OFF", "OFF") if building else ("WAL", "FULL")
        _set_journal(connection, mode, config.busy_seconds)
        for pragma in (f"synchronous={sync}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)
    return Database(engine, str(path))


def _set_journal(connection: sqlite3.Connection, mode: str, seconds: float) -> None:
    """Wait for a file that others open too: SQLite's own timeout does not hold for a change of the journal."""
    until = time.monotonic() + seconds
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode={mode}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def postgres_database(config: CatalogConfig) -> Database:
    url = sa.make_url(config.url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(
        url,
        connect_args={
            "connect_timeout": max(2, round(config.connect_seconds)),  # libpq knows no less
            "options": f"-c lock_timeout={round(config.busy_seconds * 1000)}",
            **GONE_HOST,
        },
        pool_pre_ping=True,  # a server that was restarted costs no failed request
        json_serializer=_json,
        json_deserializer=msgspec.json.decode,
    )
    return Database(engine, url.render_as_string(hide_password=True))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
