"""The officer's pages: passkeys only, identifiers in bodies only, pseudonyms instead of names, reasons in words."""

import re
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from broker.errors import Words
from broker.services.officer_screens import EntryFilter
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import MATTERS, ROWS, FakeConsole
from tests.unit.web.family_words import CODE, CSRF
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, form, visible

BSN = "999990044"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_there_in_every_language(app: FastAPI, console: FakeConsole, language: str) -> None:
    async with browsing(app, language) as client:
        for path in ("/console", "/console/invitation"):
            assert f'<html lang="{language}"' in (await client.get(path)).text
        console.visit("invited")
        assert f'<html lang="{language}"' in (await client.get("/console/passkey")).text
        console.visit()
        for row in ROWS:
            assert (await client.get(f"/console/disclosures/{row.id}")).status_code == 200
        for matter in MATTERS:
            assert (await client.get(f"/console/queue/{matter.id}")).status_code == 200
            assert (await client.get("/console/disclosures/e1/rules")).status_code == 200
        for path in (
            "/console/disclosures",
            "/console/queue",
            "/console/urgent",
            "/console/agreement",
            "/console/agreement/p1",
            "/console/agreement/p1/effect",
            "/console/log",
            "/console/watchers",
            "/console/pictures",
            "/console/pictures/months",
            "/console/indicators",
            "/console/indicators/2026-Q3",
            "/console/overview",
        ):
            assert f'<html lang="{language}"' in (await client.get(path)).text


async def test_without_a_passkey_nothing_is_shown(client: httpx.AsyncClient, console: FakeConsole) -> None:
    for stage in (None, "invited"):
        if stage:
            console.visit(stage)
        for path in (
            "/console/disclosures",
            "/console/disclosures/e3",
            "/console/disclosures/e3/rules",
            "/console/overview",
            "/console/queue",
            "/console/queue/m1",
            "/console/urgent",
            "/console/agreement",
            "/console/agreement/p1",
            "/console/agreement/p1/effect",
            "/console/log",
            "/console/watchers",
            "/console/pictures",
            "/console/indicators",
            "/console/indicators/2026-Q3",
            "/console/indicators/2026-Q3/file",
        ):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        for path in ("/console/disclosures", "/console/queue/m1", "/console/log/check", "/console/watchers"):
            assert (await client.post(path, data=form())).headers["location"] == "/console"
    assert console.calls == []
    console.visit()
    assert (await client.get("/console/passkey")).headers["location"] == "/console"


async def test_an_invitation_leads_to_a_passkey(client: httpx.AsyncClient, console: FakeConsole) -> None:
    assert (await client.post("/console/invitation", data={"code": "WRONG"})).status_code == 404
    assert (await client.post("/console/invitation", data={"code": ""})).status_code == 400
    answer = await client.post("/console/invitation", data={"code": CODE})
    assert answer.headers["location"] == "/console/passkey"
    assert (await client.get("/console")).headers["location"] == "/console/passkey"
    page = (await client.get("/console/passkey")).text
    assert f'data-csrf="{CSRF}"' in page
    assert 'data-passkey="create"' in page
    script = {"X-CSRF-Token": CSRF}
    options = await client.post("/console/passkeys/registration-options", json={}, headers=script)
    assert options.json()["rp"]["name"] == "Rondom"
    answer = await client.post("/console/passkeys/registration", json={"id": "x"}, headers=script)
    assert answer.json() == {"next": "/console/start"}
    assert answer.headers["set-cookie"].startswith("__Host-rondom-console=")


async def test_signing_in_uses_a_short_lived_cookie_of_its_own(client: httpx.AsyncClient, console: FakeConsole) -> None:
    client.cookies.clear()
    page = (await client.get("/console")).text
    assert 'data-passkey="get"' in page
    answer = await client.post("/console/passkeys/sign-in", json={"id": "x"})
    assert answer.status_code == 401
    assert "te lang" in answer.json()["message"]
    options = await client.post("/console/passkeys/sign-in-options", json={})
    assert options.json()["challenge"]
    cookie = options.headers["set-cookie"]
    assert cookie.startswith("__Host-rondom-passkey=")
    assert "Max-Age=300" in cookie
    client.cookies.set("__Host-rondom-passkey", "ceremony", domain="rondom.example")
    answer = await client.post("/console/passkeys/sign-in", json={"id": "x"})
    assert answer.json() == {"next": "/console/start"}
    assert len(answer.headers.get_list("set-cookie")) == 2
    assert console.calls[-1] == ("sign_in", "ceremony", '{"id":"x"}')
    client.cookies.set("__Host-rondom-passkey", "another", domain="rondom.example")
    assert (await client.post("/console/passkeys/sign-in", json={})).status_code == 403


async def test_a_bsn_is_searched_and_never_shown_again(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    fields = form(
        identifier=" 9999 90044 ", outcome="partly", organisation="00000099000000120000", first_day="2026-09-01"
    )
    answer = await client.post("/console/disclosures", data=fields)
    assert console.calls[-1][1].identifier == BSN
    assert BSN not in answer.text
    assert "9999 90044" not in answer.text
    assert 'value="partly" selected' in answer.text
    assert 'value="00000099000000120000" selected' in answer.text
    assert 'value="2026-09-01"' in answer.text
    subject = ROWS[0].subject
    assert f'name="subject" value="{subject}"' in answer.text
    answer = await client.post("/console/disclosures", data=form(subject=subject, before="1839"))
    assert console.calls[-1][1] == EntryFilter(subject=subject, before="1839")
    answer = await client.post("/console/disclosures", data=form(identifier="111222333", subject=subject))
    assert "bekend" in visible(answer)
    assert console.calls[-1][1].subject == ""


async def test_all_that_is_wrong_with_a_search_is_told_at_once(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    answer = await client.post(
        "/console/disclosures", data=form(first_day="2026-13-01", last_day="tomorrow", outcome="maybe", identifier=BSN)
    )
    assert answer.status_code == 400
    assert visible(answer).count("Dit is geen datum") == 2
    assert "uitkomst" in visible(answer)
    assert BSN not in answer.text
    assert console.calls == [("lines", EntryFilter())]
    answer = await client.post("/console/disclosures", data=form(first_day="2026-09-02", last_day="2026-09-01"))
    assert "voor de eerste" in visible(answer)
    answer = await client.post("/console/disclosures", data=form(identifier="111"))
    assert (answer.status_code, "Dit is geen BSN: het heeft negen cijfers." in visible(answer)) == (400, True)
    assert 'id="identifier-error"' in answer.text
    assert all(call == ("lines", EntryFilter()) for call in console.calls), "nothing is looked up"


async def test_pages_of_the_log_follow_each_other(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    first = (await client.get("/console/disclosures")).text
    assert 'name="before" value="1839"' in first
    second = (await client.post("/console/disclosures", data=form(before="1839"))).text
    assert 'name="before"' not in second
    assert "Nieuwste" in second
    console.rows = ()
    assert "nog geen regels" in visible(await client.get("/console/disclosures"))
    assert "geen regels bij" in visible(await client.post("/console/disclosures", data=form(outcome="denied")))


async def test_an_entry_says_why(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/disclosures/e3")
    text = visible(page)
    for expected in (
        "Niet iedereen die toestemming moet geven",
        "treatment-team",
        "Niemand met gezag",
        "5ca1ab1e",
        "0ddba11",
    ):
        assert expected in text
    assert f'title="{ROWS[0].subject}"' in page.text
    assert ROWS[0].subject not in text.partition("In het logboek")[0]
    assert "niet aan deze rol gericht" in visible(await client.get("/console/disclosures/e2"))
    assert (await client.get("/console/disclosures/e9")).status_code == 404


async def test_hostile_words_in_the_log_stay_text(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    words = Words(HOSTILE, HOSTILE)
    console.rows = (
        replace(ROWS[0], organisation=HOSTILE, counterpart=HOSTILE, role=words, subject=HOSTILE, professional=HOSTILE),
    )
    console.extra = {HOSTILE: HOSTILE}
    for path in ("/console/disclosures", "/console/disclosures/e3"):
        assert "<img" not in (await client.get(path)).text


async def test_signing_out_ends_the_visit(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    answer = await client.post("/console/sign-out", data=form())
    assert answer.headers["location"] == "/console"
    assert console.calls == [("leave",)]
    assert "afgelopen" in visible(await client.get("/console"))


async def test_another_language_leads_back(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    for back, place in (
        ("/console/log", "/console/log"),
        ("/console/disclosures/e3", "/console/disclosures/e3"),
        ("/console/queue", "/console/queue"),
        ("/console/queue/m1", "/console/queue/m1"),
        ("/console/queue/m1/x", "/console"),
        ("//evil.example", "/console"),
        ("/", "/console"),
    ):
        answer = await client.post("/console/language", data=form(language="en", back=back))
        assert answer.headers["location"] == place
    assert re.search(r'<html lang="en"', (await client.get("/console/log")).text)


async def test_what_is_urgent_says_how_far_it_is_and_no_word_in_it_is_markup(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/urgent")
    text = visible(page)
    for words in ("Wijkteam De Kade", "24 uur", "Wacht op antwoorden", "Te laat", "Gewaarschuwd: te laat", "Ontvangen"):
        assert words in text
    assert text.count("Te laat") == 1
    assert "<b>De Brug</b>" not in page.text
    assert console.looked == [("urgent",)]


async def test_the_queue_says_what_is_in_doubt_and_how_much_waits(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/queue")
    text = visible(page)
    open_ones, settled = text.split("Het laatst afgehandeld", 1)
    for matter in MATTERS:
        assert matter.reason.nl in (open_ones if matter.state == "open" else settled)
    assert open_ones.count("Houdt vrijgaven tegen") == 2
    assert f'title="{MATTERS[0].person}"' in page.text
    assert MATTERS[0].person not in text
    for path in ("/console/queue", "/console/disclosures", "/console/log"):
        assert "Beoordelen (4)" in (await client.get(path)).text
    console.matters = ()
    console.visit()
    text = (await client.get("/console/queue")).text
    assert "Er wacht niets op u." in text
    assert "(0)" not in text


async def test_a_matter_says_what_to_do_and_what_each_button_means(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    text = visible(await client.get("/console/queue/m1"))
    for expected in ("Bel de organisatie", "Het contact klopt", "Het contact is fout", "telt nu niet"):
        assert expected in text
    text = visible(await client.get("/console/queue/m3"))
    assert "strengste lezing" in text
    assert "telt nu niet" not in text
    assert "Het contact klopt" not in text
    assert (await client.get("/console/queue/m9")).status_code == 404


async def test_settling_needs_a_note_and_happens_once(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    refused = await client.post("/console/queue/m1", data=form(outcome="accepted", note=""))
    assert refused.status_code == 400
    assert "Schrijf kort op" in visible(refused)
    answer = await client.post("/console/queue/m1", data=form(outcome="accepted", note="Gebeld: één mens."))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/queue/m1")
    assert console.calls[-1] == ("settle", "m1", "accepted", "Gebeld: één mens.")
    page = await client.get("/console/queue/m1")
    assert "<b>" not in page.text
    assert "Vader &amp; moeder" in page.text
    assert "<form" not in page.text.split("<main", 1)[1].split("</main>", 1)[0]
    again = await client.post("/console/queue/m1", data=form(outcome="confirmed", note="Toch niet."))
    assert again.status_code == 409
    assert "al afgehandeld" in visible(again)


async def test_hostile_words_in_the_queue_stay_text(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    words = Words(HOSTILE, HOSTILE)
    console.matters = (replace(MATTERS[0], organisation=HOSTILE, reason=words, person=HOSTILE, other=HOSTILE),)
    for path in ("/console/queue", "/console/queue/m1"):
        assert "<img" not in (await client.get(path)).text
    refused = await client.post("/console/queue/m1", data=form(outcome="", note=HOSTILE))
    assert "<img" not in refused.text


async def test_who_may_read_what_is_beside_the_agreement(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    assert 'href="/console/overview"' in (await client.get("/console/agreement")).text
    page = await client.get("/console/overview")
    text = visible(page)
    assert "school &amp; &lt;b&gt;opvang" in page.text
    for said in ("Altijd nodig: de afzender noemt een grondslag.", "Leraar", "Tijdlijn", "Krijgt niets: de Raad.",
                 "Gezondheid van een ouder: besproken met het gezin of anders leeftijd van het kind: 16+"):  # fmt: skip
        assert said in text


async def test_a_decision_is_explained_rule_by_rule(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    assert 'href="/console/disclosures/e1/rules"' in (await client.get("/console/disclosures/e1")).text
    page = await client.get("/console/disclosures/e1/rules")
    text = visible(page)
    assert "leraar &amp; &lt;b&gt;mentor" in page.text
    for said in ("De afspraken geven dit.", "Dit besliste Regel gives", "Klopt: de rol is leraar", "Klopt niet: de rol is leraar",
                 "een verbod gaat voor Regel gives", "komen het dichtst in de buurt Regel almost", "Een regel die verbiedt. AVG 6."):  # fmt: skip
        assert said in text
    assert "Hier is niets uit te leggen" in visible(await client.get("/console/disclosures/e3/rules"))
    assert (await client.get("/console/disclosures/none/rules")).status_code == 404


async def test_an_agreement_that_was_refused_is_seen_on_every_page(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    said = "konden niet in werking treden"
    console.visit()
    for path in ("/console/disclosures", "/console/queue", "/console/agreement", "/console/log"):
        assert said not in visible(await client.get(path))
    console.refused = Words("release.cedar, regel 9: fout.", "release.cedar, line 9: <fault>.")
    console.visit()
    for path in ("/console/disclosures", "/console/queue", "/console/agreement", "/console/log"):
        assert said in visible(await client.get(path))
    assert "release.cedar, regel 9: fout." in visible(await client.get("/console/agreement"))
    console.visit("invited")
    assert said not in visible(await client.get("/console/passkey"))


async def test_a_proposed_agreement_is_shown_line_by_line_and_approved_with_a_passkey(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    assert "/console/agreement/p1" in (await client.get("/console/agreement")).text
    page = await client.get("/console/agreement/p1")
    assert "+ &lt;new&gt;" in page.text.replace("+  ", "+ "), "escaped"
    assert "misschien meer dan" in visible(page)
    assert f'data-csrf="{CSRF}"' in page.text
    assert 'data-result="/console/agreement/p1/approval"' in page.text
    script = {"X-CSRF-Token": CSRF}
    assert (await client.post("/console/agreement/p1/approval-options", json={}, headers=script)).json() == {
        "challenge": "c"
    }
    answer = await client.post("/console/agreement/p1/approval", json={"id": "x"}, headers=script)
    assert answer.json() == {"next": "/console/agreement/p1"}
    assert [call[:2] for call in console.calls] == [("approve", "p1")]
    assert (await client.post("/console/agreement/p1/approval", json={"id": "x"})).status_code == 403
    assert (await client.get("/console/agreement/p2")).status_code == 404
    console.can_approve = False
    assert "data-passkey" not in (await client.get("/console/agreement/p1")).text


async def test_what_a_proposal_would_give_and_take_is_said_and_counted(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    assert 'href="/console/agreement/p1/effect"' in (await client.get("/console/agreement/p1")).text
    page = await client.get("/console/agreement/p1/effect")
    text = visible(page)
    assert "alleen &lt;i&gt;één&lt;/i&gt; ouder" in page.text
    assert "School &lt;b&gt;De Linde" in page.text
    for said in ("meer en ook minder", "Zou voortaan worden gegeven", "Zou niet meer worden gegeven", "Verder",
                 "er nu is: 41.", "opengaan Tijdlijn", "dichtgaan Gezondheid van een ouder", "12 7"):  # fmt: skip
        assert said in text, said
    assert (await client.get("/console/agreement/p2/effect")).status_code == 404
