"""A push that is only tried: who could read what, who would be asked, and what misses; nothing of it is kept.

1. Everything rests on the body alone, and on what every partner may know (the agreement, the directory). What others
   stated about these people is neither read nor compared: an answer that depended on it would tell that it is there.
2. It is checked as a push is, sealed sections too; they are encrypted in memory and forgotten.
3. It reads, and writes nothing: no row, no log entry. Nothing was disclosed, and nothing about anybody was kept.

So a push may come out stricter than its dry run, never wider: others may know of another holder of authority.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from broker.domain.completeness import Completeness, completeness_of
from broker.domain.consents import EvidenceLevel
from broker.domain.drafts import Draft, DraftPerson
from broker.domain.handovers import Handover, Section
from broker.domain.notices import asked_of
from broker.domain.parties import Authority, Inability, Oin, Organisation, Person, PersonId, Recipient
from broker.domain.ports import AgreementInForce
from broker.domain.releases import Situation, policy_question
from broker.domain.signers import Gap, required_signers
from broker.domain.stores import UnitOfWork
from broker.errors import Words
from broker.services.house import House
from broker.services.intake import sealed_handover


class Misses(StrEnum):
    """Why something would not leave, though nothing is wrong with the body."""

    NOT_AGREED = "not-in-agreement"
    STRONGER = "stronger-evidence-needed"
    SEALED_ONLY = "sealed-only"
    NOBODY_READS = "nobody-may-read"
    NO_AUTHORITY = "no-authority-stated"
    HOLDER_UNABLE = "holder-of-authority-unable"
    REVIEW_OVERDUE = "inability-review-overdue"
    SHIELDED = "signer-shielded"
    NO_CONTACT = "no-contact"


@dataclass(frozen=True, slots=True)
class Reader:
    """One recipient of one section: whether they could read it once everybody said yes; if not, why."""

    organisation: Oin
    role: str
    could_read: bool
    misses: Misses | None = None


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """One section, in the order of the body. `misses` holds what keeps it closed to all, whatever anybody answers."""

    type: str
    concerns: tuple[str, ...] = field(repr=False)
    readers: tuple[Reader, ...]
    misses: tuple[Misses, ...]


@dataclass(frozen=True, slots=True)
class AskedPlan:
    """Somebody who would be asked, by the sender's own keys: about which section types, for whom, and as what."""

    person: str = field(repr=False)
    sections: tuple[str, ...]
    persons: tuple[str, ...] = field(repr=False)
    support: bool
    misses: tuple[Misses, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a push of this body would come to, by the agreement of that digest."""

    policy_digest: str
    sections: tuple[SectionPlan, ...]
    asked: tuple[AskedPlan, ...]
    completeness: Completeness


_GAPS = {
    Gap.NO_AUTHORITY: Misses.NO_AUTHORITY,
    Gap.HOLDER_UNABLE: Misses.HOLDER_UNABLE,
    Gap.REVIEW_OVERDUE: Misses.REVIEW_OVERDUE,
}
"""What a body alone can leave open; the other gaps come from what others stated, or from what happened later."""


async def dry_run(work: UnitOfWork, house: House, sender: Oin, draft: Draft, now: datetime) -> DryRun:
    """Try it. Raises Invalid as a push would, for what does not fit when it is sealed."""
    agreement = await house.agreements.within(work)
    keys = {person.key: PersonId(person.key) for person in draft.people}  # 1
    handover, _ = await sealed_handover(house, sender, draft, keys)  # 2
    partners = {str(partner.oin): partner for partner in await work.organisations.all()}
    stated = _Stated(handover, partners, draft, agreement, now)
    return DryRun(
        agreement.digest,
        tuple(map(stated.section, handover.sections)),
        tuple(stated.asked()),
        completeness_of(handover, agreement.vocabulary),
    )


class _Stated:
    """The facts of one body, as if nobody had ever stated anything else."""

    def __init__(
        self,
        handover: Handover,
        partners: Mapping[str, Organisation],
        draft: Draft,
        agreement: AgreementInForce,
        now: datetime,
    ) -> None:
        self._handover, self._partners, self._draft = handover, partners, draft
        self._agreement, self._now = agreement, now
        self._people = {PersonId(person.key): _person(person) for person in draft.people}
        able = {person.key: person.inability is None for person in draft.people}
        self._authorities = tuple(
            Authority(PersonId(a.holder), PersonId(a.over), a.kind, a.since, a.until, able[a.holder])
            for a in draft.authorities
        )

    def section(self, section: Section) -> SectionPlan:
        """Who could read it, and what would keep it closed."""
        readers = tuple(self._reader(section, recipient) for recipient in self._handover.recipients)
        misses = dict.fromkeys(self._closed(section))
        if not any(reader.could_read for reader in readers):
            misses[Misses.NOBODY_READS] = None
        return SectionPlan(section.type, tuple(sorted(section.concerns)), readers, tuple(misses))

    def _reader(self, section: Section, recipient: Recipient) -> Reader:
        situation = self._situation(recipient)
        handover = self._handover
        question = policy_question(situation, section, recipient.role, handover.purpose, (), self._now)
        by_code = self._agreement.decide(replace(question, evidence=EvidenceLevel.CODE))
        surest = self._agreement.decide(replace(question, evidence=max(EvidenceLevel)))
        misses = None
        if not surest.permitted and not by_code.permitted:
            misses = Misses.NOT_AGREED
        elif not by_code.permitted:
            misses = Misses.STRONGER
        elif section.type in situation.unsealable:
            misses = Misses.SEALED_ONLY
        return Reader(recipient.organisation, recipient.role, misses in (None, Misses.STRONGER), misses)

    def _situation(self, recipient: Recipient) -> Situation:
        nobody = Organisation(recipient.organisation, "", "", suspended=True)
        return Situation(
            handover=self._handover,
            sender=self._partners.get(self._handover.sender, nobody),
            recipient=self._partners.get(recipient.organisation, nobody),
            people=self._people,
            authorities=self._authorities,
            records=(),
            table=self._agreement.signers,
            sealed_only=self._agreement.vocabulary.sealed_only,
            expiring=self._agreement.vocabulary.expiring,
        )

    def _closed(self, section: Section) -> list[Misses]:
        """Why nobody's yes can open it."""
        found = []
        for person in sorted(section.concerns):
            required = required_signers(self._people[person], self._authorities, self._agreement.signers, self._now)
            if required.gap is not None:
                found.append(_GAPS[required.gap])
            if required.signers & section.shielded_from:
                found.append(Misses.SHIELDED)
        return found

    def asked(self) -> list[AskedPlan]:
        """Everybody whom this would be put to, by key."""
        plans = []
        reachable = {person.key for person in self._draft.people if person.contacts}
        for key in sorted(self._people):
            asked = asked_of(key, self._handover, self._people, self._authorities, self._agreement.signers, self._now)
            if asked:
                persons = sorted({person for one in asked for person in one.persons})
                support = all(set(one.persons) <= set(one.supported) for one in asked)
                misses = () if key in reachable else (Misses.NO_CONTACT,)
                plans.append(AskedPlan(key, tuple(one.section_type for one in asked), tuple(persons), support, misses))
        return plans


def _person(person: DraftPerson) -> Person:
    judged = Inability(person.inability.review) if person.inability else None
    return Person(PersonId(person.key), frozenset({person.birth}), frozenset({judged}))


SENTENCES: dict[Misses, Words] = {
    Misses.NOT_AGREED: Words(
        "De afspraken geven dit onderdeel niet aan deze rol voor dit doel. Laat de ontvanger weg, of kies een ander doel.",
        "The agreement does not give this section to this role for this purpose. Leave the recipient out, or choose another purpose.",
    ),
    Misses.STRONGER: Words(
        "Een ja met alleen een code is voor dit onderdeel niet genoeg. Vraag het gezin om een sterkere manier van antwoorden.",
        "A yes with a code alone is not enough for this section. Ask the family to answer in a stronger way.",
    ),
    Misses.SEALED_ONLY: Words(
        "Dit soort onderdeel gaat alleen verzegeld weg, en deze ontvanger heeft nog geen sleutel. Vraag die om er een aan te melden.",
        "This type of section only leaves sealed, and this recipient has no key yet. Ask them to register one.",
    ),
    Misses.NOBODY_READS: Words(
        "Niemand van de ontvangers kan dit onderdeel lezen. Stuur het niet mee, of kies een andere ontvanger.",
        "None of the recipients could read this section. Leave it out, or choose another recipient.",
    ),
    Misses.NO_AUTHORITY: Words(
        "Er is niemand genoemd met gezag over iemand over wie dit onderdeel gaat. Vul authorities aan.",
        "Nobody is stated to hold authority over somebody whom this section concerns. Complete authorities.",
    ),
    Misses.HOLDER_UNABLE: Words(
        "Iemand met gezag kan volgens u niet zelf beslissen. Zoek uit wie er dan tekent.",
        "Somebody who holds authority is unable to decide, as you state. Find out who signs then.",
    ),
    Misses.REVIEW_OVERDUE: Words(
        "Het oordeel dat iemand niet zelf kan beslissen is verlopen. Vraag om een nieuw oordeel.",
        "The judgment that somebody cannot decide is past its review. Ask for a new one.",
    ),
    Misses.SHIELDED: Words(
        "Wie ja moet zeggen, mag dit onderdeel volgens u niet zien. Dan blijft het dicht: gebruik een andere weg.",
        "Somebody who must say yes may not see this section, as you state. It then stays closed: use another way.",
    ),
    Misses.NO_CONTACT: Words(
        "Van deze persoon is geen telefoonnummer of e-mailadres genoemd, dus die kan niet antwoorden. Vul contacts aan.",
        "No telephone number or e-mail address of this person is stated, so they cannot answer. Complete contacts.",
    ),
}
"""What each means, and what to do."""
