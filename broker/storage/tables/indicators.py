"""What the indicators are made of: worked out from the log, and could be again; nothing in it is about a person."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table

from broker.storage.tables.base import Id, Instant, OinText, Word, metadata

indicator_count = Table(
    "indicator_count",
    metadata,
    Column("month", Date, primary_key=True),
    Column("organisation", OinText, primary_key=True),
    Column("region", String(80), primary_key=True),
    Column("kind", Word, primary_key=True),
    Column("measure", Word, primary_key=True),
    Column("recipient", OinText, primary_key=True),
    Column("entries", Integer, nullable=False),
    Index(None, "measure", "month"),
)

indicator_region = Table(
    "indicator_region",
    metadata,
    Column("organisation", OinText, primary_key=True),
    Column("region", String(80), nullable=False),
)

indicator_unread = Table(
    "indicator_unread",
    metadata,
    Column("release", Id, primary_key=True),
    Column("due", Date, nullable=False, index=True),
    Column("organisation", OinText, nullable=False),
    Column("region", String(80), nullable=False),
    Column("kind", Word, nullable=False),
    Column("recipient", OinText, nullable=False),
)

handover_complete = Table(
    "handover_complete",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("at", Instant, nullable=False),
)
"""When everybody had said yes to a handover for the first time; whoever said what is not in it."""
