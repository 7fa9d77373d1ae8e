"""What must hold of a site after everything that happened to it, whatever its clients wrote down."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import ed25519_holds
from broker.errors import BrokerError
from broker.storage import tables as t
from broker.transparency.verifier import verify_receipt
from broker.whole import Broker
from tests.crash.notes import Notes
from tests.crash.site import Site

PATIENCE = 60.0
TAKEN = 200
"""Seconds after which a message that a killed broker had taken goes out again, and a few."""

HALVES = {
    "a handover without sections": """SELECT count(*) FROM handover h WHERE state = 'active'
        AND (SELECT count(*) FROM section s WHERE s.handover = h.id AND s.ciphertext IS NOT NULL) <> 2""",
    "a handover without its people": """SELECT count(*) FROM handover h WHERE state = 'active'
        AND (SELECT count(*) FROM handover_person p WHERE p.handover = h.id) <> 3""",
    "a handover without its recipient": """SELECT count(*) FROM handover h
        WHERE NOT EXISTS (SELECT 1 FROM handover_recipient r WHERE r.handover = h.id)""",
    "a handover without its version": """SELECT count(*) FROM handover h
        WHERE NOT EXISTS (SELECT 1 FROM handover_version v WHERE v.handover = h.id)""",
    "a section about nobody": """SELECT count(*) FROM section s WHERE s.ciphertext IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM section_person p WHERE p.section = s.id)""",
    "a withdrawn handover that still holds something": """SELECT count(*) FROM section s
        JOIN handover h ON h.id = s.handover WHERE h.state = 'withdrawn' AND s.ciphertext IS NOT NULL""",
    "a release without sections": """SELECT count(*) FROM release r
        WHERE NOT EXISTS (SELECT 1 FROM release_section s WHERE s.release = r.id)""",
    "an entry that is neither in the tree nor in the queue": """SELECT count(*) FROM log_entry e
        WHERE NOT EXISTS (SELECT 1 FROM log_index i WHERE i.entry_id = e.entry_id)
        AND NOT EXISTS (SELECT 1 FROM log_queue q WHERE q.entry_id = e.entry_id)""",
    "an entry that is in both": """SELECT count(*) FROM log_queue q
        JOIN log_index i ON i.entry_id = q.entry_id""",
    "a tree of another size than its index": """SELECT count(*) FROM log_state
        WHERE size <> (SELECT count(*) FROM log_index)""",
    "a hole in the index": "SELECT count(*) FROM log_index WHERE leaf_index >= (SELECT count(*) FROM log_index)",
    "another number of handovers than of entries about them": """SELECT
        abs((SELECT count(*) FROM handover) - (SELECT count(*) FROM log_entry WHERE type = 'handover:pushed'))""",
    "another number of withdrawn handovers than of entries": """SELECT
        abs((SELECT count(*) FROM handover WHERE state = 'withdrawn')
            - (SELECT count(*) FROM log_entry WHERE type = 'handover:withdrawn'))""",
    "another number of releases than of entries about them": """SELECT
        abs((SELECT count(*) FROM release) - (SELECT count(*) FROM log_entry WHERE type = 'release:permitted'))""",
    "another number of acknowledged releases than of entries": """SELECT
        abs((SELECT count(*) FROM release WHERE acknowledged_at IS NOT NULL)
            - (SELECT count(*) FROM log_entry WHERE type = 'release:acknowledged'))""",
    "another number of answers than of entries about them": """SELECT
        abs((SELECT count(*) FROM consent_record)
            - (SELECT count(*) FROM log_entry WHERE type IN ('consent:given', 'consent:refused', 'consent:withdrawn')))""",
}
"""What must not be there at all, each with a query that counts it."""


@dataclass
class After:
    """What was found."""

    lost: list[str] = field(default_factory=list)
    unlogged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    entries: int = 0

    @property
    def faults(self) -> list[str]:
        """All of it."""
        return [*self.lost, *self.unlogged, *self.wrong]


async def look(site: Site, notes: Notes, *, messages: bool = False) -> After:
    """Hold everything that was acknowledged against the database, while the site's brokers run; `messages` waits for all."""
    found = After(wrong=list(dict.fromkeys(notes.faults)))
    broker = site.observer()
    try:
        await _drained(broker, found)
        await _log_is_whole(broker, site, found)
        async with broker.database.engine.connect() as connection:
            await connection.execution_options(writing=False)
            for name, query in HALVES.items():
                if count := (await connection.execute(sa.text(query))).scalar_one():
                    found.wrong.append(f"{name}: {count}")
            await _acknowledged(connection, notes, found)
            await _logged(connection, broker, notes, found)
        await _messages(broker, site, notes, found, wait=messages)
    finally:
        await broker.database.close()
    return found


async def _drained(broker: Broker, found: After) -> None:
    """The sequencer of the brokers that run goes on by itself."""
    until = time.monotonic() + PATIENCE
    while await broker.ledger.waiting():
        if time.monotonic() > until:
            found.wrong.append(f"{await broker.ledger.waiting()} entries wait for the sequencer")
            return
        await asyncio.sleep(0.1)


async def _log_is_whole(broker: Broker, site: Site, found: After) -> None:
    until = time.monotonic() + PATIENCE
    guard = site.directory / "log-guard"
    while True:  # the checkpoint comes a moment after the batch
        async with broker.house.storage(writing=False) as work:
            state, latest = await work.tree.state(), await work.checkpoints.latest()
        known = guard.read_text() if guard.exists() else ""
        if latest is not None and latest == (state.size, known):
            break
        if time.monotonic() > until:
            found.wrong.append("the guard does not hold the newest checkpoint")
            break
        await asyncio.sleep(0.1)
    try:
        await broker.ledger.heed()
        verdict = await broker.ledger.check()
        if not verdict.ok:
            found.wrong.append(f"the log: {verdict.sentence}")
    except BrokerError as error:
        found.wrong.append(f"the log: {error.words.en}")
    async with broker.house.storage(writing=False) as work:
        found.entries = (await work.tree.state()).size


async def _acknowledged(connection: AsyncConnection, notes: Notes, found: After) -> None:
    handovers = {row.id: row.state for row in await connection.execute(sa.select(t.handover.c.id, t.handover.c.state))}
    for identity in notes.pushed.values():
        if identity not in handovers:
            found.lost.append("a push")
        elif identity in notes.withdrawn and handovers[identity] != "withdrawn":
            found.lost.append("a withdrawal")
        elif identity not in notes.ending and handovers[identity] != "active":
            found.wrong.append("a handover ended that nobody withdrew")
    columns = t.release.c.id, t.release.c.acknowledged_at
    releases = {row.id: row.acknowledged_at for row in await connection.execute(sa.select(*columns))}
    found.lost += ["a release" for identity in notes.released if identity not in releases]
    found.lost += ["an acknowledgement" for identity in notes.acknowledged if not releases.get(identity)]
    query = sa.select(t.log_entry.c.type, sa.func.count()).group_by(t.log_entry.c.type)
    types = {row[0]: row[1] for row in await connection.execute(query)}
    receipts = {row.id for row in await connection.execute(sa.select(t.signer_receipt.c.id))}
    found.lost += ["an answer of the family"] * len(notes.kept - receipts)
    if types.get("consent:given", 0) < notes.answers:
        found.lost.append("an answer")
    if types.get("consent:withdrawn", 0) < notes.stops:
        found.lost.append("a withdrawal of consent")


async def _logged(connection: AsyncConnection, broker: Broker, notes: Notes, found: After) -> None:
    """What a client received stands in the log, and its receipt holds."""
    leaves = {
        bytes(row.leaf): row.type for row in await connection.execute(sa.select(t.log_entry.c.leaf, t.log_entry.c.type))
    }
    for receipt in notes.receipts:
        if leaves.get(from_b64url(receipt["leaf"])) != "release:permitted":
            found.unlogged.append("a release")
        verified = verify_receipt(receipt, broker.ledger.trusted, ed25519_holds)
        if not verified.ok:
            found.wrong.append(f"a receipt: {verified.sentence}")


def sent(site: Site, kind: str) -> Iterator[dict[str, str]]:
    """The messages of this kind that went out."""
    for path in site.stages[0].outbox.glob("*.json"):
        message = json.loads(path.read_text(encoding="utf-8"))
        if message["kind"] == kind:
            yield message


async def _messages(broker: Broker, site: Site, notes: Notes, found: After, *, wait: bool) -> None:
    """Nothing is left in the outbox but what a killed broker took; and it goes out too, after a while."""
    until = time.monotonic() + (TAKEN if wait else PATIENCE)
    query = sa.select(sa.func.count()).select_from(t.outbox)
    while True:
        due = query if wait else query.where(t.outbox.c.next_try_at <= broker.house.clock())
        async with broker.database.engine.connect() as connection:
            await connection.execution_options(writing=False)
            overdue = (await connection.execute(due)).scalar_one()
            waiting = (await connection.execute(query)).scalar_one()
        if not overdue:
            break
        if time.monotonic() > until:
            found.wrong.append(f"{overdue} messages were not sent")
            break
        await asyncio.sleep(0.2)
    if len(list(sent(site, "answer-kept"))) + waiting < notes.answers + notes.stops:
        found.lost.append("a message")
