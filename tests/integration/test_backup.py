"""A copy and the keys together serve again; a copy without the keys is useless; a copy that is not whole is refused.

On both databases, with a real world that pushed, consented and released; PostgreSQL's own tools do their own work.
"""

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import typer
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from broker.app import build
from broker.cli import copies as commands
from broker.domain.handovers import HandoverId
from broker.domain.ports import place_of
from broker.errors import BrokerError, Conflict, Invalid, Tampered, Unavailable, Unsafe
from broker.storage import copies, migrate, pg_tools
from broker.whole import Broker
from tests.support.postgres import DatabaseUrls, PostgresServer
from tests.support.world import ROOT, World, make_keys, started_again

HANDOVER, WHO = "tom-to-school", "ib-joris"


@dataclass
class Site:
    """Where a copy is made and put back: the owner's and the broker's address of the world's database and of another."""

    world: World
    server: PostgresServer | None
    owner: str
    new_owner: str
    new: str
    tmp: Path

    @property
    def sqlite(self) -> bool:
        return self.server is None

    async def make(self, name: str = "copy") -> Path:
        await asyncio.to_thread(
            copies.back_up, self.owner, self.tmp / name, lambda *_: None
        )  # the broker goes on meanwhile
        return self.tmp / name

    def put_back(self, source: Path, *, replace: bool = False) -> None:
        app = "" if self.sqlite else self.new
        copies.put_back(self.new_owner, source, lambda *_: None, replace=replace, application=app)

    def readable(self, copy: Path) -> bytes:
        """Everything that a thief of the copy would see; PostgreSQL's form is unpacked."""
        if self.server is None:
            return copy.read_bytes()
        unpack = [self.server.tools / "pg_restore", "--file=-", copy]
        return copy.read_bytes() + subprocess.run(unpack, check=True, capture_output=True).stdout


@pytest.fixture
def site(
    world: World, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    (tmp_path / "copies").mkdir()
    if world.database == "sqlite":
        new = f"sqlite:///{tmp_path / 'elsewhere' / 'broker.db'}"
        yield Site(world, None, world.database_url, new, new, tmp_path / "copies")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    monkeypatch.setenv("PATH", f"{server.tools}{os.pathsep}{os.environ['PATH']}")
    mine = server.urls_of(str(make_url(world.database_url).database))
    other: DatabaseUrls = server.create_database()
    try:
        yield Site(world, server, mine.owner_url, other.owner_url, other.app_url, tmp_path / "copies")
    finally:
        server.drop(other)


async def released(world: World) -> None:
    await world.push(HANDOVER)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes"})
    await world.settle()
    assert await world.gets(HANDOVER, WHO) == ["status"]
    await world.settle()


def secrets_of(world: World) -> list[str]:
    body = world.body(HANDOVER)
    names = [person["name"] for person in body["people"]]
    texts = [section["content"][:40] for section in body["sections"] if isinstance(section["content"], str)]
    assert names
    return [*names, *texts]


async def test_a_copy_made_while_serving_and_the_keys_serve_again(site: Site) -> None:
    await released(site.world)
    kept = await site.world.broker.ledger.checkpoint()
    copy = await site.make()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in site.tmp.iterdir()) == ["copy"], "nothing is left beside it"
    site.put_back(copy)
    guard = site.world.broker.settings.log_guard
    async with started_again(site.world, database_url=site.new, log_guard=guard) as again:
        verdict = await again.broker.ledger.check(earlier=kept)
        assert verdict.ok, verdict.sentence
        again.tokens.clear()
        response = await again.ask(HANDOVER, WHO)
        assert response.status_code == 200, response.text
        [before] = [s for s in site.world.body(HANDOVER)["sections"] if s["type"] == "status"]
        [section] = response.json()["released"]
        assert section["content"] == before["content"]
        await again.settle()
        assert (await again.broker.ledger.check(earlier=kept)).ok


async def test_a_copy_with_other_keys_opens_nothing(site: Site, tmp_path: Path) -> None:
    await released(site.world)
    copy = await site.make()
    seen = site.readable(copy)
    for secret in secrets_of(site.world):
        assert secret.encode() not in seen
    for key in site.world.broker.settings.keys.iterdir():
        assert key.read_bytes() not in seen
        private = json.loads(key.read_bytes())
        parts = [private[part] for part in ("d", "k", "priv") if part in private]
        assert parts
        assert not [part for part in parts if part.encode() in seen]
    site.put_back(copy)
    thief = replace(
        site.world.broker.settings, database_url=site.new, keys=make_keys(tmp_path), log_guard=tmp_path / "thief"
    )
    broker = build(thief)
    try:
        with pytest.raises(Tampered):
            await broker.ledger.heed()
        with pytest.raises(Tampered):
            await opened(broker, site.world.handovers[HANDOVER])
    finally:
        await broker.database.close()


async def opened(broker: Broker, handover_id: str) -> list[bytes]:
    """Every section, straight from the database, past every decision."""
    async with broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(HandoverId(handover_id))
        assert handover is not None
        sealed = await work.handovers.sealed(handover.sections)
    return [broker.house.vault.open(place_of(handover, s), sealed[s.id]) for s in handover.sections]


async def test_a_sealed_section_does_not_open_with_other_keys(site: Site, tmp_path: Path) -> None:
    await released(site.world)
    assert all(await opened(site.world.broker, site.world.handovers[HANDOVER]))
    stranger = build(replace(site.world.broker.settings, keys=make_keys(tmp_path)))
    try:
        with pytest.raises(Tampered):
            await opened(stranger, site.world.handovers[HANDOVER])
    finally:
        await stranger.database.close()


async def test_an_older_copy_that_is_put_back_is_noticed(site: Site) -> None:
    await released(site.world)
    copy = await site.make()
    await site.world.withdraw(HANDOVER, "mother", ["status"])
    await site.world.settle()
    site.put_back(copy)
    with pytest.raises(Unsafe, match="older than the log's guard"):
        async with started_again(site.world, database_url=site.new):
            pass


async def test_what_is_there_already_is_not_overwritten(site: Site) -> None:
    copy = await site.make()
    before = copy.read_bytes()
    with pytest.raises(Conflict, match="Choose another"):
        await site.make()
    (site.tmp / "link").symlink_to(site.tmp / "nowhere")
    with pytest.raises(Conflict, match="Choose another"):
        await site.make("link")
    with pytest.raises(Invalid):
        await site.make("no/such/folder/copy")
    assert copy.read_bytes() == before
    site.put_back(copy)
    with pytest.raises(Conflict, match="--replace"):
        site.put_back(copy)
    site.put_back(copy, replace=True)
    assert migrate.version_of(site.new_owner) == migrate.newest()


async def test_a_database_in_use_is_not_replaced(site: Site) -> None:
    await site.world.push(HANDOVER)
    copy = await site.make()
    site.put_back(copy)
    settings = replace(site.world.broker.settings, database_url=site.new)
    broker = build(settings)
    try:
        async with broker.house.storage(writing=False) as work:
            assert await work.handovers.get(site.world.handovers[HANDOVER]) is not None
        with pytest.raises(Conflict, match="Stop every broker"):
            site.put_back(copy, replace=True)
    finally:
        await broker.database.close()
    site.put_back(copy, replace=True)


def damaged(whole: bytes) -> Iterator[tuple[str, bytes]]:
    half = len(whole) // 2
    yield "empty", b""
    yield "cut", whole[: half + 100]
    yield "the first byte", b"x" + whole[1:]
    yield "zeros in the middle", whole[: half - 20_000] + bytes(40_000) + whole[half + 20_000 :]
    yield "noise in the middle", whole[: half - 20_000] + os.urandom(40_000) + whole[half + 20_000 :]
    yield "something else", b"this is no database at all, but it is long enough to be one" * 400


async def test_a_copy_that_is_not_whole_is_refused(site: Site, subtests: pytest.Subtests) -> None:
    for _ in range(3):
        await site.world.push(HANDOVER, {**site.world.body(HANDOVER), "reference": os.urandom(4).hex()})
    await site.world.settle()
    copy = await site.make()
    site.put_back(copy)
    for damage, held in damaged(copy.read_bytes()):
        with subtests.test(damage):
            (site.tmp / "damaged").write_bytes(held)
            with pytest.raises(Invalid) as refused:
                site.put_back(site.tmp / "damaged", replace=True)
            assert "damaged. Nothing was put back" in refused.value.faults[0].words.en
            assert migrate.version_of(site.new_owner) == migrate.newest(), "what was there still is"
    with pytest.raises(Invalid):
        site.put_back(site.tmp / "nowhere")


async def test_another_database_and_a_newer_one_are_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = await site.make()
    with monkeypatch.context() as older:
        older.setattr(migrate, "versions", lambda: frozenset({"0001"}))
        with pytest.raises(Invalid) as refused:
            site.put_back(copy)
        assert "newer version" in refused.value.faults[0].words.en
        with pytest.raises(Unsafe):
            await site.make("newer")
    if site.server is None:
        connection = sqlite3.connect(tmp_path / "other.db")
        connection.execute("CREATE TABLE shopping (item TEXT)")
        connection.commit()
        connection.close()
    else:
        empty = site.server.create_database()
        pg_tools.dump(empty.owner_url, tmp_path / "other.db", lambda *_: None)
        site.server.drop(empty)
    with pytest.raises(Invalid):
        site.put_back(tmp_path / "other.db")
    with pytest.raises(Unsafe):
        copies.back_up(site.new_owner, site.tmp / "of-nothing", lambda *_: None)
    assert not (site.tmp / "of-nothing").exists()


async def test_the_commands_show_progress_and_say_that_keys_are_not_in_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await released(site.world)
    app = typer.Typer()
    app.command("backup")(commands.backup)
    app.command("restore")(commands.restore)

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def at(owner: str, app_url: str) -> None:
        monkeypatch.setenv("BROKER_DATABASE_URL", app_url)
        monkeypatch.setenv("BROKER_OWNER_DATABASE_URL", "" if site.sqlite else owner)

    monkeypatch.delenv("BROKER_SETTINGS", raising=False)
    at(site.owner, site.world.database_url)
    said = await asyncio.to_thread(run, "backup", site.tmp / "copy")  # the broker goes on, and may be writing
    assert "holds no keys" in said
    assert "entries" in said
    at(site.new_owner, site.new)
    assert "broker audit verify" in await asyncio.to_thread(run, "restore", site.tmp / "copy")
    assert "was put back" in await asyncio.to_thread(run, "restore", site.tmp / "copy", "--replace")
    guard = site.world.broker.settings.log_guard
    async with started_again(site.world, database_url=site.new, log_guard=guard) as again:
        again.tokens.clear()
        assert await again.gets(HANDOVER, WHO) == ["status"]


# SQLite alone


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_replaced_stays_beside_until_it_is_moved_away(site: Site) -> None:
    copy = await site.make()
    for number, refused in enumerate((False, False, True)):
        if refused:
            with pytest.raises(Conflict, match=r"\.replaced"):
                site.put_back(copy, replace=True)
        else:
            site.put_back(copy, replace=bool(number))
    folder = Path(site.new.removeprefix("sqlite:///")).parent
    assert sorted(path.name for path in folder.iterdir()) == ["broker.db", "broker.db.replaced"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_copy_is_of_one_instant_however_busy_the_database_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.world.push(HANDOVER)
    await site.world.settle()
    monkeypatch.setattr(copies, "PAGES", 8)
    file, busy = Path(site.world.database_url.removeprefix("sqlite:///")), 0

    def tick(_done: int, _total: int) -> None:
        nonlocal busy
        with sqlite3.connect(file, timeout=20) as other:
            other.execute("CREATE TABLE IF NOT EXISTS busy (n INTEGER)")
            other.execute("INSERT INTO busy VALUES (1)")
        other.close()
        busy += 1

    copies.back_up(site.owner, site.tmp / "copy", tick)
    assert busy > 10
    copy = sqlite3.connect(site.tmp / "copy")
    assert not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'busy'").fetchall()
    copy.close()


# PostgreSQL alone


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_password_is_never_on_the_command_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "pg_dump").write_text(f'#!/bin/sh\necho "$@" > {spy}/said\necho "$PGPASSWORD" > {spy}/held\nexit 1\n')
    (spy / "pg_dump").chmod(0o700)
    monkeypatch.setenv("PATH", f"{spy}{os.pathsep}{os.environ['PATH']}")
    password = str(make_url(site.owner).password)
    with pytest.raises(Unavailable) as refused:
        await site.make()
    assert password not in (spy / "said").read_text() + str(refused.value)
    assert (spy / "held").read_text().strip() == password
    assert not (site.tmp / "copy").exists()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_tools_that_are_missing_or_may_not_are_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsafe, match="BROKER_OWNER_DATABASE_URL"):
        copies.back_up(site.world.database_url, site.tmp / "copy", lambda *_: None)
    wrong = make_url(site.owner).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(BrokerError, match="does not reach"):
        pg_tools.dump(wrong, site.tmp / "wrong", lambda *_: None)
    monkeypatch.setenv("PATH", str(site.tmp))
    with pytest.raises(Unsafe, match="Install PostgreSQL's client tools"):
        await site.make()
    assert [path.name for path in site.tmp.iterdir()] in ([], ["wrong"])


# deploy/backup.sh


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_script_for_every_night_keeps_the_newest_copies(site: Site, tmp_path: Path) -> None:
    folder, script = tmp_path / "nightly", ROOT / "deploy" / "backup.sh"
    folder.mkdir()
    for day in range(1, 5):
        for end in ("copy", "checkpoint"):
            (folder / f"rondom-2026010{day}T031500Z.{end}").write_text("older")
    (folder / "notes.copy").write_text("not ours")
    broker = tmp_path / "broker"
    broker.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m broker "$@"\n')
    broker.chmod(0o700)
    await site.world.settle()
    settings = site.world.broker.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "RONDOM_BACKUPS": str(folder),
        "RONDOM_BACKUPS_KEEP": "3",
        "RONDOM_BROKER": str(broker),
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": site.world.database_url,
        "BROKER_KEYS": str(settings.keys),
        "BROKER_POLICIES": str(settings.policies),
        "BROKER_OUTBOX": settings.outbox,
        "BROKER_LOG_GUARD": str(settings.log_guard),
    }

    async def run(**changed: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            "sh", str(script), env={**environment, **changed}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        _, err = await process.communicate()
        return process.returncode, err.decode()

    assert await run() == (0, "")
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "notes.copy"
    assert [name[:15] for name in names[1::2]] == ["rondom-20260103", "rondom-20260104", names[-1][:15]]
    copy, checkpoint = folder / names[-1], (folder / names[-1]).with_suffix(".checkpoint")
    assert checkpoint.read_text() == await site.world.broker.ledger.checkpoint()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (copy, checkpoint)} == {0o600}
    site.put_back(copy)
    assert (await run(RONDOM_BACKUPS_KEEP="0"))[0] == 2
    assert (await run(RONDOM_BACKUPS=str(tmp_path / "nowhere")))[0] == 2
    code, said = await run(RONDOM_BACKUPS=str(settings.keys))
    assert (code, "keep keys and copies apart" in said) == (2, True)
    before = sorted(folder.iterdir())
    assert (await run(BROKER_DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/broker.db"))[0] != 0
    assert not (tmp_path / "nowhere").exists()
    assert sorted(folder.iterdir()) == before, "when a copy fails, no older one goes"
