"""What erasure needs: when contents and people were erased, and which handover a waiting message is about."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring it to this version. What ended before is erased by the first round after this."""
    op.add_column("handover", sa.Column("erased_at", Instant(), nullable=True))
    op.create_index(op.f("ix_handover_erased_at_retain_until"), "handover", ["erased_at", "retain_until"])
    op.add_column("person", sa.Column("erased_at", Instant(), nullable=True))
    op.add_column("outbox", sa.Column("handover", sa.String(36), nullable=True))
