"""What an organisation does with its handovers: push, look, invite, withdraw.

No method here can make a consent: an invitation only lets the person answer, after a one-time code that goes to the
person's own contact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from broker.domain.calendar import local_day
from broker.domain.drafts import Draft, faults_of
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverId, HandoverState, LegalBasis, Section, SectionId
from broker.domain.notices import asked_of
from broker.domain.parties import Authority, Oin, PersonId, Professional, Recipient
from broker.domain.ports import SealedSection, place_of
from broker.domain.signers import required_signers
from broker.domain.stores import AuthorityClaim, Invitation, Message, PersonClaim, Pushed, UnitOfWork
from broker.errors import Conflict, Fault, Invalid, NotFound, Words
from broker.services.facts import open_sections
from broker.services.house import House
from broker.services.reactions import disputed_sections

ANSWER_WITHIN = timedelta(days=30)
"""How long an invitation can be answered."""


@dataclass(frozen=True, slots=True)
class SectionState:
    """One section: whether it is open to any recipient, and for its sender alone whether the family disputes it."""

    type: str
    open: bool
    disputed: bool | None = None


@dataclass(frozen=True, slots=True)
class SignerState:
    """One person who is asked, by the sender's own key: whether they answered, never what."""

    person: str = field(repr=False)
    answered: bool
    can_be_reached: bool


@dataclass(frozen=True, slots=True)
class HandoverView:
    """A handover as its sender or a recipient may see it."""

    handover: Handover
    sections: tuple[SectionState, ...]
    signers: tuple[SignerState, ...]


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation. `code` is None when it went to the person's own contact."""

    id: str
    code: str | None = field(repr=False)
    link: str | None = field(repr=False)
    answer_until: datetime


class Handovers:
    """The use cases of a sender and the lists of a recipient."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def faults(self, body: Any) -> tuple[Fault, ...]:
        """Everything in a body that does not fit the agreement, the partners or itself."""
        async with self._house.storage(writing=False) as work:
            known = {str(o.oin): o.kind for o in await work.organisations.all() if not o.suspended}
        return tuple(faults_of(body, self._house.agreement().vocabulary, known, self.today()))

    def today(self) -> date:
        """The day that periods in a body count from."""
        return local_day(self._house.clock())

    async def push(self, sender: Oin, draft: Draft) -> HandoverView:
        """Keep a handover. The same body under the same reference answers as the first time; another is a Conflict."""
        house, now = self._house, self._house.clock()
        fingerprint = house.tags.tag("body", sender, draft.canonical)
        async with house.storage() as work:
            before = await work.handovers.by_reference(sender, draft.reference)
            if before is not None:
                if before[1] != fingerprint:
                    raise Conflict(_OTHER_BODY, code="reference-in-use")
                return await self._view(work, await _must(work, before[0]), now, for_sender=True)
            keys = await self._recognise(work, sender, draft, now)
            handover, sealed = self._seal(sender, draft, keys)
            await work.handovers.add(Pushed(handover, draft.reference, fingerprint, keys, sealed), now)
            await work.log.append(_about(EventType.HANDOVER_PUSHED, handover, now))
            view = await self._view(work, handover, now, for_sender=True)
            await work.commit()
        house.log.kick()
        return view

    async def _recognise(self, work: UnitOfWork, sender: Oin, draft: Draft, now: datetime) -> dict[str, PersonId]:
        keys: dict[str, PersonId] = {}
        for person in draft.people:
            new = PersonId(self._house.ids())
            known = await work.persons.recognise(sender, person.reference, person.identifiers, new)
            if known in keys.values():
                raise Invalid.at("/people", "Twee personen zijn dezelfde.", "Two of the people are one and the same.")
            claim = PersonClaim(person.name, person.birth, person.language)
            await work.persons.state(known, sender, claim, person.contacts, now)
            keys[person.key] = known
        claims = [
            AuthorityClaim(Authority(keys[a.holder], keys[a.over], a.kind, a.since, a.until), a.evidence)
            for a in draft.authorities
        ]
        await work.authorities.state(claims, sender, now)
        return keys

    def _seal(
        self, sender: Oin, draft: Draft, keys: Mapping[str, PersonId]
    ) -> tuple[Handover, dict[SectionId, SealedSection]]:
        house = self._house
        sections = tuple(
            Section(
                SectionId(house.ids()),
                part.type,
                frozenset(keys[key] for key in part.concerns),
                part.media_type,
                frozenset(keys[key] for key in part.shielded_from),
            )
            for part in draft.sections
        )
        handover = Handover(
            id=HandoverId(house.ids()),
            version=1,
            sender=sender,
            kind=draft.kind,
            purpose=draft.purpose,
            language=draft.language,
            subject=keys[draft.subject],
            recipients=draft.recipients,
            sections=sections,
            legal_basis=LegalBasis(draft.sender_basis, draft.recipient_basis),
            discussed_with_family=draft.discussed_with_family,
            consent_until=draft.consent_until,
            retain_until=draft.retain_until,
        )
        parts = zip(sections, draft.sections, strict=True)
        return handover, {s.id: house.vault.seal(place_of(handover, s), part.content) for s, part in parts}

    async def _view(self, work: UnitOfWork, handover: Handover, now: datetime, *, for_sender: bool) -> HandoverView:
        opened = await open_sections(work, handover, handover.recipients, self._house.agreement(), now)
        anywhere = frozenset[Section]().union(*opened.values())
        wrong = await disputed_sections(work, handover) if for_sender else None
        sections = tuple(
            SectionState(section.type, section in anywhere, None if wrong is None else section in wrong)
            for section in handover.sections
        )
        signers = await self._signers(work, handover, now) if for_sender else ()
        return HandoverView(handover, sections, signers)

    async def _signers(self, work: UnitOfWork, handover: Handover, now: datetime) -> tuple[SignerState, ...]:
        people, authorities = await work.authorities.facts(handover.concerned())
        table = self._house.agreement().signers
        required: set[PersonId] = set()
        for person in people.values():
            required |= required_signers(person, authorities, table, now).signers
        answered = await work.invitations.answered_by(handover.id)
        states = []
        for key, person_id in (await work.handovers.people(handover.id)).items():
            if person_id in required:
                _, contacts = await work.persons.claims(person_id, handover.sender)
                states.append(SignerState(key, person_id in answered, bool(contacts)))
        return tuple(sorted(states, key=lambda state: state.person))

    async def sent_one(self, sender: Oin, handover_id: str) -> HandoverView:
        """One of the sender's own. Raises NotFound for anybody else's."""
        async with self._house.storage(writing=False) as work:
            handover = await self._own(work, sender, handover_id)
            return await self._view(work, handover, self._house.clock(), for_sender=True)

    async def received_one(self, oin: Oin, role: str | None, handover_id: str) -> HandoverView:
        """What is open of a handover to this organisation (in one role). Raises NotFound when nothing is."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            handover = await work.handovers.get(handover_id)
            view = await self._open_to(work, handover, _mine(handover, oin, role), now) if handover else None
        if view is None:
            raise NotFound
        return view

    async def _open_to(
        self, work: UnitOfWork, handover: Handover, recipients: tuple[Recipient, ...], now: datetime
    ) -> HandoverView | None:
        opened = await open_sections(work, handover, recipients, self._house.agreement(), now)
        anywhere = frozenset[Section]().union(*opened.values())
        sections = tuple(SectionState(s.type, open=True) for s in handover.sections if s in anywhere)
        return HandoverView(handover, sections, ()) if sections else None

    async def sent(self, sender: Oin, before: str, limit: int) -> tuple[tuple[HandoverView, ...], str]:
        """A page of what this organisation pushed, newest first, and where the next page starts (empty: nowhere)."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            found = await work.lists.sent(sender, before, limit + 1)
            views = [await self._view(work, handover, now, for_sender=True) for handover in found[:limit]]
        return tuple(views), (found[limit - 1].id if len(found) > limit else "")

    async def received(
        self, oin: Oin, role: str | None, before: str, limit: int
    ) -> tuple[tuple[HandoverView, ...], str]:
        """A page of what at least one consent opens to this organisation (in one role), newest first.

        What is closed is passed over: it shortens no page, and no cursor names it.
        """
        now = self._house.clock()
        recipient = Recipient(oin, role) if role is not None else None
        views: list[HandoverView] = []
        async with self._house.storage(writing=False) as work:
            more = True
            while more and len(views) <= limit:
                found = await work.lists.addressed(recipient, oin, before, limit + 1)
                views += [
                    view
                    for handover in found
                    if (view := await self._open_to(work, handover, _mine(handover, oin, role), now))
                ]
                more = len(found) > limit
                before = found[-1].id if found else before
        page = tuple(views[:limit])
        return page, (page[-1].handover.id if len(views) > limit else "")

    async def search(self, who: Professional, system: str, value: str) -> tuple[HandoverView, ...]:
        """What is open to this professional about the person with that identifier. The search itself is logged."""
        now = self._house.clock()
        async with self._house.storage() as work:
            subject = await work.persons.by_identifier(system, value)
            found = await work.lists.about(subject, who.organisation, who.role) if subject else ()
            views = [
                view
                for handover in found
                if (view := await self._open_to(work, handover, (Recipient(who.organisation, who.role),), now))
            ]
            personal = [Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role)]
            if subject is not None:
                personal.append(Personal(subject, "subject", subject))
            event = LogEvent(EventType.SUBJECT_SEARCHED, now, who.organisation, personal=tuple(personal))
            await work.log.append(event)
            await work.commit()
        self._house.log.kick()
        return tuple(views)

    async def withdraw(self, sender: Oin, handover_id: str) -> None:
        """End a handover: its data keys and ciphertext are destroyed. Raises NotFound for anybody else's."""
        now = self._house.clock()
        async with self._house.storage() as work:
            handover = await self._own(work, sender, handover_id)
            if handover.state is HandoverState.WITHDRAWN:
                return
            await work.lists.withdraw(handover.id)
            await work.log.append(_about(EventType.HANDOVER_WITHDRAWN, handover, now))
            await work.commit()
        self._house.log.kick()

    async def invite(
        self, sender: Oin, handover_id: str, person_key: str, delivery: Literal["paper", "message"]
    ) -> Invited:
        """Make an invitation for one person: a code for the worker to hand over, or a message to the person itself.

        Raises NotFound for anybody else's handover, Invalid for an unknown key, Conflict when there is nothing to
        ask this person or no contact for the one-time code.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            handover = await self._own(work, sender, handover_id)
            person = (await work.handovers.people(handover.id)).get(person_key)
            if person is None:
                raise Invalid.at("/person", "Deze sleutel staat niet in de overdracht.", "No such key in the handover.")
            people, authorities = await work.authorities.facts(handover.concerned())
            if not handover.kept_at(now) or not asked_of(
                person, handover, people, authorities, house.agreement().signers, now
            ):
                raise Conflict(_NOTHING_TO_ASK, code="nothing-to-ask")
            claim, contacts = await work.persons.claims(person, sender)
            if claim is None or not contacts:
                raise Conflict(_NO_CONTACT, code="no-contact")
            code = house.codes.invitation()
            until = now + ANSWER_WITHIN
            invitation = Invitation(house.ids(), handover.id, sender, person, until, answered=False)
            await work.invitations.add(invitation, house.codes.normal(code), now)
            event = _about(EventType.INVITATION_MADE, handover, now, Personal(person, "invited", person))
            await work.log.append(event)
            link = f"{house.public_url}/#{code}"
            if delivery == "message":
                language = claim.language if claim.language in house.agreement().notices else "nl"
                text = _INVITATION.in_language(language).format(link=link, code=code)
                message = Message(contacts[0].value, contacts[0].channel, "invitation", language, text)
                await work.outbox.add(message, house.ids(), now)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        handed = delivery == "paper"
        return Invited(invitation.id, code if handed else None, link if handed else None, until)

    async def _own(self, work: UnitOfWork, sender: Oin, handover_id: str) -> Handover:
        handover = await work.handovers.get(handover_id)
        if handover is None or handover.sender != sender:
            raise NotFound
        return handover


def _mine(handover: Handover, oin: Oin, role: str | None) -> tuple[Recipient, ...]:
    return tuple(r for r in handover.recipients if r.organisation == oin and role in (None, r.role))


async def _must(work: UnitOfWork, handover_id: str) -> Handover:
    handover = await work.handovers.get(handover_id)
    if handover is None:
        raise NotFound
    return handover


def _about(event: EventType, handover: Handover, now: datetime, *more: Personal) -> LogEvent:
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        *more,
    )
    return LogEvent(event, now, handover.sender, facts={"purpose": handover.purpose}, personal=personal)


_OTHER_BODY = Words(
    "Onder deze referentie staat al een andere overdracht. Gebruik een nieuwe referentie.",
    "Another handover was pushed under this reference. Use a new reference.",
)
_NOTHING_TO_ASK = Words(
    "Deze persoon hoeft voor deze overdracht nu niets te beantwoorden.",
    "There is nothing to ask this person about this handover now.",
)
_NO_CONTACT = Words(
    "Van deze persoon is geen telefoonnummer of e-mailadres bekend; de eenmalige code kan nergens heen.",
    "No phone number or e-mail address of this person is known; the one-time code has nowhere to go.",
)
_INVITATION = Words(
    "Er is een vraag voor je: mag informatie gedeeld worden? Ga naar {link} of typ daar de code {code}.",
    "There is a question for you: may information be shared? Go to {link} or type the code {code} there.",
)
