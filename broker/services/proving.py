"""A family's own proof of what was shared: nothing in it that their page does not show, and nobody else's answer.

- Entries: what this person said to this sender, their own plan among it, and the disclosures that their page shows.
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
    EventType.PLAN_WRITTEN,
    EventType.PLAN_CHANGED,
    EventType.PLAN_WITHDRAWN,
    EventType.SIGN_OFF_SAID,
)
_OWN = {"signer", "record", "types", "capacity", "messages", "signOff", "agrees", "digest", "section"}
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
    theirs = await _of_their_plans(work, signer, sender)
    for entry in await work.log.search(LogSearch(owner=signer, types=_SAID, limit=MOST)):
        opened = await work.log.openings(entry.id)
        here = house.log.read(entry.leaf, ()).organisation == sender or any(
            (o.field, o.value) in theirs for o in opened
        )
        openings = [o for o in opened if o.field in _OWN | _PERSONS]
        if here and any(o.field == "signer" and o.value == signer for o in openings):
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


async def _of_their_plans(work: UnitOfWork, signer: PersonId, sender: Oin) -> frozenset[tuple[str, str]]:
    """What names the lines about a family's own plan: these are no organisation's."""
    records = await work.consents.said_by(signer, sender)
    written = await work.lists.written_by(signer, sender)
    return frozenset(
        {*(("record", str(record.id)) for record in records), *(("handover", str(one.id)) for one, _ in written)}
    )


def _shown(openings: Sequence[Opening], known: frozenset[PersonId]) -> list[Opening]:
    return [o for o in openings if o.field == "role" or (o.field in _PERSONS and o.value in known)]
