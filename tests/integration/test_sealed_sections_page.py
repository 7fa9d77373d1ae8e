"""The Python on docs/sealed-sections.md runs as it stands there, against a real broker; its examples are those of the vectors."""

import asyncio
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker import client
from broker.client import ClientKey, ClientSealingKey
from broker.crypto import sealing
from broker.domain.parties import Oin
from tests.integration.test_sealing import registered
from tests.promises.attacks import READER, TOM, Case
from tests.support.sealed_vectors import FILE
from tests.support.world import URL, World

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/sealed-sections.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
VECTORS = json.loads(FILE.read_text())


class Bridge(httpx.BaseTransport):
    """From the client's own thread to the broker of this loop."""

    def __init__(self, world: World) -> None:
        self.world, self.loop = world, asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = self.world.http.request(
            request.method, request.url.raw_path.decode(), headers=dict(request.headers), content=request.read()
        )
        answer = asyncio.run_coroutine_threadsafe(call, self.loop).result(60)
        return httpx.Response(answer.status_code, headers={"Content-Type": "application/json"}, content=answer.content)


async def test_the_python_of_the_page_runs_as_it_stands(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_keys, send, get, alone = BLOCKS
    reader, claims = world.professional(READER[TOM])
    body = world.body(TOM)
    named = {
        "http://localhost:8080": URL,
        "00000099000000910000": world.sender(TOM),
        "00000099000000920000": reader,
        "support-coordinator": claims["role"],
        "education-support": body["purpose"],
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "Client", partial(client.Client, transport=Bridge(world)))
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (tmp_path / "handover.json").write_text(json.dumps(body))
    space: dict[str, Any] = {}

    async def run(block: str) -> str:
        for name, value in named.items():
            block = block.replace(name, value)
        await asyncio.to_thread(exec, compile(block, "docs/sealed-sections.md", "exec"), space)
        return capsys.readouterr().out

    printed = await run(make_keys)
    opens = ClientSealingKey.read(tmp_path / "sealing.private.json")
    assert opens.kid in printed
    signing = ClientKey.read(tmp_path / "signing.private.json")
    for oin, key in ((world.sender(TOM), None), (reader, opens)):
        await registered(world, oin, key)
        async with world.broker.house.storage(writing=False) as work:
            partner = await work.organisations.get(oin)
        assert partner is not None
        await world.broker.partners.add(partner, [signing.public_jwk()])

    await run(send)
    sent = (tmp_path / "sealed.json").read_text()
    assert not [s for s in json.loads(sent)["sections"] if "content" in s]
    async with world.broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(space["handover"])
        assert handover is not None
        people = await work.handovers.people(handover.id)
    assert handover.sender == Oin(world.sender(TOM))
    await Case(world, TOM, body, handover, people).everybody_says_yes()

    printed = await run(get)
    said = [section["content"] for section in space["release"]["released"]]
    assert said
    assert str(said) in printed
    assert all(content in [section["content"] for section in body["sections"]] for content in said)
    (tmp_path / "sealing.private.json").unlink()
    ClientSealingKey.new().write(tmp_path / "sealing.private.json")
    assert "did not open" in await run(get)

    await run(alone)
    assert space["opened"]["released"][0]["content"] == "**Noor** slaapt beter."


def test_the_examples_of_the_page_are_those_of_the_vectors() -> None:
    shown = [
        text
        for text in re.findall(r"^```json\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
        if '"digest"' in text or '"use":"content"' in text
    ]
    [came], [left] = ([v for v in VECTORS[end] if v["name"] == "markdown"] for end in ("intake", "release"))
    assert shown == [came["aad"], came["info"], left["info"]]


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    for number in (sealing.PUBLIC, sealing.SEALED_KEY, sealing.SEALED_KEY - 48):
        assert f"{number:,}" in PAGE
    assert f"content + {sealing.OVERHEAD}" in PAGE
    assert f'"alg": "{sealing.ALGORITHM}"' in PAGE
    assert f"`{sealing.FORMAT}`" in PAGE
    vector = VECTORS["intake"][0]["section"]["sealed"]
    assert f"{len(vector['key']):,} characters" in PAGE
    assert f"{len(VECTORS['keys']['intake']['jwk']['pub']):,} characters" in PAGE
