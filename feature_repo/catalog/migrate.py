"""Brings a catalog's tables up to this revision of Marquee, in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from feature_repo.catalog.errors import NewerCatalog
from feature_repo.catalog.tables import REVISION, TYPES, VIDEOS
from feature_repo.registry import VIDEO_PROFILE, default_of

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 0x6D617271  # of PostgreSQL's advisory locks: two processes that open a new catalog at once make its tables once


def is_current(connection: sa.Connection) -> bool:
    return found_revision(connection) == REVISION and not _unmade(connection)


def found_revision(connection: sa.Connection) -> str | None:
    """None in a database without tables of a catalog."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def upgrade(connection: sa.Connection, called: str, to: str = "heads") -> None:
    """Inside a transaction that writes. `called`: the catalog in messages; `to`: a revision, for tests.

    Raises NewerCatalog where a newer Marquee has written it.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    scripts = ScriptDirectory(str(MIGRATIONS))
    found = found_revision(connection)
    known = [script.revision for script in scripts.walk_revisions()]
    if found is not None and found not in known:
        raise NewerCatalog(
            f"{called}: expected a catalog of revision {REVISION} or older, found {found}: a newer Marquee has written "
            "it; use that one"
        )
    context = MigrationContext.configure(
        connection, opts={"fn": lambda revision, _: scripts._upgrade_revs(to, revision), "script": scripts}
    )
    with context.begin_transaction(), Operations.context(context) as operations:
        context.run_migrations()
        if to == "heads":
            for column in _unmade(connection):
                operations.add_column(VIDEOS.name, column)


def _unmade(connection: sa.Connection) -> list[sa.Column[Any]]:
    """Columns of features that were registered since, as the table lacks them: they need no revision."""
    made = {column["name"] for column in sa.inspect(connection).get_columns(VIDEOS.name)}
    return [
        sa.Column(name, TYPES[dtype], nullable=False, server_default=_as_text(default_of(name)))
        for name, dtype in VIDEO_PROFILE.items()
        if name not in made
    ]


def _as_text(default: Any) -> str:
    return msgspec.json.encode(default).decode() if isinstance(default, list) else str(default)
