"""Handovers, their sections, and releases."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from broker.storage.tables.base import Id, Instant, OinText, Serial, Tag, Word, metadata

handover = Table(
    "handover",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sender", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("reference_tag", Tag, nullable=False, unique=True),
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
    Column("erased_at", Instant),
    Column("author", Id, ForeignKey("person.id")),
    Column("urgent_hours", Integer),
    Column("urgent_until", Instant),
    Index(None, "sender", "id"),
    Index(None, "author", "id"),
    Index(None, "subject", "id"),
    Index(None, "erased_at", "retain_until"),
    Index(None, "erased_at", "state"),
    Index(None, "state", "consent_until", "id"),
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
    Column("person", Id, ForeignKey("person.id"), primary_key=True, index=True),
    Column("key_sealed", LargeBinary, nullable=False),
)

handover_supporter = Table(
    "handover_supporter",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("supporter", Id, ForeignKey("person.id"), primary_key=True, index=True),
    Column("person", Id, ForeignKey("person.id"), primary_key=True, index=True),
)

handover_version = Table(
    "handover_version",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", Tag, nullable=False),
    Column("created_at", Instant, nullable=False),
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
    Column("mark", LargeBinary),
    Column("header_sealed", LargeBinary),
    UniqueConstraint("handover", "version", "position"),
)

section_person = Table(
    "section_person",
    metadata,
    Column("section", Id, ForeignKey("section.id"), primary_key=True),
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("concerned", Boolean, nullable=False),
    Column("shielded", Boolean, nullable=False),
    Index(None, "person"),
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
    Column("taken_over_at", Instant),
)

handover_waiting = Table(
    "handover_waiting",
    metadata,
    Column("handover", Id, ForeignKey("handover.id"), primary_key=True),
    Column("look_at", Instant, nullable=False, index=True),
)

release_section = Table(
    "release_section",
    metadata,
    Column("release", Id, ForeignKey("release.id"), primary_key=True),
    Column("section", Id, ForeignKey("section.id"), primary_key=True),
)

reaction = Table(
    "reaction",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False, index=True),
    Column("section_type", Word, nullable=False),
    Column("persons", Text, nullable=False),
    Column("author", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("capacity", Word, nullable=False),
    Column("kind", Word, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    Column("state", Word, nullable=False),
    Column("answer_sealed", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("answered_at", Instant),
)

sign_off = Table(
    "sign_off",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False, index=True),
    Column("section", Id, ForeignKey("section.id"), nullable=False),
    Column("signer", Id, ForeignKey("person.id"), index=True),
    Column("statement_sealed", LargeBinary, nullable=False),
)

partner_event = Table(
    "partner_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organisation", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("type", Word, nullable=False),
    Column("handover", Id, ForeignKey("handover.id"), nullable=False),
    Column("release", Id, ForeignKey("release.id")),
    Column("version", Integer, nullable=False),
    Column("section_types", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("place", Serial),
    Index(None, "organisation", "place", unique=True),
    Index(None, "release"),
)

partner_feed = Table(
    "partner_feed",
    metadata,
    Column("organisation", OinText, ForeignKey("organisation.oin"), primary_key=True),
    Column("last", Serial, nullable=False),
)
