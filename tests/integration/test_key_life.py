"""Keys are rotated, data keys move, old keys go, while brokers serve: everything opens, and what was thrown away does not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import LargeBinary

from broker.crypto.keyring import LOOK_EVERY
from broker.domain.keys import NOT_ROTATED, ROTATED, KeyPurpose, KeyState, KeyStore
from broker.domain.ports import SealedSection
from broker.errors import Conflict, NotFound, Unavailable, Unsafe
from broker.services import keys as key_services
from broker.storage import tables as t
from tests.promises.attacks import TOM, push
from tests.support.intruder import intruder_in
from tests.support.keeping import current, everything, world_of_its_own
from tests.support.surface import nobody_writes
from tests.support.world import ROOT, World, build_broker

WRAPPING = KeyPurpose.WRAPPING


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with world_of_its_own(tmp_path, database_url) as world:
        yield world


async def push_many(world: World, count: int, start: int = 0) -> list[str]:
    found = []
    for number in range(start, start + count):
        body = {**world.body(TOM), "reference": f"many-{number}"}
        response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
        assert response.status_code == 201, response.text
        found.append(response.json()["id"])
    return found


async def kids(world: World) -> set[str]:
    return {kid for kid, count in (await world.broker.keys.usage()).items() if count}


async def changes(world: World) -> list[tuple[str, str, str]]:
    found = [e.facts for e in await world.entries() if e.type == "keys:changed"]
    return [(f["action"], f["purpose"], f["kid"]) for f in reversed(found)]


async def test_every_key_is_rotated_while_brokers_serve(world: World) -> None:
    other = build_broker(world.broker.settings, world.clock)
    case = await push(world, TOM)
    await case.everybody_says_yes()
    before = (await case.ask()).json()
    opened = await everything(world.broker)
    old = {p: (await current(world.broker, p)).kid for p in KeyPurpose}
    made = await world.broker.keys.rotate()
    assert {key.purpose for key in made} == set(ROTATED)
    new = {p: (await current(world.broker, p)).kid for p in KeyPurpose}
    assert {p for p in KeyPurpose if new[p] != old[p]} == set(ROTATED)
    assert (await case.ask()).status_code == 200, "the token of before still counts"
    world.tokens.clear()
    await push_many(world, 1)
    after = (await case.ask()).json()
    assert (before["receipt"]["receipt"]["kid"], after["receipt"]["receipt"]["kid"]) == (
        old[KeyPurpose.RECEIPTS],
        new[KeyPurpose.RECEIPTS],
    )
    assert opened.items() <= (await everything(world.broker)).items()
    assert await kids(world) == {old[WRAPPING], new[WRAPPING]}
    await world.settle()
    assert (await world.broker.ledger.check()).ok
    assert set(await changes(world)) == {("rotated", p.value, new[p]) for p in ROTATED}
    await asyncio.sleep(LOOK_EVERY)
    assert other.house.vault.wrapping_kid() == new[WRAPPING], "another broker notices by itself"  # type: ignore[attr-defined]
    assert opened.items() <= (await everything(other)).items()
    await other.database.close()


async def test_what_is_looked_up_by_a_key_keeps_that_key(world: World) -> None:
    for purpose in NOT_ROTATED:
        with pytest.raises(Conflict, match="would no longer be found"):
            await world.broker.keys.rotate([KeyPurpose.LOG, purpose])
        with pytest.raises(Conflict, match="would no longer be found"):
            await world.broker.keys.retire((await current(world.broker, purpose)).kid)
    with pytest.raises(Unsafe, match="Only wrapping keys"):
        await world.broker.keys.rotate([KeyPurpose.LOG], KeyStore.VAULT)
    with pytest.raises(Unsafe, match="BROKER_VAULT_"):
        await world.broker.keys.rotate([WRAPPING, KeyPurpose.LOG], KeyStore.VAULT)
    assert len(await world.broker.keys.all()) == len(KeyPurpose)
    assert await changes(world) == []


async def test_rewrapped_while_everybody_works(world: World) -> None:
    """Pushes, corrections, releases and withdrawals go on while two brokers rewrap."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    handovers = await push_many(world, 24)
    await world.broker.keys.rotate([WRAPPING])
    wanted = (await current(world.broker, WRAPPING)).kid
    other = build_broker(world.broker.settings, world.clock)
    sender = world.sender(TOM)

    async def work_on() -> list[int]:
        codes = []
        for number, handover in enumerate(handovers):
            path = f"/v1/handovers/{handover}"
            if number % 3 == 0:
                codes.append((await world.as_organisation(sender, "DELETE", path)).status_code)
            elif number % 3 == 1:
                body = {**world.body(TOM), "reference": f"many-{number}", "sections": world.body(TOM)["sections"][:1]}
                body["sections"][0]["content"] = f"corrected {number}"
                codes.append((await world.as_organisation(sender, "POST", f"{path}/versions", body)).status_code)
            else:
                codes.append((await case.ask()).status_code)
        return codes

    codes, late, first, second = await asyncio.gather(
        work_on(), push_many(world, 8, 100), world.broker.keys.rewrap(), other.keys.rewrap()
    )
    await other.database.close()
    assert set(codes) <= {200, 201, 204}, codes
    assert len(late) == 8
    assert (first.failed, second.failed) == ((), ())
    assert first.moved + second.moved > 0
    assert await kids(world) == {wanted}
    texts = set((await everything(world.broker)).values())
    assert {f"corrected {n}".encode() for n in range(24) if n % 3 == 1} <= texts
    assert (await case.ask()).status_code == 200
    gone = sa.select(sa.func.count()).where(t.section.c.handover == handovers[0], t.section.c.wrapped_key.is_not(None))
    async with world.broker.house.storage(writing=False) as work:
        assert (await work.handovers._connection.execute(gone)).scalar() == 0, "what was withdrawn stays destroyed"


@pytest.mark.parametrize("meanwhile", ["withdrawn", "corrected"])
async def test_what_happens_between_reading_and_replacing_wins(
    world: World, meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [handover] = await push_many(world, 1)
    await world.broker.keys.rotate([WRAPPING])
    real, done = world.broker.keys._rewrapping.rewrap, []

    async def aside(call: Any, *args: Any) -> Any:
        result = call(*args)
        if call == real and not done:
            done.append(True)
            path, sender = f"/v1/handovers/{handover}", world.sender(TOM)
            if meanwhile == "withdrawn":
                assert (await world.as_organisation(sender, "DELETE", path)).status_code == 204
            else:
                body = {**world.body(TOM), "reference": "many-0", "purpose": world.body(TOM)["purpose"]}
                body["sections"][0]["content"] = "what is right"
                answer = await world.as_organisation(sender, "POST", f"{path}/versions", body)
                assert answer.status_code == 201, answer.text
        return result

    monkeypatch.setattr(type(world.broker.house), "aside", lambda _self, call, *args: aside(call, *args))
    done_with = await world.broker.keys.rewrap()
    assert done_with.failed == ()
    assert done
    opened = await everything(world.broker)
    assert (b"what is right" in opened.values()) == (meanwhile == "corrected")
    assert bool(opened) == (meanwhile == "corrected")
    half = sa.select(t.section.c.id).where(t.section.c.ciphertext.is_(None), t.section.c.wrapped_key.is_not(None))
    async with world.broker.house.storage(writing=False) as work:
        assert (await work.handovers._connection.execute(half)).all() == [], "a destroyed key came back"
    assert await kids(world) == {(await current(world.broker, WRAPPING)).kid}


KILLED = """
import os, signal, sys
from broker.storage import data_keys
from broker.cli import main
left = int(sys.argv.pop(1))
def after(name):
    real = getattr(data_keys.DataKeys, name)
    async def replaced(self, *args):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(self, *args)
    setattr(data_keys.DataKeys, name, replaced)
for name in ("rewrap_section", "rewrap_person", "handovers_not_under", "persons_not_under"):
    after(name)
sys.argv = ["broker", "keys", "rewrap"]
main.main()
"""


def environment_of(world: World) -> dict[str, str]:
    s = world.broker.settings
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": world.database_url,
        "BROKER_KEYS": str(s.keys),
        "BROKER_POLICIES": str(s.policies),
        "BROKER_OUTBOX": s.outbox,
    }


async def run(world: World, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *arguments],
        env={**environment_of(world), **more},
        cwd=world.directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_killed_at_any_point_and_run_again_it_loses_nothing(world: World) -> None:
    await push_many(world, 6)
    opened = await everything(world.broker)
    await world.broker.keys.rotate([WRAPPING])
    wanted, before = (await current(world.broker, WRAPPING)).kid, await world.broker.keys.left()
    for point in (2, 5, 9):
        killed = await run(world, "-c", KILLED, str(point))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        left = await world.broker.keys.left()
        assert 0 < left <= before
        before = left
        assert await everything(world.broker) == opened
    done = await run(world, "-m", "broker", "keys", "rewrap")
    assert (done.returncode, done.stdout) == (0, f"{before} data keys moved.\n"), done.stderr
    assert await kids(world) == {wanted}
    assert await everything(world.broker) == opened


async def test_what_cannot_be_opened_is_named_by_id_and_the_rest_is_done(
    world: World, request: pytest.FixtureRequest
) -> None:
    intruder = intruder_in(world, request)
    await push_many(world, 3)
    await world.broker.keys.rotate([WRAPPING])
    [(section,), *_] = intruder.rows("SELECT id FROM section ORDER BY id")
    [(tag,), *_] = intruder.rows("SELECT tag FROM log_subject_key ORDER BY tag")
    [(other,)] = intruder.rows("SELECT wrapped_key FROM section WHERE id <> ? LIMIT 1", section)
    async with nobody_writes(world):
        intruder.change("UPDATE section SET wrapped_key = ? WHERE id = ?", other, section)
    old = next(k for k in await world.broker.keys.all() if k.purpose is WRAPPING and k.state is KeyState.OLDER)
    async with nobody_writes(world):
        intruder.change("UPDATE log_subject_key SET wrapped_key = ? WHERE tag = ?", old.kid.encode() + b".x", tag)
    done = await run(world, "-m", "broker", "keys", "rewrap")
    assert done.returncode == 1, done.stdout
    said = {line.rpartition(" ")[2] for line in done.stderr.splitlines() if "cannot be opened" in line}
    assert said == {section, tag}
    assert await world.broker.keys.left() == 2
    world.clock.later("P1D")
    with pytest.raises(Conflict, match="still 2 data keys"):
        await world.broker.keys.retire(old.kid)


async def test_retired_is_gone_and_so_is_all_that_a_backup_held(world: World, request: pytest.FixtureRequest) -> None:
    intruder = intruder_in(world, request)
    case = await push(world, TOM)
    await case.everybody_says_yes()
    await push_many(world, 3)
    opened, keys = await everything(world.broker), world.broker.keys
    old = {p: await current(world.broker, p) for p in KeyPurpose}
    backup = intruder.rows("SELECT id, ciphertext, wrapped_key, kid, mark FROM section")
    persons = intruder.rows("SELECT tag, wrapped_key FROM log_subject_key")
    with pytest.raises(Conflict, match="in use"):
        await keys.retire(old[WRAPPING].kid)
    await keys.rotate()
    with pytest.raises(Conflict, match="Try again after"):
        await keys.retire(old[WRAPPING].kid)
    world.clock.later("P1D")
    with pytest.raises(Conflict, match="data keys under this key"):
        await keys.retire(old[WRAPPING].kid, dry_run=True)
    with pytest.raises(Conflict, match=r"still \d+ values"):
        await keys.retire(old[KeyPurpose.FIELDS].kid)
    with pytest.raises(NotFound):
        await keys.retire("A" * 43)
    assert (await keys.rewrap()).failed == ()
    path = world.broker.settings.keys / f"wrapping.{old[WRAPPING].kid}.json"
    assert await keys.retire(old[WRAPPING].kid, dry_run=True) is None
    assert path.exists()
    for purpose in (
        WRAPPING,
        KeyPurpose.TOKENS,
        KeyPurpose.INTAKE,
        KeyPurpose.RECORDS,
        KeyPurpose.RECEIPTS,
        KeyPurpose.LOG,
    ):
        assert await keys.retire(old[purpose].kid) is None
    assert not path.exists()
    assert ("retired", "wrapping", old[WRAPPING].kid) in await changes(world)
    assert await everything(world.broker) == opened
    world.tokens.clear()
    assert (await case.ask()).status_code == 200, "records of before are still verified"
    await world.settle()
    assert (await world.broker.ledger.check()).ok, "and so are receipts and checkpoints"
    for purpose in (KeyPurpose.RECORDS, KeyPurpose.RECEIPTS, KeyPurpose.LOG):
        document = json.loads((path.parent / f"{purpose}.{old[purpose].kid}.json").read_text())
        assert "d" not in document
        with pytest.raises(Conflict, match="only the public half"):
            await keys.retire(old[purpose].kid)
    async with world.broker.house.storage(writing=False) as work:
        places = {
            s.id: (h, s)
            for i in {h for (h,) in intruder.rows("SELECT handover FROM section")}
            if (h := await work.handovers.get(i))
            for s in h.sections
        }
    vault = world.broker.house.vault
    for identity, *sealed in backup:
        with pytest.raises(Unavailable, match="key-missing"):
            vault.open(key_services.place_of(*places[identity]), SealedSection(*sealed))
    for tag, wrapped in persons:
        with pytest.raises(Unavailable, match="key-missing"):
            vault.open_subject_key(tag, wrapped)  # type: ignore[attr-defined]


async def test_the_commands_from_first_to_last(world: World) -> None:
    async def broker(*arguments: str, **more: str) -> str:
        done = await run(world, "-m", "broker", "keys", *arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    await push_many(world, 2)
    opened = await everything(world.broker)
    old = (await current(world.broker, WRAPPING)).kid
    new = (await broker("rotate", "wrapping")).split()[1]
    rows = {row["kid"]: row for row in json.loads(await broker("list", "--usage", "--json"))}
    assert (rows[old]["state"], rows[new]["state"]) == ("older", "in use")
    assert rows[old]["dataKeys"] > 0
    assert rows[new]["dataKeys"] >= 0
    assert "data keys moved" in await broker("rewrap")
    assert await broker("rewrap") == "0 data keys moved.\n"
    refused = await run(world, "-m", "broker", "keys", "retire", old)
    assert (refused.returncode, "Try again after" in refused.stderr) == (2, True)
    tomorrow = {"BROKER_CLOCK_OFFSET": "P1D"}
    assert "Nothing was changed" in await broker("retire", old, "--dry-run", **tomorrow)
    assert await broker("retire", old, **tomorrow) == "It is retired.\n"
    assert old not in await broker("list")
    assert (await run(world, "-m", "broker", "keys", "rotate", "codes")).returncode == 2
    assert await everything(world.broker) == opened
    next(world.broker.settings.keys.glob("intake.*.json")).unlink()
    assert (await run(world, "-m", "broker", "keys", "list")).returncode == 2
    assert await broker("init", "--missing", "--demo") == "1 keys made: intake.\n"
    assert await broker("init", "--missing", "--demo") == "0 keys made.\n"


def test_whatever_is_encrypted_as_a_field_is_found_by_its_columns_name(database_url: str) -> None:
    """A column that holds field ciphertext under another name would let its key be retired."""
    others = {
        ("log_entry", "leaf"), ("log_entry", "leaf_hash"), ("log_entry", "receipt_sig"), ("log_tile", "data"),
        ("log_state", "root"), ("log_subject_key", "wrapped_key"), ("log_opening", "ciphertext"),
        ("section", "ciphertext"), ("section", "wrapped_key"), ("section", "mark"),
        ("passkey", "credential"), ("passkey", "public_key"),
    }  # fmt: skip
    binary = {
        (table.name, c.name) for table in t.metadata.sorted_tables for c in table.c if isinstance(c.type, LargeBinary)
    }
    assert {(table, column) for table, column in binary if not column.endswith("_sealed")} == others


async def test_a_field_key_is_counted_where_it_is_used(world: World) -> None:
    await push_many(world, 1)
    kid = (await current(world.broker, KeyPurpose.FIELDS)).kid
    async with world.broker.house.storage(writing=False) as work:
        assert await work.data_keys.fields_under(kid) > 3
        assert await work.data_keys.fields_under("A" * 43) == 0
    await world.broker.keys.rotate([KeyPurpose.FIELDS])
    new = (await current(world.broker, KeyPurpose.FIELDS)).kid
    await push_many(world, 1, 50)
    async with world.broker.house.storage(writing=False) as work:
        assert await work.data_keys.fields_under(new) > 0
