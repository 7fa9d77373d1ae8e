"""Bodies that go out: what leaves, what is withheld, and the receipt."""

from datetime import date, datetime
from typing import Any, Literal

from broker.api.schemas.incoming import Body
from broker.api.schemas.words import AttachedOut, SignOffOut


class SealedOut(Body):
    """A section sealed to your organisation's key `kid`: see docs/sealed-sections.md. All bytes in base64url.

    `sender` and `reference` (its mark) are what the ciphertext is bound to, beside type and media type.
    """

    format: Literal["rondom-sealed-1"]
    kid: str
    key: str
    ciphertext: str
    sender: str
    reference: str


class ReleasedOut(Body):
    """A section that was released, with what the family wrote about it. Show both together.

    `content` for an organisation without a sealing key; `sealed` in its place for one that registered a key. With a day
    `expires`: do not go by it after that day. `instrument` and `assessedOn` say what it comes from, and when that was filled in.
    `signOff` is there for a type that is signed off: which version this is, and who agrees with it.
    """

    type: str
    media_type: str
    expires: date | None = None
    instrument: str | None = None
    assessed_on: date | None = None
    content: Any = None
    sealed: SealedOut | None = None
    sign_off: SignOffOut | None = None
    disputed: bool
    reactions: list[AttachedOut]


class ChannelOut(Body):
    """A way outside this broker: whom to call, the article of law it rests on, and a phone number if there is one."""

    id: str
    article: str
    call: str
    contact: str | None


class ReasonOut(Body):
    """Why something was not released, as far as the recipient may know, and what to do next.

    `useOtherChannel` is empty unless consent is not complete. It is the same whatever the reason for that is.
    """

    code: str
    message: str
    next_step: str
    use_other_channel: list[ChannelOut]


class WithheldOut(Body):
    """A section type that was not released; `*` stands for the whole handover."""

    type: str
    reasons: list[ReasonOut]


class ReceiptOut(Body):
    """The signed log entry of this release; `broker audit verify` checks it offline."""

    v: int
    leaf: str
    receipt: dict[str, str]
    proof: str | None
    proof_at: str
    openings: list[dict[str, Any]]


class ReleaseOut(Body):
    """What was released, what was withheld, under which agreement, with the receipt."""

    id: str
    released: list[ReleasedOut]
    withheld: list[WithheldOut]
    policy_digest: str
    receipt: ReceiptOut


class ReleaseStatusOut(Body):
    """What became of what was received: whether it was corrected, withdrawn or erased since, and what may be used no longer."""

    id: str
    handover: str
    version: int
    at: datetime
    sections: list[str]
    corrected: bool
    withdrawn: bool
    erased: bool
    stop_using: list[str]
    acknowledged: bool
