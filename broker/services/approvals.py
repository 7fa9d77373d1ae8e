"""Proposals and approvals as the log has them: what the broker signed counts, not what a row says.

1. A proposal's row says what its entry says, to the letter.
2. An approval counts when the broker signed its entry, it is about this text, and its officer's opening fits: an officer
   who is none any more, a second one of the same, and one whose opening is gone do not.
"""

from collections.abc import Mapping
from datetime import datetime

from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.log_ports import DisclosureLog, LoggedFacts
from broker.domain.parties import OfficerId
from broker.domain.stores import Approval, Proposal, UnitOfWork
from broker.errors import NotFound, Tampered


def _facts_of(proposal: Proposal) -> dict[str, Fact]:
    return {
        "policy": proposal.digest,
        "proposal": proposal.id,
        "insteadOf": proposal.instead_of,
        "starts": proposal.starts.isoformat(),
        "wider": "yes" if proposal.wider else "no",
    }


async def keep_proposal(work: UnitOfWork, proposal: Proposal, texts: Mapping[str, str]) -> None:
    """Keep a proposal with its text, and log it; its entry's id is filled in here."""
    await work.policies.keep(proposal.digest, texts, proposal.at)
    personal = (Personal(proposal.id, "why", proposal.reason),)
    event = LogEvent(EventType.POLICY_PROPOSED, proposal.at, facts=_facts_of(proposal), personal=personal)
    logged = await work.log.append(event)
    kept = {name: getattr(proposal, name) for name in proposal.__slots__}
    await work.policies.propose(Proposal(**{**kept, "entry": logged.entry.id}))


async def proposed(work: UnitOfWork, log: DisclosureLog, proposal_id: str) -> Proposal:
    """A proposal, as it was logged. Raises NotFound; Tampered for one that no broker made like that."""
    proposal = await work.policies.proposal(proposal_id)
    if proposal is None:
        raise NotFound
    said = await _said(work, log, proposal.entry)
    if said.type != EventType.POLICY_PROPOSED or dict(said.facts) != _facts_of(proposal):  # 1
        raise Tampered
    return proposal


async def keep_approval(
    work: UnitOfWork, proposal: Proposal, officer: OfficerId, number: int, evidence: str, now: datetime
) -> None:
    """Keep an approval and log it, with what the passkey signed."""
    personal = (Personal(officer, "officer", officer), Personal(officer, "assertion", evidence))
    facts: dict[str, Fact] = {"policy": proposal.digest, "proposal": proposal.id, "approval": number}
    logged = await work.log.append(LogEvent(EventType.POLICY_APPROVED, now, facts=facts, personal=personal))
    await work.policies.approve(Approval(proposal.id, number, officer, now, logged.entry.id))


async def approvers(work: UnitOfWork, log: DisclosureLog, proposal: Proposal) -> tuple[OfficerId, ...]:
    """The different officers who approved it and still are officers, in order. Raises Tampered for what no broker kept."""
    found: list[OfficerId] = []
    for approval in await work.policies.approvals(proposal.id):
        said = await _said(work, log, approval.entry)
        facts = {"policy": proposal.digest, "proposal": proposal.id, "approval": approval.number}
        if said.type != EventType.POLICY_APPROVED or dict(said.facts) != facts:  # 2
            raise Tampered
        if said.personal.get("officer") != [approval.officer]:
            raise Tampered
        if approval.officer not in found and await work.officers.active(approval.officer):
            found.append(approval.officer)
    return tuple(found)


async def _said(work: UnitOfWork, log: DisclosureLog, entry_id: str) -> LoggedFacts:
    entry = await work.log.get(entry_id)
    if entry is None:
        raise Tampered
    log.vouched(entry)
    return log.read(entry.leaf, await work.log.openings(entry.id))
