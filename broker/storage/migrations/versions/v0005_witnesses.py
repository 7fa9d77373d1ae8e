"""What witnesses say of the log's checkpoints: their cosignatures, and when one would not give it."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SIZE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSERT_ONLY = ("log_cosignature", "log_refusal")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "log_cosignature",
        sa.Column("size", SIZE, autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["log_checkpoint.size"], name=op.f("fk_log_cosignature_size")),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_log_cosignature")),
    )
    op.create_index(op.f("ix_log_cosignature_witness_size"), "log_cosignature", ["witness", "size"])
    op.create_table(
        "log_refusal",
        sa.Column("witness", sa.String(255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("witness", "created_at", name=op.f("pk_log_refusal")),
    )
    for table in INSERT_ONLY:
        _guard(table)


def _guard(table: str) -> None:
    """Refuse UPDATE and DELETE in the database itself, as for the other tables of the log (version 0001)."""
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
