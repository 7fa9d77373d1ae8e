"""What a section says of somebody is found by that person: for the report of who read what about them."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index."""
    op.create_index(op.f("ix_section_person_person"), "section_person", ["person"], unique=False)


def downgrade() -> None:
    """Without it."""
    op.drop_index(op.f("ix_section_person_person"), table_name="section_person")
