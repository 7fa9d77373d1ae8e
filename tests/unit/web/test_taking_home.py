"""What people take with them: a family its proof, an officer a part of the log, anybody the page that checks."""

import json
import re
from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.consents import Stance
from broker.errors import Tampered
from broker.services.files import ExportWanted
from broker.web import Site, install_web
from broker.web.kit.proofpage import proof_page
from tests.unit.web.conftest import ORIGIN, browsing
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.test_family_pages import LANGUAGES, form, visible

PERIOD = {"first_day": "2026-09-01", "last_day": "2026-09-30"}


@pytest.mark.parametrize(("language", "name"), [("nl", "rondom-bewijs"), ("en", "rondom-proof")])
async def test_a_family_keeps_its_proof(app: FastAPI, family: FakeFamily, language: str, name: str) -> None:
    family.visit(language=language)
    family.said = {"timeline": Stance.GIVEN}
    async with browsing(app, language) as client:
        for page in ("/mine", f"/receipt/{family._receipt(('timeline',))}"):
            text = (await client.get(page)).text
            assert re.search(r'<a [^>]*href="/mine/proof"(?![^>]*download)', text), (
                "a page that says 'not yet' is no file"
            )
            assert 'href="/verify"' in text
        answer = await client.get("/mine/proof")
    assert answer.content == b'{"kind": "rondom-family-bundle"}'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}-2026-09-21.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert family.calls == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_proof_that_is_not_whole_yet_is_no_file(app: FastAPI, family: FakeFamily, language: str) -> None:
    family.visit(language=language)
    family.said, family.logged = {"timeline": Stance.GIVEN}, False
    async with browsing(app, language) as client:
        answer = await client.get("/mine/proof")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "60")
    assert answer.headers["content-type"].startswith("text/html")
    assert "content-disposition" not in answer.headers
    assert {"nl": "over een minuut", "en": "in a minute"}[language] in visible(answer)


async def test_a_proof_is_for_who_came_in_and_said_something(client: httpx.AsyncClient, family: FakeFamily) -> None:
    for stage, place in ((None, "/"), ("code", "/contact"), ("sent", "/one-time-code"), ("verified", "/mine")):
        if stage:
            family.visit(stage)
        assert (await client.get("/mine/proof")).headers["location"] == place
    assert "/mine/proof" not in (await client.get("/mine")).text


async def test_anybody_checks_on_a_page_that_may_run_its_own_script_alone(
    family: FakeFamily, console: FakeConsole
) -> None:
    async def trusted() -> dict[str, object]:
        return {"words": {"a": ["</script><script>alert(1)</script>", "x"]}}

    app = FastAPI()
    install_web(app, family, console_services(console), Site(ORIGIN, trusted=trusted))
    async with browsing(app, "en") as client:
        answer = await client.get("/verify")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy["style-src"])
    assert policy["script-src"] in answer.text, "the page's own policy and that of the answer are one"
    assert answer.text.count("<script") == 2, "what the broker fills in is data"
    assert '<html lang="en" dir="ltr">' in answer.text
    [data] = re.findall(r'id="keys">(.*?)</script>', answer.text)
    assert json.loads(data) == await trusted()
    assert (answer.headers["cache-control"], answer.headers["content-language"]) == ("no-store", "en")
    assert '<html lang="nl" dir="ltr">' in proof_page({})
    assert '<html lang="ar" dir="rtl">' in proof_page({}, "ar")


async def test_an_officer_takes_a_part_of_the_log(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    console.pieces = (b'"place"\r\n', b'"1"\r\n')
    answer = await client.post("/console/files", data=form(format="csv", handover=" AB-12 ", **PERIOD))
    assert answer.content == b'"place"\r\n"1"\r\n'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="rondom-logboek-2026-09-01-2026-09-30.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert console.calls == [("download", ExportWanted("csv", date(2026, 9, 1), date(2026, 9, 30), "ab-12"))]
    answer = await client.post("/console/files", data=form(format="bundle", handover="ab-12"))
    assert answer.headers["content-disposition"] == 'attachment; filename="rondom-logboek-2026-09-21.csv"'


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "pdf", **PERIOD}, "Kies een soort bestand."),
        ({"format": "csv", **PERIOD, "last_day": "30-9"}, "Dit is geen datum."),
        ({"format": "csv", **PERIOD, "handover": "unknown"}, "Deze overdracht is er niet."),
        ({}, "Kies een soort bestand."),
    ],
)
async def test_a_form_that_is_not_right_comes_back_as_it_was(
    client: httpx.AsyncClient, console: FakeConsole, fields: dict[str, str], told: str
) -> None:
    console.visit()
    answer = await client.post("/console/files", data=form(**fields))
    assert answer.status_code == 400
    assert told in visible(answer)
    assert "content-disposition" not in answer.headers
    for value in fields.values():
        assert f'value="{value}"' in answer.text or value == "pdf"


async def test_only_an_officer_takes_a_file(
    client: httpx.AsyncClient, console: FakeConsole, family: FakeFamily
) -> None:
    family.visit()
    for stage in (None, "invited"):
        if stage:
            console.visit(stage)
        assert (await client.get("/console/files")).headers["location"] == "/console"
        answer = await client.post("/console/files", data=form(format="csv", **PERIOD))
        assert answer.headers["location"] == "/console"
    assert console.calls == []


async def test_a_file_that_breaks_off_is_heard_and_never_looks_whole(family: FakeFamily, console: FakeConsole) -> None:
    site, app = Site(ORIGIN), FastAPI()
    install_web(app, family, console_services(console), site)
    console.visit()
    console.pieces = (b'"place"\r\n', Tampered())
    async with browsing(app) as client:
        with pytest.raises(Tampered):
            await client.post("/console/files", data=form(format="csv", **PERIOD))
    assert {name: count for name, count in site.alarms.counts.items() if count} == {"tampered": 1}
