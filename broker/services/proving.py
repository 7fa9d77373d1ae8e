"""A family's own proof of what was shared: nothing in it that their page does not show, and nobody else's answer.

- Entries: what this person said to this sender, and the disclosures that their page shows.
- Openings: their own values, the reader's role, and persons for whom they decide; never the decision, which holds what
  others answered, and never who the professional was.
- Whole or not at all: while an entry waits for its place in the log, there is no file yet.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from broker.domain.events import EventType, Opening
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork
from broker.errors import NotFound
from broker.services.files import ProofFile
from broker.services.house import House
from broker.services.mine import said

_SAID = (
    EventType.CONSENT_GIVEN,
    EventType.CONSENT_REFUSED,
    EventType.CONSENT_WITHDRAWN,
    EventType.MESSAGES_CHANGED,
    EventType.PASSKEY_ENROLLED,
    EventType.PASSKEY_STOPPED,
    EventType.RELEASE_SHOWN,
)
_OWN = {"signer", "record", "types", "capacity", "messages"}
_PERSONS = {"subject", "concerned"}
MOST = 5000


async def proof_of_sharing(
    work: UnitOfWork, house: House, signer: PersonId, sender: Oin, now: datetime
) -> ProofFile | None:
    """The bundle as JSON (`transparency/bundles.py::verify_family_bundle` checks it); None while it is not whole.

    Raises NotFound when there is nothing to prove.
    """
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
    if not chosen:
        raise NotFound
    made = await house.log.archive.proven([chosen[entry] for entry in sorted(chosen)])
    if any(entry["proof"] is None for entry in made["entries"]):
        return None
    return ProofFile(now, json.dumps(made, indent=1).encode())


def _shown(openings: Sequence[Opening], known: frozenset[PersonId]) -> list[Opening]:
    return [o for o in openings if o.field == "role" or (o.field in _PERSONS and o.value in known)]
