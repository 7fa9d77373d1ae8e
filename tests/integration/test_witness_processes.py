"""A real broker and three real witnesses, each a process of its own; and the wire between them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker.cli.stage import Stage, free_port
from broker.errors import Unavailable
from broker.notifications.witnesses import MOST_BYTES, post
from broker.witness import house

ROOT = Path(__file__).resolve().parents[2]
SERVE = (
    "import sys; from pathlib import Path; from broker.witness.house import serve; "
    "serve(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
)
PARTNERS = [
    {"oin": "00000099000000910000", "name": "Wijkteam", "kind": "neighbourhood-team"},
    {"oin": "00000099000000920000", "name": "School", "kind": "school"},
]
MORE = ["organisations", "suspend", PARTNERS[1]["oin"]]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    (tmp_path / "broker").mkdir()
    stage = Stage(tmp_path / "broker", ROOT / "policies")
    stage.prepare(PARTNERS)
    yield stage
    stage.stop()


@pytest.fixture
def witnesses(stage: Stage, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Three processes; the broker's settings name them."""
    log = json.loads(stage.run("audit", "keys"))["logs"][0]
    running, lines = {}, []
    for name in "abc":
        port = free_port()
        key = house.make(tmp_path / name, f"{name}.example")
        (tmp_path / name / "logs").write_text(f"log {log}\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
        running[name] = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path / name), str(port)], env=clean)
        lines.append(f"witness {name} {key} http://localhost:{port}")
    (tmp_path / "witnesses").write_text("\n".join([*lines, "group two 2 a b c", "quorum two\n"]))
    stage.extra["BROKER_WITNESSES"] = str(tmp_path / "witnesses")
    yield running
    for process in running.values():
        process.kill()
        process.wait()


def verify(stage: Stage, *more: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "broker", "audit", "verify", *more]
    done = subprocess.run(command, env=stage.environment(), capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def cosigned(stage: Stage, more_than: int = 0) -> int:
    """Waits until enough witnesses cosigned the newest checkpoint of a log that has grown; returns its size."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        newest, enough = (httpx.get(f"{stage.url}/v1/log/{name}checkpoint") for name in ("", "cosigned-"))
        sizes = [answer.text.split("\n")[1] for answer in (newest, enough) if answer.is_success]
        if len(sizes) == 2 and sizes[0] == sizes[1] and int(sizes[0]) > more_than:
            return int(sizes[0])
        time.sleep(0.1)
    raise AssertionError("no quorum")


@pytest.mark.slow
def test_a_broker_three_witnesses_one_dies_and_an_older_copy_is_found_out(stage, witnesses, tmp_path) -> None:
    trusted = ("--witnesses", str(tmp_path / "witnesses"))
    stage.start()
    size = cosigned(stage)
    code, sentence = verify(stage, *trusted, "--wait")
    assert (code, "Enough witnesses cosigned" in sentence) == (0, True), sentence
    stage.stop()
    shutil.copyfile(stage.directory / "broker.db", tmp_path / "older.db")

    stage.run(*MORE)
    witnesses["c"].kill()
    stage.start()
    cosigned(stage, more_than=size)
    stage.stop()

    for end in ("", "-wal", "-shm"):
        (stage.directory / f"broker.db{end}").unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "older.db", stage.directory / "broker.db")
    (stage.directory / "log-guard").unlink()  # whoever can do the one may be able to do the other
    stage.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and b"log:witness-refused" not in stage.log_file.read_bytes():
        time.sleep(0.1)
    alarms = [json.loads(line) for line in stage.log_file.read_bytes().splitlines() if b"witness-refused" in line]
    assert {(line["level"], line["code"]) for line in alarms} == {("error", "witness-refused")}
    assert {line["kind"] for line in alarms} <= {"a.example", "b.example"}
    assert httpx.get(f"{stage.url}/readyz").status_code == 200
    code, sentence = verify(stage)
    assert (code, "refused our checkpoint" in sentence, sentence.count("\n")) == (1, True, 0), sentence


@pytest.mark.parametrize(
    ("text", "words"), [("", "does not say who is needed"), ("quorum x\n", "Line 1"), (None, "cannot be read")]
)
def test_a_file_with_witnesses_that_is_not_right_is_said_in_one_sentence(stage, tmp_path, text, words) -> None:
    path = tmp_path / "mine"
    if text is not None:
        path.write_text(text)
    code, sentence = verify(stage, "--witnesses", str(path))
    assert (code, words in sentence, sentence.count("\n")) == (2, True, 0), sentence


# --- the wire ---------------------------------------------------------------------------------------------------------


async def answered(raw: bytes) -> tuple[int, str, str]:
    """What `post` makes of an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await post(f"http://127.0.0.1:{port}/somewhere/", "old 0\n")


def http_answer(head: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def test_an_answer_comes_back_as_it_was_and_nobody_is_followed_elsewhere() -> None:
    head = "409 Conflict\r\nContent-Type: text/x.tlog.size"
    assert await answered(http_answer(head, b"7\n")) == (409, "text/x.tlog.size", "7\n")
    moved = http_answer("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/", b"")
    assert (await answered(moved))[0] == 307


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"junk\r\n\r\n", http_answer("200 OK", b"\xff"), http_answer("200 OK", b"x" * (MOST_BYTES + 1)),
        http_answer("200 OK", b"half")[:-2],
    ],
    ids=["nothing", "junk", "not UTF-8", "too long", "cut"],
)  # fmt: skip
async def test_an_answer_that_cannot_be_read_is_no_answer(raw: bytes) -> None:
    with pytest.raises(Unavailable):
        await answered(raw)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "http://[", "nonsense", "http://a.invalid"])
async def test_a_witness_that_is_not_there_is_no_answer(url: str) -> None:
    with pytest.raises(Unavailable):
        await post(url, "old 0\n")
