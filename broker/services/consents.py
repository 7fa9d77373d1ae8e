"""The family's answers: asked, given, refused, withdrawn; each a signed record, logged in the same unit of work.

1. The invitation, the handover and the signer's consents are locked, in that order; an invitation is answered once.
2. What is asked is worked out again from the facts of that moment, never taken from the form.
3. Each answer, for all recipients or for each, rests on the text that was shown when it was chosen; its digest goes
   into the record.
4. Records are signed, stored, logged and committed together; messages go out after that.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from broker.domain.consents import (
    SUPPORT,
    ConsentRecord,
    Event,
    EvidenceLevel,
    NoticeRef,
    RecordId,
    Scope,
    Stance,
    answered,
    standing,
)
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.fhir import MEDIA_TYPE, bundle_of
from broker.domain.handovers import HandoverState
from broker.domain.long_watch import CHECK_IN
from broker.domain.notices import Notice, asked_of, capacity
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import Lock, UnitOfWork
from broker.errors import Conflict, Invalid, NotFound, Words
from broker.services.check_ins import CheckIns
from broker.services.files import ProofFile
from broker.services.mine import SaidBy, read_by, recipient_words, said, weights_of
from broker.services.notices import compose_for
from broker.services.own_lifeline import OwnLifelines
from broker.services.own_plan import OwnPlans
from broker.services.own_report import OwnReports
from broker.services.own_sign_offs import SigningOff
from broker.services.own_tasks import OwnTasks
from broker.services.proving import proof_of_sharing
from broker.services.questionnaires import Choice, Questionnaire, Shown
from broker.services.questions import Chosen, Request, basis_of
from broker.services.receipts import Receipts, number_of, paper_of
from broker.services.recording import keep
from broker.services.screens import CareFile, Mine, ReceiptScreen, SaidLine, Weight


class Consents(CheckIns, OwnPlans, OwnLifelines, OwnTasks, OwnReports, SigningOff, Receipts):
    """The use cases of a family member."""

    async def questionnaire(self, token: str, language: str) -> Questionnaire:
        """The questions of this visit, with what was chosen so far. Raises Conflict when it was answered already."""
        async with self._house.storage(writing=False) as work:
            request = await self._request(work, token)
            return (await self._questionnaire(work, request, language))[1]

    async def _questionnaire(self, work: UnitOfWork, request: Request, language: str) -> tuple[Notice, Questionnaire]:
        partners = {o.oin: o.name for o in await work.organisations.all()}
        house, handover = self._house, request.handover
        told = await compose_for(
            work, house, partners, handover, request.signer, request.asked, language, child=request.child
        )
        names = await work.persons.names({request.signer}, handover.sender)
        questions = request.questionnaire(told, partners, house.agreement().vocabulary)
        return told.notice, replace(questions, name=names.get(request.signer, ""))

    async def _request(self, work: UnitOfWork, token: str, *, lock: bool = False) -> Request:
        now = self._house.clock()
        visit, invitation, signer = await self._verified(work, token, lock=lock)
        if invitation.answered:
            raise Conflict(_ANSWERED, code="already-answered")
        mode: Lock = "exclusive" if CHECK_IN in visit.state else "shared"
        handover = await work.handovers.get(invitation.handover, lock=mode if lock else "")  # 1
        if handover is None or not handover.asks(invitation.person, now) or invitation.answer_until <= now:
            raise Conflict(_NOT_ASKED_ANY_MORE, code="not-asked-any-more")
        if CHECK_IN in visit.state and handover.state is not HandoverState.ASKED:
            raise Conflict(_ANSWERED, code="already-answered")
        if lock:
            await work.authorities.hold({signer}, exclusively=True)  # 1
        people, authorities = await work.authorities.facts(handover.concerned())
        asked = asked_of(signer, handover, people, authorities, self._house.agreement().signers, now)  # 2
        basis = basis_of(handover, asked)
        if visit.state.setdefault("basis", basis) != basis:
            visit.state.update(basis=basis, answers={}, texts={})  # another text than was chosen on
        if not asked:
            raise Conflict(_NOT_ASKED_ANY_MORE, code="not-asked-any-more")
        return Request(visit, invitation, signer, handover, people, authorities, asked, now)

    async def choose(self, token: str, shown: Shown, choice: Choice, language: str) -> Questionnaire:
        """Remember a choice, with the text that it was made on; returns the questions as they are then. No consent yet.

        Raises NotFound for a question that is not there, Conflict unless it is about the very text that was shown, and
        Invalid unless a choice per recipient names each of them and nobody else.
        """
        async with self._house.storage() as work:
            request = await self._request(work, token, lock=True)
            notice, questions = await self._questionnaire(work, request, language)
            question = questions.shown(shown)
            keys = [recipient.key for recipient in question.recipients]
            each = dict.fromkeys(keys, choice) if isinstance(choice, str) else dict(choice)
            if each.keys() != set(keys) or not set(each.values()) <= {"yes", "no"}:
                raise Invalid.at(
                    "/recipients", "Kies ja of nee voor elke organisatie.", "Choose yes or no for each organisation."
                )
            request.choose(question.section_type, each, notice)  # 3
            await work.visits.save(request.visit)
            await work.commit()
        return questions.answered(question.position, each)

    async def confirm(self, token: str, language: str) -> str:
        """Turn the choices into signed records. Returns the receipt's id.

        Raises Conflict on a second use, or when not every question has an answer.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            request = await self._request(work, token, lock=True)  # 1, 2
            chosen = request.chosen()
            if any(asked.section_type not in chosen for asked in request.asked):
                raise Conflict(_NOT_COMPLETE, code="not-complete")
            texts = request.visit.state["texts"]
            for digest in {chosen[asked.section_type].digest for asked in request.asked}:
                await work.consents.keep_notice(digest, texts[digest]["language"], texts[digest]["text"], now)
            records = await self._records(work, request, chosen, texts, now)
            if request.handover.state is HandoverState.ASKED:
                yes = {to for one in chosen.values() for to, answer in one.answers.items() if answer == "yes"}
                await self._keep_check_in(work, request, now, shared=bool(yes))
            await work.invitations.use_up(request.invitation.id, now)
            receipt = await keep(work, house, request.signer, request.handover.sender, records, now)  # 4
            del request.visit.state["answers"], request.visit.state["texts"], request.visit.state["basis"]
            await work.visits.save(request.visit)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return receipt

    async def _records(
        self,
        work: UnitOfWork,
        request: Request,
        chosen: Mapping[str, Chosen],
        texts: Mapping[str, Any],
        now: datetime,
    ) -> tuple[ConsentRecord, ...]:
        before = await work.consents.said_by(request.signer, request.handover.sender)
        records: list[ConsentRecord] = []
        for person in sorted({person for asked in request.asked for person in asked.persons}):
            mine = [asked.section_type for asked in request.asked if person in asked.persons]
            for digest in sorted({chosen[section_type].digest for section_type in mine}):
                types = tuple(section_type for section_type in mine if chosen[section_type].digest == digest)
                template = self._template(request, person, NoticeRef(digest, texts[digest]["language"]), now)
                cells = tuple(replace(template.scope, section_types=types).cells())
                current = {
                    cell: standing(before, request.signer, cell, request.authorities, now).stance for cell in cells
                }
                records += answered(template, {cell: chosen[cell.section_type].event(cell) for cell in cells}, current)
        return tuple(replace(record, id=RecordId(self._house.ids())) for record in records)

    def _template(self, request: Request, person: PersonId, notice: NoticeRef, now: datetime) -> ConsentRecord:
        handover = request.handover
        supports = any(person in asked.supported for asked in request.asked)  # whoever else they are to this person
        return ConsentRecord(
            id=RecordId(""),
            signer=request.signer,
            capacity=SUPPORT if supports else capacity(request.signer, person, request.authorities, now),
            state=Stance.UNANSWERED,
            scope=Scope(handover.sender, handover.recipients, handover.purpose, (), person, handover.consent_until),
            notice=notice,
            evidence=EvidenceLevel.CODE,
            handover=handover.id,
            at=now,
        )

    async def receipt(self, token: str, receipt_id: str, language: str) -> ReceiptScreen:
        """The signer's own copy of what was said. Raises NotFound for anybody else's."""
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            document, records = await self._kept(work, receipt_id, signer, invitation.sender)
            persons = {r.scope.person for r in records}
            names = await work.persons.names(persons, invitation.sender)
            weights, _ = await weights_of(work, self._house, signer, persons, self._house.clock())
            partners = {o.oin: o.name for o in await work.organisations.all()}
            paper = await paper_of(work, self._house, signer, invitation.sender, records)
            sent_to = await self._sent_to(work, token, receipt_id)
        vocabulary = self._house.agreement().vocabulary
        first = records[0]
        words = {x: recipient_words(x, partners, vocabulary) for r in records for x in r.scope.recipients}
        lines = tuple(
            SaidLine(
                section_type=t,
                label=vocabulary.label(t),
                stance=r.state,
                persons=(names.get(r.scope.person, ""),),
                until=r.scope.until,
                weight=weights.of(r, r.state),
                recipients=() if set(r.scope.recipients) == set(words) else tuple(words[x] for x in r.scope.recipients),
            )
            for r in records
            for t in r.scope.section_types
        )
        return ReceiptScreen(
            id=receipt_id,
            at=first.at,
            sender=partners.get(first.scope.sender, ""),
            recipients=tuple(words.values()),
            purpose=vocabulary.label(first.scope.purpose),
            until=first.scope.until,
            lines=_together(lines),
            document=json.dumps({"receipt": document["receipt"]}, indent=1).encode(),
            number=number_of(receipt_id),
            pockets=paper.pockets,
            texts=paper.texts,
            sent_to=sent_to,
            own=first.scope.purpose in vocabulary.family_purposes,
        )

    async def _kept(
        self, work: UnitOfWork, receipt_id: str, signer: PersonId, sender: Oin
    ) -> tuple[Mapping[str, Any], list[ConsentRecord]]:
        kept = await work.receipts.get(receipt_id, signer, sender)
        if kept is None:
            raise NotFound
        document = json.loads(kept)
        return document, [self._house.notary.read(statement) for statement in document["records"]]

    async def care_file(self, token: str, receipt_id: str, language: str) -> CareFile:
        """The receipt for a care system, as it counts now: what was stopped since is not permitted in it.

        Raises NotFound for anybody else's.
        """
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            _, records = await self._kept(work, receipt_id, signer, invitation.sender)
            said = await work.consents.said_by(signer, invitation.sender)
            partners = {o.oin: o.name for o in await work.organisations.all()}
        vocabulary, say = self._house.agreement().vocabulary, self._house.phrases.words
        own = vocabulary.family_purposes
        bundle = bundle_of(records, said, now, partners, lambda word: say(vocabulary.label(word), language), own)
        return CareFile(records[0].at, MEDIA_TYPE, json.dumps(bundle, indent=1, ensure_ascii=False).encode())

    async def proof(self, token: str) -> ProofFile | None:
        """What was said to this sender and what was read, as a file that can be checked without us.

        None while something of it waits for its place in the log. Raises NotFound when there is nothing yet.
        """
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            return await proof_of_sharing(work, self._house, signer, invitation.sender, self._house.clock())

    async def mine(self, token: str, language: str) -> Mine:
        """Everything that the person said to this sender, and who read what."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            everything = await said(work, self._house, signer, invitation.sender, now)
            readings = await read_by(work, self._house, everything, now)
            muted = await work.mutes.among({signer}, invitation.sender)
            stopped = await work.long_watches.stops({signer}, invitation.sender)
        return everything.screen(readings, messages=not muted, asked_no_more=bool(stopped))

    async def withdraw(self, token: str, group_id: str, section_types: tuple[str, ...], language: str) -> str:
        """Stop what was given for these section types, to a group or to one recipient of it alone.

        Returns the receipt's id. Raises Conflict when nothing was given, NotFound when there is no such group.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            await work.authorities.hold({signer}, exclusively=True)  # 1
            everything = await said(work, house, signer, invitation.sender, now)
            records = self._withdrawals(everything, group_id, section_types, now)
            receipt = await keep(work, house, signer, invitation.sender, records, now)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return receipt

    async def want_messages(self, token: str, *, wanted: bool) -> None:
        """Turn messages about reading on or off, for this sender. Messages about one's own answers always come."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            if not await work.mutes.change(signer, invitation.sender, now, muted=not wanted):
                return
            personal = (Personal(signer, "signer", signer), Personal(signer, "messages", "on" if wanted else "off"))
            await work.log.append(LogEvent(EventType.MESSAGES_CHANGED, now, invitation.sender, personal=personal))
            await work.commit()
        house.log.kick()

    def _withdrawals(
        self, everything: SaidBy, group_id: str, section_types: tuple[str, ...], now: datetime
    ) -> tuple[ConsentRecord, ...]:
        by_record: dict[RecordId, tuple[ConsentRecord, Stance, list[str]]] = {}
        group = everything.group(group_id)
        for section_type, stance, record in group.given(section_types):
            types = by_record.setdefault(record.id, (record, stance, []))[2]
            if section_type not in types:
                types.append(section_type)
        if not by_record:
            raise Conflict(_NOTHING_GIVEN, code="nothing-to-withdraw")
        records: list[ConsentRecord] = []
        for record, stance, types in by_record.values():
            scope = replace(record.scope, recipients=group.recipients, section_types=tuple(types))
            cells = tuple(scope.cells())
            withdrawn, given = dict.fromkeys(cells, Event.WITHDRAW), dict.fromkeys(cells, stance)
            stopping = replace(record, at=now, scope=scope, evidence=EvidenceLevel.CODE, confirmation=None)
            records += answered(stopping, withdrawn, given)
        return tuple(replace(record, id=RecordId(self._house.ids())) for record in records)


def _together(lines: tuple[SaidLine, ...]) -> tuple[SaidLine, ...]:
    """One line per section type, stance, recipients and weight, with everybody it was said for; each type together."""
    order = list(dict.fromkeys(line.section_type for line in lines))
    merged: dict[tuple[str, Stance, tuple[Words, ...], Weight], SaidLine] = {}
    for line in sorted(lines, key=lambda line: order.index(line.section_type)):
        key = (line.section_type, line.stance, line.recipients, line.weight)
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
