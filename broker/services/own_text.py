"""The very text of what was written about somebody, for that person: a disclosure like any other, so it is logged first.

1. Who reads came in with code and one-time code, at a contact that nobody doubts; tries are counted.
2. The clock is read once. Handover and person are locked; the facts and the agreement in force are those of this moment.
3. `broker.domain.own_text` decides for each section. What is not theirs to read looks as if it were not there.
4. What its sender sealed so that we cannot read it is told as such, and is not shown.
5. That it was shown is logged and committed before the text is given: no log, no text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Content, Handover, Section, readable
from broker.domain.long_watch import CHECK_IN
from broker.domain.own_text import OwnText, family_text, own_text
from broker.domain.parties import Authority, Person, PersonId
from broker.domain.ports import AgreementInForce, SealedSection, place_of
from broker.domain.stores import Invitation, UnitOfWork
from broker.errors import Conflict, NotFound, Words
from broker.services.house import House, guarded
from broker.services.reactions import Reacting

AN_HOUR = 3600
MOST_IN_AN_HOUR = 20
"""How often one person can have a text shown."""
DEEPEST = 6
"""How far lists within lists are written out; what lies deeper is written as it stands."""


@dataclass(frozen=True, slots=True)
class OwnTextLine:
    """A text that the person may read, not opened yet. `asked`: it belongs to what this visit asks; `id` says nothing.

    `alone`: it is about them and nobody else.
    """

    id: str
    section_type: str
    label: Words
    day: date
    sealed: bool
    asked: bool
    alone: bool = True


@dataclass(frozen=True, slots=True)
class OwnTextScreen:
    """The text itself, plain, part by part, and from whom it comes: the sender, or (`own_words`) whoever reads it here.

    `part` is where to ask to correct it; empty when the person has no say in that.
    """

    label: Words
    sender: str
    texts: tuple[str, ...] = field(repr=False)
    alone: bool = True
    own_words: bool = False
    part: str = ""


@dataclass(frozen=True, slots=True)
class OwnPart:
    """The sections of one type in one handover that are somebody's own; sealed ones are only spoken of."""

    id: str
    handover: Handover
    since: datetime
    type: str
    sections: tuple[Section, ...]
    sealed: bool
    alone: bool


class OwnTexts(Reacting):
    """The use cases of a person who wants to read what was written about them."""

    async def own_texts(self, token: str) -> tuple[OwnTextLine, ...]:
        """What this person may read of this sender, without opening it; newest handover first."""
        house, now = self._house, self._house.clock()
        agreement = house.agreement()
        async with house.storage(writing=False) as work:
            _, invitation, _ = await self._verified(work, token)
            found = await own_parts(work, house, invitation, agreement, now)
        label = agreement.vocabulary.label
        return tuple(
            OwnTextLine(
                o.id, o.type, label(o.type), local_day(o.since), o.sealed, o.handover.id == invitation.handover, o.alone
            )
            for o in found
        )

    async def own_text(self, token: str, text_id: str) -> OwnTextScreen:
        """Show it: logged, committed, and then given.

        Raises NotFound for anything that is not theirs to read (any more), Conflict for what is sealed, TooMany past
        twenty in an hour, and Unavailable or Tampered when something does not work: then nothing is shown either.
        """
        house = self._house
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)  # 1
        await guarded(house, f"own-text:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()  # 2
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            agreement = await house.agreements.within(work)
            named = await _named(work, house, invitation, agreement, text_id, now)
            await work.handovers.get(named.handover.id, lock="shared")  # whoever erases it waits, or went first
            await work.authorities.hold({signer} | named.handover.concerned(), exclusively=False)
            own = await _named(work, house, invitation, agreement, text_id, now)  # 3
            boxes = await work.handovers.sealed(own.sections)
            texts = () if own.sealed else await house.aside(_opened, house, own, boxes)
            if not texts:
                raise Conflict(_SEALED, code="sealed-text")  # 4
            sender = await work.organisations.get(own.handover.sender)
            tag = part_tag(house, own)
            writable = {part.id async for part in self._parts(work, signer, invitation.sender, now)}
            await work.log.append(shown_to(own, signer, agreement.digest, now))
            await work.commit()  # 5
        house.log.kick()
        label = agreement.vocabulary.label(own.type)
        part, own_words = tag if tag in writable else "", own.type == CHECK_IN
        return OwnTextScreen(label, sender.name if sender else "", texts, own.alone, own_words, part)


def part_tag(house: House, own: OwnPart) -> str:
    """What the part is called that somebody may write about (`broker.services.reactions`); says nothing by itself."""
    return house.tags.tag("part", own.handover.id, own.type)[:32]


async def _named(
    work: UnitOfWork, house: House, invitation: Invitation, agreement: AgreementInForce, text_id: str, now: datetime
) -> OwnPart:
    for own in await own_parts(work, house, invitation, agreement, now):
        if own.id == text_id:
            return own
    raise NotFound


async def own_parts(
    work: UnitOfWork, house: House, invitation: Invitation, agreement: AgreementInForce, now: datetime
) -> tuple[OwnPart, ...]:
    """Everything of this sender that this person may read at `now`, or may know to be sealed."""
    signer = invitation.person
    if await work.matters.doubted({signer}):  # 1
        return ()
    found: list[OwnPart] = []
    for handover_id, since in await work.reactions.concerning(signer, invitation.sender):
        handover = await work.handovers.get(handover_id)
        # Who is asked about a family's own plan does not read it here.
        if handover is not None and handover.author is None:
            known = await work.authorities.facts(handover.concerned() | {signer})
            found += _of_handover(house, agreement, handover, since, signer, known, now)
    return tuple(found)


def _of_handover(
    house: House,
    agreement: AgreementInForce,
    handover: Handover,
    since: datetime,
    reader: PersonId,
    known: tuple[Mapping[PersonId, Person], Sequence[Authority]],
    now: datetime,
) -> Iterator[OwnPart]:
    by_type: dict[tuple[str, OwnText], list[Section]] = {}
    if reader not in known[0]:
        return
    words, table = agreement.vocabulary, agreement.signers
    for section in handover.sections:
        what = own_text(known[0][reader], handover, section, words, table, now)  # 3
        what = what or family_text(reader, handover, section, words, known, table, now)  # 3
        if what is not None:
            by_type.setdefault((section.type, what), []).append(section)
    for (section_type, what), sections in by_type.items():
        tag = house.tags.tag("own-text", handover.id, section_type)
        alone = all(section.concerns == {reader} for section in sections)
        yield OwnPart(tag[:32], handover, since, section_type, tuple(sections), what is OwnText.SEALED, alone)


def _opened(house: House, own: OwnPart, boxes: Mapping[Any, SealedSection]) -> tuple[str, ...]:
    """The plain texts; without those that do not open as what their sender said they are."""
    texts = []
    for section in own.sections:
        body = house.vault.open(place_of(own.handover, section), boxes[section.id]) if section.id in boxes else None
        if body is not None and readable(content := Content(section.media_type, body)):
            texts.append(plain_text(content))
    return tuple(texts)


def shown_to(own: OwnPart, reader: PersonId, digest: str, now: datetime) -> LogEvent:
    """That a text was shown to a person whom it is about, or who has a say about everybody in it."""
    about = frozenset[PersonId]().union(*(section.concerns for section in own.sections))
    subject = reader if about == {reader} else own.handover.subject
    return LogEvent(
        EventType.RELEASE_SHOWN,
        now,
        own.handover.sender,
        facts={"purpose": own.handover.purpose, "policy": digest},
        personal=(
            Personal(reader, "signer", reader),
            Personal(subject, "subject", subject),
            Personal(subject, "handover", own.handover.id),
            Personal(subject, "types", json.dumps([own.type])),
            *(Personal(person, "concerned", person) for person in sorted(about - {subject, reader})),
        ),
    )


def plain_text(content: Content) -> str:
    """What a section says, as text for people: JSON as lines; of a list, one line for each thing in it, without its names."""
    text = content.body.decode()
    return "\n".join(_lines(json.loads(text), 0)) if content.media_type == "application/json" else text


def _lines(value: Any, depth: int) -> Iterator[str]:
    if not isinstance(value, dict | list):
        yield _said(value)
        return
    if isinstance(value, list):
        for one in value:
            plain = not isinstance(one, dict | list) or not _nested(one) or depth >= DEEPEST
            yield from (["– " + _in_one(one)] if plain else _lines(one, depth + 1))
        return
    for name, one in value.items():
        if isinstance(one, dict | list) and one and depth < DEEPEST:
            if len(value) > 1:
                yield f"{name}:"
            yield from _lines(one, depth + 1)
        else:
            yield f"{name}: {_said(one)}"


def _nested(value: dict[str, Any] | list[Any]) -> bool:
    return any(isinstance(one, dict | list) for one in (value.values() if isinstance(value, dict) else value))


def _in_one(value: Any) -> str:
    """`2018 – 2024: lived with grandmother`, or all that it says after each other."""
    if not isinstance(value, dict) or _nested(value):
        return _said(value)
    period = " – ".join(_said(value[name]) for name in ("from", "until") if name in value)
    rest = ", ".join(_said(one) for name, one in value.items() if name not in ("from", "until"))
    return ": ".join(part for part in (period, rest) if part)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_SEALED = Words(
    "Deze tekst zit op slot. Wij kunnen hem niet openen. Vraag hem aan de organisatie die hem schreef.",
    "This text is sealed. We cannot open it. Ask the organisation that wrote it.",
)
