"""P10: a receipt with anything changed is refused, it brings no keys of its own, and the command says so in one sentence.

Every single bit of one is flipped in `tests/unit/transparency/test_every_bit.py`; here it is one of the real application.
"""

import asyncio
import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.api import preferences
from broker.cli import running
from broker.cli.audit import app as audit
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.signatures import ed25519_holds
from broker.transparency import ledger as ledgers
from broker.transparency import tiles
from broker.transparency.merkle import leaf_hash
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.verifier import verify_receipt
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import nobody_writes
from tests.support.world import ROOT, URL, World

HANDOVER, WHO = "tom-to-school", "ib-joris"


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a release waits for its proof."""
    monkeypatch.setattr(ledgers, "MOST_WAIT", 10.0)
    monkeypatch.setattr(preferences, "MOST", 10)


async def release_of(world: World) -> dict[str, Any]:
    await world.push(HANDOVER)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes"})
    await world.settle()
    response = await world.ask(HANDOVER, WHO, headers={"Prefer": "wait=10"})
    assert response.status_code == 200, response.text
    return dict(response.json()["receipt"])


async def public_hashes(world: World) -> list[bytes]:
    """Every leaf hash, as an outsider fetches them."""
    size = int((await world.http.get("/v1/log/checkpoint")).text.split("\n")[1])
    full, rest_of = divmod(size, 256)
    paths = [tiles.tile_path(0, n) for n in range(full)]
    if rest_of:
        paths.append(tiles.tile_path(0, full, rest_of))
    data = b"".join([(await world.http.get(f"/v1/log/{path}")).content for path in paths])
    assert len(data) == 32 * size
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def keys_file(world: World, directory: Path) -> Path:
    trusted = world.broker.ledger.trusted
    path = directory / "trusted-keys.json"
    receipts = {kid: b64url(key) for kid, key in trusted.receipts.items()}
    path.write_text(json.dumps({"logs": list(world.broker.ledger.verifier_keys()), "receipts": receipts}))
    return path


def flipped_text(text: str) -> str:
    """Another value with the same form: one bit of the bytes behind base64, or one sign."""
    raw = bytearray(from_b64url(text))
    raw[len(raw) // 2] ^= 1
    return b64url(bytes(raw))


def flips(receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every field of a receipt, changed."""
    found: dict[str, dict[str, Any]] = {}

    def other(name: str, change: Callable[[dict[str, Any]], object]) -> None:
        document = copy.deepcopy(receipt)
        change(document)
        assert document != receipt, name
        found[name] = document

    other("v", lambda d: d.update(v=2))
    other("leaf", lambda d: d.update(leaf=flipped_text(d["leaf"])))
    other("kid", lambda d: d["receipt"].update(kid="somebody-else"))
    other("signature", lambda d: d["receipt"].update(signature=flipped_text(d["receipt"]["signature"])))
    other("signature of another length", lambda d: d["receipt"].update(signature=d["receipt"]["signature"][:-4]))
    for number, line in enumerate(receipt["proof"].split("\n")):
        if line:
            signs = list(line)
            signs[len(signs) // 2] = "A" if signs[len(signs) // 2] != "A" else "B"
            lines = receipt["proof"].split("\n")
            lines[number] = "".join(signs)
            other(f"proof, line {number}", lambda d, lines=lines: d.update(proof="\n".join(lines)))
    for number in range(len(receipt["openings"])):
        at = f"opening {number}"
        other(f"{at}: position", lambda d, n=number: d["openings"][n].update(position=d["openings"][n]["position"] + 5))
        other(f"{at}: field", lambda d, n=number: d["openings"][n].update(field="subject"))
        other(f"{at}: salt", lambda d, n=number: d["openings"][n].update(salt=flipped_text(d["openings"][n]["salt"])))
        other(f"{at}: value", lambda d, n=number: d["openings"][n].update(value="somebody-else"))
        other(f"{at}: twice", lambda d, n=number: d["openings"].append(d["openings"][n]))
    return found


async def test_a_receipt_with_any_field_changed_is_refused(
    world: World, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    receipt = await release_of(world)
    assert receipt["proof"], "no checkpoint covered it in time"
    assert len(receipt["openings"]) == 2
    keys = keys_file(world, tmp_path)

    def verify(document: Any) -> Any:
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(document))
        return CliRunner().invoke(audit, ["verify", str(file), "--keys", str(keys)])

    genuine = verify(receipt)
    assert (genuine.exit_code, genuine.output.count("\n")) == (0, 1)
    assert verify({"id": "x", "receipt": receipt}).exit_code == 0, "a whole answer is taken as well"
    for name, document in flips(receipt).items():
        with subtests.test(name):
            result = verify(document)
            assert result.exit_code in (1, 2)
            assert "is genuine" not in result.output
            if name in ("leaf", "signature") or name.startswith("opening"):
                assert result.exit_code == 1, result.output
    trusted = world.broker.ledger.trusted
    own = {kid: b64url(key) for kid, key in trusted.receipts.items()}
    carried = {**receipt, "keys": own, "receipts": own, "logs": list(world.broker.ledger.verifier_keys())}
    assert verify_receipt(carried, TrustedKeys(), ed25519_holds).code == 2, "it brings no keys of its own"
    assert verify_receipt(receipt, TrustedKeys(trusted.receipts, {}), ed25519_holds).code == 2
    assert leaf_hash(from_b64url(receipt["leaf"])) in await public_hashes(world), "an outsider sees what the log holds"


def broker_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    return subprocess.run(
        [sys.executable, "-m", "broker", *arguments],
        env={**env, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_says_one_sentence_and_exits_with_0_1_or_2(
    world: World, intruder: Intruder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await release_of(world)
    await world.settle()
    keys = keys_file(world, tmp_path)
    files = {
        "genuine": json.dumps(receipt),
        "forged": json.dumps({**receipt, "leaf": flipped_text(receipt["leaf"])}),
        "unreadable": "{",
        "nothing": "[]",
        "kept": await world.broker.ledger.checkpoint(),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def verify(name: str, *more: str) -> Any:
        return CliRunner().invoke(audit, ["verify", str(tmp_path / name), *more])

    trusting = ("--keys", str(keys))
    for result, code in (
        (verify("genuine", *trusting), 0),
        (verify("forged", *trusting), 1),
        (verify("genuine"), 2),
        (verify("unreadable", *trusting), 2),
        (verify("nothing", *trusting), 2),
        (verify("missing", *trusting), 2),
        (verify("genuine", "--keys", str(tmp_path / "genuine")), 2),
    ):
        assert result.exit_code == code, result.output
        assert result.output.count("\n") == 1, result.output
        assert (result.exception is None) or isinstance(result.exception, SystemExit)

    settings = {
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": world.database_url,
        "BROKER_KEYS": str(world.broker.settings.keys),
        "BROKER_POLICIES": str(ROOT / "policies"),
        "BROKER_PUBLIC_URL": URL,
        "BROKER_OUTBOX": f"file:{tmp_path / 'outbox'}",
    }
    assert json.loads(verify("forged", *trusting, "--json").output) == {
        "ok": False,
        "code": 1,
        "sentence": "The receipt is not genuine: its signature does not fit the entry.",
    }

    kept = ("--earlier", str(tmp_path / "kept"))
    monkeypatch.setattr(running, "read_settings", lambda: world.broker.settings)
    whole = await asyncio.to_thread(CliRunner().invoke, audit, ["verify", *kept, "--json"])
    said = whole.output.splitlines()[-1]  # before it, what `broker` itself would not write
    assert (whole.exit_code, json.loads(said)["ok"]) == (0, True), whole.output
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change("UPDATE log_entry SET leaf_hash = ?", bytes(32))
    broken = await asyncio.to_thread(broker_command, "audit", "verify", **settings)
    assert (broken.returncode, broken.stdout.count("\n")) == (1, 1), broken.stderr
    assert "Traceback" not in broken.stderr
