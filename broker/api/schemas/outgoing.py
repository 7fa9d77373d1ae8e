"""The bodies that go out: names in camelCase, nothing beyond what is described."""

from datetime import date, datetime
from typing import Any, Literal

from broker.api.schemas.incoming import Body


class SectionStateOut(Body):
    """Whether a section is open to any recipient now. `disputed` is there for the sender only."""

    type: str
    open: bool
    disputed: bool | None = None


class SignerOut(Body):
    """Somebody who is asked, by the sender's own key; whether they answered, never what they said."""

    person: str
    answered: bool
    state: Literal["not-asked", "asked", "answered", "new-answer-needed"]
    support: bool
    can_be_reached: bool


class HandoverOut(Body):
    """A handover as the caller may see it. `signers` is there for the sender only."""

    id: str
    version: int
    kind: str
    purpose: str
    sender: str
    state: str
    consent_until: date
    sections: list[SectionStateOut]
    signers: list[SignerOut] | None = None


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


class HandoverPage(Body):
    """A page; `next` is the cursor of the following one, absent on the last."""

    items: list[HandoverOut]
    next: str | None = None


class PartnerEventData(Body):
    """What the event is about. Without `sectionTypes` all of the release is meant."""

    handover: str
    release: str | None = None
    version: int
    section_types: list[str]


class PartnerEventOut(Body):
    """Something that an organisation is told, as a CloudEvent 1.0. Ids, types and times; never content or a person.

    `organisation` is whom it is told to: you. `sequence` says where it comes among all that you are told. A sender is told of a handover, without `release`.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal[
        "nl.rondom.handover-corrected.v1",
        "nl.rondom.handover-withdrawn.v1",
        "nl.rondom.handover-erased.v1",
        "nl.rondom.stop-using.v1",
        "nl.rondom.handover-acknowledged.v1",
        "nl.rondom.consent-changed.v1",
    ]
    time: datetime
    datacontenttype: Literal["application/json"]
    organisation: str
    sequence: str
    sequencetype: Literal["Integer"]
    data: PartnerEventData


class PartnerEventPage(Body):
    """Oldest first; `next` is the cursor of the following page, absent when there is none yet."""

    items: list[PartnerEventOut]
    next: str | None = None


class WebhookOut(Body):
    """Where your events are sent. `disabled`: the address answered that it is gone (410). `failed` were given up."""

    url: str | None = None
    state: Literal["active", "disabled"]
    since: datetime
    waiting: int
    failed: int


class WebhookKeyOut(Body):
    """A key that deliveries are signed with: a JWK (RFC 8037), and in `whpk` as Standard Webhooks writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    whpk: str


class WebhookKeyList(Body):
    """The newest first. Fetch them again when a signature does not hold: they change."""

    keys: list[WebhookKeyOut]


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


class InvitationOut(Body):
    """`code`, `link` and `qr` (SVG) are there for delivery on paper only."""

    id: str
    answer_until: datetime
    code: str | None = None
    link: str | None = None
    qr: str | None = None


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

    `content` for an organisation without a sealing key; `sealed` in its place for one that registered a key.
    """

    type: str
    media_type: str
    content: Any = None
    sealed: SealedOut | None = None
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


class OrganisationOut(Body):
    """A partner in the agreement."""

    oin: str
    name: str
    kind: str


class OrganisationList(Body):
    """Every partner."""

    items: list[OrganisationOut]


class TermOut(Body):
    """A word of the agreement, with its label in Dutch and English."""

    id: str
    label: dict[str, str]
    explain: dict[str, str]


class SectionTermOut(TermOut):
    """A section type; with `sealedOnly` it comes in sealed by its sender and leaves sealed to its recipient, or not at all."""

    sealed_only: bool


class SealingKeyOut(Body):
    """A public key to seal to, as a JWK (RFC 7517): ML-KEM-768, then X25519."""

    kty: Literal["AKP"]
    alg: str
    pub: str
    kid: str
    use: Literal["enc"]


class SealingKeyList(Body):
    """The broker's intake keys. Seal to the first; older ones still open."""

    keys: list[SealingKeyOut]


class VocabularyOut(Body):
    """All words of the agreement in force."""

    organisation_kinds: list[TermOut]
    roles: list[TermOut]
    purposes: list[TermOut]
    section_types: list[SectionTermOut]
    handover_kinds: list[TermOut]


class PolicyOut(Body):
    """The agreement in force: its digest, and every file of it."""

    digest: str
    texts: dict[str, str]
