"""An organisation's keys may be at an address of its own, and its tokens may have to be bound. Tags of rows stay as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("organisation", sa.Column("jwks_url", sa.Text()))
    op.add_column("organisation", sa.Column("bound_tokens", sa.Boolean(), nullable=False, server_default=sa.false()))
