"""Of what the broker answers: what the family and others said about a text."""

from typing import Literal, NotRequired, TypedDict


class Reaction(TypedDict):
    """What the family wrote, for the sender of the handover."""

    id: str
    type: str
    kind: Literal["reaction", "correction-request", "erasure-request"]
    capacity: str
    version: int
    text: str
    at: str
    state: Literal["kept", "open", "corrected", "not-corrected", "erased", "not-erased"]
    answer: NotRequired[str]


class ReactionList(TypedDict):
    """Everything that was written about one handover, oldest first."""

    items: list[Reaction]


class Attached(TypedDict):
    """What the family wrote about a section that was released: show both together."""

    kind: Literal["reaction", "correction-request"]
    capacity: str
    at: str
    text: str
    state: Literal["kept", "open", "corrected", "not-corrected"]
    answer: str | None


class Said(TypedDict):
    """What one party says of a version: `family` with a `capacity`, or an `organisation` in a `role`; without `current`, of an earlier one."""

    by: Literal["family", "organisation"]
    capacity: NotRequired[str]
    organisation: NotRequired[str]
    role: NotRequired[str]
    agrees: bool
    text: NotRequired[str]
    version: int
    digest: str
    current: bool
    at: str


class SignOff(TypedDict):
    """Which version of a section it is, by its digest, and who agrees with it or with those before it."""

    version: int
    digest: str
    said: list[Said]


class SignOffKept(Said):
    """What was kept of your own word, and the same signed by the broker."""

    id: str
    type: str
    statement: str


class SectionSignOffs(TypedDict):
    """One section of a handover of yours, and who agrees with it."""

    type: str
    signOff: SignOff


class SignOffList(TypedDict):
    """The sections of which parties say whether they agree."""

    items: list[SectionSignOffs]
