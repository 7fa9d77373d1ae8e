"""A decision is a permit or a denial with reasons; never a bool, never a bare string.

- What the recipient may hear (`Told`) is less than what the officer may (`Finding`, `Ruling`).
- `Ruling` is the agreement's word alone; `SectionDecision` is consent and agreement together.
"""

from dataclasses import dataclass
from enum import StrEnum

from broker.domain.consents import EvidenceLevel, RecordId, Stance
from broker.domain.handovers import Section
from broker.domain.parties import PersonId
from broker.domain.signers import Gap
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class PolicyQuestion:
    """Everything that the agreement can see of one section of one request. Hashable: it is its own memo key."""

    sender_kind: str
    recipient_kind: str
    role: str
    purpose: str
    handover_kind: str
    section_type: str
    age_band: str
    evidence: EvidenceLevel
    discussed_with_family: bool
    sender_basis: bool
    recipient_basis: bool
    concerns_others: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """The agreement's answer: `rules` are the ids that decided it, `digest` the SHA-256 of the whole set.

    `errors` counts rules that could not be evaluated; with any, `permitted` is false.
    """

    permitted: bool
    rules: tuple[str, ...]
    digest: str
    errors: int = 0


class Told(StrEnum):
    """What a recipient may hear. Refused, withdrawn, expired and unanswered are one and the same to them."""

    NO_CONSENT = "consent-not-complete"
    NOT_AGREED = "not-in-agreement"
    OTHER_PURPOSE = "other-purpose"
    NO_LONGER_KEPT = "no-longer-kept"
    NOT_THERE = "no-such-section"
    SEALED_ONLY = "sealed-only"
    EXPIRED = "expired"
    UNREADABLE = "not-readable"


TOLD: dict[Told, tuple[Words, Words]] = {
    Told.NO_CONSENT: (
        Words(
            "Niet iedereen die toestemming moet geven, heeft ja gezegd.",
            "Not everybody who must consent has said yes.",
        ),
        Words(
            "Praat met het gezin of met de afzender. Is een kind in gevaar? Bel Veilig Thuis: 0800-2000.",
            "Talk with the family or the sender. Is a child in danger? Call Veilig Thuis: 0800-2000.",
        ),
    ),
    Told.NOT_AGREED: (
        Words(
            "De afspraken tussen de organisaties geven dit onderdeel niet aan uw rol voor dit doel.",
            "The agreement between the organisations does not give this section to your role for this purpose.",
        ),
        Words(
            "Vraag alleen wat u nodig heeft. Vragen over de afspraken? Bel uw privacy officer.",
            "Ask only for what you need. Questions about the agreement? Call your privacy officer.",
        ),
    ),
    Told.OTHER_PURPOSE: (
        Words(
            "Deze overdracht is voor een ander doel gedeeld dan waarvoor u hem vraagt.",
            "This handover was shared for another purpose than the one you ask it for.",
        ),
        Words("Vraag opnieuw met het doel van de overdracht.", "Ask again with the purpose of the handover."),
    ),
    Told.NO_LONGER_KEPT: (
        Words("Deze overdracht wordt niet meer gedeeld.", "This handover is no longer shared."),
        Words("Neem contact op met de afzender.", "Contact the sender."),
    ),
    Told.SEALED_ONLY: (
        Words(
            "Dit soort onderdeel gaat alleen verzegeld weg, en uw organisatie heeft nog geen sleutel om het te openen.",
            "This type of section only leaves sealed, and your organisation has no key yet to open it with.",
        ),
        Words(
            "Laat uw softwareleverancier een sleutel maken en aanmelden: docs/sealed-sections.md.",
            "Have your software supplier make a key and register it: docs/sealed-sections.md.",
        ),
    ),
    Told.EXPIRED: (
        Words(
            "Dit onderdeel is te oud: de dag tot wanneer de afzender het liet gelden, is voorbij.",
            "This section is too old: the day until which its sender let it hold has passed.",
        ),
        Words(
            "Vraag de afzender of er een nieuwe is. Is een kind in gevaar? Bel Veilig Thuis: 0800-2000.",
            "Ask the sender whether there is a new one. Is a child in danger? Call Veilig Thuis: 0800-2000.",
        ),
    ),
    Told.UNREADABLE: (
        Words(
            "De afzender heeft dit onderdeel verzegeld, en wat erin zit is niet wat de afzender zegt dat het is.",
            "The sender sealed this section, and what is in it is not what the sender says it is.",
        ),
        Words("Vraag de afzender om een correctie.", "Ask the sender for a correction."),
    ),
    Told.NOT_THERE: (
        Words(
            "Dit onderdeel is er niet voor u: het zit niet in de overdracht, of de afspraken geven het niet aan uw rol.",
            "There is no such section for you: it is not in the handover, or the agreement does not give it to your role.",
        ),
        Words(
            "Vraag zonder lijst van onderdelen: dan ziet u alles wat er voor u is.",
            "Ask without a list of sections: you then see everything that is there for you.",
        ),
    ),
}
"""For each reason: what it is, and what to do next."""


@dataclass(frozen=True, slots=True)
class Finding:
    """For the officer: how one signer stood, for one person that the section concerns.

    `counts` is false for support: it is shown, and nothing rests on it.
    """

    person: PersonId
    signer: PersonId | None
    stance: Stance
    record: RecordId | None = None
    gap: Gap | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class SectionDecision:
    """Consent and agreement together, for one section. `told` is None exactly when it is permitted."""

    section: Section
    ruling: Ruling
    findings: tuple[Finding, ...]
    told: Told | None

    @property
    def permitted(self) -> bool:
        """Whether the section may leave."""
        return self.told is None
