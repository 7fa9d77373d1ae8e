"""The report of one person and a breach: identifiers in bodies only, nobody named, a draft that leaves open what is not known."""

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.officers import RIGHTS, OfficerRole
from broker.errors import Conflict, Invalid, Words
from broker.services.reporting import ReportWanted
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import FakeConsole
from tests.unit.web.fake_people import BSN, CHILD, MOTHER, UNKNOWN, WORKER
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.test_family_pages import LANGUAGES, form, visible

KID = "fddf0f5a"
ASKED = {"by": "client", "client": KID, "first_day": "2026-09-01"}


async def test_a_bsn_leads_to_a_report_and_is_never_shown_again(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    answer = await client.post("/console/report", data={**form(identifier=" 9999 90044 "), "for": "own"})
    assert console.reporting.calls == [ReportWanted(identifier=BSN)]
    text = visible(answer)
    assert answer.status_code == 200
    assert BSN not in answer.text
    assert "gevraagd, en geweigerd" in text
    assert "op BSN gezocht" in text
    assert "namen meegenomen, om mensen in te lichten over een datalek" in text
    assert "Twee privacy officers" in text
    assert WORKER in text, "an organisation can only say who it was by the whole number"
    assert "&lt;Dordrecht&gt;" in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert "Wie wat over u las" in text
    answer = await client.post(
        "/console/report", data=form(subject=CHILD, sheet="1", first_day="2026-09-01") | {"for": "own"}
    )
    assert console.reporting.calls[-1].subject == CHILD
    assert console.reporting.calls[-1].sheet
    assert 'name="before"' not in answer.text


async def test_a_report_for_a_parent_says_so_and_keeps_its_reader(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    fields = {**form(identifier=BSN, reader_identifier="999990032"), "for": "authority"}
    answer = await client.post("/console/report", data=fields)
    assert console.reporting.calls[-1].reader_identifier == "999990032"
    assert "999990032" not in answer.text
    assert f'name="reader" value="{MOTHER}"' in answer.text
    assert "Wie wat over uw kind las" in visible(answer)
    older = {**form(subject=CHILD, reader=MOTHER, before="e9"), "for": "authority"}
    assert (await client.post("/console/report", data=older)).status_code == 200
    assert (console.reporting.calls[-1].reader, console.reporting.calls[-1].before) == (MOTHER, "e9")
    own = {**form(subject=CHILD, reader=MOTHER, reader_identifier="999990032"), "for": "own"}
    await client.post("/console/report", data=own)
    assert console.reporting.calls[-1] == ReportWanted(subject=CHILD)


async def test_every_fault_of_the_form_is_told_at_once_and_nothing_is_asked(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    answer = await client.post("/console/report", data=form(first_day="gisteren", last_day="2026-09-01"))
    assert answer.status_code == 400
    for said in ("geen datum", "Vul het BSN in van wie het overzicht gaat", "Kies voor wie het overzicht is"):
        assert said in visible(answer)
    assert 'value="2026-09-01"' in answer.text
    answer = await client.post("/console/report", data={**form(identifier=BSN), "for": "authority"})
    assert "Vul het BSN in van wie gezag heeft" in visible(answer)
    assert BSN not in answer.text
    assert console.reporting.calls == []
    answer = await client.post("/console/report", data={**form(identifier=UNKNOWN), "for": "own"})
    assert answer.status_code == 400
    assert "Niemand." in visible(answer)
    assert f'value="{UNKNOWN}"' not in answer.text
    asked = len(console.reporting.calls)
    fields = {**form(identifier="9999900441", reader_identifier="12a456789"), "for": "authority"}
    answer = await client.post("/console/report", data=fields)
    assert answer.status_code == 400
    for field in ("identifier", "reader"):
        assert f'id="{field}-error"' in answer.text
    assert "Dit is geen BSN: het heeft negen cijfers." in visible(answer)
    assert "9999900441" not in answer.text
    assert len(console.reporting.calls) == asked, "nothing is looked up"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_there_in_every_language(app: FastAPI, console: FakeConsole, language: str) -> None:
    console.visit()
    console.breach.more = True
    async with browsing(app, language) as client:
        for path in ("/console/report", "/console/breach"):
            assert f'<html lang="{language}"' in (await client.get(path)).text
        for path, fields in (
            ("/console/report", {"identifier": BSN, "for": "own"}),
            ("/console/breach", ASKED),
            ("/console/breach/notice", ASKED),
        ):
            answer = await client.post(path, data={**form(), **fields})
            assert answer.status_code == 200
            assert f'<html lang="{language}"' in answer.text


async def test_what_was_read_with_a_key_is_listed_and_goes_on(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    answer = await client.post("/console/breach", data={**form(), **ASKED})
    what, wanted = console.breach.calls[-1]
    assert (what, wanted.by, wanted.value, wanted.before) == ("touched", "client", KID, "")
    assert str(wanted.first_day) == "2026-09-01"
    assert "De Hoop GGZ" in visible(answer)
    assert f'name="client" value="{KID}"' in answer.text
    answer = await client.post("/console/breach", data={**form(before="e1"), **ASKED})
    assert console.breach.calls[-1][1].before == "e1"
    assert (await client.get("/console/breach/notice")).headers["location"] == "/console/breach"


async def test_a_draft_holds_what_the_law_asks_and_leaves_open_what_is_not_known(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    answer = await client.post("/console/breach/notice", data={**form(), **ASKED})
    assert CHILD in answer.text
    saved = await client.post("/console/breach/notice", data={**form(save="1"), **ASKED})
    assert saved.headers["content-disposition"] == 'attachment; filename="rondom-datalek-melding-2026-09-21.txt"'
    for text in (visible(answer), saved.text):
        for said in ("ongeveer 2", "ongeveer 12", "ongeveer 4", "Tijdlijn: 12", "72 uur", "[Vul in: naam", "onder d"):
            assert said in text, said
    assert CHILD not in saved.text, "nobody is in the text of the notice"
    assert KID not in saved.text
    console.breach.more = True
    saved = await client.post("/console/breach/notice", data={**form(save="1"), **ASKED})
    assert "ten minste 12" in saved.text
    assert "Er is meer dan is geteld" in saved.text


async def test_other_people_are_told_no_more_exactly_than_is_known(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    console.breach.others_most = 6
    said = {}
    for more in (False, True):
        console.breach.more = more
        saved = await client.post("/console/breach/notice", data={**form(save="1"), **ASKED})
        said[more] = next(line for line in saved.text.splitlines() if "Andere gezinsleden" in line)
        assert "over wie elk onderdeel ging" in saved.text
    assert said[False].endswith("hoogstens 6")
    assert said[True].endswith("ten minste 4")


async def test_a_file_is_for_who_may_take_away_and_a_refusal_shows_the_form(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    answer = await client.post("/console/breach/file", data={**form(), **ASKED})
    assert answer.headers["content-disposition"] == 'attachment; filename="rondom-datalek-2026-09-21.json"'
    console.breach.refused = Conflict(Words("Te veel regels.", "Too many lines."))
    answer = await client.post("/console/breach/file", data={**form(), **ASKED})
    assert answer.status_code == 409
    assert "Te veel regels." in visible(answer)
    console.breach.refused = None
    console.rights = RIGHTS[OfficerRole.OF_ORGANISATION]
    console.visit()
    assert "/console/breach/file" not in (await client.post("/console/breach", data={**form(), **ASKED})).text
    answer = await client.post("/console/breach", data={**form(), **ASKED, "client": "", "first_day": "x"})
    assert answer.status_code == 400
    assert f'value="{ASKED["by"]}" checked' in answer.text


async def test_names_are_proposed_of_exactly_this_search(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.post("/console/breach", data={**form(), **ASKED})
    assert 'action="/console/breach/names"' in page.text
    assert "/console/confirm/names/breach" in page.text
    led = await client.post("/console/breach/names", data={**form(reason="Een lek."), **ASKED})
    assert led.headers["location"] == "/console/motions/motion5"
    what, wanted, reason = console.names.calls[-1]
    assert (what, wanted.by, wanted.value, str(wanted.first_day), reason) == (
        "propose", "client", KID, "2026-09-01", "Een lek.",
    )  # fmt: skip
    for refused, status in (
        (Conflict(Words("Te veel mensen.", "Too many people.")), 409),
        (Invalid.at("/reason", "Zeg waarom.", "Say why."), 400),
    ):
        console.names.refused = refused
        answer = await client.post("/console/breach/names", data={**form(), **ASKED})
        assert (answer.status_code, refused.words.nl in visible(answer) or "Zeg waarom." in visible(answer)) == (
            status,
            True,
        )
        assert f'value="{KID}"' in answer.text, "what was typed is there still"
    bad = await client.post("/console/breach/names", data={**form(), **ASKED, "first_day": "gisteren"})
    assert bad.status_code == 400
    console.breach.rows = ()
    page = await client.post("/console/breach", data={**form(), **ASKED})
    assert "/console/breach/names" not in page.text, "nobody to tell"
    console.rights = RIGHTS[OfficerRole.OF_ORGANISATION]
    console.visit()
    assert "/console/breach/names" not in (await client.post("/console/breach", data={**form(), **ASKED})).text


async def test_without_a_passkey_or_a_secret_nothing_is_asked(client: httpx.AsyncClient, console: FakeConsole) -> None:
    paths = ("/console/report", "/console/breach", "/console/breach/notice", "/console/breach/file")
    for stage in (None, "invited"):
        if stage:
            console.visit(stage)
        for path in paths:
            if path != "/console/breach/file":
                assert (await client.get(path)).headers["location"] == "/console"
            assert (await client.post(path, data=form())).headers["location"] == "/console"
    console.visit()
    for path in paths:
        assert (await client.post(path, data={**ASKED, "identifier": BSN, "for": "own"})).status_code == 403
    assert console.breach.calls == console.reporting.calls == []


async def test_a_family_gets_its_own_report_by_a_press(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit("verified", purpose="mine")
    assert 'action="/mine/report"' in (await client.get("/mine")).text
    assert (await client.get("/mine/report")).headers["location"] == "/mine#readings"
    assert not any(call[0] == "report" for call in family.calls), "looking asks nothing: it would be logged"
    answer = await client.post("/mine/report", data=form())
    text = visible(answer)
    for said in ("De Hoop GGZ", "Sem", "Tijdlijn", "Iedereen die ja moest zeggen"):
        assert said in text
    assert (await client.post("/mine/report", data=form(before="e1"))).status_code == 200
    assert [call for call in family.calls if call[0] == "report"] == [("report", ""), ("report", "e1")]
    assert (await client.post("/mine/report", data={"before": "e1"})).status_code == 403
