"""What leaves for outsiders is what was logged: a bundle that its verifier believes, and exports that name nobody too many."""

import copy
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from broker.crypto.signatures import ed25519_holds
from broker.domain.exports import COLUMNS
from broker.domain.log_ports import Selection
from broker.errors import BrokerError, Conflict
from broker.transparency.bundles import ENTRIES, verify_bundle, verify_family_bundle
from broker.transparency.remote import verify_address
from broker.transparency.verdicts import TrustedKeys
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import nobody_writes
from tests.support.world import World

HANDOVER, WHO = "tom-to-school", "ib-joris"
EVERYTHING = Selection()


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def a_history(world: World) -> None:
    await world.push(HANDOVER)
    await world.gets(HANDOVER, WHO)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes"})
    assert await world.gets(HANDOVER, WHO) == ["status"]
    await world.withdraw(HANDOVER, "mother", ["status"])
    await world.gets(HANDOVER, WHO)
    await world.settle()


async def bundled(world: World, selection: Selection = EVERYTHING) -> bytes:
    file = io.BytesIO()
    await world.broker.exports.bundle(file, selection)
    await world.settle()
    return file.getvalue()


def verify(world: World, bundle: bytes) -> Any:
    return verify_bundle(io.BytesIO(bundle), world.broker.ledger.trusted, ed25519_holds)


async def exported(world: World, wanted: str, selection: Selection = EVERYTHING) -> bytes:
    made = b"".join([piece async for piece in world.broker.exports.lines(wanted, selection)])
    await world.settle()
    return made


def lines_of(bundle: bytes) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        return [json.loads(line) for line in packed.read(ENTRIES).splitlines()]


async def test_a_bundle_of_everything_and_of_a_part_is_genuine_and_both_were_logged(world: World) -> None:
    await a_history(world)
    whole = await bundled(world)
    verdict = verify(world, whole)
    assert (verdict.code, verdict.sentence.count(".")) == (0, 1), verdict.sentence
    middle = world.clock()
    await world.gets(HANDOVER, WHO)
    await world.settle()
    part = await bundled(world, Selection(since=middle))
    assert verify(world, part).code == 0
    assert 0 < len(lines_of(part)) < len(lines_of(whole))
    logged = [e.facts for e in await world.entries() if e.type == "log:exported"]
    assert [facts["format"] for facts in logged] == ["bundle", "bundle"]
    assert logged[1]["count"] == len(lines_of(whole))
    assert verify_bundle(io.BytesIO(whole), TrustedKeys(), ed25519_holds).code == 2, "it brings no keys of its own"
    with pytest.raises(Conflict):
        await bundled(world, Selection(since=world.clock() + timedelta(days=2)))


async def test_a_bundle_made_before_its_own_line_is_signed_is_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export's own line is in the tree and no checkpoint covers it yet: the bundle ends before it."""
    await a_history(world)
    ledger = world.broker.ledger

    async def only_places(*_: Any) -> None:
        return None

    monkeypatch.setattr(type(ledger), "publish", only_places)
    await world.gets(HANDOVER, WHO)
    while await ledger.step():
        pass
    file = io.BytesIO()
    await world.broker.exports.bundle(file, EVERYTHING)
    assert verify(world, file.getvalue()).code == 0


async def test_of_one_person_only_what_is_about_them_is_opened(world: World) -> None:
    await a_history(world)
    subject = next(e.personal["subject"][0] for e in await world.entries() if e.type == "release:permitted")
    bundle = await bundled(world, Selection(person=subject))
    assert verify(world, bundle).code == 0
    opened = [line for line in lines_of(bundle) if line["openings"] is not None]
    assert 0 < len(opened) < len(lines_of(bundle))
    for line in opened:
        assert subject in {o["value"] for o in line["openings"]}


async def test_what_was_erased_is_named_and_not_missing(world: World, intruder: Intruder) -> None:
    await a_history(world)
    async with nobody_writes(world):
        intruder.disarm()
        released = "SELECT entry_id FROM log_entry WHERE type = 'release:permitted'"
        [(tag,)] = intruder.rows(f"SELECT tag FROM log_opening WHERE entry_id IN ({released}) AND position > 0 LIMIT 1")
        intruder.change("DELETE FROM log_opening WHERE tag = ?", tag)
    bundle = await bundled(world)
    verdict = verify(world, bundle)
    assert verdict.code == 0
    assert "values were erased" in verdict.sentence
    assert any(line["erased"] for line in lines_of(bundle))
    assert b"subject" in await exported(world, "csv")


ATTACKS = {
    "a leaf is edited": "UPDATE log_entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'status', 'statue') AS BLOB)",
    "a receipt is another": "UPDATE log_entry SET receipt_sig = receipt_sig || receipt_sig",
    "an entry is gone": "DELETE FROM log_entry WHERE entry_id IN (SELECT entry_id FROM log_index WHERE leaf_index = 3)",
    "entries are moved": "UPDATE log_index SET leaf_index = leaf_index + 1",
    "openings belong elsewhere": "UPDATE log_opening SET position = position + 100",
    "openings are of another form": "UPDATE log_opening SET field = 'subject'",
    "openings are somebody else's": "UPDATE log_opening SET tag = (SELECT max(tag) FROM log_subject_key)",
    "the checkpoints' text is edited": "UPDATE log_checkpoint SET note = replace(note, 'localhost', 'elsewhere')",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_bundle_of_a_log_that_was_tampered_with_is_not_made_or_not_genuine(
    world: World, intruder: Intruder, attack: str
) -> None:
    if world.database != "sqlite":
        statement = ATTACKS[attack].replace("CAST(replace(CAST(leaf AS TEXT), 'status', 'statue') AS BLOB)",
                                            "set_byte(leaf, 30, 65)").replace("leaf_index + 1", "leaf_index + 1000")  # fmt: skip
    else:
        statement = ATTACKS[attack].replace("'status', 'statue'", "'2026', '2025'").replace("+ 1", "+ 1000")
    await a_history(world)
    assert verify(world, await bundled(world)).code == 0
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change(statement)
    file = io.BytesIO()
    try:
        async with world.broker.house.storage(writing=False) as work:
            span = await work.checkpoints.span(None, None)
        async for piece in world.broker.house.log.archive.packed(span, Selection(), lambda _: None):
            file.write(piece)
    except BrokerError:
        return  # not made
    assert verify(world, file.getvalue()).code != 0


async def test_each_format_says_what_was_logged(world: World) -> None:
    await a_history(world)
    entries = await world.entries()
    csv = (await exported(world, "csv")).decode()
    rows = csv.split("\r\n")
    assert rows[0] == ",".join(f'"{name}"' for name in COLUMNS)
    assert len(rows) - 2 == len(entries)
    fhir = [json.loads(line) for line in (await exported(world, "fhir")).splitlines()]
    assert len(fhir) == len(entries) + 1, "the export before it is in it"
    for resource in fhir:
        AuditEvent.model_validate_json(json.dumps(resource))
    assert sum("meta" in resource for resource in fhir) == 1, "the one disclosure follows the pattern"
    otel = (await exported(world, "otel")).decode()
    for entry in entries:
        for values in entry.personal.values():
            for value in values:
                assert len(value) < 12 or value not in otel, "a person's id is in a span"
    logged = [e.facts["format"] for e in await world.entries() if e.type == "log:exported"]
    assert logged == ["otel", "fhir", "csv"]


async def test_a_family_takes_home_what_their_page_shows_and_nobody_elses_answer(world: World) -> None:
    await a_history(world)
    trusted = world.broker.ledger.trusted
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[HANDOVER, "mother"])
        token = next(cookie.value for cookie in browser.cookies.jar if cookie.name.endswith("rondom"))
        document = json.loads((await world.broker.consents.proof(token)).content)
    verdict = verify_family_bundle(document, trusted, ed25519_holds)
    assert verdict.code == 0, verdict.sentence
    fields = {o["field"] for entry in document["entries"] for o in entry["openings"]}
    assert fields <= {"signer", "subject", "record", "types", "capacity", "messages", "role", "concerned"}
    [signer] = {o["value"] for e in document["entries"] for o in e["openings"] if o["field"] == "signer"}
    assert signer
    for number in range(len(document["entries"])):
        for name in ("leaf", "proof"):
            altered = copy.deepcopy(document)
            text = altered["entries"][number][name]
            altered["entries"][number][name] = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
            assert verify_family_bundle(altered, trusted, ed25519_holds).code != 0


async def test_a_running_log_is_checked_with_hashes_alone(world: World) -> None:
    await a_history(world)
    kept = await world.broker.ledger.checkpoint()
    await world.gets(HANDOVER, WHO)
    await world.settle()
    note = (await world.http.get("/v1/log/checkpoint")).content
    size = int(note.split(b"\n")[1])
    tile = (await world.http.get(f"/v1/log/tile/0/000.p/{size}")).content
    answers = {"checkpoint": note, f"tile/0/000.p/{size}": tile}
    ledger = world.broker.ledger

    def verdict(answers: dict[str, bytes], earlier: str | None = kept, origin: str = ledger.origin) -> int:
        return verify_address(origin, lambda path, _: answers[path], earlier, ledger.trusted, ed25519_holds).code

    assert verdict(answers) == 0
    assert verdict(answers, None) == 0
    assert verdict(answers, origin="elsewhere.example/log") == 2
    for at in (0, 32, len(tile) - 1):
        flipped = tile[:at] + bytes([tile[at] ^ 1]) + tile[at + 1 :]
        assert verdict({**answers, f"tile/0/000.p/{size}": flipped}) == 1
    assert verdict({**answers, f"tile/0/000.p/{size}": tile[:-32]}) == 1
    assert verdict({**answers, "checkpoint": kept.encode()}, note.decode()) == 1, "rolled back"
    assert verdict({**answers, "checkpoint": b"<html>"}) == 2
