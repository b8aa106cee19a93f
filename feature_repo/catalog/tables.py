"""The catalog's tables, for SQLite and PostgreSQL alike.

`migrations/` creates them: a change here needs a revision there, which a test compares on both databases. Moments are
µs since 1970, UTC.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from feature_repo.registry import VIDEO_COLUMNS, VIDEO_PROFILE
from feature_repo.schema import FLOAT, INT, STRING, STRINGS

REVISION = "0004"  # the newest in migrations/

METADATA = sa.MetaData()
# Sorted by code point, as SQLite does by itself: a cursor passes over each id once in either database.
ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
LIST = sa.JSON().with_variant(JSONB(), "postgresql")  # JSONB: found by what they contain
ROW = sa.JSON(none_as_null=True)
TYPES: dict[str, Any] = {STRING: sa.Text(), STRINGS: LIST, INT: sa.BigInteger(), FLOAT: sa.Double()}

VIDEOS = sa.Table(
    "videos",
    METADATA,
    sa.Column("video_id", ID, primary_key=True),
    *(sa.Column(name, TYPES[dtype], nullable=False) for name, dtype in VIDEO_PROFILE.items()),
    sa.Column("version", sa.BigInteger(), nullable=False),  # from 1; raised by every change
    sa.Column("changed_us", sa.BigInteger(), nullable=False),  # wall clock
)
VIDEO_FIELDS = VIDEO_COLUMNS  # of a video, without version and changed_us


def _audit_of(thing_id: str) -> tuple[sa.Column[Any], ...]:
    """Who changed what, when and why."""
    return (
        sa.Column("change_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column(thing_id, ID, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),  # wall clock
        sa.Column("before", ROW),
        sa.Column("after", ROW),  # null of a removal
    )


# Audit and outbox in one. The numbers have no gaps, and follow the order of the commits: see `Transactions.numbered`.
CHANGES = sa.Table(
    "changes",
    METADATA,
    *_audit_of("video_id"),
    sa.Column("sent_us", sa.BigInteger()),  # null until it is in the event log
)

# One row, which every writer locks first.
CATALOG = sa.Table(
    "catalog",
    METADATA,
    sa.Column("row", sa.Integer(), primary_key=True, autoincrement=False),  # always 1
    sa.Column("world_id", sa.Text()),  # null: no world was ever put in
    sa.Column("arriving_world_id", sa.Text()),  # of a world that is being installed in the home
    sa.Column("version", sa.BigInteger(), nullable=False),  # the newest change_id
    sa.Column("expired_until_us", sa.BigInteger(), nullable=False),  # whose expiry has become a change
    sa.Column("relay", sa.Text()),  # who publishes changes,
    sa.Column("relay_until_us", sa.BigInteger(), nullable=False, server_default="0"),  # and until when nobody else may
)

RULES = sa.Table(
    "rules",
    METADATA,
    sa.Column("rule_id", ID, primary_key=True),
    sa.Column("rule", ROW, nullable=False),
    sa.Column(
        "version", sa.BigInteger(), nullable=False
    ),  # from 1; raised by every change, also by one after a removal
    sa.Column("changed_us", sa.BigInteger(), nullable=False),  # wall clock
)
# The audit. The newest number is the version of all rules together.
RULE_CHANGES = sa.Table(
    "rule_changes",
    METADATA,
    *_audit_of("rule_id"),
)

sa.Index("rule_changes_by_rule", RULE_CHANGES.c.rule_id, RULE_CHANGES.c.change_id)
sa.Index("videos_by_category", VIDEOS.c.category)
sa.Index("videos_by_creator", VIDEOS.c.creator_id)
sa.Index("videos_by_publication", VIDEOS.c.published_timestamp_us)
sa.Index("videos_by_expiry", VIDEOS.c.expires_timestamp_us)
sa.Index("changes_by_video", CHANGES.c.video_id, CHANGES.c.change_id)
sa.Index(
    "changes_unsent",
    CHANGES.c.change_id,
    sqlite_where=CHANGES.c.sent_us.is_(None),
    postgresql_where=CHANGES.c.sent_us.is_(None),
)
