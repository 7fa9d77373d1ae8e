"""Agreements that were proposed, who approved them, and officers who are none any more."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSERT_ONLY = ("policy_proposal", "policy_approval")


def upgrade() -> None:
    """Apply."""
    op.add_column("officer", sa.Column("withdrawn_at", Instant(), nullable=True))
    op.create_table(
        "policy_proposal",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("instead_of", sa.BigInteger(), nullable=False),
        sa.Column("wider", sa.Boolean(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["policy_set.digest"], name=op.f("fk_policy_proposal_digest")),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_policy_proposal_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_proposal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_policy_proposal_entry_id")),
    )
    op.create_table(
        "policy_approval",
        sa.Column("proposal", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("officer", sa.String(36), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["proposal"], ["policy_proposal.id"], name=op.f("fk_policy_approval_proposal")),
        sa.ForeignKeyConstraint(["officer"], ["officer.id"], name=op.f("fk_policy_approval_officer")),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_policy_approval_entry_id")),
        sa.PrimaryKeyConstraint("proposal", "number", name=op.f("pk_policy_approval")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_policy_approval_entry_id")),
        sa.UniqueConstraint("proposal", "officer", name=op.f("uq_policy_approval_proposal_officer")),
    )
    for table in INSERT_ONLY:
        _guard(table)


def _guard(table: str) -> None:
    """Refuse UPDATE and DELETE in the database itself, as for the other tables of history (version 0001)."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only ever inserted into'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
