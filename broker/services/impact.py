"""What another agreement would do to what lies here: how many sections of how many children would open or close, for whom.

- Both agreements decide on the same facts of one instant, consent included, as on a request.
- Only counts leave this module: no child, no handover, nothing that was written. Nothing is changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from broker.domain.calendar import local_day
from broker.domain.handovers import Handover, Section
from broker.domain.parties import Recipient
from broker.domain.ports import AgreementInForce
from broker.domain.releases import ReleaseRequest, Situation, decide
from broker.domain.reminders import Running
from broker.domain.stores import UnitOfWork
from broker.services.facts import situation_of, weigh
from broker.services.house import House

PAGE = 100


@dataclass(frozen=True, slots=True)
class Effect:
    """For one recipient and one type of section: how many would open, or close, and about how many children."""

    opens: bool
    section_type: str
    organisation: str
    role: str
    sections: int
    children: int


@dataclass(frozen=True, slots=True)
class Impact:
    """Of all handovers that still run: how many there are, and every effect."""

    handovers: int
    effects: tuple[Effect, ...]


_Key = tuple[bool, str, str, str]


async def impact_of(
    house: House, old: AgreementInForce, new: AgreementInForce, tick: Callable[[int], None] = lambda _: None
) -> Impact:
    """Weigh every handover that still runs under both. `tick` hears of each."""
    now, count = house.clock(), 0
    after: Running | None = None
    found: dict[_Key, list[str]] = {}
    while True:
        async with house.storage(writing=False) as work:
            page = await work.lists.running(local_day(now), after, PAGE)
            for running in page:
                handover = await work.handovers.get(running.id)
                if handover is not None:
                    await _weigh(work, handover, (old, new), now, found)
                tick(1)
        count += len(page)
        if len(page) < PAGE:
            break
        after = page[-1]
    effects = (Effect(*key, len(children), len(set(children))) for key, children in sorted(found.items()))
    return Impact(count, tuple(effects))


async def _weigh(
    work: UnitOfWork,
    handover: Handover,
    agreements: tuple[AgreementInForce, AgreementInForce],
    now: datetime,
    found: dict[_Key, list[str]],
) -> None:
    for recipient in handover.recipients:
        situation = await situation_of(work, handover, recipient.organisation, agreements[0], now)
        before, after = (_open(situation, recipient, agreement, now) for agreement in agreements)
        for opens, sections in ((True, after - before), (False, before - after)):
            for section in sections:
                key = (opens, section.type, situation.recipient.name, recipient.role)
                found.setdefault(key, []).append(handover.subject)


def _open(situation: Situation, recipient: Recipient, agreement: AgreementInForce, now: datetime) -> frozenset[Section]:
    words = agreement.vocabulary
    there = replace(situation, table=agreement.signers, sealed_only=words.sealed_only, expiring=words.expiring)
    handover = situation.handover
    found, rulings = weigh(there, recipient, handover.purpose, agreement, now)
    somebody = handover.somebody_of(recipient)
    decision = decide(ReleaseRequest(somebody, handover.id, handover.purpose), there, found, rulings, now)
    return frozenset(one.section for one in decision.permitted)
