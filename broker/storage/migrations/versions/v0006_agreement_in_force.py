"""Which agreement is in force is tied to the log entry that says so, and numbered.

What was in force before is in the log (`policy:activated`); at the next start the agreement in the folder is the first.
"""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.drop_table("policy_in_force")
    op.create_table(
        "policy_in_force",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["policy_set.digest"], name=op.f("fk_policy_in_force_digest")),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_policy_in_force_entry_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy_in_force")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_policy_in_force_entry_id")),
    )
    _guard("policy_in_force")


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
