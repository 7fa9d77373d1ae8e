"""Who of a family wrote a handover; nothing for what an organisation pushed."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. All that is there was pushed by organisations."""
    column = "author VARCHAR(36) CONSTRAINT fk_handover_author REFERENCES person (id)"
    op.execute(f"ALTER TABLE handover ADD COLUMN {column}")
    op.create_index(op.f("ix_handover_author_id"), "handover", ["author", "id"])
