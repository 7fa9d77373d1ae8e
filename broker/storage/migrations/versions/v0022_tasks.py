"""What was agreed: whose it is, by which day, how far it is, and every change of that."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables.base import Id, Instant, OinText, Word

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "task",
        sa.Column("handover", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("section", Id, nullable=True),
        sa.Column("organisation", OinText, nullable=True),
        sa.Column("role", Word, nullable=True),
        sa.Column("person", Id, nullable=True),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("status", Word, nullable=False),
        sa.Column("remind_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_task_handover")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_task_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_task_person")),
        sa.ForeignKeyConstraint(["section"], ["section.id"], name=op.f("fk_task_section")),
        sa.PrimaryKeyConstraint("handover", "id", name=op.f("pk_task")),
    )
    op.create_index(op.f("ix_task_person"), "task", ["person"])
    op.create_index(op.f("ix_task_remind_at"), "task", ["remind_at"])
    op.create_table(
        "task_change",
        sa.Column("id", Id, nullable=False),
        sa.Column("handover", Id, nullable=False),
        sa.Column("task", Id, nullable=False),
        sa.Column("status", Word, nullable=False),
        sa.Column("organisation", OinText, nullable=True),
        sa.Column("role", Word, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover", "task"], ["task.handover", "task.id"], name=op.f("fk_task_change_handover_task")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_change")),
    )
    op.create_index(op.f("ix_task_change_handover_task"), "task_change", ["handover", "task"])
