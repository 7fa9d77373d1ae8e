"""What the whole of the rules needs: versions, supporters, reactions, doubts, messages to partners, and sealed facts."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID, OIN, TAG, WORD = sa.String(36), sa.String(20), sa.String(64), sa.String(64)


def upgrade() -> None:
    """Apply."""
    _facts()
    _handovers()
    _families()
    _matters()


def _facts() -> None:
    op.add_column("person", sa.Column("facts_tag", TAG))
    op.add_column("contact", sa.Column("value_tag", TAG, nullable=False, server_default="none"))
    op.add_column("contact", sa.Column("source", WORD, nullable=False, server_default="unknown"))
    op.add_column("contact", sa.Column("verified", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_contact_value_tag"), "contact", ["value_tag"])
    op.create_table(
        "professional_contact",
        sa.Column("professional", ID, nullable=False),
        sa.Column("value_tag", TAG, nullable=False),
        _to("professional_contact", "professional", "professional.id"),
        sa.PrimaryKeyConstraint("professional", "value_tag", name=op.f("pk_professional_contact")),
    )
    op.create_index(op.f("ix_professional_contact_value_tag"), "professional_contact", ["value_tag"])


def _handovers() -> None:
    op.create_table(
        "handover_supporter",
        sa.Column("handover", ID, nullable=False),
        sa.Column("supporter", ID, nullable=False),
        sa.Column("person", ID, nullable=False),
        _to("handover_supporter", "handover", "handover.id"),
        _to("handover_supporter", "supporter", "person.id"),
        _to("handover_supporter", "person", "person.id"),
        sa.PrimaryKeyConstraint("handover", "supporter", "person", name=op.f("pk_handover_supporter")),
    )
    op.create_table(
        "handover_version",
        sa.Column("handover", ID, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", TAG, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        _to("handover_version", "handover", "handover.id"),
        sa.PrimaryKeyConstraint("handover", "version", name=op.f("pk_handover_version")),
    )
    op.execute(
        "INSERT INTO handover_version (handover, version, fingerprint, created_at) "
        "SELECT id, version, fingerprint, created_at FROM handover"
    )
    op.drop_column("handover", "fingerprint")
    op.create_table(
        "partner_event",
        sa.Column("id", ID, nullable=False),
        sa.Column("organisation", OIN, nullable=False),
        sa.Column("type", WORD, nullable=False),
        sa.Column("handover", ID, nullable=False),
        sa.Column("release", ID),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section_types", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        _to("partner_event", "organisation", "organisation.oin"),
        _to("partner_event", "handover", "handover.id"),
        _to("partner_event", "release", "release.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_event")),
    )
    op.create_index(op.f("ix_partner_event_organisation_id"), "partner_event", ["organisation", "id"])
    op.create_index(op.f("ix_partner_event_release"), "partner_event", ["release"])


def _families() -> None:
    op.create_table(
        "reaction",
        sa.Column("id", ID, nullable=False),
        sa.Column("handover", ID, nullable=False),
        sa.Column("section_type", WORD, nullable=False),
        sa.Column("persons", sa.Text(), nullable=False),
        sa.Column("author", ID, nullable=False),
        sa.Column("capacity", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant()),
        _to("reaction", "handover", "handover.id"),
        _to("reaction", "author", "person.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reaction")),
    )
    op.create_index(op.f("ix_reaction_handover"), "reaction", ["handover"])
    op.create_table(
        "mute",
        sa.Column("person", ID, nullable=False),
        sa.Column("sender", OIN, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        _to("mute", "person", "person.id"),
        sa.PrimaryKeyConstraint("person", "sender", name=op.f("pk_mute")),
    )


def _matters() -> None:
    op.create_table(
        "matter",
        sa.Column("id", ID, nullable=False),
        sa.Column("tag", TAG, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("person", ID, nullable=False),
        sa.Column("other", ID),
        sa.Column("about", WORD, nullable=False),
        sa.Column("organisation", OIN, nullable=False),
        sa.Column("raises_evidence", sa.Boolean(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("note_sealed", sa.LargeBinary()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant()),
        sa.Column("settled_by", ID),
        _to("matter", "person", "person.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matter")),
        sa.UniqueConstraint("tag", name=op.f("uq_matter_tag")),
    )
    op.create_index(op.f("ix_matter_person"), "matter", ["person"])
    op.create_index(op.f("ix_matter_other"), "matter", ["other"])
    op.create_index(op.f("ix_matter_state_id"), "matter", ["state", "id"])


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))
