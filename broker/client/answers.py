"""What the broker answers, as types: plain dictionaries with the names of the API, so that nothing new in them is lost.

`tests/unit/test_client_answers.py` compares each with the description of the API. Days are `2027-01-31`, moments are in
UTC (RFC 3339), both as text. What may be absent is `NotRequired`: ask with `.get`.
"""

from typing import Any, Literal, NotRequired, TypedDict


class Fault(TypedDict):
    """One thing that is wrong with what was sent: where (RFC 6901), and what."""

    pointer: str
    detail: str


class SectionState(TypedDict):
    """Whether a section is open to any recipient now. `disputed` is there for the sender only."""

    type: str
    open: bool
    disputed: NotRequired[bool]


class Signer(TypedDict):
    """Somebody who is asked, by the sender's own key; never what they said."""

    person: str
    answered: bool
    state: Literal["not-asked", "asked", "answered", "new-answer-needed"]
    support: bool
    canBeReached: bool


class Handover(TypedDict):
    """A handover as the caller may see it. `signers` is there for the sender only."""

    id: str
    version: int
    kind: str
    purpose: str
    sender: str
    state: str
    consentUntil: str
    sections: list[SectionState]
    signers: NotRequired[list[Signer]]


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


class Invitation(TypedDict):
    """`code`, `link` and `qr` (SVG) are there for delivery on paper only."""

    id: str
    answerUntil: str
    code: NotRequired[str]
    link: NotRequired[str]
    qr: NotRequired[str]


class EventData(TypedDict):
    """What an event is about; a sender is told of a handover, without `release`."""

    handover: str
    release: NotRequired[str]
    version: int
    sectionTypes: list[str]


class Event(TypedDict):
    """Something that an organisation is told, as a CloudEvent 1.0; never content or a person.

    `organisation` is you; `sequence` says where it comes among all that you are told.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    datacontenttype: Literal["application/json"]
    organisation: str
    sequence: str
    sequencetype: Literal["Integer"]
    data: EventData


class EventPage(TypedDict):
    """Oldest first; `next` is the cursor of the following page."""

    items: list[Event]
    next: NotRequired[str]


class Webhook(TypedDict):
    """Where your events are sent. `disabled`: the address answered that it is gone. `failed` were given up."""

    url: NotRequired[str]
    state: Literal["active", "disabled"]
    since: str
    waiting: int
    failed: int


class WebhookKey(TypedDict):
    """A key that deliveries are signed with; `whpk` is for `broker.client.webhooks.verify`."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    whpk: str


class WebhookKeyList(TypedDict):
    """The newest first."""

    keys: list[WebhookKey]


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
    content: NotRequired[Any]
    sealed: NotRequired[Sealed]
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


class Organisation(TypedDict):
    """A partner in the agreement."""

    oin: str
    name: str
    kind: str


class OrganisationList(TypedDict):
    """Every partner that takes part now."""

    items: list[Organisation]


class Term(TypedDict):
    """A word of the agreement, with its label and explanation in Dutch (`nl`) and English (`en`)."""

    id: str
    label: dict[str, str]
    explain: dict[str, str]


class SectionTerm(Term):
    """A section type; with `sealedOnly` it travels sealed or not at all."""

    sealedOnly: bool


class Vocabulary(TypedDict):
    """All words of the agreement in force."""

    organisationKinds: list[Term]
    roles: list[Term]
    purposes: list[Term]
    sectionTypes: list[SectionTerm]
    handoverKinds: list[Term]


class Agreement(TypedDict):
    """The agreement in force: its digest, and every file of it."""

    digest: str
    texts: dict[str, str]


class SealingKey(TypedDict):
    """A public key to seal to, as a JWK."""

    kty: Literal["AKP"]
    alg: str
    pub: str
    kid: str
    use: Literal["enc"]


class SealingKeyList(TypedDict):
    """The broker's intake keys. Seal to the first."""

    keys: list[SealingKey]
