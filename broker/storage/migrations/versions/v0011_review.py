"""What stands out and who signed it off, what that is worked out from, and the samples of the days."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXES = {
    "review_item": (
        ("waiting", "rank", "key"),
        ("waiting", "signal", "rank", "key"),
        ("waiting", "organisation", "rank", "key"),
        ("waiting", "counterpart", "rank", "key"),
        ("waiting", "day"),
        ("actor", "waiting"),
        ("day",),
        ("organisation", "day"),
        ("counterpart", "day"),
    ),
    "review_line": (("person",),),
    "review_known": (("about",), ("seen",)),
    "review_count": (("day",),),
    "review_unread": (("due",),),
}


def upgrade() -> None:
    """Apply."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "review_item",
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signal", sa.String(64), nullable=False),
        sa.Column("signals", sa.Text(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("rank", serial, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("counterpart", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", "part", name=op.f("pk_review_item")),
    )
    op.create_table(
        "review_line",
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("person", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("key", "part", "entry_id", name=op.f("pk_review_line")),
    )
    op.create_table(
        "review_sign_off",
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("officer", sa.String(36), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", "part", name=op.f("pk_review_sign_off")),
    )
    op.create_table(
        "review_known",
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("seen", sa.Date(), nullable=False),
        sa.Column("asked", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("actor", "about", name=op.f("pk_review_known")),
    )
    op.create_table(
        "review_count",
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "what", "day", name=op.f("pk_review_count")),
    )
    op.create_table(
        "review_unread",
        sa.Column("release", sa.String(36), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("release", name=op.f("pk_review_unread")),
    )
    op.create_table(
        "review_drawing",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("size", serial, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("disclosures", sa.Integer(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("drawn_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_review_drawing")),
    )
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
