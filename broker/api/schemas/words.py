"""Bodies that go out: what the family and others said about a text."""

from datetime import datetime
from typing import Literal

from broker.api.schemas.incoming import Body


class AttachedOut(Body):
    """What the family wrote about a section; `capacity` is `self`, `parental` or `guardian`. `answer` is the sender's."""

    kind: Literal["reaction", "correction-request"]
    capacity: str
    at: datetime
    text: str
    state: Literal["kept", "open", "corrected", "not-corrected"]
    answer: str | None


class ReactionOut(Body):
    """What the family wrote, for the sender of the handover. `answer` is absent until there is one.

    A request to erase is about the whole handover: its `type` is `*`, and its `text` may be empty.
    """

    id: str
    type: str
    kind: Literal["reaction", "correction-request", "erasure-request"]
    capacity: str
    version: int
    text: str
    at: datetime
    state: Literal["kept", "open", "corrected", "not-corrected", "erased", "not-erased"]
    answer: str | None = None


class ReactionList(Body):
    """Everything that was written about one handover, oldest first."""

    items: list[ReactionOut]


class SaidOut(Body):
    """What one party says: `family` with a `capacity` (`self`, `parental` or `guardian`), or an `organisation` in a `role`.

    `text` is there when the party does not agree. With `current` it is about the version that this answer is about;
    without, about an earlier one, and says nothing of this one.
    """

    by: Literal["family", "organisation"]
    capacity: str | None = None
    organisation: str | None = None
    role: str | None = None
    agrees: bool
    text: str | None = None
    version: int
    digest: str
    current: bool
    at: datetime


class SignOffOut(Body):
    """Which version of a section it is, by its digest, and who agrees with it or with those before it. No word is no agreement.

    The digest is the SHA-256 of the ciphertext as it lies here: of `sealed.ciphertext`, for who gets it sealed.
    """

    version: int
    digest: str
    said: list[SaidOut]


class SignOffKept(SaidOut):
    """What was kept of your own word, and the same signed by the broker, for you to keep."""

    id: str
    type: str
    statement: str


class SectionSignOffsOut(Body):
    """One section of a handover of yours."""

    type: str
    sign_off: SignOffOut


class SignOffList(Body):
    """The sections of which parties say whether they agree."""

    items: list[SectionSignOffsOut]
