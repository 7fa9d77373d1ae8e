"""Urgent handovers, and whom to call after hours; long watches."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables.base import Id, Instant, OinText, Word

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Nothing that is there is urgent."""
    op.add_column("handover", sa.Column("urgent_hours", sa.Integer(), nullable=True))
    op.add_column("handover", sa.Column("urgent_until", Instant(), nullable=True))
    op.create_table(
        "handover_urgency",
        sa.Column("handover", Id, nullable=False),
        sa.Column("step", Word, nullable=False),
        sa.Column("look_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_handover_urgency_handover")),
        sa.PrimaryKeyConstraint("handover", name=op.f("pk_handover_urgency")),
    )
    op.create_index(op.f("ix_handover_urgency_look_at"), "handover_urgency", ["look_at"])
    op.create_table(
        "after_hours",
        sa.Column("organisation", OinText, nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_after_hours_organisation")),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_after_hours")),
    )
    op.create_table(
        "long_watch",
        sa.Column("handover", Id, nullable=False),
        sa.Column("every", Word, nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_long_watch_handover")),
        sa.PrimaryKeyConstraint("handover", name=op.f("pk_long_watch")),
    )
    op.create_index(op.f("ix_long_watch_next_at"), "long_watch", ["next_at"])
    op.create_table(
        "long_watch_person",
        sa.Column("handover", Id, nullable=False),
        sa.Column("person", Id, nullable=False),
        sa.Column("asked", Id, nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["long_watch.handover"], name=op.f("fk_long_watch_person_handover")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_long_watch_person_person")),
        sa.ForeignKeyConstraint(["asked"], ["handover.id"], name=op.f("fk_long_watch_person_asked")),
        sa.PrimaryKeyConstraint("handover", "person", name=op.f("pk_long_watch_person")),
    )
    op.create_index(op.f("ix_long_watch_person_asked"), "long_watch_person", ["asked"])
    op.create_table(
        "long_watch_stop",
        sa.Column("person", Id, nullable=False),
        sa.Column("sender", OinText, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_long_watch_stop_person")),
        sa.PrimaryKeyConstraint("person", "sender", name=op.f("pk_long_watch_stop")),
    )
