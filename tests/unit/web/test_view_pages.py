"""The views of the log as pages: every press posts, nobody's id is in an address, and what waits is said."""

from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.officers import Right
from broker.services.officer_screens import EntryFilter
from broker.services.view_screens import Lag
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import ROWS, FakeConsole
from tests.unit.web.fake_views import FOLD, TODAY, WHY
from tests.unit.web.test_family_pages import LANGUAGES, form, visible

PLACES = ("/console/disclosures", "/console/days", "/console/organisations")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_view_is_there_in_every_language_and_leads_to_the_others(
    app: FastAPI, console: FakeConsole, language: str
) -> None:
    console.visit()
    async with browsing(app, language) as client:
        for path in PLACES:
            page = (await client.get(path)).text
            assert f'<html lang="{language}"' in page
            assert all(f'href="{other}"' in page for other in PLACES)


async def test_who_may_not_read_the_log_finds_no_way_to_a_view(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.rights = frozenset({Right.COUNT, Right.CHECK_LOG})
    console.visit()
    page = (await client.get("/console/log")).text
    assert not any(f'href="{path}"' in page for path in PLACES)


async def test_lines_that_read_the_same_are_one_row_that_opens(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/disclosures")
    assert "3 keer" in visible(page)
    assert WHY.nl in visible(page)
    assert f'name="fold" value="{FOLD}"' in page.text
    opened = await client.post("/console/disclosures", data=form(fold=FOLD))
    assert console.calls[-1] == ("lines", EntryFilter(fold=FOLD))
    assert opened.text.count(f'href="/console/disclosures/{ROWS[1].id}"') == 3
    assert "hetzelfde zeggen" in visible(opened)
    assert (await client.post("/console/disclosures", data=form(fold="none"))).status_code == 404


async def test_a_press_on_a_professional_asks_for_everything_of_theirs_in_the_body(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/disclosures")
    reader = ROWS[0].professional
    assert f'name="reader" value="{reader}"' in page.text
    assert page.text.count('<button class="rd-quiet rd-code" name="reader"') == 3, (
        "the line of a family has no professional"
    )
    found = await client.post("/console/disclosures", data=form(reader=reader))
    assert console.calls[-1] == ("lines", EntryFilter(reader=reader))
    assert f'type="hidden" name="reader" value="{reader}"' in found.text
    assert reader not in str(found.url)


async def test_a_day_opens_its_lines_and_days_go_on(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/days")
    assert "1207" in visible(page)
    assert f'name="first_day" value="{TODAY}"' in page.text
    await client.post("/console/disclosures", data=form(first_day=str(TODAY), last_day=str(TODAY)))
    assert console.calls[-1] == ("lines", EntryFilter(first_day=TODAY, last_day=TODAY))
    earlier = await client.post("/console/days", data=form(before="2026-09-20"))
    assert console.calls[-1] == ("days", date(2026, 9, 20))
    assert "Nieuwste dagen" in visible(earlier)
    assert (await client.post("/console/days", data=form(before="gisteren"))).status_code == 200
    assert console.calls[-1] == ("days", None)


async def test_an_organisation_opens_its_lines_and_organisations_go_on(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/organisations")
    assert 'name="organisation" value="00000099000000120000"' in page.text
    await client.post("/console/disclosures", data=form(organisation="00000099000000120000"))
    assert console.calls[-1] == ("lines", EntryFilter(organisation="00000099000000120000"))
    await client.post("/console/organisations", data=form(after="00000099000000120000"))
    assert console.calls[-1] == ("organisations", "00000099000000120000")


async def test_a_page_says_that_lines_wait_and_how_many_where_that_may_be_known(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    for path in PLACES:
        assert "verwerkt" not in visible(await client.get(path))
        console.lag = Lag(412)
        assert "412 regels van het logboek worden nog verwerkt" in visible(await client.get(path))
        console.lag = Lag(0)
        assert "Een deel van het logboek wordt nog verwerkt" in visible(await client.get(path))
        console.lag = None


async def test_without_its_secret_a_form_asks_nothing(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    for path in PLACES:
        assert (await client.post(path, data={"before": "2026-09-20"})).status_code == 403
    assert console.calls == []
