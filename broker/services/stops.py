"""What the log says of an organisation that one officer stopped at once.

1. A stop stands alone while nothing but a registration of the partner's own facts came after it: a new key changes no stop,
   nor does a number to call after hours.
2. One that nobody seconded is not repeated for seven days after its day: by no officer alone, whoever it was.
"""

from datetime import datetime, timedelta

from broker.domain.events import EventType
from broker.domain.log_ports import DisclosureLog
from broker.domain.motions import OPEN_FOR, Motion
from broker.domain.stores import LogSearch, UnitOfWork

REST = timedelta(days=7)
"""How long after a stop that nobody seconded the same organisation is not stopped by one officer again."""
MOST_CHANGES = 500
_CHANGED = (EventType.ORGANISATION_CHANGED,)


async def stands_alone(work: UnitOfWork, log: DisclosureLog, motion: Motion) -> bool:
    """Whether that stop is the last change that stopped or started the organisation. Raises Tampered."""
    wanted = LogSearch(organisation=motion.organisation or "", types=_CHANGED, limit=MOST_CHANGES)
    for entry in await work.log.search(wanted):
        said = log.vouched(entry)
        if "state" not in said.facts or said.facts.get("change") == "registered":
            continue  # 1
        return said.facts.get("motion") == motion.id and said.facts.get("provisional") == "yes"
    return False


async def stopped_in_vain(work: UnitOfWork, log: DisclosureLog, organisation: str, now: datetime) -> bool:
    """Whether one officer stopped it not long ago and nobody seconded that. Raises Tampered."""
    since = now - OPEN_FOR - REST
    wanted = LogSearch(organisation=organisation, types=_CHANGED, since=since, limit=MOST_CHANGES)
    found = await work.log.search(wanted)
    stops: set[object] = set()
    seconded: set[object] = set()
    for entry in found:
        said = log.vouched(entry)
        if said.facts.get("by") == "motion":
            (stops if said.facts.get("provisional") == "yes" else seconded).add(said.facts.get("motion"))
    return bool(stops - seconded) or len(found) == MOST_CHANGES  # 2
