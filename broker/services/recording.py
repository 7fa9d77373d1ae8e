"""What a signer said becomes signed records: stored, logged, receipted and told, all in the caller's unit of work."""

import json
from dataclasses import replace
from datetime import datetime

from broker.domain.consents import ConsentRecord, Stance
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import Message, UnitOfWork
from broker.errors import Words
from broker.services.house import House
from broker.services.partner_events import opened_now, tell_to_stop, tell_what_opened

EVENTS = {
    Stance.GIVEN: EventType.CONSENT_GIVEN,
    Stance.REFUSED: EventType.CONSENT_REFUSED,
    Stance.WITHDRAWN: EventType.CONSENT_WITHDRAWN,
}


async def keep(
    work: UnitOfWork, house: House, signer: PersonId, sender: Oin, records: tuple[ConsentRecord, ...], now: datetime
) -> str:
    """Sign, store and log the records, keep the signer's receipt, and tell every contact known of the signer.

    Returns the receipt's id. The caller holds the signer exclusively, and commits.
    """
    opened = await opened_now(work, house, records, now)
    statements = []
    kept: dict[HandoverId, Handover | None] = {}
    said_before = len(await work.consents.said_by(signer, sender))
    partners = {o.oin: o.name for o in await work.organisations.all()}
    for serial, unnumbered in enumerate(records, said_before + 1):
        record = replace(unnumbered, serial=serial)
        statement = house.notary.sign(record, partners)
        statements.append(statement)
        await work.consents.add(record, statement)
        if record.handover not in kept:
            kept[record.handover] = await work.handovers.get(record.handover)
        await work.log.append(_logged(record, kept[record.handover]))
    await tell_to_stop(work, house, records, now)
    await tell_what_opened(work, house, opened, now)
    receipt = house.ids()
    texts = {r.notice.digest: await work.consents.notice(r.notice.digest) for r in records}
    document = {"v": 1, "id": receipt, "at": now.isoformat(), "records": statements, "notices": texts}
    told = {"receipt": house.notary.receipt(document), "records": statements}
    await work.receipts.add(receipt, signer, sender, json.dumps(told), now)
    claim, _ = await work.persons.claims(signer, sender)
    language = house.language_of(claim)
    for contact in await work.persons.contacts(signer):
        text = house.phrases.fill(_KEPT, language, address=house.public_url)
        await work.outbox.add(Message(contact.value, contact.channel, "answer-kept", language, text), house.ids(), now)
    return receipt


def _logged(record: ConsentRecord, handover: Handover | None) -> LogEvent:
    """The line of the organisation whose own it is: its officers see that, and so not what was said about a family's own plan.

    Without one it says in what is sealed for the signer through whom they came: to make a decision again it is needed.
    """
    party = handover.pushed_by if handover else record.scope.sender
    scope = record.scope
    personal = (
        Personal(record.signer, "signer", record.signer),
        Personal(scope.person, "subject", scope.person),
        Personal(record.signer, "record", record.id),
        Personal(record.signer, "types", json.dumps(list(scope.section_types))),
        Personal(record.signer, "capacity", record.capacity),
        *(() if party else (Personal(record.signer, "through", scope.sender),)),
    )
    kind = handover.kind if handover else ""
    facts = {"purpose": scope.purpose, "handoverKind": kind, "evidence": record.evidence.name.lower()}
    return LogEvent(EVENTS[record.state], record.at, party, facts=facts, personal=personal)


_KEPT = Words(
    "Je antwoord is bewaard. Kijken of stoppen kan altijd op {address} met dezelfde code. "
    "Heb je niets geantwoord? Bel degene van wie je de code kreeg.",
    "Your answer is kept. You can always look or stop at {address} with the same code. "
    "Did you not answer? Call the person who gave you the code.",
)
