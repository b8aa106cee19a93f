"""The outbox by an index of what is unsent, and by a lease: of several processors, one publishes at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("catalog", sa.Column("relay", sa.Text()))
    op.add_column("catalog", sa.Column("relay_until_us", sa.BigInteger(), nullable=False, server_default="0"))
    unsent = sa.text("sent_us IS NULL")
    op.create_index("changes_unsent", "changes", ["change_id"], sqlite_where=unsent, postgresql_where=unsent)
