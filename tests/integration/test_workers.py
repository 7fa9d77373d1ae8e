"""Several processes at one address: killed, told to end, orphaned, refused. They are real ones, as `broker serve` starts them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from broker.cli.serve import configured
from broker.cli.workers import fork_workers
from broker.settings import read_settings
from tests.support.fleet import SOON, Fleet, Member, fleet, status, until
from tests.support.postgres import PostgresServer


@contextlib.asynccontextmanager
async def workers(folder: Path, server: PostgresServer, **more: str) -> AsyncIterator[tuple[Fleet, Member]]:
    urls = server.create_database()
    async with fleet(folder, urls.owner_url, urls.app_url, 1, {"BROKER_WORKERS": "2", **more}) as there:
        yield there, there.members[0]


def children(pid: int) -> set[int]:
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except FileNotFoundError:
        return set()


def dumped(pid: int) -> tuple[str, ...]:
    """How large a core file may be, softly and hard."""
    [line] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line]
    return tuple(line.split()[4:6])


def there_is(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


async def answer(there: Fleet, member: Member, **more: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=member.url, timeout=30) as http:
        headers = {"Authorization": f"Bearer {await there.token(http, 'reader')}", **more}
        return await http.post("/v1/releases", json=there.ask, headers=headers)


async def asked(there: Fleet, member: Member) -> int:
    return (await answer(there, member)).status_code


async def test_a_worker_that_is_killed_is_replaced_and_the_rest_goes_on(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with workers(tmp_path, postgres_server) as (there, member):
        assert member.process is not None
        parent, first = member.process.pid, children(member.process.pid)
        assert len(first) == 2
        assert [dumped(pid) for pid in first] == [("0", "0")] * 2
        assert await asyncio.gather(*(asked(there, member) for _ in range(6))) == [200] * 6
        for killed in first:
            os.kill(killed, signal.SIGKILL)
            kept = children(parent) - {killed}

            async def replaced(kept: set[int] = kept, killed: int = killed) -> bool:
                now = children(parent)
                return len(now) == 2 and killed not in now and kept <= now

            await until(replaced, SOON)

        async def serves() -> bool:
            return await status(http, f"{member.url}/readyz") == 200

        async with httpx.AsyncClient() as http:
            await until(serves, SOON)
        assert not children(parent) & first
        assert await asyncio.gather(*(asked(there, member) for _ in range(6))) == [200] * 6
        last = children(parent)
        member.tell(signal.SIGTERM)
        assert await member.ended() == 0
        assert not any(there_is(pid) for pid in last)
        lines = [json.loads(line) for line in member.log.read_text().splitlines() if line.startswith("{")]
        assert len([line for line in lines if line["event"] == "worker:ended"]) == 2
        named = [line["request"] for line in lines if line["event"] == "request"]
        assert len(set(named)) == len(named) > 12, "forks do not make the same ids"


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


async def test_what_works_in_the_background_does_so_in_a_process_of_its_own_and_is_replaced(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with workers(tmp_path, postgres_server, BROKER_WORKERS="1", BROKER_BACKGROUND="apart") as (there, member):
        assert member.process is not None
        parent = member.process.pid
        outbox = tmp_path / "outbox"

        async def works() -> None:
            """An entry comes into the tree while somebody waits for it; the family is told."""
            before = len(list(outbox.glob("*.json")))

            async def proven() -> bool:
                response = await answer(there, member, Prefer="wait=1")
                assert response.status_code == 200
                return response.json()["receipt"]["proof"] is not None

            async def told() -> bool:
                return len(list(outbox.glob("*.json"))) > before

            await until(proven, SOON)
            await until(told, SOON)

        await works()
        own = niceness(parent)
        [apart] = [pid for pid in children(parent) if niceness(pid) > own]
        [serves] = children(parent) - {apart}
        assert dumped(apart) == ("0", "0")
        os.kill(apart, signal.SIGKILL)
        assert await asyncio.gather(*(asked(there, member) for _ in range(4))) == [200] * 4, "who answers goes on"

        async def replaced() -> bool:
            return len(children(parent)) == 2 and apart not in children(parent)

        await until(replaced, SOON)
        assert serves in children(parent)
        await works()
        last = children(parent)
        member.tell(signal.SIGTERM)
        assert await member.ended() == 0
        assert not any(there_is(pid) for pid in last)
        assert there.faults() == []


async def test_workers_are_not_left_alone(tmp_path: Path, postgres_server: PostgresServer) -> None:
    async with workers(tmp_path, postgres_server) as (_, member):
        assert member.process is not None
        left = children(member.process.pid)
        member.tell(signal.SIGKILL)
        assert await member.ended() == -signal.SIGKILL

        async def gone() -> bool:
            return not any(there_is(pid) for pid in left)

        await until(gone, SOON)


async def test_told_to_end_they_first_say_so_and_finish(tmp_path: Path, postgres_server: PostgresServer) -> None:
    async with workers(tmp_path, postgres_server, BROKER_DRAIN="10") as (there, member):
        assert await asked(there, member) == 200
        member.tell(signal.SIGTERM)
        async with httpx.AsyncClient() as http:

            async def ending() -> bool:
                found = [await status(http, f"{member.url}/readyz") for _ in range(8)]
                return found == [503] * 8

            await until(ending, SOON)
        assert await asyncio.gather(*(asked(there, member) for _ in range(4))) == [200] * 4
        member.tell(signal.SIGTERM)  # enough
        assert await member.ended() == 0


async def test_what_must_not_start_does_not_start_several_times(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    (tmp_path / "empty").mkdir()
    async with workers(tmp_path, postgres_server) as (_, member):
        member.tell(signal.SIGTERM)
        assert await member.ended() == 0
        member.launch(BROKER_POLICIES=str(tmp_path / "empty"))
        assert member.process is not None
        parent = member.process.pid
        assert await member.ended() == 2
        assert not children(parent)
        said = member.log.read_text()
        assert "Traceback" not in said
        member.launch(BROKER_PORT="1", BROKER_HOST="192.0.2.1", BROKER_MODE="production")
        assert await member.ended() == 2


def test_a_process_with_threads_is_not_forked() -> None:
    script = """
import threading
from broker.cli.workers import fork_workers
stop = threading.Event()
other = threading.Thread(target=stop.wait)
other.start()
try:
    fork_workers(2)
finally:
    stop.set()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "with threads is not forked" in done.stderr
    assert callable(fork_workers)


def test_the_fast_loop_and_parser_serve_and_nothing_is_upgraded() -> None:
    settings = read_settings({"BROKER_MODE": "demo"})
    config = configured(Starlette(), settings)
    config.load()
    assert config.http_protocol_class is HttpToolsProtocol
    assert config.ws_protocol_class is None
    factory = config.get_loop_factory()
    assert factory is not None
    loop = factory()
    try:
        assert isinstance(loop, uvloop.Loop)
    finally:
        loop.close()
    assert isinstance(config, uvicorn.Config)
    assert config.limit_concurrency == 4000


@pytest.mark.parametrize(("said", "many"), [("1", 1), ("2", 2), ("64", 64)])
def test_a_number_of_workers_is_taken(said: str, many: int) -> None:
    given = {"BROKER_MODE": "demo", "BROKER_DATABASE_URL": "postgresql://x/y", "BROKER_LOG_GUARD": "var/guard"}
    assert read_settings({**given, "BROKER_WORKERS": said}).workers == many


def counts(text: str) -> dict[str, float]:
    """Each sample of the counters, by its name with labels."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def fresh(address: str) -> httpx.Response:
    """Over a connection of its own, which any of the processes may take."""
    async with httpx.AsyncClient() as http:
        return await http.get(address)


RELEASED = 'rondom_requests_total{method="POST",route="/v1/releases",status="200"}'


async def test_whichever_answers_says_what_all_of_them_counted(tmp_path: Path, postgres_server: PostgresServer) -> None:
    async with workers(tmp_path, postgres_server) as (there, member), httpx.AsyncClient() as http:
        assert member.process is not None
        assert await asyncio.gather(*(asked(there, member) for _ in range(12))) == [200] * 12

        async def said(many: float) -> bool:
            """Each time over a connection of its own, so that either of them answers."""
            texts = [(await fresh(f"{member.url}/metrics")).text for _ in range(6)]
            found = {counts(text).get(RELEASED) for text in texts}
            assert all(text.count("# TYPE rondom_request_seconds histogram") == 1 for text in texts)
            assert {counts(text)["rondom_log_rolled_back"] for text in texts} == {0.0}
            return found == {many}

        await until(lambda: said(12), SOON)
        parent, first = member.process.pid, children(member.process.pid)
        for pid in first:
            os.kill(pid, signal.SIGKILL)

        async def replaced() -> bool:
            ready = await status(http, f"{member.url}/readyz") == 200
            return ready and len(children(parent)) == 2 and not children(parent) & first

        await until(replaced, SOON)
        await until(lambda: said(12), SOON)
        assert await asked(there, member) == 200
        await until(lambda: said(13), SOON)
