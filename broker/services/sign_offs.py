"""Who agrees with what was written together: a professional says it of what they received, and the sender reads all of it.

1. Only of a release of their own, and only of the very version that it held, by its digest: a word about another one is kept
   of nobody. What is asked about one handover is counted together with asking for it.
2. Under the handover's lock and those of a release: it is said while the section is open to them, or not at all. A
   correction, a withdrawal or a stop that committed first is seen.
3. What is said is signed, sealed, logged and committed together; the log holds no words. A refusal because it is not open is
   logged and committed as that of a release.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, Section, SectionId
from broker.domain.parties import Oin, Professional
from broker.domain.ports import AgreementInForce
from broker.domain.releases import ReleaseRequest
from broker.domain.retries import Attempt
from broker.domain.sign_offs import SignOff, SignOffId, check_room, digest_of_version, latest, next_serial, own_words
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, Invalid, NotAllowed, NotFound, Words
from broker.services.handovers import about
from broker.services.house import House
from broker.services.rates import check_asked
from broker.services.releasing import SignedOff, Weighed, log_refused, signed_off, weighed


@dataclass(frozen=True, slots=True)
class SectionSignOffs:
    """One section of the version in force, and what was said about it and about those before it."""

    type: str
    signed_off: SignedOff


@dataclass(frozen=True, slots=True)
class Kept:
    """What a party said, and the same as a signed statement, for that party to keep."""

    said: SignOff
    statement: str = field(repr=False)


class SignOffs:
    """The use cases of organisations: saying whether they agree, and reading who does."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def say(
        self, who: Professional, release: str, digest: str, text: str, attempt: Attempt | None = None, *, agrees: bool
    ) -> Kept:
        """Keep what a professional says of one section that they received; the same said again is kept once.

        Raises Invalid with every fault, NotFound for anybody else's release, Conflict for another version than the one in
        force, NotAllowed when the section is not open to them now, and RateLimited.
        """
        house, words, now = self._house, own_words(text, agrees=agrees), self._house.clock()
        async with house.storage() as work:
            received = await work.releases.received(release, who.id)  # 1
            if received is None:
                raise NotFound
            await check_asked(work, house, who.organisation, now, "handover", received[0])  # 1
            await work.commit()  # whatever becomes of it
        async with house.storage() as work:
            handover = await work.handovers.get(received[0], lock="exclusive")  # 2
            if handover is None or not handover.addressed_to(who.organisation, who.role):
                raise NotFound
            agreement = await house.agreements.within(work)
            if not handover.kept_at(now):
                await self._refuse(
                    work,
                    await weighed(work, handover, ReleaseRequest(who, handover.id, handover.purpose), agreement, now),
                )
            section = await _section(work, handover, received[1], digest, agreement)
            request = ReleaseRequest(who, handover.id, handover.purpose, (section.type,))
            found = await weighed(work, handover, request, agreement, now)
            if section not in [one.section for one in found.decision.permitted]:
                await self._refuse(work, found)
            earlier = await work.retries.begin(attempt, now) if attempt else None  # never of a refusal: it may open
            every = await work.sign_offs.of_handover(handover.id)
            said = SignOff(
                id=SignOffId(house.ids()),
                handover=handover.id,
                section=section.id,
                section_type=section.type,
                version=handover.version,
                digest=digest,
                persons=section.concerns,
                signer=who.id,
                organisation=who.organisation,
                role=who.role,
                agrees=agrees,
                text=words,
                at=now,
            )
            before = said_before(every, said, any_time=earlier is not None)
            if before is None:
                said = await keep(work, handover, said, every, who)  # 3
            if attempt and earlier is None:
                await work.retries.tie(attempt, handover.id)
            await work.commit()
        house.log.kick()
        return Kept(before or said, house.notary.sign_off(before or said))

    async def _refuse(self, work: UnitOfWork, found: Weighed) -> NoReturn:
        """It is not open, and that is logged."""  # 3
        await log_refused(work, self._house, found)
        await work.commit()
        self._house.log.kick()
        raise NotAllowed(_NOT_OPEN, code="sign-off-not-open")

    async def read(self, sender: Oin, handover_id: str) -> tuple[SectionSignOffs, ...]:
        """For each section of one's own handover of which parties say whether they agree; reading is logged. Raises NotFound."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            handover = await work.handovers.get(handover_id, lock="shared")  # whoever erases it waits, or went first
            if handover is None or handover.pushed_by != sender:
                raise NotFound
            there = handover.sections if handover.kept_at(now) else ()
            found = await signed_off(work, handover, there, await house.agreements.within(work))
            ids = [one.id for signed in found.values() for one in signed.said]
            listed = Personal(handover.subject, "signOffs", json.dumps(ids))
            await work.log.append(about(EventType.SIGN_OFF_READ, handover, now, listed))
            await work.commit()
        house.log.kick()
        return tuple(SectionSignOffs(one.type, found[one.id]) for one in handover.sections if one.id in found)


async def _section(
    work: UnitOfWork,
    handover: Handover,
    received: frozenset[SectionId],
    digest: str,
    agreement: AgreementInForce,
) -> Section:
    """The section of that digest, which was received and is in force."""
    there = [section for section in handover.sections if section.id in received]
    if not there:
        raise another_version()
    boxes = await work.handovers.sealed(there)
    for section in there:
        if digest_of_version(boxes[section.id].ciphertext) == digest:
            if section.type not in agreement.vocabulary.signed_off:
                raise Invalid.at("/digest", *_NOT_SIGNED_OFF)
            return section
    raise another_version()


def said_before(every: Sequence[SignOff], said: SignOff, *, any_time: bool = False) -> SignOff | None:
    """The party's last word about this version when it is the same; with `any_time`, also an earlier one."""
    mine = [one for one in every if one.party == said.party and one.section == said.section]
    for one in mine if any_time else latest(mine):
        if one.says_the_same(said):
            return one
    return None


async def keep(
    work: UnitOfWork, handover: Handover, said: SignOff, every: Sequence[SignOff], who: Professional | None = None
) -> SignOff:
    """Sign, store and log one; `every` is what was said about the handover before. The caller holds the party, and commits.

    Raises Conflict for who changed their mind about this version too often.
    """
    check_room(every, said)
    numbered = replace(said, serial=next_serial(every, said.party))
    await work.sign_offs.add(numbered)
    facts: Mapping[str, str] = {"purpose": handover.purpose, **(who.vouched if who else {})}
    speaks = (
        (Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role))
        if who
        else (Personal(said.signer, "signer", said.signer), Personal(said.signer, "capacity", said.role))
    )
    personal = (
        *speaks,
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        Personal(said.signer, "signOff", said.id),
        Personal(said.signer, "agrees", "yes" if said.agrees else "no"),
        Personal(handover.subject, "digest", said.digest),
        Personal(handover.subject, "section", said.section_type),
    )
    acting, other = (who.organisation, handover.sender) if who else (handover.sender, None)
    await work.log.append(LogEvent(EventType.SIGN_OFF_SAID, said.at, acting, other, facts, personal))
    return numbered


def another_version() -> Conflict:
    """What is told about any digest but that of a version in force which they received."""
    return Conflict(_ANOTHER, code="another-version")


_ANOTHER = Words(
    "Er is intussen een andere versie van deze tekst, of u hebt deze niet ontvangen. Er is niets bewaard. Vraag de tekst opnieuw "
    "op, lees hem, en zeg dan of u het eens bent.",
    "There is another version of this text now, or you did not receive this one. Nothing was kept. Ask for the text again, read "
    "it, then say whether you agree.",
)
_NOT_OPEN = Words(
    "Dit onderdeel staat nu niet voor u open. Er is niets bewaard. Vraag het opnieuw op: dan staat erbij waarom.",
    "This section is not open to you now. Nothing was kept. Ask for it again: that says why.",
)
_NOT_SIGNED_OFF = (
    "Van dit soort onderdeel zegt niemand of die het eens is. Kijk naar signedOff in /v1/vocabulary.",
    "Nobody says of this type of section whether they agree. See signedOff in /v1/vocabulary.",
)
