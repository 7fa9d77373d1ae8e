"""P07: what comes sealed and leaves sealed is never readable in the broker's memory; a real process is looked into."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from broker.app import build
from broker.cli.stage import Stage
from broker.client import Client, ClientKey, ClientSealingKey, open_release
from broker.domain.parties import Oin, Organisation
from broker.settings import read_settings
from broker.whole import Broker
from tests.promises.attacks import ALL, TOM, Case
from tests.support.memory import found_in_memory
from tests.support.world import ROOT, World, read_family, today

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
CLAIMS = ("ib-joris", "Joris Maas", "support-coordinator")
TIMES = 20
KEPT = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_PERTURB_": "0"}
"""Memory that a process gives free stays with it as it is (mallopt(3)): what was there for a moment is found too."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZëöüéïàñç"


def a_mark() -> str:
    """Twenty-six letters that turn up nowhere by chance, and look different in each way of writing."""
    return "ë" + "".join(secrets.choice(LETTERS) for _ in range(24)) + "ö"


def spoken(body: dict[str, Any], mark: str) -> dict[str, Any]:
    """This body, where every section says that mark over and over, so that any part of it would show; nobody seen before."""
    body = json.loads(json.dumps(body))
    fresh = secrets.token_hex(4)
    body["reference"] += fresh
    for person in body["people"]:
        person["reference"] += fresh
        for identifier in person.get("identifiers", ()):
            identifier["value"] = f"{secrets.randbelow(10**9):09}"
        for contact in person.get("contacts", ()):
            mail = contact["channel"] == "email"
            contact["value"] = f"{fresh}.{contact['value']}" if mail else f"+316{secrets.randbelow(10**8):08}"
    for section in body["sections"]:  # of many lengths: what is freed is then not overwritten at once
        said = " ".join(f"{number} {mark}" for number in range(100 + secrets.randbelow(2000)))
        section["content"] = {"said": said, mark: 1} if section["mediaType"] == "application/json" else said
    return body


@dataclass
class Around:
    """A broker in a process of its own, and who talks to it."""

    stage: Stage
    broker: Broker
    sender: Client
    school: Client
    key: ClientSealingKey
    body: dict[str, Any]

    async def case(self, body: dict[str, Any]) -> Case:
        """Push that body, and everybody says yes."""
        handover = (await asyncio.to_thread(self.sender.push, body))["id"]
        async with self.broker.house.storage(writing=False) as work:
            found = await work.handovers.get(handover)
            assert found is not None
            people = await work.handovers.people(found.id)
        case = Case(cast(World, SimpleNamespace(broker=self.broker)), TOM, self.body, found, people)
        await case.everybody_says_yes()
        return case

    async def release(self, case: Case) -> dict[str, Any]:
        """What the school gets, as it comes."""
        professional = self.school.as_professional(*CLAIMS)
        answer = await asyncio.to_thread(professional.ask, case.handover.id, self.body["purpose"])
        assert sorted(section["type"] for section in answer["released"]) == ALL[TOM]
        return answer

    async def sealed_both_ways(self, mark: str) -> dict[str, Any]:
        """In and out, and opened here; returns what was pushed."""
        clear = spoken(self.body, mark)
        sealed = self.sender.seal(clear)
        release = await self.release(await self.case(sealed))
        said = {section["type"]: section["content"] for section in clear["sections"]}
        opened = open_release(release, SCHOOL, [self.key])
        assert {s["type"]: s["content"] for s in opened["released"]}.items() <= said.items()
        assert mark not in json.dumps(release, ensure_ascii=False)
        return sealed

    async def admit(self, sealing_key: str | None) -> None:
        """The school gets what it asks for sealed to that key, or in clear."""
        async with self.broker.house.storage(writing=False) as work:
            jwks = await work.organisations.jwks(SCHOOL)
        school = Organisation(Oin(SCHOOL), "De Regenboog", "school", sealing_key=sealing_key)
        await self.broker.partners.add(school, jwks, unsealed=sealing_key is None)


@contextlib.asynccontextmanager
async def a_broker(tmp_path: Path, database_url: str, *, how: str = "") -> AsyncIterator[Around]:
    """On the stage, with a school that has a sealing key."""
    family = read_family("visser-de-bruin", today())
    partners = [found for found in family["organisations"] if found["oin"] in (SENDER, SCHOOL)]
    serves = ("tests.support.memory", *filter(None, [how]))
    stage = Stage(tmp_path, ROOT / "policies", database_url=database_url, extra=dict(KEPT), serves=serves)
    keys: dict[str, ClientKey] = await asyncio.to_thread(stage.prepare, partners)
    broker = build(read_settings(stage.environment()))  # beside the one that is looked into, on the same database
    mine = ClientSealingKey.new()
    try:
        await asyncio.to_thread(stage.start)
        with Client(stage.url, SENDER, keys[SENDER]) as sender, Client(stage.url, SCHOOL, keys[SCHOOL]) as school:
            around = Around(stage, broker, sender, school, mine, family["handovers"][TOM]["body"])
            await around.admit(json.dumps(mine.public_jwk()))
            yield around
    finally:
        await asyncio.to_thread(stage.stop)
        await broker.database.close()


async def test_what_is_sealed_both_ways_is_never_in_the_brokers_memory(tmp_path: Path, database_url: str) -> None:
    async with a_broker(tmp_path, database_url) as around:
        await nothing_is_seen(around)
        await what_is_in_clear_is_seen(around)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", ["peeks-at-release", "peeks-at-intake"])
async def test_a_broker_that_peeks_and_forgets_at_once_is_found_out(
    tmp_path: Path, database_url: str, how: str
) -> None:
    """What makes the test above mean something: it opens each section for a moment, and does nothing with it."""
    mark = a_mark()
    async with a_broker(tmp_path, database_url, how=how) as around:
        for _ in range(10 * TIMES):  # what is freed may be overwritten before it is looked for, but not each time
            await around.sealed_both_ways(mark)
            if found_in_memory(around.stage.pid, mark)[0]:
                return
    raise AssertionError("nobody would notice")


async def nothing_is_seen(around: Around) -> None:
    """After once, and after many times: neither the texts nor any part of them; what must be there, is."""
    pid, mark = around.stage.pid, a_mark()
    body = await around.sealed_both_ways(mark)
    sealed = body["sections"][0]["sealed"]["ciphertext"]
    parts = {sealed[at : at + 32] for at in range(0, len(sealed) - 32, len(sealed) // 8)}
    seen, there = found_in_memory(pid, mark, beside={body["reference"], *parts})
    assert seen == []
    assert body["reference"] in there, "it was read a moment ago: this looks at the wrong place"
    assert parts & set(there), "it has just left: this looks at the wrong place"
    for turn in range(TIMES):
        await around.sealed_both_ways(mark)
        assert turn % 5 or found_in_memory(pid, mark)[0] == []


async def what_is_in_clear_is_seen(around: Around) -> None:
    """The same look finds what the broker was given, or had to open: that it finds nothing else means something."""
    pid, given, opened = around.stage.pid, a_mark(), a_mark()
    await around.case(spoken(around.body, given))
    assert found_in_memory(pid, given)[0] != []
    case = await around.case(around.sender.seal(spoken(around.body, opened)))
    await around.admit(None)
    await around.release(case)
    assert found_in_memory(pid, opened)[0] != []
