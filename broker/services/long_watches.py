"""Long watches: a sender chooses how often a family is asked how things go; one broker, once an hour, asks.

1. Asked is who says yes or no for themselves and can be reached at a contact that nobody doubts: whoever else would be asked
   for nothing.
2. Each time is a handover of its own, without content and in the state `asked`: it releases nothing until its person
   answered and chose who reads it (`broker/services/check_ins.py`).
3. Each watch is gone on with in a unit of work of its own: whoever moves its moment asks, so that no two brokers do.
4. A question that nobody answered goes when the next one is asked, and when nobody is asked any more. The watch goes when its
   handover ends, and when the period of consent is over: nothing goes on by itself.
5. The sender sees whether somebody answered, never what, unless that person chose so.
6. Who is damaged is an alarm without a name in it, and is passed over; everybody else is asked all the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from broker.domain.calendar import local_day
from broker.domain.consents import EvidenceLevel
from broker.domain.erasure import Cause
from broker.domain.handovers import Handover, HandoverId, HandoverState, Section, SectionId
from broker.domain.long_watch import CHECK_IN, KIND, MEDIA_TYPE, LongWatch, next_moment
from broker.domain.notices import asked_of
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.ports import AgreementInForce, place_of
from broker.domain.releases import policy_question
from broker.domain.signers import required_signers
from broker.domain.stores import Pushed, UnitOfWork
from broker.errors import Conflict, Fault, Invalid, NotFound, PolicyFailed, Tampered, Words
from broker.services.check_ins import ASKED
from broker.services.erasure import close_questions
from broker.services.facts import situation_of
from broker.services.handovers import own
from broker.services.house import House
from broker.services.invitations import invitation_for, sent_to
from broker.services.rounds import every_hour, is_ours

AT_ONCE = 100
"""How many are read from the list of what is due at one time."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WatchedView:
    """Somebody who is asked, by the sender's own key: `waiting`, `asked`, `answered` the last time, or `stopped` by them."""

    person: str = field(repr=False)
    state: str
    asked: HandoverId | None


@dataclass(frozen=True, slots=True)
class WatchView:
    """A watch as its sender sees it."""

    every: str
    next_at: datetime
    people: tuple[WatchedView, ...]


class LongWatches:
    """The use cases of a sender, and the round of one broker."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def put(self, sender: Oin, handover_id: str, every: str, people: Collection[str]) -> WatchView:
        """Begin a watch or change it; the same again changes nothing.

        Raises NotFound for anybody else's handover, Invalid for people who cannot be asked, all at once, and Conflict
        when the handover is no longer kept or the agreement gives such answers to none of its recipients.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            handover = await own(work, sender, handover_id, lock=True)
            if not handover.kept_at(now) or handover.kind == KIND or _over(handover, now):
                raise Conflict(_OVER, code="nothing-to-ask")
            keys = await work.handovers.people(handover.id)
            if faults := await self._faults(work, handover, people, keys, now):
                raise Invalid(faults)
            agreement = await house.agreements.within(work)
            asking = [await self._asking(work, handover, keys[key], agreement, now) for key in people]
            if not all(asking):
                raise Conflict(_NOBODY_READS, code="nobody-may-read")
            before = await work.long_watches.get(handover.id)
            next_at = before.next_at if before and before.every == every else next_moment(every, now)
            watched = {keys[key] for key in people}
            await close_questions(work, house, handover.id, Cause.WITHDRAWN, now, but=watched)  # 4
            await work.long_watches.put(handover.id, every, next_at, watched)
            view = await self._view(work, handover)
            await work.commit()
        house.log.kick()
        return view

    async def get(self, sender: Oin, handover_id: str) -> WatchView:
        """The watch of a handover. Raises NotFound, also when there is none."""
        async with self._house.storage(writing=False) as work:
            return await self._view(work, await own(work, sender, handover_id))

    async def stop(self, sender: Oin, handover_id: str) -> None:
        """Nobody is asked any more, and what waits for an answer goes; what was answered stays.

        Raises NotFound for anybody else's handover.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            handover = await own(work, sender, handover_id, lock=True)
            await close_questions(work, house, handover.id, Cause.WITHDRAWN, now)  # 4
            await work.long_watches.put_out(handover.id)
            await work.commit()
        house.log.kick()

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("long_watches", self.round)

    async def round(self) -> int:
        """Ask whoever is due, unless another broker does so this hour. Returns how many were asked."""
        if not await is_ours(self._house, "long_watches", self._house.clock()):
            return 0
        return await self.ask_due()

    async def ask_due(self) -> int:
        """Ask whoever is due now. Returns how many were asked."""
        now, asked, more = self._house.clock(), 0, True
        while more:
            async with self._house.storage(writing=False) as work:
                due = await work.long_watches.due(now, AT_ONCE)
            for handover in due:
                asked += await self._go_on(handover, now)
            more = len(due) == AT_ONCE
        if asked:
            self._house.log.kick()
            self._house.outbox_kick()
        return asked

    async def _go_on(self, identity: HandoverId, now: datetime) -> int:
        async with self._house.storage() as work:
            handover, damaged = await self._held(work, identity)
            watch = await work.long_watches.get(identity)
            if watch is None or watch.next_at > now:  # somebody else was first
                return 0
            if not await work.long_watches.go_on(identity, watch.next_at, next_moment(watch.every, now)):
                return 0  # 3
            waits = damaged or await _suspended(work, handover)
            asked = 0 if waits else await self._ask(work, watch, handover, now)
            await work.commit()
        return asked

    async def _held(self, work: UnitOfWork, identity: HandoverId) -> tuple[Handover | None, bool]:
        """The handover, and whether it is damaged: that is an alarm without a name in it."""
        try:
            return await work.handovers.get(identity, lock="shared"), False
        except Tampered as error:
            _log.error("long-watches:damaged", code=error.code)
            return None, True

    async def _ask(self, work: UnitOfWork, watch: LongWatch, handover: Handover | None, now: datetime) -> int:
        await close_questions(work, self._house, watch.handover, Cause.WITHDRAWN, now)  # 4
        if handover is None or not handover.kept_at(now) or _over(handover, now):
            await work.long_watches.put_out(watch.handover)  # 4
            return 0
        agreement, asked = await self._house.agreements.within(work), 0
        named = set((await work.handovers.people(handover.id)).values())
        for one in watch.people:
            if one.stopped or one.person not in named:
                continue
            try:
                question = await self._asking(work, handover, one.person, agreement, now)
                asked += await self._put_to(work, question, handover, now) if question else 0
            except (Tampered, PolicyFailed) as error:  # 6
                _log.error("long-watches:damaged", code=error.code)
        return asked

    async def _asking(
        self, work: UnitOfWork, handover: Handover, person: PersonId, agreement: AgreementInForce, now: datetime
    ) -> Handover | None:
        """The question as a handover; None when the agreement lets nobody read the answer, or they do not sign now."""
        section = Section(SectionId(self._house.ids()), CHECK_IN, frozenset({person}), MEDIA_TYPE)
        question = replace(
            handover,
            id=HandoverId(self._house.ids()),
            version=1,
            kind=KIND,
            subject=person,
            sections=(section,),
            discussed_with_family=True,
            state=HandoverState.ASKED,
            supporters=frozenset(),
            urgency=None,
        )
        people, authorities = await work.authorities.facts({person})
        if person not in people or not asked_of(person, question, people, authorities, agreement.signers, now):
            return None
        readers = [to for to in handover.recipients if await self._may_read(work, question, to, agreement, now)]
        return replace(question, recipients=tuple(readers)) if readers else None

    async def _may_read(
        self, work: UnitOfWork, question: Handover, to: Recipient, agreement: AgreementInForce, now: datetime
    ) -> bool:
        """Whether the agreement gives it to them once everybody said yes with a code."""
        situation = await situation_of(work, question, to.organisation, agreement, now)
        [section] = question.sections
        asked = policy_question(situation, section, to.role, question.purpose, (), now)
        return agreement.decide(replace(asked, evidence=EvidenceLevel.CODE)).permitted

    async def _put_to(self, work: UnitOfWork, question: Handover, handover: Handover, now: datetime) -> int:
        house, person = self._house, question.subject
        claim, contacts = await work.persons.claims(person, question.sender)
        if claim is None or not contacts or await work.matters.doubted({person}):  # 1
            return 0
        people, authorities = await work.authorities.facts({person})
        table = house.agreement().signers
        keys = {
            key: one
            for key, one in (await work.handovers.people(handover.id)).items()
            if one == person or asked_of(one, question, people, authorities, table, now)
        }
        [section] = question.sections
        reference = f"{CHECK_IN}:{question.id}"
        box = await house.aside(house.vault.seal, place_of(question, section), reference, b"{}")
        fingerprint = house.tags.tag("body", question.sender, question.id)
        await work.handovers.add(Pushed(question, reference, fingerprint, keys, {section.id: box}), now)  # 2
        invited = await invitation_for(work, house, question, person, house.language_of(claim), now)
        await sent_to(work, house, question, invited, contacts[:1], ASKED, now, kind=CHECK_IN)
        await work.long_watches.ask(handover.id, person, question.id)
        return 1

    async def _faults(
        self,
        work: UnitOfWork,
        handover: Handover,
        people: Collection[str],
        keys: Mapping[str, PersonId],
        now: datetime,
    ) -> Sequence[Fault]:
        known, authorities = await work.authorities.facts(frozenset(keys.values()))
        table, faults = self._house.agreement().signers, []
        for position, key in enumerate(people):
            person = keys.get(key)
            if person is None:
                faults.append(Fault(f"/people/{position}", _NO_SUCH_KEY))
                continue
            if person not in known or person not in required_signers(known[person], authorities, table, now).signers:
                faults.append(Fault(f"/people/{position}", _TOO_YOUNG))  # 1
            elif not (await work.persons.claims(person, handover.sender))[1]:
                faults.append(Fault(f"/people/{position}", _NO_CONTACT))
        return faults

    async def _view(self, work: UnitOfWork, handover: Handover) -> WatchView:
        watch = await work.long_watches.get(handover.id)
        if watch is None or not watch.people:
            raise NotFound
        keys = {person: key for key, person in (await work.handovers.people(handover.id)).items()}
        people = (WatchedView(keys[one.person], one.state, one.asked) for one in watch.people if one.person in keys)
        return WatchView(watch.every, watch.next_at, tuple(sorted(people, key=lambda one: one.person)))


async def _suspended(work: UnitOfWork, handover: Handover | None) -> bool:
    """Whether an officer suspended it, or its sender takes no part now: then this time is passed over."""
    if handover is None:
        return False
    sender = await work.organisations.get(handover.sender)
    return handover.state is HandoverState.SUSPENDED or sender is None or sender.suspended


def _over(handover: Handover, now: datetime) -> bool:
    """Whether the period is over for which consent was asked."""
    return local_day(now) > handover.consent_until


_OVER = Words(
    "Bij deze overdracht kan niemand meer iets gevraagd worden. Stuur een nieuwe.",
    "Nobody can be asked anything with this handover any more. Push a new one.",
)
_NOBODY_READS = Words(
    "De afspraken geven het antwoord aan geen van de ontvangers, voor dit doel. Kies een ander doel of andere ontvangers.",
    "The agreement gives the answer to none of the recipients, for this purpose. Choose another purpose or other recipients.",
)
_NO_SUCH_KEY = Words("Deze sleutel staat niet in de overdracht.", "No such key in the handover.")
_TOO_YOUNG = Words(
    "Deze persoon zegt niet zelf ja of nee. Vraag het aan een ouder.",
    "This person does not say yes or no themselves. Ask a parent.",
)
_NO_CONTACT = Words(
    "Van deze persoon is geen telefoonnummer of e-mailadres bekend.",
    "No phone number or e-mail address of this person is known.",
)
