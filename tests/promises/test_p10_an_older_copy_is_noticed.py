"""P10, P04: a database that was put back to an older copy is noticed, at the start and while serving, and nothing leaves on it.

What was kept outside the database (the log's guard) tells; whoever may accept an older copy all the same does so in the
open, and no yes from before counts after it: a stop that came later may have been lost with the newer database.
"""

import asyncio
import contextlib
import json
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from broker.app import build
from broker.cli import audit, running
from broker.crypto.keyring import KeyPurpose, load_keyring
from broker.errors import Conflict, Unavailable, Unsafe
from broker.services.restoring import Cause, log_restored
from broker.storage.guard_file import GuardFile
from broker.transparency import tiles
from broker.transparency.checkpoints import Checkpoint, sign_note
from tests.promises.lived import HANDOVER, SIGNERS, WHO, YES, Given
from tests.support.intruder import Intruder, Rows, intruder_in
from tests.support.postgres import PostgresServer
from tests.support.sqlite import copied_sqlite
from tests.support.surface import nobody_writes
from tests.support.world import World, open_world, started_again


@pytest.fixture(scope="module")
def given_before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Given:
    return Given(request, tmp_path_factory.mktemp("given"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, given_before: Given) -> Iterator[str]:
    """A copy of a database with a history."""
    if request.param == "sqlite":
        yield copied_sqlite(given_before.sqlite(), tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    urls = server.create_database(template=given_before.postgresql(server))
    try:
        yield urls.app_url
    finally:
        server.drop(urls)


@pytest.fixture
async def world(tmp_path: Path, database_url: str, world_keys: Path, given_before: Given) -> AsyncIterator[World]:
    """A broker on it."""
    kind = database_url.partition(":")[0].partition("+")[0]
    async with open_world(tmp_path, kind, database_url, world_keys, given_before.furniture(kind)) as world:
        yield given_before.recall(world)


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@contextlib.asynccontextmanager
async def nobody_serves(world: World) -> AsyncIterator[None]:
    """The world's own broker rests; what it holds of the database is let go."""

    async def nothing() -> int:
        await asyncio.sleep(3600)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.broker.ledger, "step", nothing)
        world.broker.ledger.kick()
        await asyncio.sleep(0.1)
        await world.broker.database.close()
        yield


def copy_of(intruder: Intruder) -> dict[str, Rows]:
    return intruder.contents(leave_out=["alembic_version"])


async def stopped_after_a_copy(world: World, intruder: Intruder) -> dict[str, Rows]:
    """Everybody said yes; the copy is made; then somebody stops. Returns the copy."""
    copy = copy_of(intruder)
    await world.withdraw(HANDOVER, "mother", ["status"])
    await world.settle()
    assert await world.gets(HANDOVER, WHO) == []
    await world.settle()
    async with nobody_writes(world):
        intruder.disarm()
    return copy


async def starts(world: World) -> bool:
    refusal = None
    try:
        async with started_again(world):
            pass
    except Unsafe as refused:
        refusal = refused.words
    if refusal is not None:
        assert "older than the log's guard" in refusal.en
        assert "ouder dan de wacht" in refusal.nl
        assert "stop" in refusal.en
    return refusal is None


async def test_a_broker_does_not_start_on_an_older_copy(world: World, intruder: Intruder) -> None:
    copy = await stopped_after_a_copy(world, intruder)
    newest = copy_of(intruder)
    async with nobody_serves(world):
        assert await starts(world)
        newest = copy_of(intruder)
        await asyncio.to_thread(intruder.put_back, copy)
        assert not await starts(world)
        assert not await starts(world), "asking twice does not help"
        await asyncio.to_thread(intruder.put_back, newest)
        assert await starts(world), "with the newest database put back it serves again"


async def test_a_broker_that_serves_notices_and_releases_nothing(world: World, intruder: Intruder) -> None:
    copy = await stopped_after_a_copy(world, intruder)
    with capture_logs() as logs:
        async with nobody_writes(world):
            intruder.put_back(copy)
        response = await world.ask(HANDOVER, WHO)  # in the copy everybody says yes
        assert response.status_code == 503, response.text
        assert "released" not in response.json()
        assert (await world.http.get("/readyz")).status_code == 503
        assert "rondom_log_rolled_back 1.0" in (await world.http.get("/metrics")).text
        assert (await world.http.get("/livez")).status_code == 200
        again = await world.ask(HANDOVER, WHO)
        assert again.status_code == 503
        assert "unavailable" in again.text
        async with world.browser() as browser:
            assert (await browser.post("/code", data={"code": world.codes[HANDOVER, "tom"]})).status_code == 503
        for _ in range(100):
            if any(line["event"] == "log:rolled-back" for line in logs):
                break
            await asyncio.sleep(0.05)
    [alarm] = [line for line in logs if line["event"] == "log:rolled-back"]
    assert (alarm["log_level"], alarm["code"]) == ("error", "log-rolled-back")


async def test_nothing_is_signed_over_an_older_copy_that_grew_again(world: World, intruder: Intruder) -> None:
    copy = await stopped_after_a_copy(world, intruder)
    before = await world.broker.ledger.checkpoint()
    async with nobody_serves(world):
        await asyncio.to_thread(intruder.put_back, copy)
        careless = replace(world.broker.settings, log_guard=world.directory / "another" / "guard")
        async with started_again(world, log_guard=careless.log_guard) as other:  # it knows of nothing
            for _ in range(8):
                await other.gets(HANDOVER, WHO)
            await other.settle()
            grown = await other.broker.ledger.checkpoint()
            assert int(grown.split("\n")[1]) > int(before.split("\n")[1])
        assert not await starts(world), "longer than the guard's, and another log"


async def test_a_guard_that_is_lost_is_made_again_and_said(world: World) -> None:
    guard = world.broker.settings.log_guard
    await world.gets(HANDOVER, WHO)
    await world.settle()
    assert stat.S_IMODE(guard.stat().st_mode) == 0o600
    kept = guard.read_text()
    assert kept == await world.broker.ledger.checkpoint()
    guard.unlink()
    await world.settle()
    assert guard.read_text() == kept, "a broker that serves writes it again"
    async with nobody_serves(world):
        guard.unlink()
        with capture_logs() as logs:
            assert await starts(world)
        assert [line["size"] for line in logs if line["event"] == "log:guard-made"] == [int(kept.split("\n")[1])]
        assert guard.exists()


async def test_a_guard_put_back_under_a_broker_that_serves_does_not_make_it_forget(
    world: World, intruder: Intruder
) -> None:
    guard = world.broker.settings.log_guard
    copy, kept = copy_of(intruder), guard.read_bytes()
    await world.withdraw(HANDOVER, "mother", ["status"])
    assert await world.gets(HANDOVER, WHO) == []
    await world.settle()
    guard.write_bytes(kept)
    async with nobody_writes(world):
        intruder.disarm()
        intruder.put_back(copy)
    assert (await world.ask(HANDOVER, WHO)).status_code == 503
    assert not world.broker.ledger.believed


def signed_by_another(world: World) -> str:
    stranger = load_keyring(world.broker.settings.keys).current(KeyPurpose.RECEIPTS)
    origin = world.broker.ledger.origin
    return sign_note(Checkpoint(origin, 0, tiles.root(0, {})), origin, stranger.public_raw, stranger.private.sign)


async def test_a_guard_that_is_damaged_or_not_ours_refuses(world: World, subtests: pytest.Subtests) -> None:
    guard = world.broker.settings.log_guard
    await world.settle()
    kept = guard.read_text()
    async with nobody_serves(world):
        for damage in ("", kept[:-9], kept.replace("\n", "\n1", 1), "\udcff", signed_by_another(world)):
            with subtests.test(damage[-20:].encode("utf-8", "replace").decode()):
                guard.write_bytes(damage.encode("utf-8", "surrogateescape"))
                with pytest.raises(Unsafe, match="damaged or belongs to another log"):
                    async with started_again(world):
                        pass
        guard.unlink()
        guard.mkdir()
        with pytest.raises(Unsafe, match="cannot be read"):
            async with started_again(world):
                pass
        guard.rmdir()
        guard.write_text(kept)
        assert await starts(world)


async def test_a_checkpoint_that_the_guard_could_not_keep_is_not_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.settle()
    before, kept = await world.broker.ledger.checkpoint(), world.broker.settings.log_guard.read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(GuardFile, "_write", full)
        await world.gets(HANDOVER, WHO)
        with pytest.raises(Unavailable):
            await world.settle()
        assert await world.broker.ledger.checkpoint() == before
        assert world.broker.settings.log_guard.read_text() == kept
    await world.settle()
    assert world.broker.settings.log_guard.read_text() == await world.broker.ledger.checkpoint() != before


async def test_two_brokers_on_one_database_each_have_a_guard(world: World, intruder: Intruder) -> None:
    other_guard = world.directory / "other" / "checkpoint"
    async with started_again(world, log_guard=other_guard) as other:
        await world.gets(HANDOVER, WHO)
        for one in (world, other, world, other):
            await one.settle()
        assert other_guard.read_text() == world.broker.settings.log_guard.read_text(), (
            "it saw what the first one signed"
        )
        copy = copy_of(intruder)
        for asked in (world, other, world, other):
            await asked.gets(HANDOVER, WHO)
        for one in (world, other):
            await one.settle()
        assert other_guard.read_text() == await world.broker.ledger.checkpoint()
        assert world.broker.ledger.believed
        assert other.broker.ledger.believed
        async with nobody_writes(world):
            intruder.disarm()
            intruder.put_back(copy)
        for asked in (world, other):
            assert (await asked.ask(HANDOVER, WHO)).status_code == 503
            assert not asked.broker.ledger.believed


async def test_two_brokers_may_share_a_guard_and_never_put_an_older_one_back(world: World) -> None:
    async with started_again(world) as other:
        for _ in range(6):
            await asyncio.gather(*(asked.gets(HANDOVER, WHO) for asked in (world, other)))
            await asyncio.gather(*(asked.settle() for asked in (world, other)))
            assert world.broker.ledger.believed
            assert other.broker.ledger.believed
        for one in (world, other):
            await one.settle()
    async with nobody_serves(world):
        assert await starts(world)


# Accepting an older copy


async def accepted(world: World, cause: Cause = Cause.EXERCISE) -> tuple[int, int]:
    """What `broker audit accept-older` does."""
    broker = build(world.broker.settings, clock=world.clock)
    try:
        known, found = await broker.ledger.compare()
        await log_restored(broker.house, cause, known, found)
        await broker.ledger.accept()
    finally:
        await broker.database.close()
    return known, found


async def test_after_an_older_copy_was_accepted_no_yes_from_before_counts(world: World, intruder: Intruder) -> None:
    copy = await stopped_after_a_copy(world, intruder)
    async with nobody_serves(world):
        await asyncio.to_thread(intruder.put_back, copy)
        known, found = await accepted(world)
        assert known > found > 0
        async with started_again(world) as again:
            again.tokens.clear()
            assert await again.gets(HANDOVER, WHO) == [], "the stop is lost, and nothing leaves on the yes before it"
            path = f"/v1/handovers/{world.handovers[HANDOVER]}"
            view = (await again.as_organisation(world.sender(HANDOVER), "GET", path)).json()
            assert {s["state"] for s in view["signers"] if s["person"] in SIGNERS} == {"new-answer-needed"}
            newest = next(e for e in await again.entries() if e.type == "log:restored")
            assert newest.facts == {"cause": "exercise", "known": known, "found": found}
            assert newest.personal == {}
            for person in ("mother", "tom"):
                await again.answer(HANDOVER, person, YES)
                assert await again.gets(HANDOVER, WHO) == [], "the others' yes is still from before"
            await again.answer(HANDOVER, "father", YES)
            assert await again.gets(HANDOVER, WHO) == ["status"]
            await again.settle()
            assert (await again.broker.ledger.check()).ok


async def test_there_is_nothing_to_accept_in_a_database_that_is_not_older(world: World) -> None:
    await world.settle()
    async with nobody_serves(world):
        with pytest.raises(Conflict, match="nothing to accept"):
            await accepted(world)
        assert not [e for e in await world.entries() if e.type == "log:restored"]


async def test_a_database_that_is_not_whole_by_itself_is_not_accepted(world: World, intruder: Intruder) -> None:
    async with nobody_writes(world):
        intruder.disarm()
    async with nobody_serves(world):
        await asyncio.to_thread(intruder.change, "UPDATE log_state SET size = size - 1")
        with pytest.raises(Unsafe):
            await accepted(world)


async def test_the_command_says_what_may_be_missing_and_takes_closed_words_only(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await stopped_after_a_copy(world, intruder)
    monkeypatch.setattr(running, "read_settings", lambda: world.broker.settings)

    async def command(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, audit.app, ["accept-older", *arguments])
        return result.exit_code, result.output

    async with nobody_serves(world):
        await asyncio.to_thread(intruder.put_back, copy)
        code, said = await command("--reason", "the disk of J. Jansen broke")
        assert (code, "Jansen" in json.dumps([e.facts for e in await world.entries()])) == (2, False)
        assert (await command())[0] == 2
        code, said = await command("--reason", "damaged")
        assert code == 0, said
        assert "no yes from before this moment counts" in said
        assert "stopped" in said
        assert await starts(world)


# A copy of the file itself, as an administrator makes one


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_file_that_is_copied_aside_and_put_back(world: World, tmp_path: Path) -> None:
    file = Path(world.database_url.removeprefix("sqlite:///"))

    def checkpointed() -> None:
        connection = sqlite3.connect(file, timeout=20)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    checkpointed()
    shutil.copyfile(file, tmp_path / "aside.db")
    await world.withdraw(HANDOVER, "mother", ["status"])
    await world.settle()
    async with nobody_serves(world):
        checkpointed()
        for beside in file.parent.glob(f"{file.name}-*"):
            beside.unlink()
        shutil.copyfile(tmp_path / "aside.db", file)
        assert not await starts(world)
