"""P03: a broker that is killed (SIGKILL) while it releases leaves nothing disclosed that its log does not hold."""

import asyncio
import json
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import sqlalchemy as sa

from broker.app import build
from broker.cli.stage import Stage
from broker.client import Client, ClientKey
from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import ed25519_holds
from broker.settings import read_settings
from broker.storage import tables as t
from broker.transparency.verifier import verify_receipt
from broker.whole import Broker
from tests.promises.attacks import TOM, Case, texts_in
from tests.support.world import ROOT, World, read_family, today

KILLS = 2
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
CLAIMS = ("ib-joris", "Joris Maas", "support-coordinator")


@dataclass
class Answers:
    """What came out of the broker, also of answers that were cut off."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    disclosed: set[str] = field(default_factory=set)


async def ask_and_ask(url: str, token: str, bodies: list[dict[str, Any]], answers: Answers) -> None:
    """Until there is nobody any more who answers."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as http:
        while True:
            for body in bodies:
                received = b""
                try:
                    async with http.stream("POST", "/v1/releases", json=body) as response:
                        async for chunk in response.aiter_raw():
                            received += chunk
                except httpx.HTTPError:
                    return
                finally:
                    answers.disclosed |= {found.decode() for found in re.findall(rb'^\{"id":"([^"]+)"', received)}
                answers.statuses[response.status_code] += 1
                if response.status_code == 200:
                    answers.receipts.append(json.loads(received)["receipt"])


async def case_of(broker: Broker, handover: str, body: dict[str, Any]) -> Case:
    async with broker.house.storage(writing=False) as work:
        found = await work.handovers.get(handover)
        assert found is not None
        return Case(
            cast(World, SimpleNamespace(broker=broker)), TOM, body, found, await work.handovers.people(found.id)
        )


def kill(stage: Stage) -> None:
    """No goodbye."""
    assert stage._process is not None
    stage._process.kill()
    stage._process.wait()
    stage._process = None


async def test_killed_while_it_releases(tmp_path: Path, database_url: str) -> None:
    family = read_family("visser-de-bruin", today())
    partners = [found for found in family["organisations"] if found["oin"] in (SENDER, SCHOOL)]
    often = {"BROKER_RATE_ONE": "1000000/hour"}
    stage = Stage(tmp_path, ROOT / "policies", database_url=database_url, extra=often)
    keys: dict[str, ClientKey] = await asyncio.to_thread(stage.prepare, partners)
    broker = build(read_settings(stage.environment()))  # beside the one that is killed, on the same database
    answers = Answers()
    try:
        await asyncio.to_thread(stage.start)
        body = family["handovers"][TOM]["body"]
        handover = await asyncio.to_thread(pushed, stage, keys[SENDER], body)
        await (await case_of(broker, handover, body)).everybody_says_yes()
        token = await asyncio.to_thread(token_of, stage, keys[SCHOOL])
        asked: list[dict[str, Any]] = [{"handover": handover, "purpose": body["purpose"]}]
        asked += [{**asked[0], "sections": ["parent-health"]}, {**asked[0], "handover": "not-there"}]
        for _ in range(KILLS):
            before = answers.statuses[200]
            turns = [asked[turn:] + asked[:turn] for turn in range(len(asked))]
            load = [asyncio.create_task(ask_and_ask(stage.url, token, turn, answers)) for turn in turns]
            for _tick in range(1000):
                await asyncio.sleep(0.01)
                if answers.statuses[200] >= before + 3:
                    break
            await asyncio.sleep(secrets.randbelow(40) / 1000)
            kill(stage)
            await asyncio.gather(*load)
            assert answers.statuses[200] >= before + 3
            await asyncio.to_thread(stage.start)
        await check(broker, answers, body)
    finally:
        await asyncio.to_thread(stage.stop)
        await broker.database.close()


def pushed(stage: Stage, key: ClientKey, body: dict[str, Any]) -> str:
    with Client(stage.url, SENDER, key) as client:
        return str(client.push(body)["id"])


def token_of(stage: Stage, key: ClientKey) -> str:
    with Client(stage.url, SCHOOL, key) as client:
        return client.as_professional(*CLAIMS).token()


async def check(broker: Broker, answers: Answers, body: dict[str, Any]) -> None:
    """The log is whole, and holds every answer; what was stored, is readable nowhere else."""
    for _ in range(400):
        if not await broker.ledger.waiting():
            break
        await asyncio.sleep(0.05)
    verdict = await broker.ledger.check()
    assert verdict.ok, verdict.sentence
    assert set(answers.statuses) <= {200, 403, 404}, answers.statuses
    async with broker.database.engine.connect() as connection:
        await connection.execution_options(writing=False)
        stored = {
            bytes(row.leaf): row for row in await connection.execute(sa.select(t.log_entry.c.leaf, t.log_entry.c.type))
        }
        kept = {row.id for row in await connection.execute(sa.select(t.release.c.id))}
    types = Counter(row.type for row in stored.values())
    for receipt in answers.receipts:
        leaf = from_b64url(receipt["leaf"])
        assert stored[leaf].type == "release:permitted"
        verified = verify_receipt(receipt, broker.ledger.trusted, ed25519_holds)
        assert verified.ok, verified.sentence
        assert not any(text in leaf.decode() for text in texts_in(body["sections"]) if len(text) > 15)
    assert len(answers.receipts) == answers.statuses[200]
    assert len(answers.disclosed) >= len(answers.receipts)
    assert answers.disclosed <= kept
    assert len(kept) == types["release:permitted"]
    assert types["release:denied"] >= answers.statuses[403] + answers.statuses[404] > 0
