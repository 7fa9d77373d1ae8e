"""A logged decision explained: the questions that the agreement was asked then, put again to the agreement of then.

- What the decision rested on is found again as for `broker audit replay`; nothing of today is mixed in.
- What was erased cannot be explained, and neither can a request that was refused before any rule was asked.
- An explanation holds words of the agreement, and for the officer who looks what was so: never a person.
"""

from dataclasses import dataclass

from broker.domain.basis import Basis, read_basis
from broker.domain.events import EventType, LogEvent
from broker.domain.explanations import Explanation
from broker.domain.log_ports import LoggedFacts
from broker.domain.parties import Recipient
from broker.domain.ports import AgreementInForce
from broker.domain.releases import Situation, findings, policy_question
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork
from broker.errors import NotFound, Unsafe
from broker.services.house import House

DECISIONS = (EventType.RELEASE_PERMITTED, EventType.RELEASE_DENIED)
_BATCH = 200


@dataclass(frozen=True, slots=True)
class SectionRules:
    """One section of the request: its type, and why the agreement gave it or did not. Consent is apart from this."""

    section_type: str
    explanation: Explanation


async def situation_then(work: UnitOfWork, basis: Basis, agreement: AgreementInForce) -> Situation | None:
    """All facts that a decision rested on; None when an answer of then is not there. Raises NotFound for erased facts."""
    concerned = basis.handover.concerned() | {basis.handover.subject}
    every = await work.consents.about(concerned, basis.handover.sender, basis.handover.purpose)
    records = tuple(record for record in every if record.id in basis.records)
    if len(records) != len(basis.records):
        return None
    known = await work.authorities.known_then(concerned, basis.statements)
    return Situation(
        handover=basis.handover,
        sender=basis.sender,
        recipient=basis.recipient,
        people=known.people,
        authorities=known.authorities,
        records=records,
        table=agreement.signers,
        doubted=basis.doubted,
        restored=basis.restored,
        statements=basis.statements,
        sealed_only=agreement.vocabulary.sealed_only,
        expiring=agreement.vocabulary.expiring,
        passkeys=known.passkeys,
    )


async def explain_entry(house: House, work: UnitOfWork, entry: StoredEntry) -> tuple[SectionRules, ...]:
    """Every section that was weighed; empty when there is nothing that can be explained."""
    logged = house.log.read(entry.leaf, await work.log.openings(entry.id))
    text = logged.personal.get("basis")
    agreement = await _agreement_then(house, work, logged)
    if not text or agreement is None:
        return ()
    basis = read_basis(text[0])
    try:
        situation = await situation_then(work, basis, agreement)
    except NotFound:
        return ()
    return () if situation is None else _explained(basis, situation, agreement)


def _explained(basis: Basis, situation: Situation, agreement: AgreementInForce) -> tuple[SectionRules, ...]:
    request = basis.request
    recipient = Recipient(request.professional.organisation, request.professional.role)
    explained = []
    for section in situation.handover.sections:
        if request.types is None or section.type in request.types:
            found = findings(situation, section, recipient, basis.at)
            question = policy_question(situation, section, recipient.role, request.purpose, found, basis.at)
            explained.append(SectionRules(section.type, agreement.explain(question)))
    return tuple(explained)


async def _agreement_then(house: House, work: UnitOfWork, logged: LoggedFacts) -> AgreementInForce | None:
    """The agreement that the decision names, as it was kept; None when it is not there or is another."""
    digest, now = str(logged.facts.get("policy", "")), house.agreement()
    if digest == now.digest:
        return now
    texts = await work.policies.texts(digest) if digest else None
    try:
        then = now.another(texts) if texts is not None else None
    except Unsafe:
        return None
    return then if then is not None and then.digest == digest else None


async def find_entry(house: House, work: UnitOfWork, number: str) -> StoredEntry:
    """The log entry of this id, or of the decision on the request of this id. Raises NotFound."""
    entry = await work.log.get(number)
    before = ""
    while entry is None:
        some = await work.log.search(LogSearch(types=DECISIONS, before=before, limit=_BATCH))
        entry = next((one for one in some if house.log.read(one.leaf, ()).facts.get("release") == number), None)
        if entry is None and len(some) < _BATCH:
            raise NotFound
        before = some[-1].id if some else ""
    return entry


async def explain_logged(house: House, number: str) -> tuple[SectionRules, ...]:
    """The same, by the id of a log entry or of a request, for somebody at the broker's own machine.

    Raises NotFound. The look is logged, as one from the console is.
    """
    now = house.clock()
    async with house.storage() as work:
        entry = await find_entry(house, work, number)
        sections = await explain_entry(house, work, entry)
        await work.log.append(LogEvent(EventType.LOG_VIEWED, now, facts={"entry": entry.id}))
        await work.commit()
    house.log.kick()
    return sections
