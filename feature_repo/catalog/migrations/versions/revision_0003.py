"""Rules that are changed while pages are served, and the history of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "rules",
        sa.Column("rule_id", key, primary_key=True),
        sa.Column("rule", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "rule_changes",
        sa.Column("change_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("rule_id", key, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("action", "who", "why")),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
    )
    op.create_index("rule_changes_by_rule", "rule_changes", ["rule_id", "change_id"])
