"""Messages to send, officers, and the agreements that were in force."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from broker.storage.tables.base import Id, Instant, OinText, Serial, Tag, Word, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_sealed", LargeBinary, nullable=False),
    Column("handover", Id),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False, index=True),
)

officer = Table(
    "officer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("role", Word, nullable=False),
    Column("organisation", OinText),
    Column("code_tag", Tag, nullable=False, unique=True),
    Column("invited_until", Instant, nullable=False),
    Column("enrolled_at", Instant),
    Column("withdrawn_at", Instant),
)

passkey = Table(
    "passkey",
    metadata,
    Column("credential", LargeBinary, primary_key=True),
    Column("officer", Id, ForeignKey("officer.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
)

motion = Table(
    "motion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Word, nullable=False),
    Column("state", Word, nullable=False),
    Column("organisation", OinText),
    Column("officer", Id),
    Column("role", Word),
    Column("provisional", Boolean, nullable=False),
    Column("said_sealed", LargeBinary, nullable=False),
    Column("proposed_by", Id, ForeignKey("officer.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
    Column("seconded_by", Id),
    Column("seconded_at", Instant),
    Column("made", Id),
    Index(None, "state", "created_at"),
)

officer_login = Table(
    "officer_login",
    metadata,
    Column("tag", Tag, primary_key=True),
    Column("officer", Id, ForeignKey("officer.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
)

policy_set = Table(
    "policy_set",
    metadata,
    Column("digest", Tag, primary_key=True),
    Column("texts", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
)

policy_in_force = Table(
    "policy_in_force",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=False),
    Column("digest", Tag, ForeignKey("policy_set.digest"), nullable=False),
    Column("since", Instant, nullable=False),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
)

policy_proposal = Table(
    "policy_proposal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Tag, ForeignKey("policy_set.digest"), nullable=False),
    Column("instead_of", BigInteger, nullable=False),
    Column("wider", Boolean, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("reason_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
)

policy_approval = Table(
    "policy_approval",
    metadata,
    Column("proposal", Id, ForeignKey("policy_proposal.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("officer", Id, ForeignKey("officer.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
    UniqueConstraint("proposal", "officer"),
)

matter = Table(
    "matter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("tag", Tag, nullable=False, unique=True),
    Column("kind", Word, nullable=False),
    Column("person", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("other", Id, index=True),
    Column("about", Word, nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("raises_evidence", Boolean, nullable=False),
    Column("state", Word, nullable=False),
    Column("note_sealed", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("settled_by", Id),
    Index(None, "state", "id"),
)
