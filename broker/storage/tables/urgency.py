"""Urgent handovers: how far the rounds are; and whom to call after hours."""

from sqlalchemy import Column, ForeignKey, LargeBinary, Table

from broker.storage.tables.base import Id, Instant, OinText, Word, metadata

handover_urgency = Table(
    "handover_urgency",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("step", Word, nullable=False),
    Column("look_at", Instant, index=True),
)
"""`look_at` is empty when there is nothing more to look at. Until when is with the handover itself."""

after_hours = Table(
    "after_hours",
    metadata,
    Column("organisation", OinText, ForeignKey("organisation.oin"), primary_key=True),
    Column("contact_sealed", LargeBinary, nullable=False),
)
