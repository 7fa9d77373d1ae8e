"""The last examination of each kind, which alarms rang on which day, and open questions found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "examination",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("run", sa.String(36), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", serial, nullable=False),
        sa.Column("total", serial, nullable=False),
        sa.Column("result_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result_by", sa.String(36), nullable=True),
        sa.Column("outcome", sa.String(64), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_examination")),
    )
    op.create_table(
        "alarm_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", name=op.f("pk_alarm_day")),
    )
    op.create_index(op.f("ix_invitation_answered_at_answer_until"), "invitation", ["answered_at", "answer_until"])
