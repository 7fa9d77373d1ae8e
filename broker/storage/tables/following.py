"""What is worked out from the log and could be again: how far each follower came, and the counts of each day."""

from sqlalchemy import Column, Date, Index, Integer, Table

from broker.storage.tables.base import OinText, Serial, Word, metadata

log_follower = Table(
    "log_follower",
    metadata,
    Column("name", Word, primary_key=True),
    Column("next", Serial, nullable=False),
)

log_daily = Table(
    "log_daily",
    metadata,
    Column("day", Date, primary_key=True),
    Column("type", Word, primary_key=True),
    Column("organisation", OinText, primary_key=True),
    Column("counterpart", OinText, primary_key=True),
    Column("outcome", Word, primary_key=True),
    Column("reason", Word, primary_key=True),
    Column("entries", Integer, nullable=False),
    Index(None, "organisation", "day"),
    Index(None, "counterpart", "day"),
)
