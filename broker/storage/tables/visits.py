"""Sessions, guards and keys of requests."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table

from broker.storage.tables.base import Id, Instant, Serial, Tag, Word, metadata

visit = Table(
    "visit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_tag", Tag, nullable=False, unique=True),
    Column("kind", Word, nullable=False),
    Column("owner", Id, nullable=False, index=True),
    Column("invitation", Id, nullable=False),
    Column("stage", Word, nullable=False),
    Column("language", String(12), nullable=False),
    Column("expires", Instant, nullable=False, index=True),
    Column("state_sealed", LargeBinary, nullable=False),
)

guard_count = Table(
    "guard_count",
    metadata,
    Column("bucket", Tag, primary_key=True),
    Column("window_start", Serial, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("expires", Instant, nullable=False, index=True),
)

guard_once = Table(
    "guard_once",
    metadata,
    Column("mark", Tag, primary_key=True),
    Column("expires", Instant, nullable=False, index=True),
)

retry = Table(
    "retry",
    metadata,
    Column("mark", Tag, primary_key=True),
    Column("fingerprint", Tag, nullable=False),
    Column("handover", Id, ForeignKey("handover.id"), index=True),
    Column("answer_sealed", LargeBinary),
    Column("expires", Instant, nullable=False, index=True),
)

rate_count = Table(
    "rate_count",
    metadata,
    Column("bucket", Tag, primary_key=True),
    Column("window_start", Serial, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("expires", Instant, nullable=False, index=True),
)
