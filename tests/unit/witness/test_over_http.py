"""The witness over HTTP, and its folder: what it needs, what it refuses, and what it shows."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.cli.stage import free_port
from broker.crypto.ed25519 import holds
from broker.errors import Conflict, Unsafe
from broker.transparency import tiles
from broker.transparency.checkpoints import COSIGNATURE, Checkpoint, parse_verifier_key, sign_note, verifier_key
from broker.transparency.cosignatures import SUBMISSION_BYTES, Submission, cosigned_at, parse_cosignatures
from broker.transparency.merkle import leaf_hash
from broker.transparency.policies import cosigners, parse_policy
from broker.witness import house
from broker.witness.asgi import application

ORIGIN = "rondom.example/v1/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
LOG_KEY = verifier_key(ORIGIN, LOG.public_key().public_bytes_raw())
HASHES = [leaf_hash(str(n).encode()) for n in range(400)]


def body(old: int, new: int) -> str:
    grown = tiles.extend(0, {}, HASHES[:new])
    checkpoint = Checkpoint(ORIGIN, new, grown.root)
    note = sign_note(checkpoint, ORIGIN, LOG.public_key().public_bytes_raw(), LOG.sign)
    return Submission(old, tiles.consistency_proof(old, new, grown.tiles), note).text()


def note_text(new: int) -> bytes:
    return Checkpoint(ORIGIN, new, tiles.extend(0, {}, HASHES[:new]).root).body()


def client(opened: house.Opened) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=application(opened.cosigner))
    return httpx.AsyncClient(transport=transport, base_url="http://witness")


async def test_it_answers_at_three_addresses_and_nowhere_else(tmp_path: Path) -> None:
    key = house.make(tmp_path / "w", "witness.example/1")
    opened = house.open_witness(tmp_path / "w", [LOG_KEY])
    shown = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    async with client(opened) as http:
        assert (await http.get(shown)).status_code == 404
        answer = await http.post("/add-checkpoint", content=body(0, 3))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        conflict = await http.post("/add-checkpoint", content=body(0, 5))
        assert (conflict.status_code, conflict.headers["content-type"], conflict.text) == (
            409,
            "text/x.tlog.size",
            "3\n",
        )
        policy = parse_policy(f"log {LOG_KEY}\nwitness w {key}\nquorum w\n")
        assert cosigners((await http.get(shown)).text, policy, holds).enough
        assert (await http.get("/livez")).text == "ok\n"
        assert (await http.head(shown)).text == ""
        for method, path, status in [
            ("GET", "/add-checkpoint", 405), ("PUT", "/add-checkpoint", 405), ("POST", shown, 405), ("POST", "/livez", 405),
            ("GET", "/", 404), ("GET", "/state.json", 404), ("GET", "/key.json", 404), ("GET", f"/x{shown}", 404),
            ("GET", f"/{'0' * 64}/checkpoint", 404), ("POST", "/add-checkpoint/", 404),
        ]:  # fmt: skip
            assert (await http.request(method, path)).status_code == status, (method, path)
        assert (await http.post("/add-checkpoint", content=b"x" * (SUBMISSION_BYTES + 1))).status_code == 413
        for junk in (b"", b"\xff", b"old 0\n\n", b"old 3\n\n\n\n"):
            assert (await http.post("/add-checkpoint", content=junk)).status_code == 400
    opened.memory.close()


async def test_a_full_disk_is_said_and_nothing_is_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.make(tmp_path / "w", "witness.example/1")
    opened = house.open_witness(tmp_path / "w", [LOG_KEY])

    def full(_: int) -> None:
        raise OSError

    monkeypatch.setattr(os, "fsync", full)
    async with client(opened) as http:
        answers = [await http.post("/add-checkpoint", content=body(0, 3)) for _ in range(2)]
    assert [(a.status_code, "\u2014" in a.text) for a in answers] == [(503, False)] * 2
    opened.memory.close()


def test_a_folder_is_made_once_and_needs_a_name_and_a_log(tmp_path: Path) -> None:
    key = house.make(tmp_path / "w", "witness.example/1")
    assert parse_verifier_key(key, COSIGNATURE)[0] == "witness.example/1"
    with pytest.raises(Conflict):
        house.make(tmp_path / "w", "witness.example/2")
    for name in ("", "a b", "a+b", "a\nb", "x" * 201):
        with pytest.raises(Unsafe, match="name"):
            house.make(tmp_path / "v", name)
    with pytest.raises(Unsafe, match="no log"):
        house.open_witness(tmp_path / "w")
    with pytest.raises(Unsafe, match="no witness"):
        house.open_witness(tmp_path / "nowhere")
    for line in ("log", "log x", LOG_KEY, f"log {key}", f"log {LOG_KEY} more"):
        (tmp_path / "w" / "logs").write_text(f"# fine\n\n{line}\n")
        with pytest.raises(Unsafe, match="Line 3"):
            house.open_witness(tmp_path / "w")
    (tmp_path / "w" / "logs").write_text(f"log {LOG_KEY}\n")
    house.open_witness(tmp_path / "w").memory.close()


# --- a process of its own ---------------------------------------------------------------------------------------------


def started(command: list[str], port: int) -> "subprocess.Popen[bytes]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    process = subprocess.Popen(command, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/livez", timeout=2).is_success:
                return process
        except httpx.TransportError:
            time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError("the witness did not start")


def test_the_command_starts_without_any_setting_of_a_broker_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.chdir(tmp_path)
    broker = [sys.executable, "-m", "broker", "witness"]
    made = subprocess.run(
        [*broker, "init", "w", "--name", "witness.example/1"], capture_output=True, text=True, check=True
    )
    port = free_port()
    process = started([*broker, "serve", "w", "--port", str(port), "--log", LOG_KEY], port)
    try:
        answer = httpx.post(f"http://127.0.0.1:{port}/add-checkpoint", content=body(0, 3))
        (line,) = parse_cosignatures(answer.text)
        assert cosigned_at(line, note_text(3), parse_verifier_key(made.stdout.strip(), COSIGNATURE)[1], holds)
        second = subprocess.run([*broker, "serve", "w", "--log", LOG_KEY], capture_output=True, text=True, check=False)
        assert (second.returncode, "running already" in second.stderr) == (2, True)
    finally:
        process.terminate()
        process.wait(20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w"]


SERVE = "import sys; from pathlib import Path; from broker.witness.house import serve; serve(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"


@pytest.mark.slow
def test_killed_thirty_times_while_it_signs_it_never_contradicts_itself(tmp_path: Path) -> None:
    """What left before a kill still stands after it: same size, same line; the state never falls back."""
    key = house.make(tmp_path / "w", "witness.example/1")
    (tmp_path / "w" / "logs").write_text(f"log {LOG_KEY}\n")
    public = parse_verifier_key(key, COSIGNATURE)[1]
    port = free_port()
    url = f"http://127.0.0.1:{port}/add-checkpoint"
    heard: dict[int, str] = {}
    size = 0
    with httpx.Client(timeout=5) as http:
        for round_ in range(30):
            process = started([sys.executable, "-c", SERVE, str(tmp_path / "w"), str(port)], port)
            at = int(http.post(url, content=body(399, 399)).text)
            assert at in (size, size + 1), "it fell back, or went on by itself"
            threading.Timer(0.003 + 0.001 * round_, process.kill).start()
            with contextlib.suppress(httpx.TransportError):
                while at < 13 * (round_ + 1):  # however fast the machine: there is something left for every round
                    answer = http.post(url, content=body(at, at + 1))
                    assert answer.status_code == 200
                    size = at = at + 1
                    assert heard.setdefault(at, answer.text) == answer.text
            assert process.wait() == -signal.SIGKILL
            size = max(size, at)
    assert size > 5
    opened = house.open_witness(tmp_path / "w")
    kept = opened.cosigner.add_checkpoint(body(399, 399).encode())
    last = int(kept.body)
    assert last in (size, size + 1)
    again = opened.cosigner.add_checkpoint(body(last, last).encode()).body
    assert heard.setdefault(last, again) == again
    opened.memory.close()
    for one, text in heard.items():
        (line,) = parse_cosignatures(text)
        assert cosigned_at(line, note_text(one), public, holds)
