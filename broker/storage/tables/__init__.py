"""The tables. Whatever says who somebody is lies in a `*_sealed` column, encrypted; look-ups go through keyed tags.

- `log_entry` and `consent_record` are only ever inserted into: grants and triggers say so in the database itself.
- `release.entry_id` refers to its log entry: the schema, not only the code, forbids an unlogged release.
"""

from broker.storage.tables.base import Instant, metadata
from broker.storage.tables.consents import consent_record, invitation, mute, notice, signer_receipt
from broker.storage.tables.following import log_daily, log_follower
from broker.storage.tables.handovers import (
    handover,
    handover_person,
    handover_recipient,
    handover_supporter,
    handover_version,
    partner_event,
    reaction,
    release,
    release_section,
    section,
    section_person,
)
from broker.storage.tables.log import (
    log_checkpoint,
    log_cosignature,
    log_entry,
    log_index,
    log_opening,
    log_queue,
    log_refusal,
    log_state,
    log_subject_index,
    log_subject_key,
    log_tile,
)
from broker.storage.tables.oversight import (
    matter,
    motion,
    officer,
    outbox,
    passkey,
    policy_approval,
    policy_in_force,
    policy_proposal,
    policy_set,
)
from broker.storage.tables.parties import (
    authority,
    contact,
    organisation,
    person,
    person_claim,
    person_tag,
    professional,
    professional_contact,
    signer_passkey,
)
from broker.storage.tables.visits import guard_count, guard_once, visit

INSERT_ONLY = (
    "log_entry",
    "consent_record",
    "log_index",
    "log_checkpoint",
    "log_cosignature",
    "log_refusal",
    "notice",
    "policy_approval",
    "policy_in_force",
    "policy_proposal",
    "policy_set",
)
"""Tables in which no row ever changes or goes."""

__all__ = [
    "INSERT_ONLY",
    "Instant",
    "authority",
    "consent_record",
    "contact",
    "guard_count",
    "guard_once",
    "handover",
    "handover_person",
    "handover_recipient",
    "handover_supporter",
    "handover_version",
    "invitation",
    "log_checkpoint",
    "log_cosignature",
    "log_daily",
    "log_entry",
    "log_follower",
    "log_index",
    "log_opening",
    "log_queue",
    "log_refusal",
    "log_state",
    "log_subject_index",
    "log_subject_key",
    "log_tile",
    "matter",
    "metadata",
    "motion",
    "mute",
    "notice",
    "officer",
    "organisation",
    "outbox",
    "partner_event",
    "passkey",
    "person",
    "person_claim",
    "person_tag",
    "policy_approval",
    "policy_in_force",
    "policy_proposal",
    "policy_set",
    "professional",
    "professional_contact",
    "reaction",
    "release",
    "release_section",
    "section",
    "section_person",
    "signer_passkey",
    "signer_receipt",
    "visit",
]
