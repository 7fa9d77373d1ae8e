"""The disclosure log and its tree."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from broker.storage.tables.base import Id, Instant, OinText, Serial, Tag, Word, metadata

log_entry = Table(
    "log_entry",
    metadata,
    Column("entry_id", Id, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("receipt_kid", String(64), nullable=False),
    Column("receipt_sig", LargeBinary, nullable=False),
    Column("type", Word, nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("counterpart", OinText, nullable=False),
    Column("outcome", Word, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "organisation", "entry_id"),
    Index(None, "counterpart", "entry_id"),
    Index(None, "type", "entry_id"),
    Index(None, "created_at"),
)

log_queue = Table(
    "log_queue",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
)

log_index = Table(
    "log_index",
    metadata,
    Column("leaf_index", Serial, primary_key=True, autoincrement=False),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
)

log_tile = Table(
    "log_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("n", Serial, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

log_state = Table(
    "log_state",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("size", Serial, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

log_cosignature = Table(
    "log_cosignature",
    metadata,
    Column("size", Serial, ForeignKey("log_checkpoint.size"), primary_key=True, autoincrement=False),
    Column("witness", String(255), primary_key=True),
    Column("line", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "witness", "size"),
)

log_refusal = Table(
    "log_refusal",
    metadata,
    Column("witness", String(255), primary_key=True),
    Column("created_at", Instant, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("theirs", BigInteger, nullable=False),
)

log_subject_key = Table(
    "log_subject_key",
    metadata,
    Column("tag", Tag, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
)

log_opening = Table(
    "log_opening",
    metadata,
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("tag", Tag, nullable=False),
    Column("field", Word, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)

log_subject_index = Table(
    "log_subject_index",
    metadata,
    Column("tag", Tag, primary_key=True),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), primary_key=True),
)
