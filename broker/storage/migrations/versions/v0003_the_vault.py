"""What sealing needs: the mark of each section's reference, organisations' sealing keys, and organisations' rows bound."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("section", sa.Column("mark", sa.LargeBinary()))
    op.add_column("organisation", sa.Column("sealing_key", sa.Text()))
    op.add_column("organisation", sa.Column("row_tag", sa.String(64)))
