"""A request that its caller named with a key is done once; what of its answer cannot be made again is kept sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "retry",
        sa.Column("mark", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("handover", sa.String(36), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_retry_handover")),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_retry")),
    )
    op.create_index(op.f("ix_retry_handover"), "retry", ["handover"])
    op.create_index(op.f("ix_retry_expires"), "retry", ["expires"])
