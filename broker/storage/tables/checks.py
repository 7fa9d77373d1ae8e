"""What was examined and what rang: a row for each kind, and one for each alarm and day."""

from sqlalchemy import Column, Date, Integer, Table, Text

from broker.storage.tables.base import Id, Instant, Serial, Word, metadata

examination = Table(
    "examination",
    metadata,
    Column("kind", Word, primary_key=True),
    Column("run", Id),
    Column("began_at", Instant),
    Column("heard_at", Instant),
    Column("done", Serial, nullable=False),
    Column("total", Serial, nullable=False),
    Column("result_at", Instant),
    Column("result_by", Id),
    Column("outcome", Word),
    Column("words", Text),
)

alarm_day = Table(
    "alarm_day",
    metadata,
    Column("day", Date, primary_key=True),
    Column("kind", Word, primary_key=True),
    Column("rang", Integer, nullable=False),
)
