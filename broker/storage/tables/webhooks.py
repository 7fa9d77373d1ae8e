"""Where organisations want their events sent, and which events are on their way there. Ids and times only."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table

from broker.storage.tables.base import Id, Instant, OinText, Word, metadata

webhook = Table(
    "webhook",
    metadata,
    Column("organisation", OinText, ForeignKey("organisation.oin"), primary_key=True),
    Column("id", Id, nullable=False),
    Column("url_sealed", LargeBinary, nullable=False),
    Column("state", Word, nullable=False),
    Column("since", Instant, nullable=False),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("event", Id, ForeignKey("partner_event.id"), primary_key=True),
    Column("organisation", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("status", Integer),
    Column("next_try_at", Instant, nullable=False),
    Column("dead_at", Instant),
    Column("queued_at", Instant, nullable=False),
    Index(None, "dead_at", "next_try_at"),
    Index(None, "organisation"),
)
