"""Lines of one day that read the same are folded to one row: a follower of the log keeps which those are.

- Folded is what an officer could not tell apart but by the time: the same actor, people, organisations, role, purpose,
  types, outcome and reason. A line of which anything was erased, or that cannot be read, stands alone;
  so does a search for a person: that two were for the same one would show whether the number is known here.
- A page never believes a fold: it reads the lines themselves.
"""

import json
from collections.abc import Sequence

from broker.domain.calendar import local_day
from broker.domain.events import EntryId, EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.stores import UnitOfWork
from broker.domain.stores.folding import Foldable, kind_of
from broker.services.counting import why_refused
from broker.services.following import Line
from broker.services.lines import actor_of, first_of, types_of


class Folding:
    """See `Follower`."""

    name = "folding"

    async def take(self, work: UnitOfWork, lines: Sequence[Line]) -> None:
        """Keep each line in its fold, also one that cannot be read: it is not hidden."""
        plain = [EntryId(line.id) for line in lines if line.facts is None]
        alone = {line.entry: line for line in (await work.folds.plain(plain) if plain else ())}
        kept = [
            alone[EntryId(line.id)] if line.facts is None else foldable(EntryId(line.id), line.facts) for line in lines
        ]
        if kept:
            await work.folds.add(kept)

    async def forget(self, work: UnitOfWork) -> None:
        """Begin anew."""
        await work.folds.forget()


def foldable(entry: EntryId, facts: LoggedFacts) -> Foldable:
    """What decides with which lines this one is folded."""
    released, withheld = types_of(facts)
    same = (
        first_of(facts, "role"),
        str(facts.facts.get("purpose", "")),
        json.dumps([sorted(released), sorted(withheld)]),
        first_of(facts, "subject"),
        why_refused(facts),
    )
    return Foldable(
        entry,
        local_day(facts.at),
        kind_of(facts.type, str(facts.facts.get("outcome", ""))),
        facts.type,
        facts.organisation,
        facts.counterpart,
        actor_of(facts),
        None if facts.gone or facts.erased or facts.type == EventType.SUBJECT_SEARCHED else same,
    )
