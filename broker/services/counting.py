"""Counts of each day: what happened, between which organisations, how it came out and why; nothing about a person."""

from collections import Counter
from collections.abc import Sequence

from broker.domain.calendar import local_day
from broker.domain.decisions import Told
from broker.domain.log_ports import LoggedFacts
from broker.domain.stores import UnitOfWork
from broker.domain.stores.following import DailyKey
from broker.services.following import Line
from broker.services.lines import decision_of

_FIRST = {told.value: place for place, told in enumerate(Told)}


class Counting:
    """See `Follower`."""

    name = "counting"

    async def take(self, work: UnitOfWork, lines: Sequence[Line]) -> None:
        """One more of each kind. An unreadable entry is counted nowhere."""
        counts: Counter[DailyKey] = Counter()
        for line in lines:
            if line.facts is not None:
                counts[_key(line.facts)] += 1
        await work.daily.add(counts)

    async def forget(self, work: UnitOfWork) -> None:
        """Begin anew."""
        await work.daily.forget()


def _key(facts: LoggedFacts) -> DailyKey:
    outcome = str(facts.facts.get("outcome", ""))
    return DailyKey(local_day(facts.at), facts.type, facts.organisation, facts.counterpart, outcome, why_refused(facts))


def why_refused(facts: LoggedFacts) -> str:
    """The one reason that is counted for a request that was refused, in whole or in part; empty for everything else.

    The reason of the whole refusal, else the first of its sections' in the order of `Told`; empty, too, once it is erased.
    """
    if facts.facts.get("outcome") not in ("denied", "partly"):
        return ""
    if whole := str(facts.facts.get("reason", "")):
        return whole
    told = {section["told"] for section in decision_of(facts) if section["told"]}
    return min(told, key=lambda reason: (_FIRST.get(reason, len(_FIRST)), reason), default="")
