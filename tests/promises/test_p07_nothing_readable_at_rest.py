"""P07: a stolen database, backup or log says nothing about anybody; moved or damaged ciphertext opens nowhere."""

import base64
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.crypto.pseudonyms import Pseudonymiser
from broker.domain.ports import place_of
from broker.storage.contacts import value_tag
from tests.factories import a_keyring
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import officer_browser
from tests.support.world import World
from tests.support.writing import answer, read, write

DUTCH = "januari februari maart april mei juni juli augustus september oktober november december"
ENGLISH = "January February March April May June July August September October November December"
HANDOVER, WHO = "tom-to-school", "ib-joris"
EVERYBODY_YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes", "parent-health": "yes"}


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def play(world: World, family: str) -> None:
    """Everything that the family's file says, whatever comes out of it."""
    for step in world.families[family]["steps"]:
        if "push" in step:
            await world.push(step["push"])
        elif "answer" in step:
            await world.answer(step["answer"]["handover"], step["answer"]["who"], step["answer"]["says"])
        elif "withdraw" in step:
            stop = step["withdraw"]
            await world.withdraw(stop["handover"], stop["who"], stop["types"])
        elif "later" in step:
            world.clock.later(step["later"])
        else:
            await world.gets(step["ask"]["handover"], step["ask"]["by"], step["ask"]["purpose"])


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


def found_in(haystack: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Which of these are there, as whole words where they are short: three signs turn up anywhere by chance."""
    return [
        f"{kind}: {secret}"
        for secret, kind in secrets.items()
        if (needle := secret.encode()) in haystack
        and (len(needle) > 5 or re.search(rb"(?<![\w+/=-])" + re.escape(needle) + rb"(?![\w+/=-])", haystack))
    ]


def unkeyed(secret: str) -> Iterator[bytes]:
    """What a thief could compute for every possible phone number, BSN or code."""
    for algorithm in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(algorithm, secret.encode(), usedforsecurity=False)
        yield digest.digest()
        yield digest.hexdigest().encode()


@pytest.mark.parametrize("family", ["visser-de-bruin", "chayenne"])
async def test_a_stolen_database_and_its_logs_are_read_from_end_to_end(
    world: World, intruder: Intruder, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with capture_logs() as lines:
        await play(world, family)
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

    disk = intruder.stolen()
    assert next(iter(world.keys)).encode() in disk, "this is not the database"
    long = {secret: kind for secret, kind in words.items() if len(secret) > 5}
    assert found_in(disk, long) == []
    assert [secret for secret in long if secret.encode().hex().encode() in disk] == []

    guessable = {s for s, kind in secrets.items() if kind in {"BSN", "contact", "invitation code", "reference"}} | sent
    joined = b"\n".join(cells)
    assert [secret for secret in guessable for guess in unkeyed(secret) if guess in joined] == []

    logged = json.dumps(lines, default=str) + caplog.text
    assert any(line.get("route") == "/v1/releases" for line in lines)
    assert found_in(logged.encode(), secrets) == []
    assert found_in(logged.encode(), dict.fromkeys(sent, "one-time code")) == []


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
    intruder.change(f"UPDATE reaction SET {edit} WHERE id <> ?", kept)
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
    but_ids = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"", seen)  # one may be all digits in its middle
    assert re.search(rb"http|/#|[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}|sms", but_ids) is None


class Boxes:
    """The sealed sections of one handover, for moving them about."""

    def __init__(self, intruder: Intruder, handover: str) -> None:
        self.intruder = intruder
        rows = intruder.rows(
            "SELECT type, id, ciphertext, wrapped_key, kid FROM section WHERE handover = ? ORDER BY position DESC",
            handover,
        )
        self.all = {str(r[0]): (str(r[1]), bytes(r[2]), bytes(r[3]), str(r[4])) for r in rows}
        _, text, key, _ = (bytes(value) if isinstance(value, memoryview) else value for value in rows[0][1:])
        self.last = (text, key)

    def put(self, into: str, *, text: bytes | None = None, key: bytes | None = None, kid: str | None = None) -> None:
        section, old_text, old_key, old_kid = self.all[into]
        self.intruder.change(
            "UPDATE section SET ciphertext = ?, wrapped_key = ?, kid = ? WHERE id = ?",
            old_text if text is None else text,
            old_key if key is None else key,
            old_kid if kid is None else kid,
            section,
        )

    def mend(self) -> None:
        for name in self.all:
            self.put(name)


def damages(mine: Boxes, other: Boxes, older: tuple[bytes, bytes]) -> dict[str, Any]:
    """What an intruder does to the section `status`, each as something to call."""
    _, text, key, kid = mine.all["status"]
    _, text_b, key_b, _ = mine.all["voice-of-the-child"]
    _, text_c, key_c, _ = other.all["status"]

    def flipped(raw: bytes, at: int) -> bytes:
        return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]

    return {
        "text and key of another section": lambda: mine.put("status", text=text_b, key=key_b),
        "text of another section": lambda: mine.put("status", text=text_b),
        "key of another section": lambda: mine.put("status", key=key_b),
        "two sections swapped": lambda: (
            mine.put("status", text=text_b, key=key_b),
            mine.put("voice-of-the-child", text=text, key=key),
        ),
        "text and key of the other section of that type": lambda: mine.put(
            "status", text=mine.last[0], key=mine.last[1]
        ),
        "text and key of that section in another handover": lambda: mine.put("status", text=text_c, key=key_c),
        "an older version's text and key": lambda: mine.put("status", text=older[0], key=older[1]),
        "an older version's text": lambda: mine.put("status", text=older[0]),
        "last byte cut off": lambda: mine.put("status", text=text[:-1]),
        "only the nonce left": lambda: mine.put("status", text=text[:13]),
        "empty text": lambda: mine.put("status", text=b""),
        "key cut short": lambda: mine.put("status", key=key[:-1]),
        "empty key": lambda: mine.put("status", key=b""),
        "other version byte": lambda: mine.put("status", text=b"\x02" + text[1:]),
        "one bit of the nonce": lambda: mine.put("status", text=flipped(text, 1)),
        "one bit of the text": lambda: mine.put("status", text=flipped(text, 20)),
        "one bit of the tag": lambda: mine.put("status", text=flipped(text, len(text) - 1)),
        "one bit of the key": lambda: mine.put("status", key=flipped(key, 20)),
        "text after the end": lambda: mine.put("status", text=text + b"\x00"),
        "unknown wrapping key": lambda: mine.put("status", kid="unknown"),
        "the kid of another purpose": lambda: mine.put("status", kid=kid[::-1]),
        "clear text instead": lambda: mine.put("status", text=b"Tom is fine", key=b""),
    }


async def test_moved_cut_older_or_damaged_ciphertext_is_refused_and_gives_nothing_away(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    body = world.body(HANDOVER)
    body["sections"].append({**body["sections"][0], "content": "Another status, under the same label."})
    copy = await world.push(HANDOVER, {**body, "reference": "the-same-again"})
    await world.push(HANDOVER, body)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, EVERYBODY_YES)
    assert "status" in await world.gets(HANDOVER, WHO)

    mine, other = Boxes(intruder, world.handovers[HANDOVER]), Boxes(intruder, copy)
    async with world.broker.house.storage(writing=False) as work:
        now = await work.handovers.get(world.handovers[HANDOVER])
    assert now is not None
    place = place_of(now, next(section for section in now.sections if section.type == "status"))
    assert place.version == 1
    older = world.broker.house.vault.seal(replace(place, version=0), b"what stood there before")
    contents = [section["content"] for section in world.body(HANDOVER)["sections"]]
    released = intruder.rows("SELECT COUNT(*) FROM release")

    for attack, do in damages(mine, other, (older.ciphertext, older.wrapped_key)).items():
        with subtests.test(attack):
            do()
            with capture_logs() as lines:
                response = await world.ask(HANDOVER, WHO)
            mine.mend()
            assert response.status_code == 500
            assert response.headers["content-type"] == "application/problem+json"
            problem = response.json()
            assert problem["type"] == "urn:rondom:problem:tampered"
            assert set(problem) == {"type", "title", "status", "detail"}
            told = response.text + json.dumps(lines, default=str)
            assert not [text for text in contents if text[:20] in told]
            assert "Traceback" not in response.text
            assert mine.all["status"][0] not in response.text
            assert any(line.get("code") == "tampered" and line["log_level"] == "error" for line in lines), "no alarm"
            assert intruder.rows("SELECT COUNT(*) FROM release") == released, "half a release stayed"
    assert "status" in await world.gets(HANDOVER, WHO), "mended, it opens again"


ABOUT_TOM = """UPDATE section_person SET person =
    (SELECT p.person FROM section s JOIN section_person p ON p.section = s.id WHERE s.type = 'status')
    WHERE section = (SELECT id FROM section WHERE type = 'parent-health')"""
RELABELLED = {
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
    for attack, statements in RELABELLED.items():
        with subtests.test(attack):
            for statement in statements:
                intruder.change(statement)
            response = await world.ask(HANDOVER, WHO)
            intruder.put_back(kept)
            assert (response.status_code, response.json()["type"]) == (500, "urn:rondom:problem:tampered")
            assert "verslavingszorg" not in response.text
    assert await world.gets(HANDOVER, WHO) == ["status", "voice-of-the-child"]


async def test_a_sealed_field_in_another_row_opens_nowhere(world: World, intruder: Intruder) -> None:
    for name in (HANDOVER, "jack-to-gp"):
        await world.push(name)
    (first, second) = (world.handovers[HANDOVER], world.handovers["jack-to-gp"])
    [(sealed,)] = intruder.rows("SELECT basis_sealed FROM handover WHERE id = ?", first)
    intruder.change("UPDATE handover SET basis_sealed = ? WHERE id = ?", bytes(sealed), second)
    response = await world.as_organisation(world.sender("jack-to-gp"), "GET", f"/v1/handovers/{second}")
    assert response.status_code == 500
    assert response.json()["type"] == "urn:rondom:problem:tampered"
    assert "AVG" not in response.text


async def test_a_contact_moved_to_another_person_gets_no_code(world: World, intruder: Intruder) -> None:
    await world.push(HANDOVER)
    code = await world.invite(HANDOVER, "tom")
    contacts = intruder.rows("SELECT id, value_sealed FROM contact ORDER BY id")
    assert len(contacts) >= 3
    for (row, _), (_, foreign) in zip(contacts, contacts[1:] + contacts[:1], strict=True):
        intruder.change("UPDATE contact SET value_sealed = ? WHERE id = ?", bytes(foreign), row)
    sent = len(await world.messages())
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
    assert page.status_code == 500
    assert "family.example" not in page.text
    assert len(await world.messages()) == sent
