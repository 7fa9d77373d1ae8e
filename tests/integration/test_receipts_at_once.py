"""A release is answered at once with its receipt; the log's proof is in it for whoever says that they wait for it.

What is handed over was looked at first all the same: see `tests/promises/test_p10_an_older_copy_is_noticed.py`.
"""

import asyncio
from typing import Any

import httpx
import pytest

from broker.api import preferences
from broker.crypto.signatures import ed25519_holds
from broker.domain.events import EncodedEntry, EntryId
from broker.domain.stores import Appended, Receipt, TreeSeen, TreeState
from broker.transparency import ledger as ledgers
from broker.transparency.merkle import leaf_hash
from broker.transparency.verifier import verify_receipt
from tests.promises.attacks import REFUSED, TOM, Case, push
from tests.support.world import World

WHO = "ib-joris"


@pytest.fixture
async def case(world: World) -> Case:
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    await case.everybody_says_yes()
    await world.settle()
    return case


async def asked(case: Case, *prefer: str) -> httpx.Response:
    response = await case.world.ask(TOM, WHO, headers={"Prefer": ", ".join(prefer)} if prefer else None)
    assert response.status_code == 200, response.text
    return response


def rests(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> int:
        return 0

    monkeypatch.setattr(case.world.broker.ledger, "step", nothing)


async def test_a_receipt_comes_at_once_and_counts_by_itself(case: Case) -> None:
    response = await asked(case)
    receipt = response.json()["receipt"]
    assert receipt["proof"] is None
    assert "Preference-Applied" not in response.headers
    assert verify_receipt(receipt, case.world.broker.ledger.trusted, ed25519_holds).ok
    await case.world.settle()
    later = await case.world.http.get(receipt["proofAt"])
    assert later.status_code == 200
    assert verify_receipt({**receipt, "proof": later.text}, case.world.broker.ledger.trusted, ed25519_holds).ok


async def test_who_waits_has_the_proof_within(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "MOST", 10)
    monkeypatch.setattr(ledgers, "MOST_WAIT", 10.0)  # a busy machine may be slow
    responses = await asyncio.gather(*(asked(case, "wait=10") for _ in range(5)))
    for response in responses:
        receipt = response.json()["receipt"]
        assert receipt["proof"]
        assert response.headers["Preference-Applied"] == "wait=10"
        assert verify_receipt(receipt, case.world.broker.ledger.trusted, ed25519_holds).ok


async def test_nobody_waits_longer_than_a_second_and_gets_what_there_is(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests(case, monkeypatch)
    waited: list[float] = []
    real = case.world.broker.ledger._wait_for_proof

    async def noted(entry: Any, seconds: float) -> str | None:
        waited.append(seconds)
        return await real(entry, seconds / 100)

    monkeypatch.setattr(case.world.broker.ledger, "_wait_for_proof", noted)
    response = await asked(case, "wait=3600")
    assert response.json()["receipt"]["proof"] is None
    assert response.headers["Preference-Applied"] == "wait=1"
    assert waited == [1.0]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ((), 0),
        (("wait=1",), 1),
        (("Wait = 1",), 1),
        (('wait="1"',), 1),
        (("wait=1; because",), 1),
        (("respond-async, wait=1",), 1),
        (("respond-async", "wait=1"), 1),
        (("wait=999999999",), 1),
        (("wait=0",), 0),
        (("wait=0, wait=1",), 0),
        (("wait, wait=1",), 0),
        (("wait=1, wait=0",), 1),
        (("wait=-1",), 0),
        (("wait=1.5",), 0),
        (("wait=٣",), 0),
        (("wait=9999999999",), 0),
        (("waiting=1",), 0),
        (("return=minimal",), 0),
        (("",), 0),
    ],
)
def test_what_is_preferred_is_read_strictly_and_never_refused(said: tuple[str, ...], seconds: int) -> None:
    class Asked:
        headers = httpx.Headers([("Prefer", one.encode()) for one in said])

    Asked.headers.getlist = lambda name: said  # type: ignore[attr-defined]
    assert preferences.wait_of(Asked()) == seconds  # type: ignore[arg-type]


async def test_a_refusal_waits_for_nothing(case: Case) -> None:
    await case.says("mother", "tom", REFUSED)
    response = await case.world.ask(TOM, WHO, headers={"Prefer": "wait=1"})
    assert response.status_code == 403
    assert "Preference-Applied" not in response.headers


# What a look may be spared


async def seen(world: World) -> TreeSeen:
    async with world.broker.house.storage(writing=False) as work:
        found, tiles = await work.tree.seen()
    assert tiles == {}
    return found


async def test_a_tree_that_was_looked_at_agrees_until_anything_of_it_changes(case: Case) -> None:
    world, ledger = case.world, case.world.broker.ledger
    await world.settle()
    found = await seen(world)
    assert ledger.agrees(found)
    assert found.newest is not None
    size, note = found.newest
    for other in (
        TreeSeen(TreeState(found.state.size - 1, found.state.root), found.newest),
        TreeSeen(TreeState(found.state.size + 1, found.state.root), found.newest),
        TreeSeen(TreeState(found.state.size, b"\1" * 32), found.newest),
        TreeSeen(found.state, (size - 1, note)),
        TreeSeen(found.state, (size, f"{note}\n")),
        TreeSeen(found.state, None),
    ):
        assert not ledger.agrees(other)


async def test_what_agreed_once_does_not_agree_any_more_when_the_log_grew(case: Case) -> None:
    world, ledger = case.world, case.world.broker.ledger
    await world.settle()
    found = await seen(world)
    await world.gets(TOM, WHO)
    await world.settle()
    assert not ledger.agrees(found), "whoever sees this now sees an older copy"
    assert ledger.agrees(await seen(world))


async def test_a_tree_that_nobody_signed_yet_agrees_once_somebody_looked(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, ledger = case.world, case.world.broker.ledger
    rests(case, monkeypatch)
    await world.gets(TOM, WHO)
    await ledger.sequence()
    found = await seen(world)
    assert found.newest is not None
    assert found.state.size > found.newest[0]
    assert not ledger.agrees(found)
    await asked(case)
    assert ledger.agrees(await seen(world))


async def test_nothing_agrees_with_a_guard_that_somebody_wrote(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    world, ledger = case.world, case.world.broker.ledger
    await world.settle()
    rests(case, monkeypatch)
    found, guard = await seen(world), world.broker.settings.log_guard
    assert ledger.agrees(found)
    kept = guard.read_text()
    guard.write_text(kept)
    assert not ledger.agrees(found), "it is read first"
    guard.unlink()
    assert not ledger.agrees(found)


async def test_a_release_that_saw_the_tree_itself_makes_no_look(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    world, ledger = case.world, case.world.broker.ledger
    await world.settle()
    rests(case, monkeypatch)
    looks: list[str] = []

    async def look() -> None:
        looks.append("looked")

    monkeypatch.setattr(ledger._looks, "look", look)
    found = await seen(world)
    appended = Appended(EncodedEntry(EntryId("e-1"), b"leaf", leaf_hash(b"leaf"), ()), Receipt("kid", b"signature"))
    await ledger.receipt(appended, frozenset(), seen=found)
    assert looks == []
    await ledger.receipt(appended, frozenset(), seen=TreeSeen(found.state, None))
    await ledger.receipt(appended, frozenset())
    assert looks == ["looked"] * 2
