"""What each officer may do and for whom, and what is worked out from the log."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Whoever was let in before stays an officer of the whole."""
    with op.batch_alter_table("officer") as officer:
        officer.add_column(sa.Column("role", sa.String(64), nullable=False, server_default="officer"))
        officer.add_column(sa.Column("organisation", sa.String(20), nullable=True))
    with op.batch_alter_table("officer") as officer:
        officer.alter_column("role", server_default=None)
    op.create_table(
        "log_follower",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("next", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_log_follower")),
    )
    op.create_table(
        "log_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("counterpart", sa.String(20), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "type", "organisation", "counterpart", "outcome", "reason", name=op.f("pk_log_daily")
        ),
    )
    op.create_index(op.f("ix_log_daily_organisation_day"), "log_daily", ["organisation", "day"])
    op.create_index(op.f("ix_log_daily_counterpart_day"), "log_daily", ["counterpart", "day"])
