"""What changes keys, contents, the tree and its guard, killed at each moment that counts."""

import asyncio
import os
import subprocess
import sys
import time

from sqlalchemy import text

from broker.storage import migrate
from tests.crash.after import look
from tests.crash.kills import Result, _served
from tests.crash.load import under_load
from tests.crash.notes import Notes
from tests.crash.site import Kind, Site, opened
from tests.support.world import ROOT

BEFORE, AFTER = 8, 4
"""How much is acknowledged before a command is killed, when nobody asks for anything, and after the last."""


def struck(site: Site, arguments: tuple[str, ...], step: int, notes: Notes, more: dict[str, str]) -> int:
    """Kill the command at every `step`th moment that counts, until it comes to its end. Returns how often."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.dying", str(step), *arguments],
        env={**site.environment(), **more},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        notes.faults.append(f"{' '.join(arguments)}: {done.returncode} {done.stdout[-200:]} {done.stderr[-300:]}")
        return 0
    kills = int(done.stdout.split()[-1])
    if not kills:
        notes.faults.append(f"{' '.join(arguments)} was never killed, so that nothing was tried")
    return kills


async def half_done(kind: Kind, step: int = 3) -> Result:
    """Keys rotated and rewrapped, what is due erased, the log exported, a batch put in the tree and signed, a database made: killed all along."""
    notes, kills = Notes(), 0
    with opened(kind) as site:
        await asyncio.to_thread(site.start)
        async with under_load(site, notes):
            await _served(notes, 0.0, BEFORE)
        await asyncio.to_thread(site.stages[0].stop)
        later = {"BROKER_CLOCK_OFFSET": "P13M"}
        for arguments, more in (
            (("guard",), {}),
            (("keys", "rotate"), {}),
            (("keys", "rewrap"), {}),
            (("audit", "export", "--bundle", str(site.directory / "bundle.zip")), {}),
            (("audit", "export", "--format", "csv", "--out", str(site.directory / "log.csv")), {}),
        ):
            kills += await asyncio.to_thread(struck, site, arguments, step, notes, more)
        await asyncio.to_thread(site.start)
        async with under_load(site, notes):
            await _served(notes, time.monotonic(), AFTER)
        found = await look(site, notes)
        await asyncio.to_thread(site.stages[0].stop)
        kills += await asyncio.to_thread(struck, site, ("erase",), step, notes, later)
        left = await asyncio.to_thread(_left, site)
        kills += await asyncio.to_thread(_moved, site, step, notes)
    wrong = [*found.wrong, *left, *[fault for fault in notes.faults if fault not in found.wrong]]
    what = f"commands killed (keys, erase, audit export, db upgrade{', db restore' * (kind == 'postgresql')}) and the sequencer, {kind}"
    return Result(f"half-done-{kind}", what, kills, notes, found.lost, found.unlogged, wrong)


def _moved(site: Site, step: int, notes: Notes) -> int:
    """Another database made and filled from a copy of this one: `db upgrade`, and on PostgreSQL `db restore`; how often it was killed.

    On SQLite a copy that is in its place stays there, and who puts it back once more is told so.
    """
    if site.server is None:
        address = f"sqlite:///{site.directory / 'database' / 'other.db'}"
        more = {"BROKER_DATABASE_URL": address}
        kills = struck(site, ("db", "upgrade"), 5 * step, notes, more)
    else:
        urls = site.server.create_database()
        address = urls.owner_url
        more = {"BROKER_DATABASE_URL": urls.app_url, "BROKER_OWNER_DATABASE_URL": urls.owner_url}
        more["PATH"] = f"{site.server.tools}:{os.environ['PATH']}"
        kills = struck(site, ("db", "upgrade"), 5 * step, notes, more)
        assert site.urls is not None
        copy = str(site.directory / "copy")
        done = site.command("db", "backup", copy, more={**more, "BROKER_OWNER_DATABASE_URL": site.urls.owner_url})
        if done.returncode:
            notes.faults.append(f"db backup: {done.stdout} {done.stderr}")
        kills += struck(site, ("db", "restore", copy, "--replace"), 5 * step, notes, more)
        verified = site.command("audit", "verify", more=more)
        if verified.returncode:
            notes.faults.append(f"audit verify of what was restored: {verified.stdout} {verified.stderr}")
    if migrate.version_of(address) != migrate.newest():
        notes.faults.append("the other database is not at the newest version")
    return kills


def _left(site: Site) -> list[str]:
    """After an erasure that came to its end: no content is left, and the log is whole."""
    faults = []
    with migrate.opened(site.environment()["BROKER_DATABASE_URL"]) as engine, engine.connect() as connection:
        if count := connection.execute(text("SELECT count(*) FROM section WHERE ciphertext IS NOT NULL")).scalar_one():
            faults.append(f"{count} sections were not erased")
        ended = connection.execute(text("SELECT count(*) FROM handover WHERE erased_at IS NOT NULL")).scalar_one()
        logged = connection.execute(text("SELECT count(*) FROM log_entry WHERE type = 'handover:erased'")).scalar_one()
        if ended != logged or not ended:
            faults.append(f"{ended} handovers expired, {logged} entries say so")
    verified = site.command("audit", "verify")
    if verified.returncode:
        faults.append(f"audit verify: {verified.stdout} {verified.stderr}")
    return faults
