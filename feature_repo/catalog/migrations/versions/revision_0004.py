"""How a video looks, for near-duplicates, and what its licence costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("videos", sa.Column("perceptual_hash", sa.Text(), nullable=False, server_default=""))
    op.add_column("videos", sa.Column("licence_cost", sa.Double(), nullable=False, server_default="-1.0"))
