"""P10: whoever changes the log is noticed: by the check, by one checkpoint kept elsewhere, or by the receipt of who was there.

Each attack says what the attacker holds, and each who might notice is asked; what they say is the table in
`docs/for-security-reviewers.md`, to the letter: what is not noticed stands there too.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.crypto.encoding import from_b64url
from broker.crypto.keyring import load_keyring
from broker.errors import Tampered
from tests.conftest import Furnished
from tests.promises import tamper_table
from tests.promises.detectors import UNNOTICED, Kept, Watchers, a_witness, whole_bundle
from tests.promises.tampering import ATTACKS, LOG, WAITING_ATTACKS, Do, Forger
from tests.support.intruder import Intruder, intruder_in
from tests.support.world import World, build_broker, open_world, started_again

HANDOVER, WHO = "tom-to-school", "ib-joris"


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


def rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sequencer does nothing by itself any more."""

    async def nothing() -> int:
        return 0

    monkeypatch.setattr(world.broker.ledger, "step", nothing)


# The matrix: one log for each kind of database, put back after each attack


async def settled(world: World) -> str:
    """Everything that waits gets its place, and the checkpoint of all is signed; returns it."""
    while await world.broker.ledger.sequence():
        pass
    await world.broker.ledger.publish()
    return await world.broker.ledger.checkpoint()


async def released(world: World) -> tuple[str, dict[str, Any]]:
    """A release: its entry and its receipt, without a proof as yet."""
    response = await world.ask(HANDOVER, WHO)
    assert response.status_code == 200, response.text
    receipt = dict(response.json()["receipt"])
    assert receipt["proof"] is None
    return json.loads(from_b64url(receipt["leaf"]))["id"], receipt


async def a_history(world: World, intruder: Intruder) -> tuple[Forger, Kept]:
    """A log that grew at three moments, with an entry that waits; and what everybody outside kept of it."""
    ledger, settings = world.broker.ledger, world.broker.settings
    forger = Forger(intruder, load_keyring(settings.keys), ledger.origin, settings.log_guard)
    await world.push(HANDOVER)
    await world.gets(HANDOVER, WHO)
    forger.backup_size = int((await settled(world)).split("\n")[1])
    forger.backup, forger.old_guard = everything(intruder), forger.guard.read_bytes()
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes"})
    forger.victim, receipt = await released(world)
    checkpoint = await settled(world)
    receipts = {forger.victim: {**receipt, "proof": await ledger.proof_of(forger.victim)}}
    bundle = await whole_bundle(world.broker)
    await world.push("jack-to-gp")
    await world.gets(HANDOVER, WHO)
    await settled(world)
    forger.waiting, receipts[forger.waiting] = await released(world)
    return forger, Kept(checkpoint, bundle, receipts)


def everything(intruder: Intruder) -> dict[str, Any]:
    return intruder.contents(leave_out=["alembic_version"])


@contextlib.asynccontextmanager
async def after_a_history(
    opened: contextlib.AbstractAsyncContextManager[World], intruder: Intruder, directory: Path
) -> AsyncIterator[tuple[Forger, Watchers]]:
    """The same, with the witness that cosigned it, and no broker at work any more."""
    with pytest.MonkeyPatch.context() as patch:
        async with opened as world:
            rest(world, patch)
            forger, kept = await a_history(world, intruder)
    broker = build_broker(world.broker.settings, world.clock)
    try:
        witnesses = a_witness(directory, broker.ledger.verifier_keys())
        watchers = Watchers(broker, kept, directory, witnesses)
        assert await watchers.cosign() == UNNOTICED
        watchers.remember()
        watchers.check_kept()
        intruder.disarm()
        with intruder.staying():
            yield forger, watchers
    finally:
        await broker.database.close()


async def test_whoever_changes_the_log_is_noticed(
    tmp_path: Path, database_url: str, world_keys: Path, furnished: Furnished, request: pytest.FixtureRequest
) -> None:
    kind = database_url.partition(":")[0].partition("+")[0]
    intruder = Intruder(database_url, None if kind == "sqlite" else request.getfixturevalue("postgres_server"))
    opened = open_world(tmp_path, kind, database_url, world_keys, furnished.furniture(kind))
    async with after_a_history(opened, intruder, tmp_path / "witness") as (forger, watchers):
        whole = everything(intruder)

        async def noticed_by(do: Do, receipt: str) -> dict[str, str]:
            watchers.forget()
            serving = await watchers.serving()
            do(forger)
            found = await watchers.ask(serving, receipt)
            now = everything(intruder)
            intruder.put_back({table: rows for table, rows in whole.items() if rows != now[table]})
            return found

        nobody = dict.fromkeys(tamper_table.COLUMNS, UNNOTICED)
        assert await noticed_by(lambda _: None, forger.waiting) == nobody, "untouched, it is genuine to everybody"
        table = {
            (holds, attack): await noticed_by(do, forger.waiting if attack in WAITING_ATTACKS else forger.victim)
            for holds, attacks in ATTACKS.items()
            for attack, do in attacks.items()
        }
        assert await noticed_by(lambda _: None, forger.victim) == nobody, "put back, it is genuine again"
    assert tamper_table.unnoticed_outside(table) == []
    drawn = f"{tamper_table.drawn(table)}\n\nWhat these say:\n\n{tamper_table.legend(table)}\n"
    assert drawn in tamper_table.PAGE.read_text(encoding="utf-8"), drawn


# What the table does not hold


async def test_a_restored_old_copy_is_noticed_by_who_kept_a_later_checkpoint(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.push(HANDOVER)
    await world.settle()
    guard = world.broker.settings.log_guard
    backup, guarded = intruder.contents(leave_out=["alembic_version"]), guard.read_bytes()
    release = await world.gets(HANDOVER, WHO)
    assert release == []
    await world.settle()
    kept = await world.broker.ledger.checkpoint()
    rest(world, monkeypatch)
    await asyncio.to_thread(intruder.disarm)
    await asyncio.to_thread(intruder.put_back, backup)
    assert (await world.broker.ledger.check()).code == 0, "the copy itself is whole"
    verdict = await world.broker.ledger.check(earlier=kept)
    assert verdict.code == 1
    assert "rolled back" in verdict.sentence
    guard.write_bytes(guarded)  # the guard is put back as well
    async with started_again(world) as again:
        for purpose in ("education-support", "health-care"):  # life goes on, past the size that was once signed
            await again.gets(HANDOVER, WHO, purpose)
        await again.settle()
        verdict = await again.broker.ledger.check(earlier=kept)
    assert verdict.code == 1, "grown again, it is another log"


COPIES: dict[str, str] = {
    "type": "log:searched",
    "organisation": "00000099000000990000",
    "counterpart": "00000099000000990000",
    "outcome": "partly",
    "created_at": "2020-01-01 00:00:00.000000",
}


async def test_what_stands_beside_a_leaf_to_search_by_cannot_say_something_else(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    await world.push(HANDOVER)
    await world.gets(HANDOVER, WHO)
    await world.settle()
    before = {"log_entry": intruder.contents()["log_entry"]}
    await asyncio.to_thread(intruder.disarm)
    for column, says in COPIES.items():
        with subtests.test(column):
            await asyncio.to_thread(
                intruder.change,
                f"UPDATE log_entry SET {column} = ? WHERE type IN ('release:permitted', 'release:denied')",
                says,
            )
            assert (await world.broker.ledger.check()).code == 1
            await asyncio.to_thread(intruder.put_back, before)
    assert (await world.broker.ledger.check()).code == 0


QUEUE_ATTACKS: dict[str, str] = {
    "the leaf is edited": "UPDATE log_entry SET leaf = ? WHERE entry_id = ?",
    "the hash is another": "UPDATE log_entry SET leaf_hash = ? WHERE entry_id = ?",
    "the receipt is another": "UPDATE log_entry SET receipt_sig = ? WHERE entry_id = ?",
    "the type beside it is another": "UPDATE log_entry SET type = 'log:searched', outcome = ? WHERE entry_id = ?",
    "the receipt's key is unknown": "UPDATE log_entry SET receipt_kid = ? WHERE entry_id = ?",
}


async def test_the_sequencer_takes_no_entry_that_was_changed_in_the_queue_and_says_so(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    await world.push(HANDOVER)
    await world.settle()
    ledger = world.broker.ledger
    step = ledger.step
    rest(world, monkeypatch)
    await world.gets(HANDOVER, WHO)
    [(entry,)] = intruder.rows("SELECT entry_id FROM log_queue")
    before = {table: rows for table, rows in intruder.contents().items() if table in LOG}
    await asyncio.to_thread(intruder.disarm)
    for attack, statement in QUEUE_ATTACKS.items():
        with subtests.test(attack):
            await asyncio.to_thread(
                intruder.change,
                statement,
                "unknown" if "kid" in statement or "outcome" in statement else b"\x01" * 64,
                entry,
            )
            with pytest.raises(Tampered):
                await step()
            with capture_logs() as lines:
                monkeypatch.setattr(ledger, "step", step)
                ledger.kick()
                await until(lambda lines=lines: any(line["event"] == "log:not-sequenced" for line in lines))
                rest(world, monkeypatch)
            assert {"event": "log:not-sequenced", "code": "tampered", "log_level": "error"} in lines
            assert intruder.contents()["log_index"] == before["log_index"]
            await asyncio.to_thread(intruder.put_back, before)
    assert await step() == 1, "put back, it is taken"
    assert (await ledger.check()).code == 0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.01)
