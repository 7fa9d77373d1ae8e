"""What one signer said to one sender, cell by cell, put together so that a person can oversee and stop it."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from broker.domain.calendar import still_in
from broker.domain.consents import SUPPORT, Cell, ConsentRecord, Stance, standing_at_most
from broker.domain.parties import Authority, Oin, PersonId, Recipient
from broker.domain.signers import required_signers
from broker.domain.stores import UnitOfWork
from broker.domain.vocabulary import Vocabulary
from broker.errors import NotFound, Words
from broker.services.house import House
from broker.services.screens import Mine, ReadLine, SaidGroup, SaidLine, Weight


@dataclass(frozen=True, slots=True)
class _Line:
    section_type: str
    stance: Stance
    until: date
    record: ConsentRecord
    lapsed: bool = False
    """A yes within its period, under an authority that changed since: facts stated later may bring it back."""


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients about whom exactly the same was said for one purpose."""

    recipients: tuple[Recipient, ...]
    purpose: str
    lines: tuple[_Line, ...]

    @property
    def id(self) -> str:
        """Stable for the same recipients and purpose; says nothing."""
        text = "|".join([self.purpose, *(f"{r.organisation}/{r.role}" for r in self.recipients)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def alone(self, recipient: Recipient) -> "Group":
        """What was said about one of them."""
        return replace(self, recipients=(recipient,))

    def given(self, section_types: Sequence[str]) -> Iterator[tuple[str, Stance, ConsentRecord]]:
        """Every yes among these types that can be stopped, with where it stands and its record."""
        for line in self.lines:
            if line.section_type in section_types and (line.stance is Stance.GIVEN or line.lapsed):
                yield line.section_type, line.stance, line.record


@dataclass(frozen=True, slots=True)
class Weights:
    """For whom one signer has a say now, and who of those they spoke for decides alone now."""

    counting: frozenset[PersonId]
    alone: frozenset[PersonId]

    def of(self, record: ConsentRecord, stance: Stance) -> Weight:
        """What an answer weighs. An opinion stays one; who has a say since must answer anew."""
        person = record.scope.person
        if record.capacity == SUPPORT and person not in self.counting:
            return "support"
        if record.capacity == SUPPORT or stance is Stance.NEEDS_NEW:
            return "changed"
        if person in self.counting:
            return "counts"
        return "alone" if person in self.alone else "changed"


@dataclass(frozen=True, slots=True)
class SaidBy:
    """Everything that one signer said to one sender, with the names and partners to show it by."""

    signer: PersonId
    sender: Oin
    groups: tuple[Group, ...]
    names: dict[PersonId, str]
    partners: dict[Oin, str]
    weights: Weights
    vocabulary: Vocabulary

    def group(self, group_id: str) -> Group:
        """The group with that id, or one recipient of a group alone. Raises NotFound.

        An id of one recipient stays good when what was said about the others changes.
        """
        for group in self.groups:
            for one in (group, *(group.alone(recipient) for recipient in group.recipients)):
                if one.id == group_id:
                    return one
        raise NotFound

    def screen(self, readings: tuple[ReadLine, ...], *, messages: bool, asked_no_more: bool) -> Mine:
        """The page."""
        return Mine(
            name=self.names.get(self.signer, ""),
            sender=self.partners.get(self.sender, ""),
            groups=tuple(self._group_screen(group) for group in self.groups),
            readings=readings,
            messages=messages,
            asked_no_more=asked_no_more,
        )

    def _group_screen(self, group: Group) -> SaidGroup:
        merged: dict[tuple[str, Stance, date, Weight, bool], list[str]] = {}
        for line in group.lines:
            person, weight = line.record.scope.person, self.weights.of(line.record, line.stance)
            key = (line.section_type, line.stance, line.until, weight, line.lapsed)
            merged.setdefault(key, []).append(self.names.get(person, ""))
        label = self.vocabulary.label
        lines = tuple(
            SaidLine(section_type, label(section_type), stance, tuple(names), until, weight, lapsed=lapsed)
            for (section_type, stance, until, weight, lapsed), names in merged.items()
        )
        return SaidGroup(
            id=group.id,
            sender=self.partners.get(self.sender, ""),
            recipients=tuple(recipient_words(r, self.partners, self.vocabulary) for r in group.recipients),
            purpose=self.vocabulary.label(group.purpose),
            lines=lines,
            alone=tuple(group.alone(recipient).id for recipient in group.recipients),
            own=group.purpose in self.vocabulary.family_purposes,
        )


def recipient_words(recipient: Recipient, partners: Mapping[Oin, str], vocabulary: Vocabulary) -> Words:
    """A recipient in words."""
    role, name = vocabulary.label(recipient.role), partners.get(recipient.organisation, "")
    return role.each(lambda label: f"{name} ({label})")


async def said(work: UnitOfWork, house: House, signer: PersonId, sender: Oin, now: datetime) -> SaidBy:
    """Gather it."""
    records = await work.consents.said_by(signer, sender)
    persons = {record.scope.person for record in records}
    weights, authorities = await weights_of(work, house, signer, persons, now)
    vocabulary = house.agreement().vocabulary
    return SaidBy(
        signer=signer,
        sender=sender,
        groups=_groups(records, signer, authorities, weights, now, vocabulary.family_purposes),
        names=dict(await work.persons.names(persons | {signer}, sender)),
        partners={o.oin: o.name for o in await work.organisations.all()},
        weights=weights,
        vocabulary=vocabulary,
    )


async def weights_of(
    work: UnitOfWork, house: House, signer: PersonId, persons: Collection[PersonId], now: datetime
) -> tuple[Weights, tuple[Authority, ...]]:
    """What this signer's answers about these people weigh now, and the authorities over them."""
    people, authorities = await work.authorities.facts(frozenset(persons))
    table = house.agreement().signers
    needed = {person: required_signers(people[person], authorities, table, now).signers for person in persons}
    counting = frozenset(person for person in persons if signer in needed[person])
    return Weights(counting, frozenset(person for person in persons if needed[person] == {person})), authorities


def _groups(
    records: Sequence[ConsentRecord],
    signer: PersonId,
    authorities: Sequence[Authority],
    weights: Weights,
    now: datetime,
    own: Collection[str],
) -> tuple[Group, ...]:
    cells: dict[Cell, None] = {cell: None for record in records for cell in record.scope.cells()}
    by_recipient: dict[tuple[str, Recipient], list[_Line]] = {}
    for cell in cells:
        where = standing_at_most(records, signer, cell, authorities, now, own)
        if where.record is not None:
            opinion = weights.of(where.record, where.stance) == "support"
            stance = where.record.state if opinion else where.stance
            until, yes = (
                where.record.scope.until,
                where.record.state is Stance.GIVEN and where.record.capacity != SUPPORT,
            )
            lapsed = stance is Stance.NEEDS_NEW and yes and still_in(until, now)
            line = _Line(cell.section_type, stance, until, where.record, lapsed)
            by_recipient.setdefault((cell.purpose, Recipient(cell.organisation, cell.role)), []).append(line)
    alike: dict[tuple[str, tuple[_Line, ...]], list[Recipient]] = {}
    for (purpose, recipient), lines in by_recipient.items():
        alike.setdefault((purpose, tuple(lines)), []).append(recipient)
    return tuple(Group(tuple(recipients), purpose, lines) for (purpose, lines), recipients in alike.items())


async def read_by(work: UnitOfWork, house: House, everything: SaidBy, now: datetime) -> tuple[ReadLine, ...]:
    """Who read what about the signer, and about those for whom the signer decides now; nothing shielded from them.

    Each release is a line of its own, also where several left at one moment; about several people it is one, as far as the
    same was read about each.
    """
    found = []
    for person in sorted(everything.weights.counting | {everything.signer}):
        found += list(await work.releases.of_person(person, everything.sender, everything.signer))
    label = everything.vocabulary.label
    lines = {
        (d.entry, d.types): ReadLine(
            d.at,
            everything.partners.get(d.organisation, ""),
            label(d.role),
            tuple(label(t) for t in d.types),
            d.corrected,
        )
        for d in sorted(found, key=lambda d: d.at, reverse=True)
    }
    return tuple(lines.values())
