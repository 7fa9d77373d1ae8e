"""Organisations, professionals, people, and what is stated about them."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from broker.storage.tables.base import NEVER, Id, Instant, OinText, Tag, Word, metadata

organisation = Table(
    "organisation",
    metadata,
    Column("oin", OinText, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("kind", Word, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("jwks", Text, nullable=False),
    Column("sealing_key", Text),
    Column("row_tag", Tag),
    Column("jwks_url", Text),
    Column("bound_tokens", Boolean, nullable=False, server_default=false()),
    Column("reachability", Text),
    Column("region", String(80)),
)

professional = Table(
    "professional",
    metadata,
    Column("id", Id, primary_key=True),
    Column("organisation", OinText, ForeignKey("organisation.oin"), nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("name_sealed", LargeBinary, nullable=False),
)

professional_contact = Table(
    "professional_contact",
    metadata,
    Column("professional", Id, ForeignKey("professional.id"), primary_key=True),
    Column("value_tag", Tag, primary_key=True),
    Index(None, "value_tag"),
)

person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("facts_tag", Tag),
    Column("erased_at", Instant),
    Column("needed_on", Date, nullable=False, server_default=NEVER),
    Index(None, "erased_at", "needed_on"),
)
"""`needed_on` is a day on which they were certainly still needed: until the log's time after it nobody need look again."""

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
    Column("value_tag", Tag, nullable=False, index=True, server_default="none"),
    Column("source", Word, nullable=False, server_default="unknown"),
    Column("verified", Boolean, nullable=False, server_default=false()),
    Column("stated_at", Instant, nullable=False),
    Index(None, "person", "organisation"),
)

authority = Table(
    "authority",
    metadata,
    Column("id", Id, primary_key=True),
    Column("over", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("holder", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", Word, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    Column("organisation", OinText, nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("evidence_sealed", LargeBinary, nullable=False),
    Column("stated_at", Instant, nullable=False),
)

signer_passkey = Table(
    "signer_passkey",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", Id, ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", Word, nullable=False),
    Column("credential_tag", Tag, nullable=False),
    Column("tag", Tag, nullable=False, unique=True),
    Column("facts_sealed", LargeBinary, nullable=False),
    Column("stated_at", Instant, nullable=False),
    UniqueConstraint("credential_tag", "kind"),
)
"""No row ever changes (a trigger says so); they go with the person."""
