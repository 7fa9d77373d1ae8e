"""What stands out and who signed it off, what that is worked out from, and the samples of the days."""

from sqlalchemy import Boolean, Column, Date, Index, Integer, LargeBinary, Table, Text

from broker.storage.tables.base import Id, Instant, OinText, Serial, Tag, Word, metadata

review_item = Table(
    "review_item",
    metadata,
    Column("key", Id, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("signal", Word, nullable=False),
    Column("signals", Text, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("rank", Serial, nullable=False),
    Column("day", Date, nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("counterpart", OinText, nullable=False),
    Column("actor", Tag, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Index(None, "waiting", "rank", "key"),
    Index(None, "waiting", "signal", "rank", "key"),
    Index(None, "waiting", "organisation", "rank", "key"),
    Index(None, "waiting", "counterpart", "rank", "key"),
    Index(None, "waiting", "day"),
    Index(None, "actor", "waiting"),
    Index(None, "day"),
    Index(None, "organisation", "day"),
    Index(None, "counterpart", "day"),
)

review_line = Table(
    "review_line",
    metadata,
    Column("key", Id, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", Id, primary_key=True),
    Column("person", Tag, index=True),
)

review_sign_off = Table(
    "review_sign_off",
    metadata,
    Column("key", Id, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("lines", Integer, nullable=False),
    Column("officer", Id, nullable=False),
    Column("note_sealed", LargeBinary),
    Column("signed_at", Instant, nullable=False),
)

review_known = Table(
    "review_known",
    metadata,
    Column("actor", Tag, primary_key=True),
    Column("about", Tag, primary_key=True, index=True),
    Column("seen", Date, nullable=False, index=True),
    Column("asked", Date),
)

review_count = Table(
    "review_count",
    metadata,
    Column("actor", Tag, primary_key=True),
    Column("what", Word, primary_key=True),
    Column("day", Date, primary_key=True, index=True),
    Column("number", Integer, nullable=False),
)

review_unread = Table(
    "review_unread",
    metadata,
    Column("release", Id, primary_key=True),
    Column("entry_id", Id, nullable=False),
    Column("due", Date, nullable=False, index=True),
)

review_drawing = Table(
    "review_drawing",
    metadata,
    Column("day", Date, primary_key=True),
    Column("size", Serial, nullable=False),
    Column("seed", Tag, nullable=False),
    Column("disclosures", Integer, nullable=False),
    Column("places", Text, nullable=False),
    Column("drawn_at", Instant, nullable=False),
)
