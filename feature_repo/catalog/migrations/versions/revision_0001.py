"""Videos, their changes, and the row of the catalog itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_TEXTS = ("title", "description", "creator_id", "creator_name", "series_id", "category", "video_language", "thumbnail")
_LISTS = ("genres", "tags", "cast", "countries")
_WHOLES = ("episode", "maturity", "published_timestamp_us", "expires_timestamp_us", "taken_down_us")


def upgrade() -> None:
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    names = sa.JSON().with_variant(JSONB(), "postgresql")
    op.create_table(
        "videos",
        sa.Column("video_id", key, primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        *(sa.Column(name, names, nullable=False) for name in _LISTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _WHOLES),
        sa.Column("duration_seconds", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "changes",
        sa.Column("change_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("video_id", key, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("action", "who", "why")),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("sent_us", sa.BigInteger()),
    )
    op.create_table(
        "catalog",
        sa.Column("row", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("world_id", sa.Text()),
        sa.Column("arriving_world_id", sa.Text()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expired_until_us", sa.BigInteger(), nullable=False),
    )
    op.execute(sa.text('INSERT INTO catalog ("row", version, expired_until_us) VALUES (1, 0, 0)'))
    op.create_index("videos_by_category", "videos", ["category"])
    op.create_index("videos_by_creator", "videos", ["creator_id"])
    op.create_index("videos_by_publication", "videos", ["published_timestamp_us"])
    op.create_index("videos_by_expiry", "videos", ["expires_timestamp_us"])
    op.create_index("changes_by_video", "changes", ["video_id", "change_id"])
