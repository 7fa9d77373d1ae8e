"""Of what the broker answers: a handover, what it asks of whom, and how far it is."""

from typing import Literal, NotRequired, TypedDict

from broker.client.answers.agreed import Meeting, Recipient, Task


class Fault(TypedDict):
    """One thing that is wrong with what was sent: where (RFC 6901), and what."""

    pointer: str
    detail: str


class SectionState(TypedDict):
    """Whether a section is open to any recipient now. `disputed` is there for the sender only; `expires` is its last day."""

    type: str
    open: bool
    disputed: NotRequired[bool]
    expires: NotRequired[str]


class Signer(TypedDict):
    """Somebody who is asked, by the sender's own key; never what they said."""

    person: str
    answered: bool
    state: Literal["not-asked", "asked", "answered", "new-answer-needed"]
    support: bool
    canBeReached: bool


class Completeness(TypedDict):
    """What a handover of its kind should hold or often holds, and this one does not; advice to its sender."""

    complete: bool
    missing: list[str]
    usual: list[str]
    unusualRecipients: list[Recipient]


class Arrival(Recipient):
    """How far the version in force came at one recipient; never who there did it."""

    state: Literal["shut", "waiting", "collected", "read", "taken-over"]


class Urgency(TypedDict):
    """Until when an urgent handover should come through; the rest is there for the sender only."""

    within: Literal["PT24H", "PT48H"]
    until: str
    state: NotRequired[Literal["waiting-for-answers", "shut", "waiting-for-recipients", "done"]]
    late: NotRequired[bool]
    escalated: NotRequired[Literal["near", "passed"]]


class Handover(TypedDict):
    """A handover as the caller may see it. `signers`, `completeness` and `arrivals` are there for the sender only.

    `tasks` are those of what is open to the caller.
    """

    id: str
    version: int
    kind: str
    purpose: str
    sender: str
    state: str
    consentUntil: str
    sections: list[SectionState]
    signers: NotRequired[list[Signer]]
    completeness: NotRequired[Completeness]
    arrivals: NotRequired[list[Arrival]]
    tasks: NotRequired[list[Task]]
    meeting: NotRequired[Meeting]
    urgency: NotRequired[Urgency]


class Watched(TypedDict):
    """Somebody who is asked, by your own key; `answered` the last time, never what. `handover` is the last question."""

    person: str
    state: Literal["waiting", "asked", "answered", "stopped"]
    handover: NotRequired[str]


class LongWatch(TypedDict):
    """How often which family members are asked how it goes, and next when."""

    every: Literal["P2W", "P1M", "P3M", "P6M"]
    nextAt: str
    people: list[Watched]


class HandoverPage(TypedDict):
    """A page; `next` is the cursor of the following one."""

    items: list[Handover]
    next: NotRequired[str]


class Missing(TypedDict):
    """Something that would keep a section closed: a code, what it means, and what to do."""

    code: str
    detail: str


class Reader(TypedDict):
    """A recipient, and whether they could read the section once everybody has said yes."""

    organisation: str
    role: str
    couldRead: bool
    missing: list[Missing]


class SectionPlan(TypedDict):
    """A section of a body that was only tried."""

    type: str
    concerns: list[str]
    readers: list[Reader]
    missing: list[Missing]


class AskedPlan(TypedDict):
    """Somebody who would be asked, by your own key."""

    person: str
    sections: list[str]
    persons: list[str]
    support: bool
    missing: list[Missing]


class DryRun(TypedDict):
    """What a push would come to; nothing of it was kept."""

    dryRun: Literal[True]
    policyDigest: str
    sections: list[SectionPlan]
    asked: list[AskedPlan]
    completeness: Completeness


class Invitation(TypedDict):
    """`code`, `link` and `qr` (SVG) are there for delivery on paper only."""

    id: str
    answerUntil: str
    code: NotRequired[str]
    link: NotRequired[str]
    qr: NotRequired[str]
