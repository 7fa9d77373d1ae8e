"""Organisations may register an address to which their events are sent; what is on its way has a row until it arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Nobody has an address yet, so nothing is on its way."""
    op.create_table(
        "webhook",
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("url_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_webhook_organisation")),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_webhook")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("event", sa.String(36), nullable=False),
        sa.Column("organisation", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["partner_event.id"], name=op.f("fk_webhook_delivery_event")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_webhook_delivery_organisation")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(op.f("ix_webhook_delivery_dead_at_next_try_at"), "webhook_delivery", ["dead_at", "next_try_at"])
    op.create_index(op.f("ix_webhook_delivery_organisation"), "webhook_delivery", ["organisation"])
