"""`broker audit verify ADDRESS`: it asks only below the address, and shows how far it is where the log is long."""

import json
from pathlib import Path

import httpx
import pytest

from broker.cli import verifying
from broker.transparency.canonical import to_base64url
from broker.transparency.checkpoints import Checkpoint, sign_note, verifier_key
from broker.transparency.merkle import leaf_hash
from broker.transparency.tiles import extend, tile_path
from tests.unit.transparency.conftest import ORIGIN, _signer

LOG = _signer(1)
TREE = extend(0, {}, [leaf_hash(b"%d" % n) for n in range(600)])


@pytest.mark.parametrize(("long", "shown"), [(5000, False), (500, True)])
def test_a_long_log_shows_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], long: int, shown: bool
) -> None:
    note = sign_note(Checkpoint(ORIGIN, TREE.size, TREE.root), ORIGIN, LOG.public, LOG.sign)
    served = {tile_path(level, n, len(data) // 32): data for (level, n), data in TREE.tiles.items()}
    served["checkpoint"] = note.encode()
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, stream=httpx.ByteStream(served[request.url.path.removeprefix("/log/")]))

    client = httpx.Client
    monkeypatch.setattr(verifying.httpx, "Client", lambda **_: client(transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(verifying, "LONG", long)
    keys = tmp_path / "keys.json"
    keys.write_text(
        json.dumps({"logs": [verifier_key(ORIGIN, LOG.public)], "receipts": {"r": to_base64url(bytes(32))}})
    )
    verdict = verifying.verdict_on(f"https://{ORIGIN}/", keys, None, None)
    assert verdict.code == 0, verdict.sentence
    assert ("checking" in capsys.readouterr().err) == shown
    assert all(url.startswith(f"https://{ORIGIN}/") for url in asked)
    assert f"https://{ORIGIN}/tile/1/000.p/2" in asked, "the tiles above as well"
