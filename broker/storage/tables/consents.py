"""Notices, consent records, invitations and receipts."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from broker.storage.tables.base import Id, Instant, OinText, Tag, Word, metadata

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
    Column("person", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("code_tag", Tag, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("answer_until", Instant, nullable=False),
    Column("answered_at", Instant),
    Index(None, "answered_at", "answer_until"),
)

signer_receipt = Table(
    "signer_receipt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("signer", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("sender", OinText, nullable=False),
    Column("statement_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

mute = Table(
    "mute",
    metadata,
    Column("person", Id, ForeignKey("person.id"), primary_key=True),
    Column("sender", OinText, primary_key=True),
    Column("created_at", Instant, nullable=False),
)
