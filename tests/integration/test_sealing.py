"""Sealed in, sealed out: the broker keeps what a sender sealed without opening it, and passes on its key, not its content."""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import sqlalchemy as sa

from broker.client import ClientSealingKey, NotOpened, open_release, seal_body
from broker.crypto import sealing
from broker.crypto.envelopes import Vault
from broker.domain.vocabulary import Vocabulary
from broker.storage import tables as t
from tests.promises.attacks import ALL, READER, TOM, Case, as_it_is, push, registered, rows
from tests.support.world import World


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def texts(release: dict[str, Any]) -> dict[str, Any]:
    return {section["type"]: section["content"] for section in release["released"]}


def written(case: Case) -> dict[str, Any]:
    return {section["type"]: section["content"] for section in case.body["sections"] if "content" in section}


async def intake(world: World) -> dict[str, Any]:
    response = await world.as_organisation(world.sender(TOM), "GET", "/v1/sealing-keys")
    assert response.status_code == 200, response.text
    return dict(response.json()["keys"][0])


def fresh(world: World) -> dict[str, Any]:
    body = world.body(TOM)
    body["reference"] += secrets.token_hex(4)
    return body


async def sealed_push(world: World) -> tuple[dict[str, Any], Case]:
    """(the body in clear, the case), with everybody's yes."""
    clear = fresh(world)
    case = await as_it_is(world, TOM, seal_body(clear, world.sender(TOM), await intake(world)))
    await case.everybody_says_yes()
    return clear, case


def reader(world: World) -> str:
    return world.professional(READER[TOM])[0]


async def test_what_was_sealed_comes_out_in_clear_for_who_has_no_key(world: World) -> None:
    clear, case = await sealed_push(world)
    response = await case.ask()
    assert sorted(texts(response.json())) == ALL[TOM]
    assert texts(response.json()).items() <= {s["type"]: s["content"] for s in clear["sections"]}.items()


@pytest.mark.parametrize("sealed_in", [True, False])
async def test_what_leaves_sealed_opens_with_the_recipients_key_alone(world: World, sealed_in: bool) -> None:
    key = ClientSealingKey.new()
    await registered(world, reader(world), key)
    if sealed_in:
        clear, case = await sealed_push(world)
    else:
        case = await push(world, TOM)
        await case.everybody_says_yes()
        clear = case.body
    with patch.object(Vault, "open", side_effect=AssertionError("opened")):
        response = await case.ask()
    release = response.json()
    assert response.status_code == 200, response.text
    assert all("content" not in section for section in release["released"])
    said = {s["type"]: s["content"] for s in clear["sections"]}
    assert not [text for text in said.values() if json.dumps(text)[1:-1] in response.text]
    assert texts(open_release(release, reader(world), [ClientSealingKey.new(), key])).items() <= said.items()
    for recipient, keys in ((reader(world), [ClientSealingKey.new()]), (world.sender(TOM), [key]), (reader(world), [])):
        with pytest.raises(NotOpened):
            open_release(release, recipient, keys)


async def test_the_broker_takes_in_what_was_sealed_without_opening_it(world: World) -> None:
    with (
        patch.object(sealing, "open_content", side_effect=AssertionError("opened")),
        patch.object(Vault, "open", side_effect=AssertionError("opened")),
    ):
        await sealed_push(world)


async def test_the_ciphertext_that_leaves_is_the_one_that_came(world: World) -> None:
    key = ClientSealingKey.new()
    await registered(world, reader(world), key)
    body = seal_body(fresh(world), world.sender(TOM), await intake(world))
    case = await as_it_is(world, TOM, body)
    await case.everybody_says_yes()
    came = {s["type"]: s["sealed"]["ciphertext"] for s in body["sections"]}
    left = {s["type"]: s["sealed"]["ciphertext"] for s in (await case.ask()).json()["released"]}
    assert left
    assert left.items() <= came.items()
    stored = {bytes(row.ciphertext) for row in await rows(world, sa.select(t.section.c.ciphertext))}
    assert {raw(text) for text in came.values()} <= stored


def _set(name: str, change: Callable[[str], str]) -> Callable[[dict[str, Any]], None]:
    def apply(body: dict[str, Any]) -> None:
        body["sections"][0]["sealed"][name] = change(body["sections"][0]["sealed"][name])

    return apply


def flip(text: str) -> str:
    bytes_ = bytearray(raw(text))
    bytes_[len(bytes_) // 2] ^= 1
    return base64.urlsafe_b64encode(bytes(bytes_)).rstrip(b"=").decode()


def _two_swapped(body: dict[str, Any]) -> None:
    first, second = body["sections"][:2]
    first["sealed"], second["sealed"] = second["sealed"], first["sealed"]


def _other_type(body: dict[str, Any]) -> None:
    body["sections"][0]["type"] = next(s["type"] for s in body["sections"] if s["type"] != body["sections"][0]["type"])


def _other_media_type(body: dict[str, Any]) -> None:
    section = body["sections"][0]
    section["mediaType"] = "text/plain" if section["mediaType"] != "text/plain" else "text/markdown"


def _other_reference(body: dict[str, Any]) -> None:
    body["reference"] += "x"


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a bit of the ciphertext": (_set("ciphertext", flip), "/sections/0/sealed/key"),
    "a bit of the key": (_set("key", flip), "/sections/0/sealed/key"),
    "a short key": (_set("key", lambda text: text[:-4]), "/sections/0/sealed/key"),
    "no key": (_set("key", lambda _: ""), "/sections/0/sealed/key"),
    "an unknown kid": (_set("kid", lambda _: "nobody"), "/sections/0/sealed/kid"),
    "two sections swapped": (_two_swapped, "/sections/0/sealed/key"),
    "another type": (_other_type, "/sections/0/sealed/key"),
    "another media type": (_other_media_type, "/sections/0/sealed/key"),
    "another reference": (_other_reference, "/sections/0/sealed/key"),
    "no ciphertext": (_set("ciphertext", lambda _: ""), "/sections/0/sealed/ciphertext"),
    "not base64url": (_set("key", lambda text: text + "="), "/sections/0/sealed/key"),
    "another writing of the same bytes": (_set("key", lambda text: text[:-1] + "_"), "/sections/0/sealed/key"),
    "another format": (_set("format", lambda _: "rondom-sealed-0"), "/sections/0/sealed/format"),
    "also in clear": (lambda body: body["sections"][0].update(content="x"), "/sections/0/sealed"),
    "neither": (lambda body: body["sections"][0].pop("sealed"), "/sections/0/content"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_not_sealed_for_exactly_this_is_refused_and_changes_nothing(world: World, change: str) -> None:
    body = seal_body(fresh(world), world.sender(TOM), await intake(world))
    apply, pointer = CHANGES[change]
    apply(body)
    before = await rows(world, sa.select(sa.func.count()).select_from(t.handover))
    response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert response.status_code == 400, response.text
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]
    assert await rows(world, sa.select(sa.func.count()).select_from(t.handover)) == before


async def test_another_sender_cannot_pass_off_a_sealed_section_as_its_own(world: World) -> None:
    body = seal_body(fresh(world), world.sender(TOM), await intake(world))
    for organisation in body["recipients"]:
        oin = organisation["organisation"]
        response = await world.as_organisation(oin, "POST", "/v1/handovers", body)
        assert response.status_code == 400, response.text


async def test_every_fault_of_a_seal_is_named_at_once(world: World) -> None:
    body = seal_body(fresh(world), world.sender(TOM), await intake(world))
    for section in body["sections"]:
        section["sealed"]["ciphertext"] = flip(section["sealed"]["ciphertext"])
    response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert len(response.json()["errors"]) == len(body["sections"])


async def test_the_same_sealed_body_again_answers_as_the_first_time(world: World) -> None:
    body = seal_body(fresh(world), world.sender(TOM), await intake(world))
    first, second = [await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    again = seal_body(world.body(TOM) | {"reference": body["reference"]}, world.sender(TOM), await intake(world))
    assert (await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", again)).status_code == 409


async def test_a_sealed_correction_takes_the_place_of_a_clear_one(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    clear = json.loads(json.dumps(case.body))
    for section in clear["sections"]:
        if section["type"] == "status":
            section["content"] = "Het gaat nu anders."
    body = seal_body(clear, world.sender(TOM), await intake(world))
    path = f"/v1/handovers/{case.handover.id}/versions"
    response = await world.as_organisation(world.sender(TOM), "POST", path, body)
    assert response.status_code == 201, response.text
    assert texts((await case.ask()).json())["status"] == "Het gaat nu anders."


@pytest.mark.parametrize(
    "inside", [b"\xff\xfe", b"no json", b'"a text"', b"NaN", b"[" * 5000, b'["\\ud83d"]', b"[" * 40 + b"]" * 40]
)
async def test_what_somebody_sealed_and_cannot_be_read_is_withheld_and_nothing_else(
    world: World, inside: bytes
) -> None:
    sender, body = world.sender(TOM), fresh(world)
    types = {s["type"]: s for s in body["sections"]}
    media = "text/markdown" if inside == b"\xff\xfe" else "application/json"
    types["status"]["mediaType"], types["status"]["content"] = media, "placeholder"
    with patch("broker.client.sealing._bytes_of", lambda m, c: inside if c == "placeholder" else _plain(m, c)):
        body = seal_body(body, sender, await intake(world))
    case = await as_it_is(world, TOM, body)
    await case.everybody_says_yes()
    response = await case.ask()
    assert sorted(texts(response.json())) == [name for name in ALL[TOM] if name != "status"]
    assert {w["type"]: w["reasons"][0]["code"] for w in response.json()["withheld"]}["status"] == "not-readable"


async def test_a_content_that_was_sealed_wrongly_closes_that_section_and_no_other(world: World) -> None:
    """Its key is right, its ciphertext is not what that key opens: nobody can see that before it is opened."""
    sender, body = world.sender(TOM), fresh(world)
    right = sealing.seal_content

    def wrong(key: bytes, about: sealing.About, clear: bytes) -> bytes:
        return right(key, replace(about, mark=bytes(32)) if about.type == "status" else about, clear)

    with patch("broker.client.sealing.seal_content", wrong):
        body = seal_body(body, sender, await intake(world))
    case = await as_it_is(world, TOM, body)
    await case.everybody_says_yes()
    response = await case.ask()
    assert response.status_code == 200, response.text
    assert sorted(texts(response.json())) == [name for name in ALL[TOM] if name != "status"]
    assert {w["type"]: w["reasons"][0]["code"] for w in response.json()["withheld"]}["status"] == "not-readable"
    assert (await case.ask(sections=["status"])).json()["withheld"][0]["reasons"][0]["code"] == "not-readable"
    await registered(world, reader(world), key := ClientSealingKey.new())
    with pytest.raises(NotOpened, match="status"):
        open_release((await case.ask()).json(), reader(world), [key])


def _plain(media_type: str, content: Any) -> bytes:
    import rfc8785

    return rfc8785.dumps(content) if media_type == "application/json" else str(content).encode()


@pytest.fixture
def only_sealed(world: World):
    """The agreement demands sealing of `status`."""
    with patch.object(Vocabulary, "sealed_only", frozenset({"status"})):
        yield


async def test_what_must_be_sealed_does_not_come_in_in_clear(world: World, only_sealed: None) -> None:
    response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", fresh(world))
    position = [s["type"] for s in world.body(TOM)["sections"]].index("status")
    assert response.status_code == 400
    assert [f["pointer"] for f in response.json()["errors"]] == [f"/sections/{position}/content"]


async def test_what_must_be_sealed_does_not_leave_in_clear(world: World, only_sealed: None) -> None:
    _, case = await sealed_push(world)
    rest = [name for name in ALL[TOM] if name != "status"]
    assert sorted(texts((await case.ask()).json())) == rest
    named = await case.ask(sections=["status"])
    assert named.status_code == 403
    assert named.json()["withheld"][0]["reasons"][0]["code"] == "sealed-only"
    key = ClientSealingKey.new()
    await registered(world, reader(world), key)
    assert sorted(texts(open_release((await case.ask()).json(), reader(world), [key]))) == ALL[TOM]


async def test_a_demand_for_sealing_tells_nothing_of_what_is_there_or_was_said(world: World, only_sealed: None) -> None:
    """Asked by name, it is the same answer with and without the section, and with and without consent."""
    _, said_yes = await sealed_push(world)
    clear = fresh(world)
    unsaid = await as_it_is(world, TOM, seal_body(clear, world.sender(TOM), await intake(world)))
    clear = fresh(world)
    clear["sections"] = [s for s in clear["sections"] if s["type"] != "status"]
    absent = await as_it_is(world, TOM, seal_body(clear, world.sender(TOM), await intake(world)))
    answers = [await case.ask(sections=["status"]) for case in (said_yes, unsaid, absent)]
    assert {a.status_code for a in answers} == {403}
    assert len({json.dumps(a.json()["withheld"]) for a in answers}) == 1


async def test_a_key_put_into_the_database_gets_nothing(world: World) -> None:
    """A database administrator registers a sealing key, or a signing key, of their own for somebody else."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    oin = reader(world)
    thief = ClientSealingKey.new()
    changes: tuple[dict[str, Any], ...] = (
        {"sealing_key": json.dumps(thief.public_jwk())},
        {"jwks": "[]"},
        {"jwks_url": "https://keys.evil.example/jwks"},
        {"bound_tokens": True},
        {"kind": "gp"},
        {"row_tag": None},
    )
    for change in changes:
        before = (await rows(world, sa.select(t.organisation).where(t.organisation.c.oin == oin)))[0]._mapping
        await _write(world, sa.update(t.organisation).where(t.organisation.c.oin == oin).values(change))
        world.tokens.clear()
        response = await _ask_anyhow(case)
        assert response.status_code == 500, response.text
        assert "released" not in response.text
        await _write(world, sa.update(t.organisation).where(t.organisation.c.oin == oin).values(dict(before)))
    assert (await case.ask()).status_code == 200


async def _ask_anyhow(case: Case) -> httpx.Response:
    try:
        return await case.ask()
    except AssertionError:
        return httpx.Response(500, text="no token")


async def _write(world: World, statement: sa.Executable) -> None:
    async with world.broker.database.engine.connect() as connection:
        await connection.execute(statement)
        await connection.commit()
