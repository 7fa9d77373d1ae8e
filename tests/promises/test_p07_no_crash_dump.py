"""P07: a broker that crashes leaves nothing readable behind: no core file, no dump to a crash handler, no file of rows.

Whether the kernel dumped is read from the exit status itself (WCOREDUMP), so it holds wherever core_pattern points.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from broker.cli.stage import Stage
from broker.storage.engine import open_database
from tests.support.world import ROOT

UNLIMITED = 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"'
"""As much core dump as this machine allows."""
LINUX = sys.platform == "linux"


def aborted(process: subprocess.Popen[bytes]) -> bool:
    """End it by SIGABRT, as a failed assertion in a library would; whether the kernel dumped its memory."""
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


def core_limit(pid: int) -> list[str]:
    [line] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line]
    return line.split()[4:6]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.name.startswith("core"))


def test_a_broker_that_aborts_leaves_no_core_dump(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage", ROOT / "policies")
    stage.directory.mkdir()
    (tmp_path / "work").mkdir()
    stage.prepare([])
    environment = {**stage.environment(), "PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", UNLIMITED, "sh", sys.executable, "-m", "broker", "serve"]
    with (
        stage.log_file.open("ab") as log,
        subprocess.Popen(command, cwd=tmp_path / "work", env=environment, stderr=log) as broker,
    ):
        try:
            wait_until_ready(stage.url, broker)
            assert not LINUX or core_limit(broker.pid) == ["0", "0"]
            dumped = aborted(broker)
        finally:
            if broker.returncode is None:
                broker.kill()
    assert not dumped
    assert files_in(tmp_path) == []


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None
        try:
            if httpx.get(f"{url}/readyz", timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError


@pytest.mark.parametrize("protected", [True, False])
def test_it_is_the_protection_that_keeps_it_from_dumping(tmp_path: Path, protected: bool) -> None:
    program = f"""
        import ctypes, resource, sys, time
        from broker.cli.dumps import no_dumps
        if {protected}:
            no_dumps()
        PR_GET_DUMPABLE = 3
        dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) if {LINUX} else {int(not protected)}
        print(dumpable, *resource.getrlimit(resource.RLIMIT_CORE), flush=True)
        time.sleep(60)
    """
    command = ["sh", "-c", UNLIMITED, "sh", sys.executable, "-c", textwrap.dedent(program)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        dumpable, soft, hard = (int(word) for word in process.stdout.readline().split())
        dumped = aborted(process)
    if protected:
        assert (dumpable, soft, hard, dumped, files_in(tmp_path)) == (0, 0, 0, False, [])
    else:  # whether it then dumped, and where to, is the machine's; nothing stood in its way
        assert (dumpable, soft) == (1, hard)


async def test_rows_that_are_sorted_stay_in_memory(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'broker.db'}")
    async with database.engine.connect() as connection:
        in_memory = 2  # SQLite, "PRAGMA temp_store"
        assert (await connection.execute(text("PRAGMA temp_store"))).scalar() == in_memory
    await database.close()
