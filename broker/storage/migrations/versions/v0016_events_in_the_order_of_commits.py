"""What an organisation is told has its place in the order of the commits, so that nobody reads past what comes later."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PLACES = """
UPDATE partner_event SET place = (
    SELECT count(*) FROM partner_event AS other
    WHERE other.organisation = partner_event.organisation AND other.id <= partner_event.id)
"""
FEEDS = "INSERT INTO partner_feed (organisation, last) SELECT organisation, count(*) FROM partner_event GROUP BY organisation"


def upgrade() -> None:
    """Apply. What was told before keeps the order in which it was given out."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "partner_feed",
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("last", serial, nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_partner_feed_organisation")),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_partner_feed")),
    )
    op.add_column("partner_event", sa.Column("place", serial, nullable=True))
    op.execute(PLACES)
    op.execute(FEEDS)
    op.drop_index(op.f("ix_partner_event_organisation_id"), table_name="partner_event")
    op.create_index(
        op.f("ix_partner_event_organisation_place"), "partner_event", ["organisation", "place"], unique=True
    )
