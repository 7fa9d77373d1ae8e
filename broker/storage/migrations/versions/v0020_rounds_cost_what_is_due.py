"""What the hourly rounds look for is found by an index, and nobody who is needed is looked at again every hour."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INDEXES = (
    ("person", ["erased_at", "needed_on"]),
    ("handover", ["erased_at", "state"]),
    ("handover", ["state", "consent_until", "id"]),
    ("authority", ["holder"]),
    ("handover_person", ["person"]),
    ("handover_supporter", ["supporter"]),
    ("handover_supporter", ["person"]),
    ("invitation", ["person"]),
    ("reaction", ["author"]),
    ("signer_receipt", ["signer"]),
)


def upgrade() -> None:
    """Apply. Of whoever is there already no day is known: the first round looks at each of them once."""
    op.add_column("person", sa.Column("needed_on", sa.Date(), server_default="0001-01-01", nullable=False))
    for table, columns in INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
