"""P07: a stolen database, backup or log says nothing about anybody; moved or damaged ciphertext opens nowhere."""

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.client import ClientSealingKey, seal_body
from broker.crypto.pseudonyms import Pseudonymiser
from broker.storage.contacts import value_tag
from tests.factories import a_keyring
from tests.promises.attacks import registered
from tests.support.intruder import Intruder, intruder_in
from tests.support.officers import officer_browser
from tests.support.world import World
from tests.support.writing import answer, read, write

DUTCH = "januari februari maart april mei juni juli augustus september oktober november december"
ENGLISH = "January February March April May June July August September October November December"
HANDOVER, WHO = "tom-to-school", "ib-joris"
EVERYBODY_YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes", "parent-health": "yes"}


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def play(world: World, family: str, *, sealed: bool = False) -> None:
    """Everything that the family's file says, whatever comes out of it; `sealed` in, and out to whoever reads."""
    if sealed:
        await everybody_opens_with_a_key(world)
    for step in world.families[family]["steps"]:
        if "push" in step:
            await world.push(step["push"], await sealed_body(world, step["push"]) if sealed else None)
        elif "answer" in step:
            await world.answer_on_pages(step["answer"]["handover"], step["answer"]["who"], step["answer"]["says"])
        elif "withdraw" in step:
            stop = step["withdraw"]
            await world.withdraw_on_pages(stop["handover"], stop["who"], stop["types"])
        elif "later" in step:
            world.clock.later(step["later"])
        else:
            await world.gets(step["ask"]["handover"], step["ask"]["by"], step["ask"]["purpose"])


async def sealed_body(world: World, name: str) -> dict[str, Any]:
    keys = await world.as_organisation(world.sender(name), "GET", "/v1/sealing-keys")
    return seal_body(world.body(name), world.sender(name), keys.json()["keys"][0])


async def everybody_opens_with_a_key(world: World) -> None:
    for oin in world.keys:
        await registered(world, oin, ClientSealingKey.new())


class Opened:
    """The files that this process opens to write, or makes for a while: every one that Python tells of (PEP 578)."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.looking = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.looking or event not in ("open", "tempfile.mkstemp", "tempfile.mkdtemp"):
            return
        path, flags = arguments[0], arguments[2] if event == "open" else os.O_WRONLY
        if isinstance(path, str) and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.paths.add(path)

    @contextlib.contextmanager
    def here(self) -> Iterator[set[str]]:
        """What is opened meanwhile."""
        self.paths, self.looking = set(), True
        try:
            yield self.paths
        finally:
            self.looking = False


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def notations(day: date) -> Iterator[str]:
    """A date as people and programs write it."""
    d, m, y = day.day, day.month, day.year
    yield day.isoformat()
    yield f"{y}{m:02}{d:02}"
    for mark in "-/. ":
        yield f"{d:02}{mark}{m:02}{mark}{y}"
        yield f"{d}{mark}{m}{mark}{y}"
        yield f"{y}{mark}{m:02}{mark}{d:02}"
        yield f"{m:02}{mark}{d:02}{mark}{y}"
    for names in (DUTCH.split(), ENGLISH.split()):
        yield f"{d} {names[m - 1]} {y}"
        yield f"{names[m - 1]} {d}, {y}"


def secrets_of(world: World) -> dict[str, str]:
    """Every text that must not be readable, and where it came from."""
    found: dict[str, str] = {}
    for family in world.families.values():
        for organisation in family["organisations"]:
            for who in organisation["professionals"]:
                found |= {who["id"]: "professional's id", who["name"]: "professional's name"}
        for name, handover in family["handovers"].items():
            found |= secrets_of_body(name, handover["body"])
    found |= dict.fromkeys(world.codes.values(), "invitation code")
    found |= {code.replace("-", ""): "invitation code" for code in world.codes.values()}
    return found


def secrets_of_body(name: str, body: Mapping[str, Any]) -> dict[str, str]:
    found = {body["reference"]: "reference"} | dict.fromkeys(texts_in(body["legalBasis"]), "legal basis")
    for person in body["people"]:
        found |= {person["reference"]: "reference", person["name"]: "name"}
        found |= {part: "part of a name" for part in person["name"].split() if len(part) > 3}
        found |= dict.fromkeys(notations(date.fromisoformat(person["birthDate"])), "birth date")
        found |= {identifier["value"]: "BSN" for identifier in person.get("identifiers", [])}
        for contact in person["contacts"]:
            found |= {contact["value"]: "contact", contact["value"].lstrip("+"): "contact"}
            if contact["channel"] == "sms":
                found["0" + contact["value"].removeprefix("+31")] = "contact"
    found |= {authority["evidence"]: "evidence" for authority in body["authorities"]}
    for section in body["sections"]:
        for text in texts_in(section["content"]):
            found |= {line.strip(): f"content of {name}" for line in re.split(r"[.;?!]", text) if len(line) > 7}
    return found


def readable(value: Any) -> Iterator[bytes]:
    """What somebody reads in a value: its bytes, and the bytes behind base64, of which signed statements are made."""
    if isinstance(value, memoryview):
        value = bytes(value)
    if not isinstance(value, bytes):
        value = str(value).encode()
    yield value
    for part in re.findall(rb"[A-Za-z0-9_-]{16,}", value):
        yield base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""


TEXT = re.compile(r"[^\ufffd\x00-\x1f\x7f]{24,}|^[^\ufffd\x00-\x1f\x7f]+$", re.MULTILINE)


def text_of(haystack: bytes) -> str:
    """What reads as text: long pieces of it, and whole lines; among random bytes two or three signs say nothing."""
    return "\n".join(TEXT.findall(haystack.decode(errors="replace")))


def found_in(haystack: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Which of these are there: short ones as whole words in text, since a few signs turn up anywhere by chance."""
    text = text_of(haystack)
    return [
        f"{kind}: {secret}"
        for secret, kind in secrets.items()
        if (secret.encode() in haystack if len(secret.encode()) > 8 else re.search(_word(secret), text))
    ]


def _word(text: str) -> str:
    return rf"(?<![\w+/=-]){re.escape(text)}(?![\w+/=-])"


def test_what_is_there_is_found_and_what_chance_brings_is_not() -> None:
    chance = hashlib.shake_128(b"chance").digest(3_000_000)
    short = {"Oma": "name", "Zoë": "name", "123456": "code"}
    by_chance = b"".join(chance[at : at + 50] + secret.encode() for at, secret in enumerate(short, start=1)) + chance
    assert found_in(by_chance, short) == []
    assert found_in(by_chance + b"meer dan acht" + chance, {"meer dan acht": "words"}) == ["words: meer dan acht"]
    for secret, kind in short.items():
        assert found_in(b"\n".join((chance, secret.encode(), chance)), short) == [f"{kind}: {secret}"], (
            "a cell of its own"
        )
        for text in (f'{{"name":"{secret}","born":"1950"}}', f"een zin waarin {secret} voorkomt"):
            assert found_in(chance + text.encode() + chance, short) == [f"{kind}: {secret}"], text
            assert found_in(text.replace(secret, f"x{secret}").encode(), short) == []


def unkeyed(secret: str) -> Iterator[bytes]:
    """What a thief could compute for every possible phone number, BSN or code."""
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(algorithm, secret.encode(), usedforsecurity=False)
        yield digest.digest()
        yield digest.hexdigest().encode()


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "sealed"])
@pytest.mark.parametrize("family", ["visser-de-bruin", "chayenne"])
async def test_a_stolen_database_and_its_logs_are_read_from_end_to_end(
    world: World, intruder: Intruder, family: str, sealed: bool, caplog: pytest.LogCaptureFixture, opened: Opened
) -> None:
    caplog.set_level(logging.INFO)
    with capture_logs() as lines, opened.here() as files:
        await play(world, family, sealed=sealed)
        refused = {**world.body(next(iter(world.families[family]["handovers"]))), "purpose": 7}
        assert (await world.as_organisation(next(iter(world.keys)), "POST", "/v1/handovers", refused)).is_client_error
        assert (
            await world.as_professional(WHO, "POST", "/v1/subjects/_search", {"identifier": bsn_of(world, family)})
        ).is_success
        messages = await world.messages()
        await world.settle()

    secrets = secrets_of(world)
    sent = {code for message in messages for code in re.findall(r"\b\d{6}\b", message["text"])}
    assert len(sent) >= 3
    assert len([kind for kind in secrets.values() if kind == "name"]) >= 4

    everything = intruder.contents()
    assert everything["outbox"] == [], "a message stays behind after it was sent"
    cells = [part for rows in everything.values() for row in rows for value in row for part in readable(value)]
    agreed = b"\n".join(part for row in everything["policy_set"] for value in row for part in readable(value))
    words = {secret: kind for secret, kind in secrets.items() if secret.encode() not in agreed}
    assert len(words) >= len(secrets) - 3, "the agreement speaks of hardly any of it"
    assert found_in(b"\n".join(cells), words) == []
    assert found_in(b"\n".join(cells), dict.fromkeys(sent, "one-time code")) == []

    long = {secret: kind for secret, kind in words.items() if len(secret) > 5}
    for disk in (intruder.stolen(), intruder.on_disk()):
        assert next(iter(world.keys)).encode() in disk, "this is not the database"
        assert found_in(disk, long) == []
        assert [secret for secret in long if secret.encode().hex().encode() in disk] == []
    nothing_in_files(world, files, secrets)

    guessable = {s for s, kind in secrets.items() if kind in {"BSN", "contact", "invitation code", "reference"}} | sent
    joined = b"\n".join(cells)
    assert [secret for secret in guessable for guess in unkeyed(secret) if guess in joined] == []

    logged = json.dumps(lines, default=str) + caplog.text
    assert any(line.get("route") == "/v1/releases" for line in lines)
    assert found_in(logged.encode(), secrets) == []
    assert found_in(logged.encode(), dict.fromkeys(sent, "one-time code")) == []


def nothing_in_files(world: World, files: Iterable[str], secrets: Mapping[str, str]) -> None:
    """Besides the database there are messages that went out, and the log's guard: no copy of a body, no file for a while."""
    guard = world.broker.settings.log_guard.parent
    assert {Path(path).parent for path in files} == {world.outbox, guard}, files
    there = {path for path in world.directory.rglob("*") if path.is_file()}
    database = {path for path in there if path.name.startswith("broker.db")}
    messages = {path for path in there if path.parent == world.outbox}
    guarded = {path for path in there if path.parent == guard}
    assert there == database | messages | guarded
    assert [secret for path in guarded for secret in found_in(path.read_bytes(), secrets)] == []
    never = {s: k for s, k in secrets.items() if k.startswith("content") or k in ("birth date", "BSN", "evidence")}
    assert len(never) > 20
    for path in messages:
        said = json.loads(path.read_text())
        assert found_in(said["text"].encode(), never) == []


async def test_a_large_push_goes_through_no_file(world: World, intruder: Intruder, opened: Opened) -> None:
    """A body of most of a megabyte is held in memory alone; of the text nothing lies anywhere."""
    body, line = world.body(HANDOVER), "Een zin die nergens anders staat. "
    for section in body["sections"]:
        section["mediaType"], section["content"] = "text/markdown", line * 5000
    with opened.here() as files:
        await world.push(HANDOVER, body)
    assert {Path(path).parent for path in files} <= {world.broker.settings.log_guard.parent}, files
    assert line.encode() not in intruder.stolen() + intruder.on_disk()
    assert not [path for path in world.directory.rglob("*") if path.is_file() and line.encode() in path.read_bytes()]


async def test_a_familys_own_words_and_the_answer_cannot_be_read(
    world: World, intruder: Intruder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    words = {"Oom Wim woont daar niet meer.": "words", "Wij bellen Wim deze week.": "answer"}
    says, explains = words
    with capture_logs() as lines:
        await world.push(HANDOVER)
        await world.everybody_says_yes(HANDOVER)
        request = await write(world, HANDOVER, "mother", "safety-plan", says)
        assert (await answer(world, HANDOVER, request, explanation=explains)).status_code == 200
        assert says in (await world.ask(HANDOVER, WHO)).text
        await world.messages()
        await world.settle()
    everything = intruder.contents()
    assert len(everything["reaction"]) == 1
    cells = [part for rows in everything.values() for row in rows for value in row for part in readable(value)]
    assert found_in(b"\n".join(cells), words) == []
    assert found_in(intruder.stolen(), words) == []
    assert found_in((json.dumps(lines, default=str) + caplog.text).encode(), words) == []


@pytest.mark.parametrize(
    "edit",
    [
        "section_type = 'status'",
        "author = (SELECT author FROM reaction r2 WHERE r2.id <> reaction.id)",
        "state = 'corrected'",
        "text_sealed = (SELECT text_sealed FROM reaction r2 WHERE r2.id <> reaction.id)",
    ],
)
async def test_words_that_were_moved_or_settled_in_the_database_leave_nowhere(
    world: World, intruder: Intruder, edit: str
) -> None:
    await world.push(HANDOVER)
    await world.everybody_says_yes(HANDOVER)
    await write(world, HANDOVER, "mother", "safety-plan", "Oom Wim woont daar niet meer.")
    kept = await write(world, HANDOVER, "tom", "voice-of-the-child", "Dat zei ik niet.")
    await world.messages()
    await world.settle()
    await asyncio.to_thread(intruder.change, f"UPDATE reaction SET {edit} WHERE id <> ?", kept)
    refused = await world.ask(HANDOVER, WHO)
    assert (refused.status_code, refused.json()["type"]) == (500, "urn:rondom:problem:tampered")
    assert "Wim" not in refused.text
    assert (await read(world, HANDOVER)).status_code == 500


def bsn_of(world: World, family: str) -> dict[str, str]:
    first = next(iter(world.families[family]["handovers"].values()))["body"]
    subject = next(person for person in first["people"] if person["key"] == first["subject"])
    identifier: dict[str, str] = subject["identifiers"][0]
    return identifier


async def test_whose_contact_is_in_doubt_and_what_the_officer_wrote_cannot_be_read(
    world: World, intruder: Intruder, caplog: pytest.LogCaptureFixture
) -> None:
    """Contacts of professionals are there as keyed tags only; settling leaves a note that nobody reads without the keys."""
    caplog.set_level(logging.INFO)
    mail, phone, note = "mark@family.example", "+31600000011", "Dit is de mailbox van een collega."
    oin, claims = world.professional(WHO)
    with capture_logs() as lines:
        await world.token(oin, {**claims, "email": mail, "phone_number": phone})
        await world.push(HANDOVER)
        matters = intruder.rows("SELECT id FROM matter ORDER BY id")
        assert len(matters) == 2
        async with officer_browser(world) as officer:
            fields = {"csrf": officer.csrf, "outcome": "confirmed", "note": note}
            page = await officer.browser.post(f"/console/queue/{matters[0][0]}", data=fields)
            assert note in page.text
        await world.settle()

    words = {mail: "contact", phone: "contact", phone[1:]: "contact", note: "note"}
    cells = [part for rows in intruder.contents().values() for row in rows for v in row for part in readable(v)]
    joined = b"\n".join(cells)
    assert found_in(joined, words) == []
    assert found_in(intruder.stolen(), words) == []
    assert found_in((json.dumps(lines, default=str) + caplog.text).encode(), words) == []
    assert [value for value in (mail, phone) for guess in unkeyed(value) if guess in joined] == []
    tags = [str(tag) for (tag,) in intruder.rows("SELECT value_tag FROM professional_contact")]
    kept = [str(tag) for (tag,) in intruder.rows("SELECT value_tag FROM contact")]
    assert len(tags) == 2
    assert set(tags) < set(kept), "the same tag for a person and a professional: that is how they are compared"
    elsewhere = Pseudonymiser(a_keyring())
    assert not {value_tag(elsewhere, "email", mail), value_tag(elsewhere, "sms", phone)} & set(tags), "not keyed"


async def test_a_message_that_waits_to_be_sent_cannot_be_read(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(world.broker.courier._sender, "send", never)
    await world.push(HANDOVER)
    path = f"/v1/handovers/{world.handovers[HANDOVER]}/invitations"
    body = {"person": "tom", "delivery": "message"}
    assert (await world.as_organisation(world.sender(HANDOVER), "POST", path, body)).status_code == 201
    await world.broker.courier.step()

    waiting = intruder.rows("SELECT * FROM outbox")
    assert len(waiting) == 1
    seen = b"\n".join(part for value in waiting[0] for part in readable(value))
    assert found_in(seen, secrets_of(world)) == []
    but_ids = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text_of(seen)
    )  # one may be all digits in its middle
    assert re.search(rf"http|/#|[A-Z0-9]{{4}}-[A-Z0-9]{{4}}-[A-Z0-9]{{4}}|{_word('sms')}", but_ids) is None


async def test_a_contact_moved_to_another_person_gets_no_code(world: World, intruder: Intruder) -> None:
    await world.push(HANDOVER)
    code = await world.invite(HANDOVER, "tom")
    contacts = intruder.rows("SELECT id, value_sealed FROM contact ORDER BY id")
    assert len(contacts) >= 3
    for (row, _), (_, foreign) in zip(contacts, contacts[1:] + contacts[:1], strict=True):
        await asyncio.to_thread(
            intruder.change, "UPDATE contact SET value_sealed = ? WHERE id = ?", bytes(foreign), row
        )
    sent = len(await world.messages())
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
    assert page.status_code == 500
    assert "family.example" not in page.text
    assert len(await world.messages()) == sent
