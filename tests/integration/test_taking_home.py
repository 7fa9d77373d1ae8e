"""Over HTTP, on the real broker: a family's proof from its own page, and an officer's part of the log from the console."""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest

from broker.cli.visitor import forms_of
from broker.crypto.signatures import ed25519_holds
from broker.domain.calendar import local_day
from broker.errors import NotAuthenticated
from broker.services.files import ExportWanted
from broker.transparency.bundles import ENTRIES, verify_bundle, verify_family_bundle
from broker.transparency.ledger import Ledger
from tests.support.intruder import intruder_in
from tests.support.officers import OfficerBrowser, officer_browser
from tests.support.surface import NO_SUCH_ID, leaks, nobody_writes, personal
from tests.support.world import World

TOM, OTHER, WHO = "tom-to-school", "start-of-foster-care", "ib-joris"


async def proof_of(world: World, person: str, name: str = TOM) -> httpx.Response:
    await world.settle()
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[name, person])
        return await browser.get("/mine/proof")


def records_in(document: dict[str, Any]) -> set[str]:
    return {o["value"] for e in document["entries"] for o in e["openings"] if o["field"] == "record"}


async def a_history(world: World) -> None:
    await world.push(TOM)
    for person in ("mother", "father", "tom"):
        await world.answer(TOM, person, {"status": "yes"})
    assert await world.gets(TOM, WHO) == ["status"]
    await world.settle()


# the family


async def test_each_of_a_family_gets_their_own_proof_and_nobody_elses(world: World) -> None:
    await a_history(world)
    proofs = {person: await proof_of(world, person) for person in ("mother", "father", "tom")}
    documents = {person: json.loads(answer.content) for person, answer in proofs.items()}
    for person, answer in proofs.items():
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch(
            r'attachment; filename="rondom-bewijs-\d{4}-\d\d-\d\d.json"', answer.headers["content-disposition"]
        )
        verdict = verify_family_bundle(documents[person], world.broker.ledger.trusted, ed25519_holds)
        assert verdict.code == 0, verdict.sentence
        assert leaks(answer.content, personal(world)) == []
        fields = {o["field"] for entry in documents[person]["entries"] for o in entry["openings"]}
        assert fields <= {"signer", "subject", "concerned", "record", "types", "capacity", "role"}, "nor the decision"
        assert all(entry["proof"] for entry in documents[person]["entries"])
    records = {person: records_in(document) for person, document in documents.items()}
    assert all(records.values())
    assert records["mother"].isdisjoint(records["father"] | records["tom"])
    assert records["father"].isdisjoint(records["tom"])
    signers = {
        person: {o["value"] for e in document["entries"] for o in e["openings"] if o["field"] == "signer"}
        for person, document in documents.items()
    }
    assert [len(own) for own in signers.values()] == [1, 1, 1]
    assert len(set.union(*signers.values())) == 3
    kinds = {json.loads(_leaf(entry))["type"] for entry in documents["mother"]["entries"]}
    assert {"consent:given", "release:permitted"} <= kinds


def _leaf(entry: dict[str, Any]) -> bytes:
    from broker.transparency.canonical import from_base64url

    return from_base64url(entry["leaf"])


async def test_a_signer_of_before_gets_what_the_page_shows_them(world: World) -> None:
    """At 16 Chayenne decides alone. Each proof holds the readings that its owner's page shows, before that and after."""
    await world.push(OTHER)
    await world.everybody_says_yes(OTHER)
    who = sorted(person for name, person in world.codes if name == OTHER)
    assert await world.gets(OTHER, "hoop-eva")
    before = {person: await readings_of(world, person) for person in who}
    world.clock.later("P190D")
    world.tokens.clear()
    after = {person: await readings_of(world, person) for person in who}
    for shown, proven, _ in (*before.values(), *after.values()):
        assert (proven == 1) == (shown > 0)
    assert all(proven == 1 for _, proven, _ in before.values())
    former = [person for person in who if after[person][0] < before[person][0]]
    assert former, "who does not decide for her any more"
    for person in former:
        assert after[person][2] < before[person][2], "nor is she named in what is left of their proof"


async def readings_of(world: World, person: str) -> tuple[int, int, int]:
    """How many readings the page of somebody shows (one release may be some), how many releases their proof holds, about how many."""
    await world.settle()
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[OTHER, person])
        page, proof = await browser.get("/mine"), await browser.get("/mine/proof")
    kinds = [json.loads(_leaf(entry))["type"] for entry in proof.json()["entries"]]
    assert verify_family_bundle(proof.json(), world.broker.ledger.trusted, ed25519_holds).code == 0
    released = [
        entry for entry, kind in zip(proof.json()["entries"], kinds, strict=True) if kind == "release:permitted"
    ]
    about = {o["value"] for entry in released for o in entry["openings"] if o["field"] in ("subject", "concerned")}
    return page.text.count("rd-reading"), len(released), len(about)


async def test_before_the_log_has_it_there_is_a_page_and_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.push(TOM)
    await world.settle()

    async def rests(ledger: Ledger) -> int:
        return 0

    monkeypatch.setattr(Ledger, "step", rests)
    code = await world.invite(TOM, "mother")
    await world.answer(TOM, "mother", {"status": "yes"}, code)
    async with world.browser() as browser:
        await world.come_in(browser, code)
        waits = await browser.get("/mine/proof")
        assert (waits.status_code, waits.headers["retry-after"]) == (409, "60")
        assert "over een minuut" in waits.text
        monkeypatch.undo()
        await world.settle()
        done = await browser.get("/mine/proof")
    assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
    assert verify_family_bundle(done.json(), world.broker.ledger.trusted, ed25519_holds).code == 0


# the page that checks


async def test_the_page_holds_the_keys_of_this_broker_and_words_for_its_codes(world: World) -> None:
    async with world.browser() as anybody:
        page = await anybody.get("/verify")
    [data] = re.findall(r'id="keys">(.*?)</script>', page.text)
    keys = json.loads(data)
    assert keys["logs"] == list(world.broker.ledger.verifier_keys())
    assert set(keys["receipts"]) == set(world.broker.ledger.trusted.receipts)
    assert keys["records"]
    label = world.broker.house.agreement().vocabulary.label("status")
    assert keys["words"]["status"] == {"nl": label.nl, "en": label.en, **dict(label.more)}
    assert set(keys["words"]["status"]) == {"nl", "en", "ar", "tr", "pl", "uk", "ti"}
    assert len(gzip.compress(page.content)) <= 30_000, "all languages, and the words of all of them"
    assert set(world.keys) <= set(keys["words"])
    assert leaks(page.text, [*personal(world), *world.codes.values()]) == []


# the officer


@pytest.fixture
async def officer(world: World) -> AsyncIterator[OfficerBrowser]:
    async with officer_browser(world) as officer:
        yield officer


async def taken(world: World, officer: OfficerBrowser, **fields: str) -> httpx.Response:
    await world.settle()
    return await officer.browser.post("/console/files", data={"csrf": officer.csrf, **fields})


def this_day(world: World) -> dict[str, str]:
    day = local_day(world.clock()).isoformat()
    return {"first_day": day, "last_day": day}


async def test_an_officer_takes_each_kind_and_each_is_logged_with_who_took_it(
    world: World, officer: OfficerBrowser
) -> None:
    await a_history(world)
    day = this_day(world)
    made = {kind: await taken(world, officer, format=kind, **day) for kind in ("bundle", "csv", "fhir")}
    for kind, answer in made.items():
        assert answer.status_code == 200, kind
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch(
            rf'attachment; filename="rondom-logboek-{day["first_day"]}-{day["last_day"]}\.(zip|csv|ndjson)"',
            answer.headers["content-disposition"],
        )
        assert leaks(answer.content, personal(world)) == []
    verdict = verify_bundle(io.BytesIO(made["bundle"].content), world.broker.ledger.trusted, ed25519_holds)
    assert verdict.code == 0, verdict.sentence
    rows = list(csv.DictReader(io.StringIO(made["csv"].text)))
    assert {"consent:given", "release:permitted"} <= {row["event"] for row in rows}
    assert len(made["fhir"].text.splitlines()) == len(rows) + 1, "the download before it is in it"
    logged = [e for e in await world.entries() if e.type == "log:exported"]
    assert [e.facts["format"] for e in logged] == ["fhir", "csv", "bundle"]
    assert len({e.personal["officer"][0] for e in logged}) == 1
    await world.settle()
    page = await officer.browser.get("/console/disclosures")
    assert page.status_code == 200


async def test_of_one_handover_an_officer_gets_what_was_asked_and_answered_about_it(
    world: World, officer: OfficerBrowser
) -> None:
    await a_history(world)
    await world.push(OTHER)
    await world.answer(OTHER, "mother", {})
    handover = world.handovers[TOM]
    answer = await taken(world, officer, format="csv", handover=handover.upper())
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["handover"] for row in rows} == {handover, ""}
    kinds = [row["event"] for row in rows]
    assert kinds.count("consent:given") == 3
    assert kinds.count("release:permitted") == 1
    assert kinds.count("handover:pushed") == 1
    assert kinds.count("invitation:made") == 3
    bundle = (await taken(world, officer, format="bundle", handover=handover)).content
    assert verify_bundle(io.BytesIO(bundle), world.broker.ledger.trusted, ed25519_holds).code == 0
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        lines = [json.loads(line) for line in packed.read(ENTRIES).splitlines()]
    opened = [line for line in lines if line["openings"] is not None]
    assert len(opened) == len(rows) + 1, "and the first download, which names the handover"
    assert world.handovers[OTHER] not in json.dumps([line["openings"] for line in opened])
    exported = next(e for e in await world.entries() if e.type == "log:exported")
    assert exported.personal["handover"] == [handover]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "csv"}, "Kies een eerste en een laatste dag"),
        ({"format": "csv", "first_day": "2026-01-01"}, "Kies een eerste en een laatste dag"),
        ({"format": "otel", "first_day": "2026-01-01", "last_day": "2026-01-01"}, "Kies een soort bestand"),
        ({"format": "csv", "first_day": "2026-01-02", "last_day": "2026-01-01"}, "De laatste dag ligt voor"),
        ({"format": "csv", "first_day": "0001-01-01", "last_day": "9999-12-31"}, "Dit is geen datum"),
        ({"format": "csv", "handover": NO_SUCH_ID}, "Deze overdracht is er niet"),
        ({"format": "csv", "handover": "x' OR 1=1 --"}, "Deze overdracht is er niet"),
        ({"format": "bundle", "first_day": "2001-01-01", "last_day": "2001-12-31"}, "In deze tijd staat er niets"),
    ],
)
async def test_what_has_no_bounds_or_nothing_in_it_is_no_file_and_no_line(
    world: World, officer: OfficerBrowser, fields: dict[str, str], told: str
) -> None:
    answer = await taken(world, officer, **fields)
    assert answer.status_code in (400, 409)
    assert told in answer.text
    assert "content-disposition" not in answer.headers
    assert [e for e in await world.entries() if e.type == "log:exported"] == []


async def test_nobody_else_takes_a_file(world: World) -> None:
    await a_history(world)
    fields = {"format": "csv", **this_day(world)}
    async with (
        officer_browser(world, "invited") as invited,
        officer_browser(world) as officer,
        world.browser() as family,
    ):
        assert (await taken(world, invited, **fields)).url.path == "/console/passkey"
        await world.come_in(family, world.codes[TOM, "mother"])
        forms = forms_of((await family.get("/mine")).text)
        csrf = next(fields["csrf"] for _, fields, _ in forms if "csrf" in fields)
        for secret in (csrf, officer.csrf):
            answer = await family.post("/console/files", data={**fields, "csrf": secret})
            assert answer.url.path == "/console"
        answer = await officer.browser.post("/console/files", data={**fields, "csrf": csrf})
        assert answer.status_code == 403
        bearer = {"Authorization": f"Bearer {await world.token(*world.professional(WHO))}"}
        assert (await world.http.post("/console/files", data=fields, headers=bearer)).status_code == 303
        for token in (invited.token, family.cookies["rondom"], "", "x"):  # nor past the pages
            with pytest.raises(NotAuthenticated):
                await world.broker.oversight.download(token, ExportWanted("csv", date.min, date.max))
    assert [e for e in await world.entries() if e.type == "log:exported"] == []


async def test_an_entry_that_is_not_what_was_logged_is_no_file(
    world: World, officer: OfficerBrowser, request: pytest.FixtureRequest
) -> None:
    await a_history(world)
    intruder = intruder_in(world, request)
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change("UPDATE log_opening SET position = position + 100")
    answer = await taken(world, officer, format="csv", **this_day(world))
    assert answer.status_code == 500
    assert "content-disposition" not in answer.headers
    assert leaks(answer.content, personal(world)) == []
    assert world.broker.alarms.counts["tampered"] == 1
