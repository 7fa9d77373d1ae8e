"""Bodies that go out: a handover, what it asks of whom, and how far it is."""

from datetime import date, datetime
from typing import Literal

from broker.api.schemas.agreed import MeetingOut, RecipientOut, TaskOut
from broker.api.schemas.incoming import Body


class SectionStateOut(Body):
    """Whether a section is open to any recipient now. `disputed` is there for the sender only.

    `expires` is its own last day, if it has one: after it, it is open to nobody.
    """

    type: str
    open: bool
    disputed: bool | None = None
    expires: date | None = None


class SignerOut(Body):
    """Somebody who is asked, by the sender's own key; whether they answered, never what they said."""

    person: str
    answered: bool
    state: Literal["not-asked", "asked", "answered", "new-answer-needed"]
    support: bool
    can_be_reached: bool


class CompletenessOut(Body):
    """What a handover of its kind should hold (`missing`) or often holds (`usual`), and this one does not: section types.

    `unusualRecipients` are in a role to which a handover of this kind does not usually go. It is advice, and refuses nothing.
    """

    complete: bool
    missing: list[str]
    usual: list[str]
    unusual_recipients: list[RecipientOut]


class ArrivalOut(RecipientOut):
    """How far the version in force came at one recipient; never who there did it.

    `shut`: nothing of it is open to them. `waiting`: something is, and nobody asked for it. `collected`: somebody did.
    """

    state: Literal["shut", "waiting", "collected", "read", "taken-over"]


class UrgencyOut(Body):
    """Within how long an urgent handover should come through, and until when. The rest is there for the sender only.

    `shut`: everybody answered, and to some recipient nothing is open: call. `done`: every recipient acknowledged it.
    `escalated` is the last time that somebody was called because it was not done.
    """

    within: Literal["PT24H", "PT48H"]
    until: datetime
    state: Literal["waiting-for-answers", "shut", "waiting-for-recipients", "done"] | None = None
    late: bool | None = None
    escalated: Literal["near", "passed"] | None = None


class HandoverOut(Body):
    """A handover as the caller may see it. `signers`, `completeness` and `arrivals` are there for the sender only.

    `tasks` are those of what is open to the caller, once their text was released to its role.
    """

    id: str
    version: int
    kind: str
    purpose: str
    sender: str
    state: str
    consent_until: date
    sections: list[SectionStateOut]
    signers: list[SignerOut] | None = None
    completeness: CompletenessOut | None = None
    arrivals: list[ArrivalOut] | None = None
    tasks: list[TaskOut] | None = None
    meeting: MeetingOut | None = None
    urgency: UrgencyOut | None = None


class WatchedOut(Body):
    """Somebody who is asked. `answered`: the last time, never what. `stopped`: they want this sender to ask no more.

    `handover` is the last question: a handover of its own, open to nobody until they chose so.
    """

    person: str
    state: Literal["waiting", "asked", "answered", "stopped"]
    handover: str | None = None


class LongWatchOut(Body):
    """A long watch: how often, next when, whom. It ends with its handover, and with the period of consent."""

    every: Literal["P2W", "P1M", "P3M", "P6M"]
    next_at: datetime
    people: list[WatchedOut]


class MissingOut(Body):
    """Something that would keep a section closed: a code, what it means, and what to do."""

    code: Literal[
        "not-in-agreement",
        "stronger-evidence-needed",
        "sealed-only",
        "nobody-may-read",
        "no-authority-stated",
        "holder-of-authority-unable",
        "inability-review-overdue",
        "signer-shielded",
        "no-contact",
    ]
    detail: str


class ReaderOut(Body):
    """A recipient, and whether they could read the section once everybody has said yes."""

    organisation: str
    role: str
    could_read: bool
    missing: list[MissingOut]


class SectionPlanOut(Body):
    """A section of the body, in its order. `missing` keeps it closed to everybody, whatever anybody answers."""

    type: str
    concerns: list[str]
    readers: list[ReaderOut]
    missing: list[MissingOut]


class AskedPlanOut(Body):
    """Somebody who would be asked, by your own key. `support`: the answer is kept and does not count."""

    person: str
    sections: list[str]
    persons: list[str]
    support: bool
    missing: list[MissingOut]


class DryRunOut(Body):
    """What a push of this body would come to, by this body alone; nothing of it was kept."""

    dry_run: Literal[True]
    policy_digest: str
    sections: list[SectionPlanOut]
    asked: list[AskedPlanOut]
    completeness: CompletenessOut


class HandoverPage(Body):
    """A page; `next` is the cursor of the following one, absent on the last."""

    items: list[HandoverOut]
    next: str | None = None


class InvitationOut(Body):
    """`code`, `link` and `qr` (SVG) are there for delivery on paper only."""

    id: str
    answer_until: datetime
    code: str | None = None
    link: str | None = None
    qr: str | None = None
