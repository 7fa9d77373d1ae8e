"""Long watches: how often, next when, whom; and who wants no questions of a sender."""

from sqlalchemy import Boolean, Column, ForeignKey, Table

from broker.storage.tables.base import Id, Instant, OinText, Word, metadata

long_watch = Table(
    "long_watch",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("every", Word, nullable=False),
    Column("next_at", Instant, index=True),
)

long_watch_person = Table(
    "long_watch_person",
    metadata,
    Column("handover", Id, ForeignKey("long_watch.handover"), primary_key=True),
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("asked", Id, ForeignKey("handover.id"), index=True),
    Column("answered_at", Instant),
    Column("current", Boolean, nullable=False),
)
"""`next_at` of a watch that was stopped is empty. Who is not `current` is asked no more by the sender."""

long_watch_stop = Table(
    "long_watch_stop",
    metadata,
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("sender", OinText, primary_key=True),
    Column("created_at", Instant, nullable=False),
)
"""A family's own stop: it holds for every handover of that sender, also of later."""
