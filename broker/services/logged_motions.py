"""A motion as the log has it: what was proposed, and who seconded it. A row alone is nothing.

1. What was proposed is what the broker signed: kind, search, days, number of people; of whom, by digests that open.
2. Of what several might second, the first counts: that a row says it is open still opens nothing again.
3. Seconding is found by its type: the index of whom an entry is about lies beside the log.
"""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.events import EventType
from broker.domain.log_ports import DisclosureLog
from broker.domain.motions import NAMES_FOR, Motion, MotionKind
from broker.domain.parties import OfficerId
from broker.domain.stores import StoredEntry, UnitOfWork
from broker.errors import NotFound, Tampered

PAGE = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """That names may leave: `officers` are the two who decided it, `until` is when that ends."""

    officers: tuple[OfficerId, OfficerId]
    until: datetime


async def logged(
    work: UnitOfWork, log: DisclosureLog, motion_id: str, *, lock: bool = False
) -> tuple[Motion, StoredEntry]:
    """A motion as it was logged. Raises NotFound; Tampered for one that no broker made like that."""
    motion = await work.motions.get(motion_id, lock=lock)
    if motion is None:
        raise NotFound
    entry = await work.log.get(motion.entry)
    if entry is None:
        raise Tampered
    log.vouched(entry)
    said = log.read(entry.leaf, await work.log.openings(entry.id))
    about = tuple(said.personal.get(field) for field in ("officer", "colleague", "sought"))
    expected = (
        [motion.by],
        [motion.officer] if motion.officer else None,
        [motion.search.value] if motion.search else None,
    )
    if said.type != EventType.MOTION_PROPOSED or dict(said.facts) != motion.facts() or about != expected:  # 1
        raise Tampered
    return motion, entry


async def decided(work: UnitOfWork, log: DisclosureLog, motion: Motion) -> Decision | None:
    """Who decided about names together, and until when they can take them; None for what nobody seconded.

    `motion` is as it was logged. None for any other kind, whose act is in the commit that seconded it. Raises Tampered.
    """
    if motion.kind is not MotionKind.NAMES:
        return None
    first: Decision | None = None
    found = await work.log.of_types((EventType.MOTION_SECONDED,), limit=PAGE)
    while found:
        for entry in found:
            if entry.id < motion.entry:
                return first
            if log.vouched(entry).facts.get("motion") != motion.id:
                continue
            said = log.read(entry.leaf, await work.log.openings(entry.id))
            who = said.personal.get("officer", ())
            if len(who) != 1 or who[0] == motion.by or said.facts.get("kind") != MotionKind.NAMES.value:
                raise Tampered
            first = Decision((motion.by, OfficerId(who[0])), said.at + NAMES_FOR)  # 2
        found = await work.log.of_types((EventType.MOTION_SECONDED,), before=found[-1].id, limit=PAGE)
    return first
