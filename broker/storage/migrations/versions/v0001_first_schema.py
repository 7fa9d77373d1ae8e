"""The first schema: every table, the log's empty tree, and the guards on what is only ever inserted into."""

import sqlalchemy as sa
from alembic import op

from broker.storage.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 - one statement a table
    """Apply."""
    op.create_table(
        "guard_count",
        sa.Column("bucket", sa.String(length=64), nullable=False),
        sa.Column(
            "window_start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "window_start", name=op.f("pk_guard_count")),
    )
    op.create_index(op.f("ix_guard_count_expires"), "guard_count", ["expires"], unique=False)
    op.create_table(
        "guard_once",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("expires", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_guard_once")),
    )
    op.create_index(op.f("ix_guard_once_expires"), "guard_once", ["expires"], unique=False)
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_log_checkpoint")),
    )
    op.create_table(
        "log_entry",
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_kid", sa.String(length=64), nullable=False),
        sa.Column("receipt_sig", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("counterpart", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_log_entry")),
    )
    op.create_index(op.f("ix_log_entry_counterpart_entry_id"), "log_entry", ["counterpart", "entry_id"], unique=False)
    op.create_index(op.f("ix_log_entry_created_at"), "log_entry", ["created_at"], unique=False)
    op.create_index(op.f("ix_log_entry_organisation_entry_id"), "log_entry", ["organisation", "entry_id"], unique=False)
    op.create_index(op.f("ix_log_entry_type_entry_id"), "log_entry", ["type", "entry_id"], unique=False)
    op.create_table(
        "log_state",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_log_state")),
    )
    op.create_table(
        "log_subject_key",
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_log_subject_key")),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n", name=op.f("pk_log_tile")),
    )
    op.create_table(
        "notice",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_notice")),
    )
    op.create_table(
        "officer",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_tag", sa.String(length=64), nullable=False),
        sa.Column("invited_until", Instant(), nullable=False),
        sa.Column("enrolled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer")),
        sa.UniqueConstraint("code_tag", name=op.f("uq_officer_code_tag")),
    )
    op.create_table(
        "organisation",
        sa.Column("oin", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("jwks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("oin", name=op.f("pk_organisation")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_next_try_at"), "outbox", ["next_try_at"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_table(
        "policy_set",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_set")),
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("token_tag", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("invitation", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("expires", Instant(), nullable=False),
        sa.Column("state_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("token_tag", name=op.f("uq_visit_token_tag")),
    )
    op.create_index(op.f("ix_visit_expires"), "visit", ["expires"], unique=False)
    op.create_table(
        "authority",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("over", sa.String(length=36), nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("evidence_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["person.id"], name=op.f("fk_authority_holder")),
        sa.ForeignKeyConstraint(["over"], ["person.id"], name=op.f("fk_authority_over")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority")),
        sa.UniqueConstraint("tag", name=op.f("uq_authority_tag")),
    )
    op.create_index(op.f("ix_authority_over"), "authority", ["over"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_contact_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("tag", name=op.f("uq_contact_tag")),
    )
    op.create_index(op.f("ix_contact_person_organisation"), "contact", ["person", "organisation"], unique=False)
    op.create_table(
        "handover",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(length=20), nullable=False),
        sa.Column("reference_tag", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("basis_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("discussed_with_family", sa.Boolean(), nullable=False),
        sa.Column("consent_until", sa.Date(), nullable=False),
        sa.Column("retain_until", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["sender"], ["organisation.oin"], name=op.f("fk_handover_sender")),
        sa.ForeignKeyConstraint(["subject"], ["person.id"], name=op.f("fk_handover_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("reference_tag", name=op.f("uq_handover_reference_tag")),
    )
    op.create_index(op.f("ix_handover_sender_id"), "handover", ["sender", "id"], unique=False)
    op.create_index(op.f("ix_handover_subject_id"), "handover", ["subject", "id"], unique=False)
    op.create_table(
        "log_index",
        sa.Column(
            "leaf_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_log_index_entry_id")),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_log_index")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_log_index_entry_id")),
    )
    op.create_table(
        "log_opening",
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_log_opening_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "position", name=op.f("pk_log_opening")),
    )
    op.create_table(
        "log_queue",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_log_queue_entry_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log_queue")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_log_queue_entry_id")),
    )
    op.create_table(
        "log_subject_index",
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_log_subject_index_entry_id")),
        sa.PrimaryKeyConstraint("tag", "entry_id", name=op.f("pk_log_subject_index")),
    )
    op.create_table(
        "passkey",
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("officer", sa.String(length=36), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["officer"], ["officer.id"], name=op.f("fk_passkey_officer")),
        sa.PrimaryKeyConstraint("credential", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_officer"), "passkey", ["officer"], unique=False)
    op.create_table(
        "person_claim",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("stated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_claim_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_claim")),
        sa.UniqueConstraint("tag", name=op.f("uq_person_claim_tag")),
    )
    op.create_index(
        op.f("ix_person_claim_person_organisation_stated_at"),
        "person_claim",
        ["person", "organisation", "stated_at"],
        unique=False,
    )
    op.create_table(
        "person_tag",
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_tag_person")),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_person_tag")),
    )
    op.create_index(op.f("ix_person_tag_person"), "person_tag", ["person"], unique=False)
    op.create_table(
        "policy_in_force",
        sa.Column("serial", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["policy_set.digest"], name=op.f("fk_policy_in_force_digest")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_policy_in_force")),
    )
    op.create_table(
        "professional",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.oin"], name=op.f("fk_professional_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_professional")),
        sa.UniqueConstraint("tag", name=op.f("uq_professional_tag")),
    )
    op.create_table(
        "signer_receipt",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("signer", sa.String(length=36), nullable=False),
        sa.Column("sender", sa.String(length=20), nullable=False),
        sa.Column("statement_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["signer"], ["person.id"], name=op.f("fk_signer_receipt_signer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signer_receipt")),
    )
    op.create_table(
        "consent_record",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("signer", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("sender", sa.String(length=20), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_consent_record_handover")),
        sa.ForeignKeyConstraint(["notice"], ["notice.digest"], name=op.f("fk_consent_record_notice")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_consent_record_person")),
        sa.ForeignKeyConstraint(["signer"], ["person.id"], name=op.f("fk_consent_record_signer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_record")),
        sa.UniqueConstraint("signer", "sender", "serial", name=op.f("uq_consent_record_signer_sender_serial")),
    )
    op.create_index(
        op.f("ix_consent_record_person_sender_purpose"), "consent_record", ["person", "sender", "purpose"], unique=False
    )
    op.create_table(
        "handover_person",
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_handover_person_handover")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_handover_person_person")),
        sa.PrimaryKeyConstraint("handover", "person", name=op.f("pk_handover_person")),
    )
    op.create_table(
        "handover_recipient",
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_handover_recipient_handover")),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisation.oin"], name=op.f("fk_handover_recipient_organisation")
        ),
        sa.PrimaryKeyConstraint("handover", "organisation", "role", name=op.f("pk_handover_recipient")),
    )
    op.create_index(
        op.f("ix_handover_recipient_organisation_role_handover"),
        "handover_recipient",
        ["organisation", "role", "handover"],
        unique=False,
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("code_tag", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("answer_until", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_invitation_handover")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_invitation_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_tag", name=op.f("uq_invitation_code_tag")),
    )
    op.create_index(op.f("ix_invitation_handover"), "invitation", ["handover"], unique=False)
    op.create_table(
        "release",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("professional", sa.String(length=36), nullable=False),
        sa.Column("organisation", sa.String(length=20), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["log_entry.entry_id"], name=op.f("fk_release_entry_id")),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_release_handover")),
        sa.ForeignKeyConstraint(["professional"], ["professional.id"], name=op.f("fk_release_professional")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_release_entry_id")),
    )
    op.create_index(op.f("ix_release_handover"), "release", ["handover"], unique=False)
    op.create_table(
        "section",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("handover", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("kid", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["handover.id"], name=op.f("fk_section_handover")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section")),
        sa.UniqueConstraint("handover", "version", "position", name=op.f("uq_section_handover_version_position")),
    )
    op.create_table(
        "release_section",
        sa.Column("release", sa.String(length=36), nullable=False),
        sa.Column("section", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.id"], name=op.f("fk_release_section_release")),
        sa.ForeignKeyConstraint(["section"], ["section.id"], name=op.f("fk_release_section_section")),
        sa.PrimaryKeyConstraint("release", "section", name=op.f("pk_release_section")),
    )
    op.create_table(
        "section_person",
        sa.Column("section", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=36), nullable=False),
        sa.Column("concerned", sa.Boolean(), nullable=False),
        sa.Column("shielded", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_section_person_person")),
        sa.ForeignKeyConstraint(["section"], ["section.id"], name=op.f("fk_section_person_section")),
        sa.PrimaryKeyConstraint("section", "person", name=op.f("pk_section_person")),
    )
    op.execute(f"INSERT INTO log_state (one, size, root) VALUES (1, 0, {_empty_root()})")  # noqa: S608 - a constant
    for table in INSERT_ONLY:
        _guard(table)


INSERT_ONLY = ("log_entry", "consent_record", "log_index", "log_checkpoint", "notice", "policy_set")


def _empty_root() -> str:
    """SHA-256 of nothing: the root of the empty tree (RFC 9162 section 2.1.1)."""
    literal = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return f"X'{literal}'" if op.get_bind().dialect.name == "sqlite" else f"'\\x{literal}'::bytea"


def _guard(table: str) -> None:
    """Refuse UPDATE and DELETE in the database itself."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only ever inserted into'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is only ever inserted into', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
