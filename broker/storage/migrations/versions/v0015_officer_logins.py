"""Which login at an organisation's own identity provider stands for which officer: by a keyed tag only."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "officer_login",
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("officer", sa.String(36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer"], ["officer.id"], name=op.f("fk_officer_login_officer")),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_officer_login")),
    )
    op.create_index(op.f("ix_officer_login_officer"), "officer_login", ["officer"], unique=False)
