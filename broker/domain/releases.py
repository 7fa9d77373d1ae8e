"""The decision on a release: one pure function in which consent and agreement both say yes, or nothing leaves.

1. The handover is still kept, addressed to this role, and asked for the purpose it was shared for.
2. The agreement permits the section, its own last day is not over (a type that must have one and has none is over), and
   what may only leave sealed can be sealed; an error has denied already.
3. Every person that the section concerns is covered: each required signer's latest answer is a current yes, and not
   one that rests on a contact that is in doubt, nor one from before an older copy of the database was put back: a stop
   that came after it may have been lost.

Nothing to decide on (no section, no person concerned, no signer) is a denial.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NewType

from broker.domain.consents import ConsentRecord, EvidenceLevel, Stance, Standing, cell_of, counting_for, latest_of
from broker.domain.decisions import Finding, PolicyQuestion, Ruling, SectionDecision, Told
from broker.domain.handovers import Handover, HandoverId, Section, SectionId
from broker.domain.parties import Authority, Organisation, Person, PersonId, Professional, Recipient
from broker.domain.passkeys import Enrolled
from broker.domain.signers import Gap, SignerTable, required_signers, youngest_band

ReleaseId = NewType("ReleaseId", str)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What a professional asks. `types` None means everything that is there for them."""

    professional: Professional
    handover: HandoverId
    purpose: str
    types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All facts of one instant that a decision rests on. Every record in it had its signature checked."""

    handover: Handover
    sender: Organisation
    recipient: Organisation
    people: Mapping[PersonId, Person]
    authorities: tuple[Authority, ...]
    records: tuple[ConsentRecord, ...]
    table: SignerTable
    doubted: frozenset[PersonId] = frozenset()
    """Whose contact is in doubt: a code that went there proves nothing, and neither does a passkey made with such a code."""
    statements: Mapping[PersonId, tuple[str, ...]] = field(default_factory=dict)
    """For everybody whose facts were read: a line for each statement that they come from."""
    sealed_only: frozenset[str] = frozenset()
    """Section types that leave sealed, or not at all."""
    expiring: frozenset[str] = frozenset()
    """Section types that leave only until a last day of their own."""
    passkeys: Mapping[PersonId, tuple[Enrolled, ...]] = field(default_factory=dict)
    """Whose device may have signed, and when it was in use. Who is not there has none."""
    restored: datetime | None = None
    """When an older copy of the database was put back: a yes from before it is not known to be the latest answer."""

    @property
    def unsealable(self) -> frozenset[str]:
        """The types that this recipient cannot get for want of a sealing key, whatever is in the handover."""
        return frozenset() if self.recipient.sealing_key else self.sealed_only


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """The decision per section that was asked for."""

    sections: tuple[SectionDecision, ...]

    @property
    def permitted(self) -> tuple[SectionDecision, ...]:
        """What may leave."""
        return tuple(s for s in self.sections if s.permitted)

    def without(self, sections: Collection[SectionId]) -> "ReleaseDecision":
        """The same decision, with these withheld because what is in them cannot be read."""
        return ReleaseDecision(
            tuple(replace(s, told=Told.UNREADABLE) if s.section.id in sections else s for s in self.sections)
        )

    @property
    def withheld(self) -> tuple[SectionDecision, ...]:
        """What may not."""
        return tuple(s for s in self.sections if not s.permitted)


def findings(situation: Situation, section: Section, recipient: Recipient, now: datetime) -> tuple[Finding, ...]:
    """How every required signer of every person concerned stands. Empty only when the section concerns nobody."""
    found: list[Finding] = []
    for person_id in sorted(section.concerns):
        person = situation.people.get(person_id) or Person(person_id, frozenset())
        required = required_signers(person, situation.authorities, situation.table, now)
        cell = cell_of(situation.handover, recipient, section, person_id)
        said = [record for record in situation.records if counting_for(record, cell, situation.handover)]
        if not required.complete:
            found.append(Finding(person_id, None, Stance.UNANSWERED, gap=required.gap))
        for signer in sorted(required.signers):
            where = latest_of(said, signer, situation.authorities, now)
            gap = Gap.CONTACT_DOUBTED if signer in situation.doubted and _by_code(where) else None
            gap = Gap.BEFORE_RESTORE if where.stance is Stance.GIVEN and precedes(where, situation.restored) else gap
            found.append(Finding(person_id, signer, where.stance, where.record.id if where.record else None, gap))
            if signer in section.shielded_from:
                found.append(Finding(person_id, None, Stance.UNANSWERED))
        found += _support(situation, said, person_id, required.signers)
    return tuple(found)


def _support(
    situation: Situation, said: Sequence[ConsentRecord], person: PersonId, required: frozenset[PersonId]
) -> list[Finding]:
    """What those said whom the sender asked without their having a say; those who do are asked as signers."""
    asked = sorted(s.supporter for s in situation.handover.supporters if s.person == person)
    mine = {r.signer: r for r in sorted(said, key=lambda r: r.serial)} if asked else {}
    return [
        Finding(person, supporter, mine[supporter].state, mine[supporter].id, counts=False)
        for supporter in asked
        if supporter in mine and supporter not in required
    ]


def consented(found: Sequence[Finding]) -> bool:
    """Whether somebody was asked and everybody who has a say said yes."""
    counted = [f for f in found if f.counts]
    return bool(counted) and all(f.stance is Stance.GIVEN and f.gap is None for f in counted)


def precedes(where: Standing, restored: datetime | None) -> bool:
    """Whether it was said before an older copy was put back: something said later may have been lost with it."""
    return restored is not None and where.record is not None and where.record.at <= restored


def _by_code(where: Standing) -> bool:
    """Whether it is a yes that began with a code to a contact: also by a passkey, for a code let it in."""
    return where.stance is Stance.GIVEN and (where.record is None or where.record.evidence < EvidenceLevel.OIDC)


def evidence_of(record: ConsentRecord, passkeys: Mapping[PersonId, Iterable[Enrolled]]) -> EvidenceLevel:
    """How sure a record is. One signed by a device that was not enrolled for its signer by then is no surer than a code."""
    if record.evidence is not EvidenceLevel.PASSKEY:
        return record.evidence
    signed = record.confirmation.fingerprint if record.confirmation else ""
    enrolled = any(one.signs_at(signed, record.at) for one in passkeys.get(record.signer, ()))
    return EvidenceLevel.PASSKEY if enrolled else EvidenceLevel.CODE


def weakest_evidence(situation: Situation, found: Sequence[Finding]) -> EvidenceLevel:
    """The lowest evidence among the records that say yes; none when nobody does."""
    levels = {record.id: evidence_of(record, situation.passkeys) for record in situation.records}
    given = [levels[f.record] for f in found if f.counts and f.stance is Stance.GIVEN and f.record is not None]
    return min(given, default=EvidenceLevel.NONE)


def policy_question(
    situation: Situation, section: Section, role: str, purpose: str, found: Sequence[Finding], now: datetime
) -> PolicyQuestion:
    """What is put to the agreement for one section."""
    handover = situation.handover
    subject = situation.people.get(handover.subject) or Person(handover.subject, frozenset())
    return PolicyQuestion(
        sender_kind=situation.sender.kind,
        recipient_kind=situation.recipient.kind,
        role=role,
        purpose=purpose,
        handover_kind=handover.kind,
        section_type=section.type,
        age_band=youngest_band(subject, situation.table, now),
        evidence=weakest_evidence(situation, found),
        discussed_with_family=handover.discussed_with_family,
        sender_basis=bool(handover.legal_basis.sender.strip()),
        recipient_basis=bool(handover.legal_basis.recipient.strip()),
        concerns_others=bool(section.concerns - {handover.subject}),
    )


def decide(
    request: ReleaseRequest,
    situation: Situation,
    found: Mapping[Section, Sequence[Finding]],
    rulings: Mapping[Section, Ruling],
    now: datetime,
) -> ReleaseDecision:
    """Decide for each section that was asked for. A section without findings or ruling is denied."""
    decisions: list[SectionDecision] = []
    whole = refusal(request, situation, now)  # 1
    for section in situation.handover.sections:
        if request.types is not None and section.type not in request.types:
            continue
        ruling, asked = rulings.get(section, Ruling(False, (), "")), tuple(found.get(section, ()))
        told = whole
        if told is None and (not ruling.permitted or ruling.errors):
            told = Told.NOT_AGREED  # 2
        elif told is None and section.type in situation.unsealable:
            told = Told.SEALED_ONLY  # 2
        elif told is None and section.over_at(now, must_expire=section.type in situation.expiring):
            told = Told.EXPIRED  # 2
        elif told is None and not consented(asked):
            told = Told.NO_CONSENT  # 3
        decisions.append(SectionDecision(section, ruling, asked, told))
    return ReleaseDecision(tuple(decisions))


def refusal(request: ReleaseRequest, situation: Situation, now: datetime) -> Told | None:
    """What refuses the whole handover, whatever is in it."""
    handover, who = situation.handover, request.professional
    if not handover.kept_at(now) or situation.sender.suspended or situation.recipient.suspended:
        return Told.NO_LONGER_KEPT
    if who.organisation != situation.recipient.oin or not handover.meant_for(who):
        return Told.NOT_THERE
    if request.purpose != handover.purpose:
        return Told.OTHER_PURPOSE
    return None
