"""What was agreed, as far as the broker must know it: whose it is, by which day, how far it is. The text is in its section."""

from sqlalchemy import Column, Date, ForeignKey, ForeignKeyConstraint, Index, Table

from broker.storage.tables.base import Id, Instant, OinText, Word, metadata

task = Table(
    "task",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("section", Id, ForeignKey("section.id")),
    Column("organisation", OinText, ForeignKey("organisation.oin")),
    Column("role", Word),
    Column("person", Id, ForeignKey("person.id"), index=True),
    Column("due", Date, nullable=False),
    Column("status", Word, nullable=False),
    Column("remind_at", Instant, index=True),
)

task_change = Table(
    "task_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover", Id, nullable=False),
    Column("task", Id, nullable=False),
    Column("status", Word, nullable=False),
    Column("organisation", OinText),
    Column("role", Word),
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["handover", "task"], ["task.handover", "task.id"]),
    Index(None, "handover", "task"),
)
