"""Gathering what a decision rests on: every fact of one instant, read inside one unit of work."""

from collections.abc import Mapping
from datetime import datetime

from broker.domain.decisions import Finding, Ruling
from broker.domain.handovers import Handover, Section
from broker.domain.parties import (
    Oin,
    Organisation,
    PersonId,
    Recipient,
)
from broker.domain.ports import AgreementInForce
from broker.domain.releases import ReleaseDecision, ReleaseRequest, Situation, decide, findings, policy_question
from broker.domain.stores import UnitOfWork


async def situation_of(
    work: UnitOfWork,
    handover: Handover,
    recipient: Oin,
    agreement: AgreementInForce,
    now: datetime,
    *,
    hold: bool = False,
) -> Situation:
    """All facts about one handover and one recipient at `now`.

    With `hold`, every signer's and every concerned person's consents are locked until the commit, and read after
    that: an answer that committed first is seen, and one that comes later waits.
    """
    concerned = handover.concerned() | {handover.subject}
    held: frozenset[PersonId] = frozenset()
    while hold and not (needed := concerned | await work.authorities.holders(concerned)) <= held:
        held |= needed  # who states facts about somebody holds them exclusively: once held, no signer is added
        await work.authorities.hold(held, exclusively=False)
    known = await work.authorities.known(concerned)
    authorities = known.authorities
    records = await work.consents.about(concerned, handover.sender, handover.purpose)
    doubted = await work.matters.doubted(concerned | {authority.holder for authority in authorities})
    nobody = Organisation(recipient, "", "", suspended=True)
    return Situation(
        handover=handover,
        sender=await work.organisations.get(handover.sender) or nobody,
        recipient=await work.organisations.get(recipient) or nobody,
        people=known.people,
        authorities=authorities,
        statements=known.statements,
        records=records,
        table=agreement.signers,
        doubted=doubted,
        sealed_only=agreement.vocabulary.sealed_only,
        expiring=agreement.vocabulary.expiring,
        passkeys=known.passkeys,
        restored=await work.log.restored(),
    )


def weigh(
    situation: Situation, recipient: Recipient, purpose: str, agreement: AgreementInForce, now: datetime
) -> tuple[dict[Section, tuple[Finding, ...]], dict[Section, Ruling]]:
    """For each section: how the required signers stand, and what the agreement says."""
    found: dict[Section, tuple[Finding, ...]] = {}
    rulings: dict[Section, Ruling] = {}
    for section in situation.handover.sections:
        found[section] = findings(situation, section, recipient, now)
        question = policy_question(situation, section, recipient.role, purpose, found[section], now)
        rulings[section] = agreement.decide(question)
    return found, rulings


async def open_sections(
    work: UnitOfWork, handover: Handover, recipients: tuple[Recipient, ...], agreement: AgreementInForce, now: datetime
) -> Mapping[Recipient, frozenset[Section]]:
    """Which sections each of these recipients would get at `now`."""
    found = await decisions_on(work, handover, recipients, agreement, now)
    return {one: frozenset(section.section for section in decision.permitted) for one, decision in found.items()}


async def decisions_on(
    work: UnitOfWork, handover: Handover, recipients: tuple[Recipient, ...], agreement: AgreementInForce, now: datetime
) -> Mapping[Recipient, ReleaseDecision]:
    """What each of these recipients would get at `now`, and why not the rest. Nothing of it is released, or logged."""
    decided: dict[Recipient, ReleaseDecision] = {}
    for recipient in recipients:
        situation = await situation_of(work, handover, recipient.organisation, agreement, now)
        request = ReleaseRequest(handover.somebody_of(recipient), handover.id, handover.purpose)
        found, rulings = weigh(situation, recipient, handover.purpose, agreement, now)
        decided[recipient] = decide(request, situation, found, rulings, now)
    return decided
