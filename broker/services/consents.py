"""The family's answers: asked, given, refused, withdrawn; each a signed record, logged in the same unit of work.

1. The invitation and the signer's consents are locked; an invitation is answered once.
2. What is asked is worked out again from the facts of that moment, never taken from the form.
3. Each answer rests on the text that was shown when it was chosen; its digest goes into the record.
4. Records are signed, stored, logged and committed together; messages go out after that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from broker.domain.consents import (
    ConsentRecord,
    Event,
    EvidenceLevel,
    NoticeRef,
    RecordId,
    Scope,
    Stance,
    answered,
    cell_of,
    standing,
)
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover
from broker.domain.notices import Asked, Notice, asked_of, capacity
from broker.domain.parties import Authority, Oin, Person, PersonId, Recipient
from broker.domain.stores import Invitation, Message, UnitOfWork, Visit
from broker.errors import Conflict, Invalid, NotFound, Words
from broker.services.mine import SaidBy, read_by, said
from broker.services.notices import compose_for
from broker.services.reactions import Reacting
from broker.services.screens import Answer, Mine, Questionnaire, QuestionScreen, ReceiptScreen, SaidLine

EVENTS = {
    Stance.GIVEN: EventType.CONSENT_GIVEN,
    Stance.REFUSED: EventType.CONSENT_REFUSED,
    Stance.WITHDRAWN: EventType.CONSENT_WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class _Request:
    """What one signer is asked, with everything that it rests on."""

    visit: Visit
    invitation: Invitation
    signer: PersonId
    handover: Handover
    people: Mapping[PersonId, Person]
    authorities: tuple[Authority, ...]
    asked: tuple[Asked, ...]


class Consents(Reacting):
    """The use cases of a family member."""

    async def questionnaire(self, token: str, language: str) -> Questionnaire:
        """The questions of this visit, with what was chosen so far. Raises Conflict when it was answered already."""
        async with self._house.storage(writing=False) as work:
            request = await self._request(work, token)
            notice = await compose_for(work, self._house, request.handover, request.signer, request.asked, language)
            sender = await work.organisations.get(request.handover.sender)
        chosen = request.visit.state.get("answers", {})
        vocabulary = self._house.agreement().vocabulary
        screens = tuple(
            QuestionScreen(
                position=position,
                total=len(notice.questions),
                section_type=question.section_type,
                label=vocabulary.label(question.section_type),
                parts=question.parts,
                answer=chosen.get(question.section_type, {}).get("answer"),
            )
            for position, question in enumerate(notice.questions, 1)
        )
        return Questionnaire(sender.name if sender else "", request.handover.consent_until, screens)

    async def _request(self, work: UnitOfWork, token: str, *, lock: bool = False) -> _Request:
        now = self._house.clock()
        visit, invitation, signer = await self._verified(work, token, lock=lock)
        if invitation.answered:
            raise Conflict(_ANSWERED, code="already-answered")
        handover = await work.handovers.get(invitation.handover)
        if handover is None or not handover.kept_at(now) or invitation.answer_until <= now:
            raise Conflict(_NOT_ASKED_ANY_MORE, code="not-asked-any-more")
        if lock:
            await work.authorities.hold({signer}, exclusively=True)  # 1
        people, authorities = await work.authorities.facts(handover.concerned())
        asked = asked_of(signer, handover, people, authorities, self._house.agreement().signers, now)  # 2
        if not asked:
            raise Conflict(_NOT_ASKED_ANY_MORE, code="not-asked-any-more")
        return _Request(visit, invitation, signer, handover, people, authorities, asked)

    async def choose(self, token: str, section_type: str, answer: Answer, language: str) -> None:
        """Remember a choice, with the text that it was made on. No consent exists yet."""
        async with self._house.storage() as work:
            request = await self._request(work, token, lock=True)
            if section_type not in {asked.section_type for asked in request.asked}:
                raise Invalid.at("/question", "Deze vraag is er niet.", "There is no such question.")
            notice = await compose_for(work, self._house, request.handover, request.signer, request.asked, language)
            state = request.visit.state
            chosen = {"answer": answer, "digest": notice.ref.digest}
            state["answers"] = {**state.get("answers", {}), section_type: chosen}
            state["texts"] = _texts(state, notice)  # 3
            await work.visits.save(request.visit)
            await work.commit()

    async def confirm(self, token: str, language: str) -> str:
        """Turn the choices into signed records. Returns the receipt's id.

        Raises Conflict on a second use, or when not every question has an answer.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            request = await self._request(work, token, lock=True)  # 1, 2
            chosen = request.visit.state.get("answers", {})
            if any(asked.section_type not in chosen for asked in request.asked):
                raise Conflict(_NOT_COMPLETE, code="not-complete")
            texts = request.visit.state["texts"]
            for digest in {chosen[asked.section_type]["digest"] for asked in request.asked}:
                await work.consents.keep_notice(digest, texts[digest]["language"], texts[digest]["text"], now)
            records = await self._records(work, request, chosen, texts, now)
            await work.invitations.use_up(request.invitation.id, now)
            receipt = await self._keep(work, request.signer, request.handover.sender, records, now)  # 4
            del request.visit.state["answers"], request.visit.state["texts"]
            await work.visits.save(request.visit)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return receipt

    async def _records(
        self, work: UnitOfWork, request: _Request, chosen: Mapping[str, Any], texts: Mapping[str, Any], now: datetime
    ) -> tuple[ConsentRecord, ...]:
        before = await work.consents.said_by(request.signer, request.handover.sender)
        records: list[ConsentRecord] = []
        for person in sorted({person for asked in request.asked for person in asked.persons}):
            mine = [asked.section_type for asked in request.asked if person in asked.persons]
            for digest in sorted({chosen[section_type]["digest"] for section_type in mine}):
                types = [section_type for section_type in mine if chosen[section_type]["digest"] == digest]
                template = self._template(request, person, NoticeRef(digest, texts[digest]["language"]), now)
                current = {t: _stance(before, request, person, t, now) for t in types}
                said = [(t, Event.GIVE if chosen[t]["answer"] == "yes" else Event.REFUSE) for t in types]
                records += answered(template, said, current)
        return tuple(replace(record, id=RecordId(self._house.ids())) for record in records)

    def _template(self, request: _Request, person: PersonId, notice: NoticeRef, now: datetime) -> ConsentRecord:
        handover = request.handover
        return ConsentRecord(
            id=RecordId(""),
            signer=request.signer,
            capacity=capacity(request.signer, person, request.authorities, now),
            state=Stance.UNANSWERED,
            scope=Scope(handover.sender, handover.recipients, handover.purpose, (), person, handover.consent_until),
            notice=notice,
            evidence=EvidenceLevel.CODE,
            handover=handover.id,
            at=now,
        )

    async def _keep(
        self, work: UnitOfWork, signer: PersonId, sender: Oin, records: tuple[ConsentRecord, ...], now: datetime
    ) -> str:
        """Sign, store and log the records, keep the signer's receipt, and tell every contact known of the signer."""
        house, statements = self._house, []
        said_before = len(await work.consents.said_by(signer, sender))
        for serial, unnumbered in enumerate(records, said_before + 1):
            record = replace(unnumbered, serial=serial)
            statement = house.notary.sign(record)
            statements.append(statement)
            await work.consents.add(record, statement)
            await work.log.append(_logged(record))
        receipt = house.ids()
        texts = {r.notice.digest: await work.consents.notice(r.notice.digest) for r in records}
        document = {"v": 1, "id": receipt, "at": now.isoformat(), "records": statements, "notices": texts}
        kept = {"receipt": house.notary.receipt(document), "records": statements}
        await work.receipts.add(receipt, signer, sender, json.dumps(kept), now)
        claim, _ = await work.persons.claims(signer, sender)
        language = claim.language if claim and claim.language in house.agreement().notices else "nl"
        for contact in await work.persons.contacts(signer):
            text = _KEPT.in_language(language).format(address=house.public_url)
            await work.outbox.add(
                Message(contact.value, contact.channel, "answer-kept", language, text), house.ids(), now
            )
        return receipt

    async def receipt(self, token: str, receipt_id: str, language: str) -> ReceiptScreen:
        """The signer's own copy of what was said. Raises NotFound for anybody else's."""
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            kept = await work.receipts.get(receipt_id, signer, invitation.sender)
            if kept is None:
                raise NotFound
            document = json.loads(kept)
            records = [self._house.notary.read(statement) for statement in document["records"]]
            names = await work.persons.names({r.scope.person for r in records}, invitation.sender)
            partners = {o.oin: o.name for o in await work.organisations.all()}
        vocabulary = self._house.agreement().vocabulary
        first = records[0]
        lines = tuple(
            SaidLine(t, vocabulary.label(t), r.state, (names.get(r.scope.person, ""),), r.scope.until, counts=True)
            for r in records
            for t in r.scope.section_types
        )
        return ReceiptScreen(
            id=receipt_id,
            at=first.at,
            sender=partners.get(first.scope.sender, ""),
            recipients=tuple(_recipient_words(r, partners, vocabulary.label(r.role)) for r in first.scope.recipients),
            purpose=vocabulary.label(first.scope.purpose),
            until=first.scope.until,
            lines=_together(lines),
            document=json.dumps({"receipt": document["receipt"]}, indent=1).encode(),
        )

    async def mine(self, token: str, language: str) -> Mine:
        """Everything that the person said to this sender, and who read what."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            everything = await said(work, self._house, signer, invitation.sender, now)
            readings = await read_by(work, self._house, everything, now)
        return everything.screen(readings)

    async def withdraw(self, token: str, group_id: str, section_types: tuple[str, ...], language: str) -> str:
        """Stop what was given for these section types. Returns the receipt's id. Raises Conflict when nothing was given."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            await work.authorities.hold({signer}, exclusively=True)  # 1
            everything = await said(work, house, signer, invitation.sender, now)
            records = self._withdrawals(everything, group_id, section_types, now)
            receipt = await self._keep(work, signer, invitation.sender, records, now)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return receipt

    def _withdrawals(
        self, everything: SaidBy, group_id: str, section_types: tuple[str, ...], now: datetime
    ) -> tuple[ConsentRecord, ...]:
        by_record: dict[RecordId, tuple[ConsentRecord, list[str]]] = {}
        group = everything.group(group_id)
        for section_type, record in group.given(section_types):
            types = by_record.setdefault(record.id, (record, []))[1]
            if section_type not in types:
                types.append(section_type)
        if not by_record:
            raise Conflict(_NOTHING_GIVEN, code="nothing-to-withdraw")
        records: list[ConsentRecord] = []
        for record, types in by_record.values():
            template = replace(record, at=now, scope=replace(record.scope, recipients=group.recipients))
            records += answered(template, [(t, Event.WITHDRAW) for t in types], dict.fromkeys(types, Stance.GIVEN))
        return tuple(replace(record, id=RecordId(self._house.ids())) for record in records)


def _texts(state: Mapping[str, Any], notice: Notice) -> dict[str, Any]:
    shown = {"language": notice.language, "text": notice.text}
    return {**state.get("texts", {}), notice.ref.digest: shown}


def _stance(
    records: tuple[ConsentRecord, ...], request: _Request, person: PersonId, section_type: str, now: datetime
) -> Stance:
    section = next(s for s in request.handover.sections if s.type == section_type)
    stances = {
        standing(records, request.signer, cell_of(request.handover, recipient, section, person), now).stance
        for recipient in request.handover.recipients
    }
    return Stance.GIVEN if Stance.GIVEN in stances else min(stances)


def _logged(record: ConsentRecord) -> LogEvent:
    scope = record.scope
    personal = (
        Personal(record.signer, "signer", record.signer),
        Personal(scope.person, "subject", scope.person),
        Personal(record.signer, "record", record.id),
        Personal(record.signer, "types", json.dumps(list(scope.section_types))),
    )
    facts = {"purpose": scope.purpose, "evidence": record.evidence.name.lower()}
    return LogEvent(EVENTS[record.state], record.at, scope.sender, facts=facts, personal=personal)


def _recipient_words(recipient: Recipient, partners: Mapping[Oin, str], role: Words) -> Words:
    name = partners.get(recipient.organisation, "")
    return Words(f"{name} ({role.nl})", f"{name} ({role.en})")


def _together(lines: tuple[SaidLine, ...]) -> tuple[SaidLine, ...]:
    """One line per section type and stance, with everybody it was said for."""
    merged: dict[tuple[str, Stance], SaidLine] = {}
    for line in lines:
        key = (line.section_type, line.stance)
        before = merged[key].persons if key in merged else ()
        merged[key] = replace(line, persons=tuple(dict.fromkeys((*before, *line.persons))))
    return tuple(merged.values())


_ANSWERED = Words(
    "Je hebt deze vragen al beantwoord. Je kunt zien wat je zei, en stoppen.",
    "You have answered these questions already. You can see what you said, and stop.",
)
_NOT_ASKED_ANY_MORE = Words(
    "Deze vragen zijn niet meer nodig. Je hoeft niets te doen.",
    "These questions are no longer needed. You need not do anything.",
)
_NOT_COMPLETE = Words("Er is nog een vraag zonder antwoord.", "There is still a question without an answer.")
_NOTHING_GIVEN = Words("Hier valt niets te stoppen.", "There is nothing to stop here.")
_KEPT = Words(
    "Je antwoord is bewaard. Kijken of stoppen kan altijd op {address} met dezelfde code. "
    "Heb je niets geantwoord? Bel degene van wie je de code kreeg.",
    "Your answer is kept. You can always look or stop at {address} with the same code. "
    "Did you not answer? Call the person who gave you the code.",
)
