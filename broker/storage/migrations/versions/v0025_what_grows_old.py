"""What a section comes from and until when it holds; how partners can be reached; who agrees with an analysis."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("section", sa.Column("header_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("organisation", sa.Column("reachability", sa.Text(), nullable=True))
    op.create_table(
        "sign_off",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("handover", sa.String(36), nullable=False),
        sa.Column("section", sa.String(36), nullable=False),
        sa.Column("signer", sa.String(36), nullable=True),
        sa.Column("statement_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_sign_off_handover_handover")),
        sa.ForeignKeyConstraint(["section"], ["section.id"], name=op.f("fk_sign_off_section_section")),
        sa.ForeignKeyConstraint(["signer"], ["person.id"], name=op.f("fk_sign_off_signer_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_off")),
    )
    op.create_index(op.f("ix_sign_off_handover"), "sign_off", ["handover"])
    op.create_index(op.f("ix_sign_off_signer"), "sign_off", ["signer"])
