"""Passkeys of signers: made, and in use no more."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "signer_passkey"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("credential_tag", sa.String(64), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_signer_passkey_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signer_passkey")),
        sa.UniqueConstraint("tag", name=op.f("uq_signer_passkey_tag")),
        sa.UniqueConstraint("credential_tag", "kind", name=op.f("uq_signer_passkey_credential_tag_kind")),
    )
    op.create_index(op.f("ix_signer_passkey_person"), TABLE, ["person"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is only ever inserted into'); END"
        )
        return
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
