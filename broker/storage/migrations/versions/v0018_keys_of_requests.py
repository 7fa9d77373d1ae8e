"""A request that its caller named with a key is done once; what of its answer cannot be made again is kept sealed. Calls are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
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
    op.create_table(
        "rate_count",
        sa.Column("bucket", sa.String(64), nullable=False),
        sa.Column(
            "window_start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "window_start", name=op.f("pk_rate_count")),
    )
    op.create_index(op.f("ix_rate_count_expires"), "rate_count", ["expires"])
