"""Of what the broker answers: what leaves, what is withheld, and the receipt."""

from typing import Any, Literal, NotRequired, TypedDict

from broker.client.answers.words import Attached, SignOff


class Sealed(TypedDict):
    """A section sealed to your organisation's key `kid`: see docs/sealed-sections.md."""

    format: Literal["rondom-sealed-1"]
    kid: str
    key: str
    ciphertext: str
    sender: str
    reference: str


class Released(TypedDict):
    """A section that was released: `content`, or `sealed` for an organisation with a sealing key that did not open it."""

    type: str
    mediaType: str
    expires: NotRequired[str]
    instrument: NotRequired[str]
    assessedOn: NotRequired[str]
    content: NotRequired[Any]
    sealed: NotRequired[Sealed]
    signOff: NotRequired[SignOff]
    disputed: bool
    reactions: list[Attached]


class Channel(TypedDict):
    """A way outside this broker: whom to call, and the article of law it rests on."""

    id: str
    article: str
    call: str
    contact: str | None


class Reason(TypedDict):
    """Why something was not released, as far as you may know, and what to do next."""

    code: str
    message: str
    nextStep: str
    useOtherChannel: list[Channel]


class Withheld(TypedDict):
    """A section type that was not released; `*` stands for the whole handover."""

    type: str
    reasons: list[Reason]


class Receipt(TypedDict):
    """The signed log entry of a release; `broker audit verify` checks it offline."""

    v: int
    leaf: str
    receipt: dict[str, str]
    proof: str | None
    proofAt: str
    openings: list[dict[str, Any]]


class Release(TypedDict):
    """What was released, what was withheld, under which agreement, with the receipt: keep that."""

    id: str
    released: list[Released]
    withheld: list[Withheld]
    policyDigest: str
    receipt: Receipt


class ReleaseStatus(TypedDict):
    """What became of what was received: nothing in `stopUsing` may be used any longer."""

    id: str
    handover: str
    version: int
    at: str
    sections: list[str]
    corrected: bool
    withdrawn: bool
    erased: bool
    stopUsing: list[str]
    acknowledged: bool
