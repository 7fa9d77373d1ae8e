"""Of what the broker answers: who is who, what they may receive, the words of the agreement, keys."""

from typing import Literal, NotRequired, TypedDict


class Reachability(TypedDict):
    """How a partner can be reached, as it made known."""

    website: NotRequired[str]
    telephone: NotRequired[str]
    hours: NotRequired[str]
    urgentTelephone: NotRequired[str]


class Organisation(TypedDict):
    """A partner in the agreement."""

    oin: str
    name: str
    kind: str
    region: NotRequired[str]
    reachability: NotRequired[Reachability]


class ReceivedType(TypedDict):
    """A section type: `always`, or only when one of the lists of `onlyWith` holds as a whole."""

    type: str
    always: bool
    onlyWith: list[list[dict[str, str]]]


class ReceivesFor(TypedDict):
    """What these roles may receive for one purpose, at most."""

    purpose: str
    roles: list[str]
    sections: list[ReceivedType]


class Receives(TypedDict):
    """What a partner may receive under the agreement in force, at most; everybody's yes comes on top of it."""

    organisation: str
    kind: str
    policyDigest: str
    conditions: list[dict[str, str]]
    items: list[ReceivesFor]


class Indicator(TypedDict):
    """One number: of one month, kind or region, or of all of them where none is named; hidden without a value."""

    indicator: str
    measure: str
    month: NotRequired[str]
    kind: NotRequired[str]
    region: NotRequired[str]
    own: bool
    value: NotRequired[int]


class Indicators(TypedDict):
    """The numbers of a quarter, and which quarters are there, the latest first."""

    quarter: NotRequired[str]
    quarters: list[str]
    items: list[Indicator]


class OrganisationList(TypedDict):
    """Every partner that takes part now."""

    items: list[Organisation]


class Term(TypedDict):
    """A word of the agreement, with its label and explanation in Dutch (`nl`) and English (`en`)."""

    id: str
    label: dict[str, str]
    explain: dict[str, str]


class KindTerm(Term):
    """A kind of handover: what one of it should hold and often holds, and to which roles it mostly goes.

    `consent` is for how long consent is asked (ISO 8601) when `consentUntil` is left out; without it that cannot be.
    """

    required: list[str]
    usual: list[str]
    recipients: list[str]
    consent: NotRequired[str]


class SectionTerm(Term):
    """A section type; with `sealedOnly` it travels sealed or not at all; with `expires` it needs a last day (ISO 8601); with `signedOff` parties agree with it or not."""

    sealedOnly: bool
    expires: NotRequired[str]
    signedOff: bool


class Vocabulary(TypedDict):
    """All words of the agreement in force."""

    organisationKinds: list[Term]
    roles: list[Term]
    purposes: list[Term]
    sectionTypes: list[SectionTerm]
    handoverKinds: list[KindTerm]


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
