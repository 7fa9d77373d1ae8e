"""P07: what was moved, cut, put back, relabelled or damaged at rest opens nowhere, says nothing, and rings the alarm."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from unittest.mock import AsyncMock, patch

import httpx
import pytest
from structlog.testing import capture_logs

from broker.client import ClientSealingKey
from broker.domain.handovers import Handover
from broker.domain.ports import ForRecipient, place_of
from broker.errors import Tampered
from tests.promises.attacks import TOM, Case, as_it_is, push, registered, texts_in
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import nobody_writes
from tests.support.world import World

HANDOVER, WHO = TOM, "ib-joris"
COLUMNS = ("ciphertext", "wrapped_key", "kid", "mark")
MOVABLE = ("ciphertext", "wrapped_key", "mark")
"""What differs between two sections; the id of the key that wraps them is the same."""


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@pytest.fixture(params=["in clear", "sealed"])
async def leaves(world: World, request: pytest.FixtureRequest) -> str:
    """How it leaves: opened by the broker, or with its key passed on to who reads, and nothing opened."""
    if request.param == "sealed":
        await registered(world, world.professional(WHO)[0], ClientSealingKey.new())
    return str(request.param)


@dataclass(frozen=True)
class Row:
    """What lies at rest of one section."""

    id: str
    ciphertext: bytes
    wrapped_key: bytes
    kid: str
    mark: bytes


def lying(intruder: Intruder, handover: str, name: str, *, nth: int = 0) -> Row:
    """The newest section of that type, or one further on."""
    statement = "SELECT id, ciphertext, wrapped_key, kid, mark FROM section WHERE handover = ? AND type = ?"
    row = intruder.rows(f"{statement} ORDER BY version DESC, position", handover, name)[nth]
    section, ciphertext, key, kid, mark = row
    return Row(str(section), bytes(ciphertext), bytes(key), str(kid), bytes(mark))


async def put(world: World, intruder: Intruder, section: str, **columns: Any) -> None:
    """Into a row, past the broker."""
    assert set(columns) <= set(COLUMNS)
    names = ", ".join(f"{name} = ?" for name in columns)
    async with nobody_writes(world):
        intruder.change(f"UPDATE section SET {names} WHERE id = ?", *columns.values(), section)


async def mend(world: World, intruder: Intruder, row: Row) -> None:
    await put(world, intruder, row.id, **{name: getattr(row, name) for name in COLUMNS})


def counted(text: str, kind: str) -> float:
    """How often that alarm rang, as `/metrics` says."""
    line = next(line for line in text.splitlines() if line.startswith(f'broker_alarms_total{{kind="{kind}"}}'))
    return float(line.split()[-1])


async def rung(world: World, kind: str) -> float:
    return counted((await world.http.get("/metrics")).text, kind)


async def refused(case: Case, kind: str, ask: Callable[[], Any] | None = None) -> None:
    """A refusal that says nothing, leaves nothing behind, and is heard: in the log without anybody in it, and counted."""
    before = await rung(case.world, kind)
    with capture_logs() as lines:
        response: httpx.Response = await (ask or case.ask)()
    status = {"tampered": 500, "key-missing": 503}[kind]
    assert (response.status_code, response.json()["type"]) == (status, f"urn:rondom:problem:{kind}"), response.text
    assert set(response.json()) == {"type", "title", "status", "detail"}
    told = response.text + json.dumps(lines, default=str)
    assert "Traceback" not in response.text
    personal = [
        text for text in texts_in(case.body) if len(text) > 15 and text not in ("text/markdown", "application/json")
    ]
    assert not [text for text in personal if text in told]
    alarms = [line for line in lines if line["event"] == f"alarm:{kind}"]
    assert [set(line) - {"request"} for line in alarms] == [{"event", "route", "log_level"}]
    assert (alarms[0]["route"], alarms[0]["log_level"]) == ("/v1/releases", "error")
    assert await rung(case.world, kind) == before + 1


def pieces(of: Row) -> Iterator[dict[str, Any]]:
    """Every choice of columns of a row, to be put into another."""
    for size in range(1, len(MOVABLE) + 1):
        for names in combinations(MOVABLE, size):
            yield {name: getattr(of, name) for name in names}


def damages(row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can be done to each column by itself."""
    for name in MOVABLE:
        raw: bytes = getattr(row, name)
        yield f"{name} empty", {name: b""}
        yield f"{name} gone", {name: None}
        yield f"{name} cut short", {name: raw[:-1]}
        yield f"{name} cut to its beginning", {name: raw[:13]}
        yield f"{name} with something after it", {name: raw + b"\x00"}
        for at in (0, 1, len(raw) // 2, len(raw) - 1):
            yield f"{name} with bit {at * 8} flipped", {name: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]}
    yield "kid gone", {"kid": None}
    yield "clear text instead", {"ciphertext": b"Tom is fine", "wrapped_key": b""}


def two_of_a_kind(body: dict[str, Any]) -> None:
    """Another status, under the very same label."""
    status = next(section for section in body["sections"] if section["type"] == "status")
    body["sections"].append({**status, "content": "Een tweede onderdeel met hetzelfde etiket."})


async def test_ciphertext_key_and_mark_open_only_where_they_were_put(
    world: World, intruder: Intruder, leaves: str, subtests: pytest.Subtests
) -> None:
    """Of another section, of the same section elsewhere, of what was corrected; each column alone and together."""
    case, other = await push(world, TOM, two_of_a_kind), await push(world, TOM)
    await case.everybody_says_yes()
    older = lying(intruder, case.handover.id, "status")
    changed = json.loads(json.dumps(case.body))
    for section in changed["sections"]:
        section["content"] = (
            "Dit is de nieuwe tekst van dit onderdeel." if section["type"] == "status" else section["content"]
        )
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, changed)).status_code == 201
    assert (await case.ask()).status_code == 200
    mine = lying(intruder, case.handover.id, "status")
    assert mine.id != older.id
    sources = {
        "another section": lying(intruder, case.handover.id, "voice-of-the-child"),
        "another section with that label": lying(intruder, case.handover.id, "status", nth=1),
        "another handover": lying(intruder, other.handover.id, "status"),
        "an older version": older,
    }
    for source, row in sources.items():
        for columns in pieces(row):
            with subtests.test(f"{' and '.join(columns)} of {source}"):
                await put(world, intruder, mine.id, **columns)
                await refused(case, "tampered")
                await mend(world, intruder, mine)
    with subtests.test("two sections swapped"):
        voice = sources["another section"]
        for here, there in ((mine, voice), (voice, mine)):
            await put(world, intruder, here.id, **{name: getattr(there, name) for name in COLUMNS})
        await refused(case, "tampered")
        for row in (mine, voice):
            await mend(world, intruder, row)
    with subtests.test("mended"):
        assert (await case.ask()).status_code == 200


async def test_a_section_moved_to_another_handover_of_the_same_people_does_not_open(
    world: World, intruder: Intruder, leaves: str
) -> None:
    """The whole row, with its people: what was said of the one is said of the other, and still it opens nowhere else."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    again = await as_it_is(world, TOM, {**case.body, "reference": "elsewhere"})
    assert again.people == case.people
    assert (await again.ask()).status_code == 200
    async with nobody_writes(world):
        moved = lying(intruder, case.handover.id, "status").id
        intruder.change("UPDATE section SET handover = ?, position = 99 WHERE id = ?", again.handover.id, moved)
    await refused(again, "tampered")


async def test_what_is_cut_flipped_or_gone_is_refused(
    world: World, intruder: Intruder, leaves: str, subtests: pytest.Subtests
) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    row = lying(intruder, case.handover.id, "status")
    for damage, columns in damages(row):
        with subtests.test(damage):
            await put(world, intruder, row.id, **columns)
            await refused(case, "tampered")
            await mend(world, intruder, row)
    for kid in ("unknown", row.kid[::-1]):
        with subtests.test(f"kid {kid}"):
            await put(world, intruder, row.id, kid=kid)
            await refused(case, "key-missing")
            await mend(world, intruder, row)
    with subtests.test("mended"):
        assert (await case.ask()).status_code == 200


RELABELLED = {
    "type": ("UPDATE section SET type = 'voice-of-the-child' WHERE type = 'status' AND handover = ?",),
    "media type": ("UPDATE section SET media_type = 'text/plain' WHERE type = 'status' AND handover = ?",),
    "one person more": (
        """INSERT INTO section_person (section, person, concerned, shielded)
        SELECT s.id, hp.person, FALSE, TRUE FROM section s JOIN handover_person hp ON hp.handover = s.handover
        WHERE s.type = 'status' AND s.handover = ?
        AND hp.person NOT IN (SELECT person FROM section_person sp WHERE sp.section = s.id)""",
    ),
    "version": (
        "UPDATE section SET version = 2 WHERE handover = ?",
        "UPDATE handover SET version = 2 WHERE id = ?",
    ),
    "sender": ("UPDATE handover SET sender = '00000099000000020000' WHERE id = ?",),
}


async def test_a_section_under_another_label_does_not_open(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    """Its type, medium, people and version are bound to it; whoever changes one of them gets nothing."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    house = world.broker.house
    reader = ForRecipient(ClientSealingKey.new().public_jwk(), world.professional(WHO)[0], "a-release")
    kept = {table: intruder.rows(f"SELECT * FROM {table}") for table in ("section", "section_person", "handover")}
    async with house.storage(writing=False) as work:
        before = await work.handovers.get(case.handover.id)
    assert before is not None
    for label, statements in RELABELLED.items():
        with subtests.test(label):
            async with nobody_writes(world):
                for statement in statements:
                    intruder.change(statement, case.handover.id)
            try:
                async with house.storage(writing=False) as work:
                    after = await work.handovers.get(case.handover.id)
                    assert after is not None
                    assert after != before, "nothing was relabelled"
                    section = next(s for s in after.sections if s.id == lying_id(before))
                    sealed = (await work.handovers.sealed([section]))[section.id]
                with pytest.raises(Tampered):
                    house.vault.open(place_of(after, section), sealed)
                with pytest.raises(Tampered):
                    house.vault.pass_on(place_of(after, section), sealed, reader)
            finally:
                async with nobody_writes(world):
                    intruder.put_back(kept)
    assert (await case.ask()).status_code == 200


def lying_id(handover: Handover) -> str:
    return next(section.id for section in handover.sections if section.type == "status")


ABOUT_TOM = """UPDATE section_person SET person =
    (SELECT p.person FROM section s JOIN section_person p ON p.section = s.id WHERE s.type = 'status')
    WHERE section = (SELECT id FROM section WHERE type = 'parent-health')"""
OTHER_LABELS = {
    "what father's health is becomes a status of Tom": (
        ABOUT_TOM,
        "UPDATE section SET type = 'status' WHERE type = 'parent-health'",
    ),
    "a text becomes another medium": ("UPDATE section SET media_type = 'text/plain' WHERE type = 'status'",),
}


async def test_a_text_under_another_label_does_not_open(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    """Who relabels a text that nobody consented to gets no consent with it."""
    await world.push(HANDOVER)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes", "voice-of-the-child": "yes"})
    assert await world.gets(HANDOVER, WHO) == ["status", "voice-of-the-child"]
    kept = {table: intruder.rows(f"SELECT * FROM {table}") for table in ("section", "section_person")}
    for attack, statements in OTHER_LABELS.items():
        with subtests.test(attack):
            for statement in statements:
                await asyncio.to_thread(intruder.change, statement)
            response = await world.ask(HANDOVER, WHO)
            await asyncio.to_thread(intruder.put_back, kept)
            assert (response.status_code, response.json()["type"]) == (500, "urn:rondom:problem:tampered")
            assert "verslavingszorg" not in response.text
    assert await world.gets(HANDOVER, WHO) == ["status", "voice-of-the-child"]


async def test_a_sealed_field_in_another_row_opens_nowhere(world: World, intruder: Intruder) -> None:
    for name in (HANDOVER, "jack-to-gp"):
        await world.push(name)
    (first, second) = (world.handovers[HANDOVER], world.handovers["jack-to-gp"])
    [(sealed,)] = intruder.rows("SELECT basis_sealed FROM handover WHERE id = ?", first)
    await asyncio.to_thread(intruder.change, "UPDATE handover SET basis_sealed = ? WHERE id = ?", bytes(sealed), second)
    response = await world.as_organisation(world.sender("jack-to-gp"), "GET", f"/v1/handovers/{second}")
    assert response.status_code == 500
    assert response.json()["type"] == "urn:rondom:problem:tampered"
    assert "AVG" not in response.text


async def test_the_alarm_is_there_before_it_ever_rang(world: World) -> None:
    assert [await rung(world, kind) for kind in ("tampered", "key-missing")] == [0, 0]
    await world.http.get("/v1/handovers/not-there")
    assert [await rung(world, kind) for kind in ("tampered", "key-missing")] == [0, 0], "a refusal is no alarm"


async def test_a_page_that_meets_damaged_rows_rings_too(world: World, intruder: Intruder) -> None:
    await world.push(HANDOVER)
    code = await world.invite(HANDOVER, "tom")
    await world.messages()
    async with nobody_writes(world):
        intruder.change("UPDATE contact SET value_sealed = ?", b"nothing")
    with capture_logs() as lines:
        async with world.browser() as browser:
            page = await browser.post("/code", data={"code": code})
    assert page.status_code == 500
    assert [line["route"] for line in lines if line["event"] == "alarm:tampered"] != []
    assert await rung(world, "tampered") >= 1


async def test_the_courier_rings_for_a_message_that_was_altered(world: World, intruder: Intruder) -> None:
    courier, path = world.broker.courier, "/v1/handovers/{}/invitations"
    await world.push(HANDOVER)
    await world.messages()
    with capture_logs() as lines:
        with patch.object(courier, "step", AsyncMock(return_value=0)):  # nobody takes it before it is altered
            body = {"person": "tom", "delivery": "message"}
            address = path.format(world.handovers[HANDOVER])
            assert (await world.as_organisation(world.sender(HANDOVER), "POST", address, body)).status_code == 201
            async with nobody_writes(world):
                intruder.change("UPDATE outbox SET message_sealed = ?", b"nothing")
        await courier.step()
        await until_it_rings(world)
    assert {line["route"] for line in lines if line["event"] == "alarm:tampered"} == {"courier"}


async def until_it_rings(world: World) -> None:
    """What runs in the background meets it soon."""
    for _ in range(300):
        if await rung(world, "tampered"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no alarm")


async def test_the_sequencer_rings_for_an_entry_that_was_altered(world: World, intruder: Intruder) -> None:
    await world.token(world.sender(HANDOVER))
    await world.settle()
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change("UPDATE log_state SET root = ?", bytes(32))
    pushed = await world.as_organisation(world.sender(HANDOVER), "POST", "/v1/handovers", world.body(HANDOVER))
    assert pushed.status_code in (201, 503), "refused when it was noticed already"
    await until_it_rings(world)
