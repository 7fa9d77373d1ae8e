"""The bodies of timelines and involvements."""

from typing import Literal

from pydantic import Field

from broker.api.schemas.incoming import Body, IdentifierBody, Line
from broker.api.schemas.releases import ReceiptOut, SealedOut, WithheldOut
from broker.api.schemas.words import AttachedOut


class LifelineBody(Body):
    """About whom, and what for."""

    identifier: IdentifierBody
    purpose: Line


class SourceOut(Body):
    """Where something comes from: the sender with its name, the handover, the release that it left by, the section type."""

    organisation: str
    name: str
    handover: str
    release: str
    type: str


class FromOut(Body):
    """What everything has that was released. `corrected`: its handover was corrected before this; `disputed`: its family disputes it."""

    source: SourceOut
    corrected: bool
    disputed: bool
    reactions: list[AttachedOut]


class EntryOut(FromOut):
    """Something that happened, its dates as they were written: a day, a month or a year. Without `from` it is a whole text."""

    from_: str | None = Field(default=None, alias="from")
    until: str | None = None
    what: str


class SealedPartOut(FromOut):
    """A section sealed to your organisation's key: open it as a section of the release `source.release`."""

    media_type: str
    sealed: SealedOut


class PartReleaseOut(Body):
    """One of the releases that the answer is made of, with its receipt: keep that. Acknowledge it by its `id`."""

    id: str
    handover: str
    withheld: list[WithheldOut]
    receipt: ReceiptOut


class TimelineOut(Body):
    """What happened, from everything that is open: in order of when it began, whole texts at the end.

    `more`: there are older handovers that were not looked at; ask for those one by one.
    """

    entries: list[EntryOut]
    sealed: list[SealedPartOut]
    releases: list[PartReleaseOut]
    more: bool
    policy_digest: str


class PartyOut(Body):
    """A partner by its OIN, with its name if it takes part now; or somebody else by name."""

    organisation: str | None = None
    name: str | None = None


class CalledOut(Body):
    """A professional whom one can call."""

    name: str
    phone: str


class InvolvedOut(FromOut):
    """An organisation around the family. `coordinator`: `is`, `was`, or `proposed` and not agreed to by all of the family."""

    party: PartyOut
    role: str
    since: str
    until: str | None = None
    contact: CalledOut | None = None
    task: str | None = None
    waits_for: str | None = None
    bridge: CalledOut | None = None
    hands_back_to: PartyOut | None = None
    coordinator: Literal["is", "was", "proposed"] | None = None


class InvolvedTextOut(FromOut):
    """A section about who is involved that is a text."""

    text: str


class InvolvementsOut(Body):
    """Who is involved, from everything that is open: in order of since when. `more` as in a timeline."""

    involvements: list[InvolvedOut]
    texts: list[InvolvedTextOut]
    sealed: list[SealedPartOut]
    releases: list[PartReleaseOut]
    more: bool
    policy_digest: str
