"""An officer's own access, confirming once more, and what two officers decide: on fakes."""

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.motions import MotionKind
from broker.domain.officers import RIGHTS, OfficerRole
from broker.domain.presence import ConfirmFirst, Purpose
from broker.errors import Conflict, Words
from broker.services.motion_screens import Wanted
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import FakeConsole
from tests.unit.web.fake_own import MOTIONS, ONE, OTHER, PARTNERS
from tests.unit.web.family_words import CSRF
from tests.unit.web.test_family_pages import LANGUAGES, form, visible

PAGES = (
    "/console/own",
    "/console/confirm/take-away/files",
    "/console/confirm/names/motions~motion6",
    "/console/officers",
    "/console/partners",
    "/console/motions",
    *(f"/console/motions/{row.id}" for row in MOTIONS),
)
SCRIPT = {"X-CSRF-Token": CSRF}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_there_in_every_language_and_escapes(
    app: FastAPI, console: FakeConsole, language: str
) -> None:
    console.visit()
    async with browsing(app, language) as client:
        for path in PAGES:
            page = await client.get(path)
            assert (page.status_code, f'<html lang="{language}"' in page.text) == (200, True), path
            for hostile in ("<b>Zuid", "<b>Jansen", "<i>het moet", "<b>De Linde", "<i>k1"):
                assert hostile not in page.text, path
        assert (await client.get("/console/motions/none")).status_code == 404


async def test_without_signing_in_nothing_is_shown(client: httpx.AsyncClient, console: FakeConsole) -> None:
    for stage in (None, "invited"):
        if stage:
            console.visit(stage)
        for path in PAGES:
            assert (await client.get(path)).headers["location"] == "/console", path


async def test_own_passkeys_and_visits(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/own")
    assert page.text.count('action="/console/own/remove"') == 2
    assert ONE in page.text
    assert "Dit bezoek" in visible(page)
    assert (await client.post("/console/own/visits", data=form())).headers["location"] == "/console/own"
    assert console.own.calls == [("end_others",)]
    console.own.passkeys = console.own.passkeys[:1]
    page = await client.get("/console/own")
    assert 'action="/console/own/remove"' not in page.text
    assert "Uw enige" in visible(page)


async def test_a_passkey_is_added_and_removed_only_after_confirming(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/own")
    assert "data-passkey" not in page.text
    assert "/console/confirm/own-passkeys/own" in page.text
    refused = await client.post("/console/own/remove", data=form(passkey=OTHER))
    assert refused.headers["location"] == "/console/confirm/own-passkeys/own~remove"
    page = await client.get(refused.headers["location"])
    assert '<a class="utrecht-link" href="/console/own">' in page.text, "the nearest page of ours"
    assert "niet bewaard" in visible(page)
    options = await client.post("/console/own/passkey-options", json={}, headers=SCRIPT)
    assert (options.status_code, "Bevestig eerst" in options.json()["message"]) == (403, True)
    answer = await client.post("/console/confirm/own-passkeys/own~remove/result", json={"id": "x"}, headers=SCRIPT)
    assert answer.json() == {"next": "/console/own"}
    assert answer.headers["set-cookie"].startswith("__Host-rondom-console="), "a new token: it may do more now"
    console.visit()
    assert 'data-passkey="create"' in (await client.get("/console/own")).text
    assert (await client.post("/console/own/passkey-options", json={}, headers=SCRIPT)).status_code == 200
    added = await client.post("/console/own/passkey", json={"id": "y"}, headers=SCRIPT)
    assert added.json() == {"next": "/console/own"}
    assert (await client.post("/console/own/passkey", json={"id": "y"})).status_code == 403
    assert (await client.post("/console/own/remove", data=form(passkey=OTHER))).status_code == 303
    assert (await client.post("/console/own/remove", data=form(passkey="x"))).status_code == 404
    console.own.passkeys = console.own.passkeys[:1]
    last = await client.post("/console/own/remove", data=form(passkey=ONE))
    assert (last.status_code, "laatste" in visible(last)) == (409, True)


async def test_after_confirming_one_goes_back_to_a_page_of_ours_alone(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    for back, place in (
        ("files", "/console/files"),
        ("partners", "/console/partners"),
        ("motions~m1", "/console/motions/m1"),
        ("log~check", "/console/log"),
        ("~~evil.example", "/console/start"),
        ("https:~~evil.example~console~own", "/console/start"),
        ("..~mine", "/console/start"),
        ("nowhere", "/console/start"),
    ):
        page = await client.get(f"/console/confirm/take-away/{back}")
        assert f'href="{place}"' in page.text, back
        answer = await client.post(f"/console/confirm/take-away/{back}/result", json={}, headers=SCRIPT)
        assert answer.json() == {"next": place}, back
    bad = await client.post("/console/confirm/everything/files/result", json={}, headers=SCRIPT)
    assert bad.status_code == 404
    assert {call[1] for call in console.own.calls} == {Purpose.TAKE_AWAY}
    assert (await client.post("/console/confirm/take-away/files/result", json={})).status_code == 403


async def test_who_has_one_passkey_is_asked_for_the_second_on_every_page(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    said = "U hebt één passkey"
    console.visit()
    assert said not in visible(await client.get("/console/log"))
    console.passkeys = 1
    console.visit()
    for path in ("/console/log", "/console/disclosures", "/console/own"):
        assert said in visible(await client.get(path))
    console.motions.equipped = False
    refused = await client.post("/console/partners", data=form(kind="suspend", reason="x"))
    assert refused.status_code == 403
    assert "twee passkeys" in visible(refused)
    assert 'href="/console/own"' in refused.text


async def test_a_motion_is_proposed_with_every_field_and_shown_again_when_it_is_wrong(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    fields = form(kind="suspend", organisation=PARTNERS[0].oin, reason="Een lek.", at_once="yes")
    assert (await client.post("/console/partners", data=fields)).headers["location"] == "/console/motions/motion1"
    expected = Wanted(MotionKind.SUSPEND, "Een lek.", PARTNERS[0].oin, at_once=True)
    assert console.motions.calls == [("propose", expected)]
    fields = form(kind="invite-officer", name="Bo Vos", role="log-keeper", reason="Nieuw.")
    await client.post("/console/officers", data=fields)
    invited = Wanted(MotionKind.INVITE, "Nieuw.", role=OfficerRole.KEEPER, name="Bo Vos")
    assert console.motions.calls[-1] == ("propose", invited)
    wrong = await client.post("/console/officers", data={**fields, "reason": ""})
    assert wrong.status_code == 400
    assert 'value="Bo Vos"' in wrong.text
    assert 'value="log-keeper" selected' in wrong.text
    for path, kind in (
        ("/console/partners", "withdraw-officer"),
        ("/console/officers", "lift"),
        ("/console/officers", ""),
    ):
        assert (await client.post(path, data=form(kind=kind, reason="x"))).status_code == 400
    console.motions.confirmed = False
    led = await client.post("/console/partners", data=form(kind="lift", reason="x"))
    assert led.headers["location"] == "/console/confirm/organisations/partners"
    assert len(console.motions.calls) == 2


async def test_a_motion_is_seconded_with_a_passkey(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/motions/motion1")
    assert 'data-result="/console/motions/motion1/second"' in page.text
    assert "data-passkey" not in (await client.get("/console/motions/motion2")).text
    assert "K7QD9F" in visible(await client.get("/console/motions/motion3"))
    options = await client.post("/console/motions/motion1/second-options", json={}, headers=SCRIPT)
    assert options.json() == {"challenge": "c"}
    answer = await client.post("/console/motions/motion1/second", json={"id": "x"}, headers=SCRIPT)
    assert answer.json() == {"next": "/console/motions/motion1"}
    assert console.motions.calls == [("second", "motion1", '{"id":"x"}')]
    assert (await client.post("/console/motions/motion1/second", json={})).status_code == 403
    console.motions.can_second = False
    page = await client.get("/console/motions/motion1")
    assert "data-passkey" not in page.text
    assert "Een andere officer" in visible(page)


async def test_names_of_officers_stand_on_one_page(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    assert "Jansen" in (await client.get("/console/officers")).text
    for path in PAGES:
        if path != "/console/officers":
            assert "Jansen" not in (await client.get(path)).text
    text = visible(await client.get("/console/motions"))
    assert "De beheerder, alleen" in text
    assert "Vanzelf, na een dag" in text


async def test_files_say_beforehand_that_a_passkey_is_asked(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    assert "/console/confirm/take-away/files" in (await client.get("/console/files")).text
    console.own.fresh.add(Purpose.TAKE_AWAY)
    console.visit()
    assert "/console/confirm" not in (await client.get("/console/files")).text


async def test_who_seconds_names_sees_what_they_agree_to(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/motions/motion5")
    for said in ("De namen halen van wie geraakt is", "Met één sleutel", "<i>k1", "2026-09-21 – 2026-09-21", "7"):
        assert said in visible(page).replace("&lt;", "<"), said
    assert "data-passkey" in page.text
    assert "/names" not in page.text, "nothing to take yet"


async def test_names_are_taken_with_a_press_by_who_decided(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/motions/motion6")
    assert 'action="/console/motions/motion6/names"' in page.text
    assert "/console/confirm/names/motions~motion6" in page.text
    made = await client.post("/console/motions/motion6/names", data=form())
    assert console.names.calls == [("taken", "motion6", "Nederlands")]
    assert made.headers["content-disposition"] == 'attachment; filename="rondom-namen-motion6.csv"'
    assert made.headers["content-type"] == "text/csv; charset=utf-8"
    assert "no-store" in made.headers["cache-control"]
    console.names.refused = ConfirmFirst(Purpose.NAMES)
    led = await client.post("/console/motions/motion6/names", data=form())
    assert led.headers["location"] == "/console/confirm/names/motions~motion6~names"
    back = await client.get(led.headers["location"])
    assert 'href="/console/motions/motion6"' in back.text
    console.names.refused = Conflict(Words("De dag is voorbij.", "The day is over."))
    refused = await client.post("/console/motions/motion6/names", data=form())
    assert (refused.status_code, "De dag is voorbij." in visible(refused)) == (409, True)
    console.motions.decided_it = False
    assert "/names" not in (await client.get("/console/motions/motion6")).text
    console.own.fresh.add(Purpose.NAMES)
    console.motions.decided_it = True
    console.visit()
    assert "/console/confirm/names" not in (await client.get("/console/motions/motion6")).text


async def test_who_may_not_manage_is_given_no_names(client: httpx.AsyncClient, console: FakeConsole) -> None:
    for role in (OfficerRole.KEEPER, OfficerRole.OF_ORGANISATION):
        console.rights = RIGHTS[role]
        console.visit()
        for path in ("/console/motions/motion6/names", "/console/breach/names"):
            asked = form(by="client", client="k1", first_day="2026-09-01", reason="Een lek")
            refused = await client.post(path, data=asked)
            assert (refused.status_code, "niet bij uw taak" in visible(refused)) == (403, True)
    assert console.names.calls == []
