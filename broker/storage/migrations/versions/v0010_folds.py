"""Lines of the log that read the same, kept together by day, so that an officer can look for them in any way."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PLACE = ["kind", "day", "last"]
_SEARCHED: tuple[tuple[str, list[str]], ...] = (
    ("log_fold", []),
    ("log_fold", ["organisation"]),
    ("log_fold", ["counterpart"]),
    ("log_fold", ["organisation", "counterpart"]),
    ("log_fold_about", ["tag"]),
)


def upgrade() -> None:
    """Apply. The follower fills them from the log."""
    op.create_table(
        "log_fold",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(64), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("counterpart", sa.String(20), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first", sa.String(36), nullable=False),
        sa.Column("last", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_fold")),
        sa.UniqueConstraint("key", name=op.f("uq_log_fold_key")),
    )
    op.create_table(
        "log_fold_entry",
        sa.Column("fold", sa.String(36), nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["fold"], ["log_fold.id"], name=op.f("fk_log_fold_entry_fold")),
        sa.PrimaryKeyConstraint("fold", "entry_id", name=op.f("pk_log_fold_entry")),
    )
    op.create_table(
        "log_fold_about",
        sa.Column("fold", sa.String(36), nullable=False),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.Column("acted", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["fold"], ["log_fold.id"], name=op.f("fk_log_fold_about_fold")),
        sa.PrimaryKeyConstraint("fold", "tag", name=op.f("pk_log_fold_about")),
    )
    for table, columns in _SEARCHED:
        op.create_index(op.f("_".join(["ix", table, *columns, *_PLACE])), table, [*columns, *_PLACE])
