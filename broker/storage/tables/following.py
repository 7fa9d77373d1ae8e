"""What is worked out from the log and could be again: how far each follower came, counts of each day, lines that are alike."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, Table

from broker.storage.tables.base import Id, OinText, Serial, Tag, Word, metadata

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

log_fold = Table(
    "log_fold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Tag, nullable=True, unique=True),
    Column("day", Date, nullable=False),
    Column("kind", Word, nullable=False),
    Column("type", Word, nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("counterpart", OinText, nullable=False),
    Column("actor", Tag, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("first", Id, nullable=False),
    Column("last", Id, nullable=False),
    Index(None, "kind", "day", "last"),
    Index(None, "organisation", "kind", "day", "last"),
    Index(None, "counterpart", "kind", "day", "last"),
    Index(None, "organisation", "counterpart", "kind", "day", "last"),
)

log_fold_entry = Table(
    "log_fold_entry",
    metadata,
    Column("fold", Id, ForeignKey("log_fold.id"), primary_key=True),
    Column("entry_id", Id, primary_key=True),
)

log_fold_about = Table(
    "log_fold_about",
    metadata,
    Column("fold", Id, ForeignKey("log_fold.id"), primary_key=True),
    Column("tag", Tag, primary_key=True),
    Column("acted", Boolean, nullable=False),
    Column("kind", Word, nullable=False),
    Column("day", Date, nullable=False),
    Column("last", Id, nullable=False),
    Index(None, "tag", "kind", "day", "last"),
)
