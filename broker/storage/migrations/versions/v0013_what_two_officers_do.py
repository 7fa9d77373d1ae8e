"""What two officers decide together, when a passkey was last used, and whose visits there are."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("passkey") as passkey:
        passkey.add_column(sa.Column("used_at", Instant(), nullable=True))
    op.create_index(op.f("ix_visit_owner"), "visit", ["owner"])
    op.create_table(
        "motion",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(20), nullable=True),
        sa.Column("officer", sa.String(36), nullable=True),
        sa.Column("role", sa.String(64), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("said_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.String(36), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("seconded_by", sa.String(36), nullable=True),
        sa.Column("seconded_at", Instant(), nullable=True),
        sa.Column("made", sa.String(36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_motion")),
        sa.ForeignKeyConstraint(["proposed_by"], ["officer.id"], name=op.f("fk_motion_proposed_by_officer")),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_motion_entry_id_log_entry")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_motion_entry_id")),
    )
    op.create_index(op.f("ix_motion_state_created_at"), "motion", ["state", "created_at"])
