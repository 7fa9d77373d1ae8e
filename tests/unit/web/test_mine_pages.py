"""The page with what somebody said: what can be done first, jumps in its order; and a plan of one's own, kept or erased knowingly."""

import re

import httpx
import pytest
from fastapi import FastAPI

from broker.web.kit.telephone import dialled, telephone
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, DIGEST
from tests.unit.web.test_family_languages import LANGUAGES
from tests.unit.web.test_family_pages import form

STOP = "/mine/plans/plan1/stop"
NUMBER = '<a class="utrecht-link" href="tel:08002000"><bdi class="rd-whole" dir="ltr">0800-2000</bdi></a>'


async def test_what_can_be_done_comes_first_and_the_jumps_follow_the_page(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    family.own = ("timeline",)
    family.answers = dict.fromkeys(family.types, "yes")
    page = (await client.get("/mine")).text
    main = page.partition("<main")[2].partition("</main")[0]
    nav, _, rest = main.partition("<nav")[2].partition("</nav>")
    assert main.index('id="now"') < main.index("<nav"), "before all that can only be looked at"
    jumps = re.findall(r'href="#([a-z-]+)"', nav)
    assert jumps[0] == "language", "which stands above the page"
    assert jumps[1:] == [one for one in re.findall(r'<h2[^>]* id="([a-z-]+)"', rest) if one in jumps]
    assert {"sign-offs", "tasks", "own-texts", "own-plans", "readings"} <= set(jumps)
    now = main.partition('id="now"')[2].partition("</section>")[0]
    links = re.findall(r'href="([^"]+)"', now)
    assert links[:2] == ["/mine/sign-offs/part-timeline", "#task-task-1"], "of the others nothing is asked"
    assert all(f'id="{link[1:]}"' in main for link in links if link.startswith("#"))


async def test_what_was_said_is_not_asked_for_again(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.what_was_agreed = family.what_was_agreed[1:]
    await client.post("/mine/sign-offs/part-timeline", data=form(version=DIGEST, said="agree"))
    now = (await client.get("/mine")).text.partition('id="now"')[2].partition("</section>")[0]
    assert re.findall(r'href="([^"]+)"', now)[:2] == ["#own-texts", "/mine/plan"]


async def test_sign_offs_and_tasks_are_read_aloud_like_the_rest(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    page = (await client.get("/mine")).text
    for section in ("sign-offs", "tasks"):
        part = page.partition(f'<h2 class="utrecht-heading-2" id="{section}"')[2].partition("</section>")[0]
        assert part.startswith(" data-aloud>"), section
        assert part.count("data-aloud") >= 4, section
    assert 'id="aloud"' in (await client.get("/mine/sign-offs/part-timeline")).text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_plan_is_kept_changed_or_thrown_away_by_equal_buttons_under_where_to_call(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        page = (await client.post("/mine/plan", data=form(text="Opa helpt."))).text
    choices = page.partition('<div class="rd-answer')[2].partition("</main")[0]
    looks = re.findall(r'<(?:a|button) class="(utrecht-button[^"]*)"', choices)
    assert len(looks) == 3
    assert len(set(looks)) == 1, "none is nudged"
    assert re.findall(r'href="([^"]+)"|action="([^"]+)"', choices) == [
        ("", "/mine/plan/keep"),
        ("/mine#own-plans", ""),
        ("", "/mine/plan"),
    ]
    before = page.partition("<h2")[0]
    assert 'class="utrecht-alert' in before
    assert NUMBER in before, "from left to right in every language"
    assert page.count(NUMBER) == 1


async def test_a_plan_is_erased_in_two_presses_and_looking_erases_nothing(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    for fields in ({}, {"sure": ""}, {"sure": "no"}):
        asked = await client.post(STOP, data=form(**fields))
        assert asked.status_code == 200
        assert "Wil je je plan wissen?" in asked.text
        looks = re.findall(r'<(?:a|button) class="(utrecht-button[^"]*)"', asked.text.partition("rd-answer")[2])
        assert len(looks) == 2
        assert len(set(looks)) == 1
    assert (await client.get(STOP)).headers["location"] == "/mine#own-plans"
    assert (await client.post("/mine/plans/other/stop", data=form())).status_code == 404
    assert (await client.post(STOP, data={"csrf": CSRF[:-1], "sure": "yes"})).status_code == 403
    assert family.calls == []
    erased = await client.post(STOP, data=form(sure="yes"))
    assert (erased.status_code, erased.headers["location"]) == (303, "/mine#own-plans")
    assert family.calls == [("withdraw_plan", "plan1")]


@pytest.mark.parametrize(
    ("number", "link"),
    [("112", "tel:112"), ("0800-2000", "tel:08002000"), ("+31 (0)88 123", "tel:+31088123"), ('1"><b>2', "tel:12")],
)
def test_a_number_is_dialled_as_it_is_and_nothing_else(number: str, link: str) -> None:
    assert dialled(number) == link
    assert telephone(number).count("<") == 4
    assert telephone(number).startswith(f'<a class="utrecht-link" href="{link}"><bdi ')
