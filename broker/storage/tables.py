"""The tables. Whatever says who somebody is lies in a `*_sealed` column, encrypted; look-ups go through keyed tags.

- `log_entry` and `consent_record` are only ever inserted into: grants and triggers say so in the database itself.
- `release.entry_id` refers to its log entry: the schema, not only the code, forbids an unlogged release.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INSERT_ONLY = ("log_entry", "consent_record", "log_index", "log_checkpoint", "notice", "policy_set")
"""Tables in which no row ever changes or goes."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite, which knows no zones, gets it back as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Store UTC only."""
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Read UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Serial = BigInteger().with_variant(Integer, "sqlite")
Id = String(36)
Tag = String(64)
OinText = String(20)
Word = String(64)

organisation = Table(
    "organisation",
    metadata,
    Column("oin", OinText, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", Word, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("jwks", Text, nullable=False),
)

professional = Table(
    "professional",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organisation", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("name_sealed", LargeBinary, nullable=False),
)

person = Table("person", metadata, Column("id", Id, primary_key=True))

person_tag = Table(
    "person_tag",
    metadata,
    Column("tag", Tag, primary_key=True),
    Column("person", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", Word, nullable=False),
    Column("value_sealed", LargeBinary, nullable=False),
)

person_claim = Table(
    "person_claim",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", Id, ForeignKey("person.id"), nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("facts_sealed", LargeBinary, nullable=False),
    Column("stated_at", Instant, nullable=False),
    Index(None, "person", "organisation", "stated_at"),
)

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", Id, ForeignKey("person.id"), nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("channel", Word, nullable=False),
    Column("value_sealed", LargeBinary, nullable=False),
    Column("stated_at", Instant, nullable=False),
    Index(None, "person", "organisation"),
)

authority = Table(
    "authority",
    metadata,
    Column("id", Id, primary_key=True),
    Column("over", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("holder", Id, ForeignKey("person.id"), nullable=False),
    Column("kind", Word, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("organisation", OinText, nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("evidence_sealed", LargeBinary, nullable=False),
    Column("stated_at", Instant, nullable=False),
)

handover = Table(
    "handover",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sender", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("reference_tag", Tag, nullable=False, unique=True),
    Column("fingerprint", Tag, nullable=False),
    Column("kind", Word, nullable=False),
    Column("purpose", Word, nullable=False),
    Column("language", String(12), nullable=False),
    Column("subject", Id, ForeignKey("person.id"), nullable=False),
    Column("basis_sealed", LargeBinary, nullable=False),
    Column("discussed_with_family", Boolean, nullable=False),
    Column("consent_until", Date, nullable=False),
    Column("retain_until", Date, nullable=False),
    Column("state", Word, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "sender", "id"),
    Index(None, "subject", "id"),
)

handover_recipient = Table(
    "handover_recipient",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("organisation", OinText, ForeignKey("organisation.oin"), primary_key=True),
    Column("role", Word, primary_key=True),
    Index(None, "organisation", "role", "handover"),
)

handover_person = Table(
    "handover_person",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("key_sealed", LargeBinary, nullable=False),
)

section = Table(
    "section",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("type", Word, nullable=False),
    Column("media_type", Word, nullable=False),
    Column("ciphertext", LargeBinary),
    Column("wrapped_key", LargeBinary),
    Column("kid", String(64)),
    UniqueConstraint("handover", "version", "position"),
)

section_person = Table(
    "section_person",
    metadata,
    Column("section", Id, ForeignKey("section.id"), primary_key=True),
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("concerned", Boolean, nullable=False),
    Column("shielded", Boolean, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("digest", Tag, primary_key=True),
    Column("language", String(12), nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

consent_record = Table(
    "consent_record",
    metadata,
    Column("id", Id, primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("signer", Id, ForeignKey("person.id"), nullable=False),
    Column("person", Id, ForeignKey("person.id"), nullable=False),
    Column("sender", OinText, nullable=False),
    Column("purpose", Word, nullable=False),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False),
    Column("notice", Tag, ForeignKey("notice.digest"), nullable=False),
    Column("statement", Text, nullable=False),
    Index(None, "person", "sender", "purpose"),
    UniqueConstraint("signer", "sender", "serial"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False, index=True),
    Column("person", Id, ForeignKey("person.id"), nullable=False),
    Column("code_tag", Tag, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("answer_until", Instant, nullable=False),
    Column("answered_at", Instant),
)

signer_receipt = Table(
    "signer_receipt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("signer", Id, ForeignKey("person.id"), nullable=False),
    Column("sender", OinText, nullable=False),
    Column("statement_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

visit = Table(
    "visit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_tag", Tag, nullable=False, unique=True),
    Column("kind", Word, nullable=False),
    Column("owner", Id, nullable=False),
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

release = Table(
    "release",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entry_id", Id, ForeignKey("log_entry.entry_id"), nullable=False, unique=True),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False, index=True),
    Column("professional", Id, ForeignKey("professional.id"), nullable=False),
    Column("organisation", OinText, nullable=False),
    Column("role", Word, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("acknowledged_at", Instant),
)

release_section = Table(
    "release_section",
    metadata,
    Column("release", Id, ForeignKey("release.id"), primary_key=True),
    Column("section", Id, ForeignKey("section.id"), primary_key=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_sealed", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False, index=True),
)

officer = Table(
    "officer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("code_tag", Tag, nullable=False, unique=True),
    Column("invited_until", Instant, nullable=False),
    Column("enrolled_at", Instant),
)

passkey = Table(
    "passkey",
    metadata,
    Column("credential", LargeBinary, primary_key=True),
    Column("officer", Id, ForeignKey("officer.id"), nullable=False, index=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("count", BigInteger, nullable=False),
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
    Column("serial", Serial, primary_key=True, autoincrement=True),
    Column("digest", Tag, ForeignKey("policy_set.digest"), nullable=False),
    Column("since", Instant, nullable=False),
)
