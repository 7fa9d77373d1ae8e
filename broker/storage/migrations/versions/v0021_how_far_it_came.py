"""How far a handover came at its recipient, and when to look whether it still waits to be collected."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables.base import Id, Instant

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Whoever acknowledged until now said both: read and taken over."""
    op.add_column("release", sa.Column("taken_over_at", Instant(), nullable=True))
    op.execute("UPDATE release SET taken_over_at = acknowledged_at")
    op.create_table(
        "handover_waiting",
        sa.Column("handover", Id, nullable=False),
        sa.Column("look_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_handover_waiting_handover")),
        sa.PrimaryKeyConstraint("handover", name=op.f("pk_handover_waiting")),
    )
    op.create_index(op.f("ix_handover_waiting_look_at"), "handover_waiting", ["look_at"])
