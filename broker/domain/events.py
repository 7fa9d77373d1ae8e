"""What the disclosure log can say: a closed catalogue, so that a log line is never a free text.

- `facts` are readable by anybody who reads a leaf: organisations, purposes, reasons, digests. Nothing about a person.
- `personal` goes into the leaf only as salted digests; the openings are kept apart, erasable per person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from broker.domain.parties import Oin

EntryId = NewType("EntryId", str)
Fact = str | int | tuple[str, ...]


class EventType(StrEnum):
    """Everything that can be logged (NEN 7513: disclosures, refusals, searches, changes, and reading the log itself)."""

    HANDOVER_PUSHED = "handover:pushed"
    HANDOVER_CORRECTED = "handover:corrected"
    HANDOVER_WITHDRAWN = "handover:withdrawn"
    HANDOVER_ERASED = "handover:erased"
    URGENT_ESCALATED = "urgent:escalated"
    PERSON_ERASED = "person:erased"
    PLAN_WRITTEN = "plan:written"
    PLAN_CHANGED = "plan:changed"
    PLAN_WITHDRAWN = "plan:withdrawn"
    INVITATION_MADE = "invitation:made"
    CONSENT_GIVEN = "consent:given"
    CONSENT_REFUSED = "consent:refused"
    CONSENT_WITHDRAWN = "consent:withdrawn"
    CONSENT_COMPLETE = "consent:complete"
    RELEASE_PERMITTED = "release:permitted"
    RELEASE_DENIED = "release:denied"
    RELEASE_SHOWN = "release:shown"
    RELEASE_ACKNOWLEDGED = "release:acknowledged"
    REACTION_WRITTEN = "reaction:written"
    REACTION_READ = "reaction:read"
    REACTION_ANSWERED = "reaction:answered"
    SIGN_OFF_SAID = "signoff:said"
    SIGN_OFF_READ = "signoff:read"
    TASK_CHANGED = "task:changed"
    MESSAGES_CHANGED = "messages:changed"
    WATCH_ANSWERED = "watch:answered"
    PASSKEY_ENROLLED = "passkey:enrolled"
    PASSKEY_STOPPED = "passkey:stopped"
    SUBJECT_SEARCHED = "subject:searched"
    POLICY_PROPOSED = "policy:proposed"
    POLICY_APPROVED = "policy:approved"
    POLICY_ACTIVATED = "policy:activated"
    KEYS_CHANGED = "keys:changed"
    ORGANISATION_CHANGED = "organisation:changed"
    OFFICER_INVITED = "officer:invited"
    OFFICER_ENROLLED = "officer:enrolled"
    OFFICER_WITHDRAWN = "officer:withdrawn"
    OFFICER_SIGNED_IN = "officer:signed-in"
    OFFICER_PASSKEY_REMOVED = "officer:passkey-removed"
    MOTION_PROPOSED = "motion:proposed"
    MOTION_SECONDED = "motion:seconded"
    MATTER_RAISED = "matter:raised"
    MATTER_SETTLED = "matter:settled"
    REVIEW_SIGNED_OFF = "review:signed-off"
    LOG_SEARCHED = "log:searched"
    LOG_VIEWED = "log:viewed"
    LOG_CHECKED = "log:checked"
    LOG_RESTORED = "log:restored"
    LOG_EXPORTED = "log:exported"


@dataclass(frozen=True, slots=True)
class Personal:
    """One value about somebody. `owner` is the id of the person, professional or officer whose key encrypts its opening."""

    owner: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One thing that happened. `organisation` acted (empty: the broker itself), `counterpart` is the other side."""

    type: EventType
    at: datetime
    organisation: Oin | None = None
    counterpart: Oin | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    personal: tuple[Personal, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """What turns one digest of a leaf back into its value: `digest = SHA-256(canonical [salt, field, value])`."""

    position: int
    owner: str
    field: str
    salt: str
    value: str


@dataclass(frozen=True, slots=True)
class EncodedEntry:
    """An event as it is stored: the very bytes that are hashed, their leaf hash, and the openings to keep apart."""

    id: EntryId
    leaf: bytes
    leaf_hash: bytes
    openings: tuple[Opening, ...]
