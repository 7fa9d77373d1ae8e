"""Counts for indicators; the region of an organisation; when a handover was complete for the first time."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables.base import Id, Instant, OinText, Word

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("organisation", sa.Column("region", sa.String(80), nullable=True))
    op.create_table(
        "handover_complete",
        sa.Column("handover", Id, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_handover_complete_handover")),
        sa.PrimaryKeyConstraint("handover", name=op.f("pk_handover_complete")),
    )
    op.create_table(
        "indicator_count",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("organisation", OinText, nullable=False),
        sa.Column("region", sa.String(80), nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("measure", Word, nullable=False),
        sa.Column("recipient", OinText, nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "month", "organisation", "region", "kind", "measure", "recipient", name=op.f("pk_indicator_count")
        ),
    )
    op.create_index(op.f("ix_indicator_count_measure_month"), "indicator_count", ["measure", "month"])
    op.create_table(
        "indicator_region",
        sa.Column("organisation", OinText, nullable=False),
        sa.Column("region", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_indicator_region")),
    )
    op.create_table(
        "indicator_unread",
        sa.Column("release", Id, nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("organisation", OinText, nullable=False),
        sa.Column("region", sa.String(80), nullable=False),
        sa.Column("kind", Word, nullable=False),
        sa.Column("recipient", OinText, nullable=False),
        sa.PrimaryKeyConstraint("release", name=op.f("pk_indicator_unread")),
    )
    op.create_index(op.f("ix_indicator_unread_due"), "indicator_unread", ["due"])
