"""What goes out about the agreement and its partners: names in camelCase, nothing beyond what is described."""

from typing import Literal

from broker.api.schemas.incoming import Body


class ReachabilityOut(Body):
    """How a partner can be reached, as it made known; `urgentTelephone` is for what cannot wait."""

    website: str | None = None
    telephone: str | None = None
    hours: str | None = None
    urgent_telephone: str | None = None


class OrganisationOut(Body):
    """A partner in the agreement. Without `reachability` nothing is known of that, nor of its municipality without `region`."""

    oin: str
    name: str
    kind: str
    reachability: ReachabilityOut | None = None
    region: str | None = None


class OrganisationList(Body):
    """Every partner."""

    items: list[OrganisationOut]


class ReceivedTypeOut(Body):
    """A section type: `always`, once everybody has said yes; otherwise only when one of the lists of `onlyWith` holds as a whole."""

    type: str
    always: bool
    only_with: list[list[dict[str, str]]]


class ReceivesForOut(Body):
    """What these roles may receive for one purpose, at most."""

    purpose: str
    roles: list[str]
    sections: list[ReceivedTypeOut]


class ReceivesOut(Body):
    """What a partner may receive under the agreement in force, at most: each time everybody concerned must say yes as well.

    `conditions` hold for all of it. What is not in it is not given. Conditions are sentences in Dutch and English.
    """

    organisation: str
    kind: str
    policy_digest: str
    conditions: list[dict[str, str]]
    items: list[ReceivesForOut]


class TermOut(Body):
    """A word of the agreement, with its label in Dutch and English."""

    id: str
    label: dict[str, str]
    explain: dict[str, str]


class SectionTermOut(TermOut):
    """A section type; with `sealedOnly` it comes in sealed by its sender and leaves sealed to its recipient, or not at all.

    With `expires` (ISO 8601) it needs a last day, at most so long after it was filled in; later it is given to nobody. With
    `signedOff` it leaves with who agrees with it, and who sees it differently.
    """

    sealed_only: bool
    expires: str | None = None
    signed_off: bool


class KindTermOut(TermOut):
    """A kind of handover: what one of it should hold and often holds, and to which roles it mostly goes.

    `consent` is for how long consent is asked (ISO 8601) when `consentUntil` is left out; without it that cannot be.
    """

    required: list[str]
    usual: list[str]
    recipients: list[str]
    consent: str | None = None


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
    handover_kinds: list[KindTermOut]


class PolicyOut(Body):
    """The agreement in force: its digest, and every file of it."""

    digest: str
    texts: dict[str, str]


class IndicatorOut(Body):
    """One number. Without a month, kind or region it is of all of them; with `own` it is of your own part.

    Without a value it stays hidden.
    """

    indicator: str
    measure: str
    month: str | None = None
    kind: str | None = None
    region: str | None = None
    own: bool
    value: int | None = None


class IndicatorsOut(Body):
    """The numbers of a quarter, and which quarters are there, the latest first; none is there yet without `quarter`."""

    quarter: str | None = None
    quarters: list[str]
    items: list[IndicatorOut]
