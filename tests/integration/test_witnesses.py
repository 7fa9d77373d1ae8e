"""A broker and three witnesses, two of which must cosign: it goes on with one dead, and a second history is found out."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from broker.cli.verifying import verdict_on
from broker.crypto.ed25519 import holds
from broker.domain.events import EventType, LogEvent
from broker.domain.log_ports import Selection
from broker.errors import NotFound, Unavailable, Unsafe
from broker.settings import read_settings
from broker.transparency.checkpoints import parse_note, parse_signature, signature_line, verifier_key
from broker.transparency.cosigning import Cosigning, Said
from broker.transparency.policies import Witness, WitnessPolicy, cosigners, parse_policy
from broker.transparency.proofs import parse_proof
from broker.transparency.remote import verify_address
from broker.transparency.verdicts import Verdict
from broker.transparency.verifier import verify_cosigned, verify_receipt
from broker.transparency.witnessed import Witnessed
from broker.witness import house
from broker.witness.asgi import application
from tests.factories import NOW, Storeroom, a_keyring, a_storeroom
from tests.support.intruder import intruder_in
from tests.support.surface import nobody_writes
from tests.support.world import World, build_broker, open_world

Lie = Callable[[Said], Said]


@dataclass
class Village:
    """Three witnesses of one log, each with a folder of its own; some may be dead, or lie."""

    directory: Path
    log_keys: tuple[str, ...]
    dead: set[str] = field(default_factory=set)
    lying: dict[str, Lie] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    opened: dict[str, house.Opened] = field(default_factory=dict)

    def settle(self) -> None:
        keys = {name: house.make(self.directory / name, f"{name}.example") for name in "abc"}
        for name in keys:
            self.opened[name] = house.open_witness(self.directory / name, self.log_keys)
        lines = [f"witness {name} {key} https://{name}.example" for name, key in keys.items()]
        self.file.write_text("\n".join([*lines, "group two 2 a b c", "quorum two", ""]))

    @property
    def file(self) -> Path:
        return self.directory / "witnesses"

    @property
    def policy(self) -> Any:
        return parse_policy(self.file.read_text())

    def witness(self, name: str) -> Witness:
        return next(w for w in self.policy.witnesses if w.name == name)

    async def post(self, url: str, text: str) -> Said:
        name = url.removeprefix("https://")[0]
        self.asked.append(name)
        if name in self.dead:
            raise Unavailable
        transport = httpx.ASGITransport(app=application(self.opened[name].cosigner))
        async with httpx.AsyncClient(transport=transport, base_url=url) as http:
            answer = await http.post("/add-checkpoint", content=text)
        said = Said(answer.status_code, answer.headers["content-type"], answer.text)
        return self.lying[name](said) if name in self.lying else said

    def leave(self) -> None:
        for opened in self.opened.values():
            opened.memory.close()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


@pytest.fixture
def village(store: Storeroom, tmp_path: Path) -> Any:
    village = Village(tmp_path / "village", store.ledger().verifier_keys())
    village.directory.mkdir()
    village.settle()
    yield village
    village.leave()


def cosigning_of(store: Storeroom, village: Village) -> Cosigning:
    return Cosigning(store.storage, village.policy, village.post, holds, store.clock)


async def logs(store: Storeroom, count: int = 3) -> None:
    async with store.storage() as work:
        for _ in range(count):
            await work.log.append(LogEvent(EventType.KEYS_CHANGED, NOW))
        await work.commit()
    while await store.ledger().step():
        pass


async def ask_all(cosigning: Cosigning) -> dict[str, bool]:
    return {w.name: await cosigning.ask(w) for w in (cosigning.policy.witnesses if cosigning.policy else ())}


async def judged(store: Storeroom, cosigning: Cosigning, policy: Any = None) -> Any:
    ledger = store.ledger()
    size = int((await ledger.checkpoint()).split("\n")[1])
    witnessed = Witnessed(store.storage, cosigning, ledger.origin, ledger.trusted, holds)
    return await witnessed.judge(await ledger.check(), policy, size)


async def test_all_three_cosign_as_the_log_grows(store, village) -> None:
    cosigning = cosigning_of(store, village)
    with pytest.raises(NotFound):
        await cosigning.checkpoint()
    for _ in range(4):
        await logs(store)
        assert all((await ask_all(cosigning)).values())
        note = await cosigning.checkpoint()
        assert len(parse_note(note).signatures) == 4
        assert (await cosigning.cosigned())[1] == note
        assert verify_cosigned(note, village.policy, store.ledger().trusted, holds).ok
    village.asked.clear()
    assert all((await ask_all(cosigning)).values())
    assert village.asked == []  # nothing new, nobody is bothered
    verdict = await judged(store, cosigning, village.policy)
    assert (verdict.code, "up to 12 entries: a, b, c" in verdict.sentence) == (0, True)


async def test_one_dead_witness_is_missed_by_nobody_and_two_by_everybody(store, village) -> None:
    cosigning = cosigning_of(store, village)
    village.dead = {"c"}
    await logs(store)
    assert await ask_all(cosigning) == {"a": True, "b": True, "c": False}
    assert (await cosigning.cosigned())[0] == 3
    assert (await judged(store, cosigning, village.policy)).ok
    village.dead = {"b", "c"}
    await logs(store)
    await ask_all(cosigning)
    assert (await cosigning.cosigned())[0] == 3  # the latest with enough stays what others can rely on
    assert (await cosigning.checkpoint()).split("\n")[1] == "6"
    verdict = await judged(store, cosigning, village.policy)
    assert verdict.code == 2
    assert verdict.sentence == (
        "The entries hold, but too few witnesses cosigned the checkpoint of 6 entries; the newest with enough has 3 "
        "entries; missing: b, c."
    )
    village.dead = set()
    assert all((await ask_all(cosigning)).values())
    assert (await judged(store, cosigning, village.policy)).ok


def of_another_text(text: str) -> str:
    """The same cosignature with another last bit in its signature."""
    line = parse_signature(text.removesuffix("\n"))
    return f"{signature_line(replace(line, signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1])))}\n"


async def test_a_witness_that_begins_to_lie_late_counts_no_longer_and_spoils_nothing(store, village) -> None:
    cosigning = cosigning_of(store, village)
    await logs(store)
    await ask_all(cosigning)
    lies: list[Lie] = [
        lambda said: Said(200, said.kind, of_another_text(said.text)),
        lambda said: Said(200, said.kind, ""),
        lambda said: Said(200, said.kind, "\u2014 c.example AAAAAAAA\n"),
        lambda said: Said(409, "text/x.tlog.size", "007\n"),
        lambda said: Said(409, "text/plain", "3\n"),
        lambda said: Said(500, "text/plain", "oops"),
        lambda said: Said(302, "text/plain", ""),
    ]
    for lie in lies:
        village.lying["c"] = lie
        await logs(store, 1)
        with capture_logs() as said:
            assert await ask_all(cosigning) == {"a": True, "b": True, "c": False}
        assert [(line["event"], line["log_level"]) for line in said] == [("log:witness-failed", "warning")]
        note = (await cosigning.cosigned())[1]
        assert set(cosigners(note, village.policy, holds).times) == {"a", "b"}
        assert note == await cosigning.checkpoint()
    assert (await judged(store, cosigning, village.policy)).ok


async def test_a_cosignature_that_was_changed_in_the_database_does_not_count(store, village) -> None:
    cosigning = cosigning_of(store, village)
    await logs(store)
    village.dead = {"b", "c"}
    await ask_all(cosigning)
    line = parse_note(await cosigning.checkpoint()).signatures[-1]
    assert line.name == "a.example"
    async with store.storage() as work:  # what a database's administrator would write
        fake = (await work.witnesses.of(3))[0].replace("a.example", "b.example")
        await work.witnesses.keep(village.witness("b").id, 3, fake, NOW)
        await work.commit()
    with pytest.raises(NotFound):
        await cosigning.cosigned()
    assert [s.name for s in parse_note(await cosigning.checkpoint()).signatures][1:] == ["a.example"]


async def test_two_brokers_on_one_database_do_not_alarm_each_other(store, village) -> None:
    one, other = cosigning_of(store, village), cosigning_of(store, village)
    for _ in range(3):
        await logs(store)
        assert all((await ask_all(one)).values())
        await logs(store)
        with capture_logs() as said:
            results = await asyncio.gather(ask_all(one), ask_all(other))
        assert all(all(result.values()) for result in results)
        assert said == []
    assert await one.refusals() == ()


async def test_a_witness_that_forgot_gets_the_log_again(store, village) -> None:
    cosigning = cosigning_of(store, village)
    await logs(store)
    await ask_all(cosigning)
    village.opened["a"].memory.close()
    (village.directory / "a" / "state.json").write_text('{"logs":{},"v":1}')
    village.opened["a"] = house.open_witness(village.directory / "a", village.log_keys)
    await logs(store)
    with capture_logs() as said:
        assert all((await ask_all(cosigning)).values())
    assert [line["event"] for line in said] == ["log:witness-forgot"]


# --- another history --------------------------------------------------------------------------------------------------


async def test_a_forked_copy_of_the_database_is_refused_and_noticed(tmp_path, sqlite_template) -> None:
    """Two brokers, two copies, the same keys: whoever comes second to a witness hears no."""
    keyring = a_keyring()
    shutil.copyfile(sqlite_template, tmp_path / "one.db")
    one = a_storeroom(f"sqlite:///{tmp_path / 'one.db'}", keyring)
    village = Village(tmp_path / "village", one.ledger().verifier_keys())
    village.directory.mkdir()
    village.settle()
    await logs(one)
    await ask_all(cosigning_of(one, village))
    await one.database.close()
    shutil.copyfile(tmp_path / "one.db", tmp_path / "two.db")
    one, two = (a_storeroom(f"sqlite:///{tmp_path / name}.db", keyring) for name in ("one", "two"))
    true, forked = cosigning_of(one, village), cosigning_of(two, village)
    await logs(one, 3)
    assert all((await ask_all(true)).values())
    for count in (2, 1, 5):  # shorter than what they saw, as long, longer
        await logs(two, count)
        with capture_logs() as said:
            assert await ask_all(forked) == dict.fromkeys("abc", False)
        alarms = [line for line in said if line["event"] == "log:witness-refused"]
        assert [(line["log_level"], line["code"], line["kind"]) for line in alarms] == [
            ("error", "witness-refused", f"{name}.example") for name in "abc"
        ]
    assert (await forked.cosigned())[0] == 3  # nothing of the fork
    verdict = await judged(two, forked)
    assert (verdict.code, "refused our checkpoint of 5 entries" in verdict.sentence) == (1, True)
    assert (await judged(two, forked, village.policy)).code == 1
    assert (await judged(one, true, village.policy)).ok
    village.leave()
    for store in (one, two):
        await store.database.close()


async def test_a_refusal_stands_until_that_witness_cosigns_again(store, village) -> None:
    cosigning = cosigning_of(store, village)
    await logs(store)
    village.lying["a"] = lambda said: Said(422, "text/plain", "no")
    await ask_all(cosigning)
    await ask_all(cosigning)
    (refusal,) = await cosigning.refusals()
    assert (refusal.witness, refusal.size) == (village.witness("a").id, 3)
    assert (await judged(store, cosigning, village.policy)).code == 1
    village.lying.clear()
    store.clock.now = store.clock.now.replace(year=store.clock.now.year + 1)
    await ask_all(cosigning)
    assert await cosigning.refusals() == ()
    assert (await judged(store, cosigning, village.policy)).ok


# --- the whole broker -------------------------------------------------------------------------------------------------


@pytest.fixture
async def watched(tmp_path: Path, database_url: str, world_keys: Path) -> AsyncIterator[tuple[World, Village]]:
    """A whole broker that asks the three witnesses by itself."""
    kind = database_url.partition(":")[0].partition("+")[0]
    directory = tmp_path / "world"
    directory.mkdir()
    plain = read_settings({"BROKER_MODE": "demo", "BROKER_KEYS": str(world_keys), "BROKER_DATABASE_URL": database_url})
    village = Village(tmp_path / "village", build_broker(plain, None).ledger.verifier_keys())  # type: ignore[arg-type]
    village.directory.mkdir()
    village.settle()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("broker.app.to_witness", village.post)
        patch.setattr("broker.transparency.cosigning.LOOK", 0.05)
        more = {"BROKER_WITNESSES": str(village.file)}
        async with open_world(directory, kind, database_url, world_keys, more=more) as world:
            yield world, village
    village.leave()


async def until(true: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        while True:
            if found := await true():
                return found
            await asyncio.sleep(0.05)


async def test_the_public_side_shows_what_witnesses_cosigned(watched, tmp_path: Path) -> None:
    world, village = watched
    village.dead = {"b"}
    await world.push("tom-to-school")
    await world.everybody_says_yes("tom-to-school")
    receipt = (await world.ask("tom-to-school", "ib-joris")).json()["receipt"]
    await world.settle()
    size = (await world.http.get("/v1/log/checkpoint")).text.split("\n")[1]

    async def cosigned() -> bool:
        answer = await world.http.get("/v1/log/cosigned-checkpoint")
        return answer.status_code == 200 and answer.text.split("\n")[1] == size

    await until(cosigned)
    note = (await world.http.get("/v1/log/checkpoint")).text
    assert set(cosigners(note, village.policy, holds).times) == {"a", "c"}
    proof = await world.http.get("/v1/log/cosigned-proofs/0")
    assert cosigners(parse_proof(proof.text).note, village.policy, holds).enough
    assert (await world.http.get(f"/v1/log/cosigned-proofs/{int(size) + 10}")).status_code == 404
    assert (await world.http.get("/v1/log/cosigned-proofs/x")).status_code == 404
    trusted = world.broker.ledger.trusted
    assert verify_receipt(receipt, trusted, holds).ok
    entry = receipt["proofAt"].rpartition("/")[2]
    receipt["proof"] = None
    assert verify_receipt(receipt, trusted, holds, village.policy).code == 2
    receipt["proof"] = (await world.http.get(f"/v1/log/proofs/{entry}")).text
    bare = verify_receipt(receipt, trusted, holds, village.policy)
    assert (bare.code, "missing: a, b, c" in bare.sentence) == (2, True)
    receipt["proof"] = (await world.http.get(f"/v1/log/cosigned-proofs/{entry}")).text
    assert verify_receipt(receipt, trusted, holds, village.policy).ok
    assert (await world.http.get("/readyz")).status_code == 200
    await bundles_and_address_are_witnessed(world, village, int(size), tmp_path)


async def bundles_and_address_are_witnessed(world: World, village: Village, size: int, folder: Path) -> None:
    """What is taken home holds the cosignatures: `broker audit verify --witnesses` demands enough of them."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(world.broker.public_keys()))

    def verdict(path: Path, policy: WitnessPolicy | None = village.policy) -> Verdict:
        found = verdict_on(str(path), keys, None, policy)
        assert found is not None
        return found

    async def took(name: str) -> tuple[Path, Path]:
        family, officer = folder / f"{name}.json", folder / f"{name}.zip"
        async with world.browser() as browser:
            await world.come_in(browser, world.codes["tom-to-school", "mother"])
            family.write_bytes((await browser.get("/mine/proof")).content)
        with officer.open("wb") as file:
            async for piece in world.broker.house.log.archive.packed((0, size), Selection(), lambda _: None):
                file.write(piece)
        return family, officer

    nobody = parse_policy(village.file.read_text().replace("two 2 a b c", "two 3 a b c"))
    for path in await took("witnessed"):
        good = verdict(path)
        assert (good.code, verdict(path, None).code) == (0, 0), good.sentence
        few = verdict(path, nobody)
        assert (few.code, "missing: b" in few.sentence) == (2, True), few.sentence
    assert "a, c" in verdict(folder / "witnessed.zip").sentence

    async def plain(work: Any, checkpoint: tuple[int, str], *_: Any) -> tuple[int, str]:
        return checkpoint

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("broker.transparency.archive._cosigned", plain)
        for path in await took("bare"):
            assert verdict(path, None).ok
            assert (verdict(path).code, "missing: a, b, c" in verdict(path).sentence) == (2, True)
    answers = {
        name: (await world.http.get(f"/v1/log/{name}")).content for name in ("checkpoint", "cosigned-checkpoint")
    }
    now = int(answers["checkpoint"].split(b"\n")[1])
    tile = f"tile/0/000.p/{now}"
    answers[tile] = (await world.http.get(f"/v1/log/{tile}")).content
    for policy, code in ((village.policy, 0), (nobody, 2), (None, 0)):
        ledger = world.broker.ledger
        found = verify_address(
            ledger.origin, lambda name, _: answers[name], None, ledger.trusted, holds, witnesses=policy
        )
        assert found.code == code, found.sentence


async def test_an_older_copy_that_is_put_back_is_noticed_by_itself(watched, request) -> None:
    world, _ = watched
    intruder = intruder_in(world, request)
    async with nobody_writes(world):
        intruder.disarm()
    log = [t for t in intruder.tables() if t.startswith("log_")]
    await world.settle()

    async def everybody() -> bool:
        note = (await world.http.get("/v1/log/checkpoint")).text
        return note.count("\u2014") == 4

    await until(everybody)
    async with nobody_writes(world):
        older = {name: rows for name, rows in intruder.contents().items() if name in log}
    await world.push("tom-to-school")
    await world.settle()
    await until(everybody)

    rests = asyncio.Event()

    async def nothing() -> int:
        rests.set()
        return 0

    world.broker.ledger.step = nothing  # the guard would notice it too; here it is the witnesses' turn
    world.broker.ledger.kick()
    await rests.wait()
    with capture_logs() as said:
        async with nobody_writes(world):
            intruder.put_back(older)
        refusals = await until(world.broker.cosigning.refusals)
    assert {line["log_level"] for line in said if line["event"] == "log:witness-refused"} == {"error"}
    assert refusals[0].theirs > refusals[0].size
    assert (await world.http.get("/readyz")).status_code == 200


async def test_a_dead_village_holds_up_no_release(watched) -> None:
    world, village = watched

    async def never(_url: str, _text: str) -> Said:
        await asyncio.sleep(3600)
        raise Unavailable

    village.post = never
    await world.push("tom-to-school")
    await world.everybody_says_yes("tom-to-school")
    started = asyncio.get_running_loop().time()
    assert (await world.ask("tom-to-school", "ib-joris")).status_code == 200
    assert asyncio.get_running_loop().time() - started < 8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "quorum"),
        ("quorum x\n", "Line 1"),
        ("witness a {a} http://a.example\nquorum a\n", "https"),
        ("witness a {a}\nquorum a\n", "https"),
        ("witness a {a} https://u:p@a.example\nquorum a\n", "https"),
        ("log {log}\nquorum none\n", "another log"),
    ],
)
def test_witnesses_that_cannot_be_asked_stop_the_start(tmp_path, world_keys, text, why) -> None:
    key = house.make(tmp_path / "a", "a.example")
    other = verifier_key("other.example", bytes(32))
    (tmp_path / "w").write_text(text.format(a=key, log=other))
    given = {"BROKER_MODE": "demo", "BROKER_KEYS": str(world_keys), "BROKER_DATABASE_URL": "sqlite://"}
    settings = read_settings(given | {"BROKER_WITNESSES": str(tmp_path / "w")})
    with pytest.raises(Unsafe, match=why):
        build_broker(settings, None)  # type: ignore[arg-type]
