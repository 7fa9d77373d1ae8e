"""A family's own proof of what was shared: nothing in it that their page does not show, and nobody else's answer.

- Entries: what this person said to this sender, and the disclosures that their page shows.
- Openings: their own values, the reader's role, and persons for whom they decide; never the decision, which holds what
  others answered, and never who the professional was.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from broker.domain.events import EventType, Opening
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork
from broker.services.house import House
from broker.services.mine import said

_SAID = (EventType.CONSENT_GIVEN, EventType.CONSENT_REFUSED, EventType.CONSENT_WITHDRAWN, EventType.MESSAGES_CHANGED)
_OWN = {"signer", "record", "types", "capacity", "messages"}
_PERSONS = {"subject", "concerned"}
MOST = 5000


async def proof_of_sharing(
    work: UnitOfWork, house: House, signer: PersonId, sender: Oin, now: datetime
) -> dict[str, Any]:
    """The bundle as JSON (`transparency/bundles.py::verify_family_bundle` checks it)."""
    everything = await said(work, house, signer, sender, now)
    known = everything.weights.counting | {signer}
    chosen: dict[str, tuple[StoredEntry, Sequence[Opening]]] = {}
    for entry in await work.log.search(LogSearch(owner=signer, organisation=sender, types=_SAID, limit=MOST)):
        openings = [o for o in await work.log.openings(entry.id) if o.field in _OWN | _PERSONS]
        if any(o.field == "signer" and o.value == signer for o in openings):
            chosen[entry.id] = (entry, openings)
    for person in sorted(known):
        for disclosure in await work.releases.of_person(person, sender, signer):
            found = await work.log.get(disclosure.entry)
            if found is not None:
                chosen[found.id] = (found, _shown(await work.log.openings(found.id), known))
    return await house.log.archive.proven([chosen[entry] for entry in sorted(chosen)])


def _shown(openings: Sequence[Opening], known: frozenset[PersonId]) -> list[Opening]:
    return [o for o in openings if o.field == "role" or (o.field in _PERSONS and o.value in known)]
