"""Families that write a plan of their own on the real pages, without a script; and the codes that others get for it."""

import re
from collections.abc import Iterable

import httpx

from broker.cli.visitor import answered, form_of
from broker.domain.own_plan import PlanWish
from broker.whole import Broker
from tests.support.world import World

PURPOSE, SECTION = "knowing-the-plan", "family-plan"
_CHOICE = re.compile(r'name="((?:person|reader) [^"]+)" value="yes"[^>]*> <span>([^<]*)<')
_DAY = re.compile(r'name="until" value="([0-9-]{10})"')
_CODE = re.compile(r"#([0-9A-Za-z-]+)")
_PLAN = re.compile(r'action="/mine/plans/([0-9a-f]{32})/stop"')


def choices(page: str) -> dict[str, str]:
    """The fields of the form by what stands beside them."""
    return {label.strip(): name for name, label in _CHOICE.findall(page)}


def days(page: str) -> list[str]:
    """The days to choose from."""
    return _DAY.findall(page)


def filled(page: str, text: str, about: Iterable[str], readers: Iterable[str], day: str) -> dict[str, str]:
    """The form filled in; people and readers by how their names begin."""
    offered = choices(page)
    wanted = {
        next(name for label, name in offered.items() if label.startswith(one)): "yes" for one in (*about, *readers)
    }
    return {**form_of(page, "/mine/plan"), "text": text, "until": day, **wanted}


async def write_plan(
    browser: httpx.AsyncClient, text: str, about: Iterable[str], readers: Iterable[str], which: int = -1
) -> httpx.Response:
    """Write, look at it once more, and keep it, in a browser of somebody who came in; returns the page after it."""
    form = await browser.get("/mine/plan")
    assert form.status_code == 200, form.text
    look = await browser.post("/mine/plan", data=filled(form.text, text, about, readers, days(form.text)[which]))
    assert 'action="/mine/plan/keep"' in look.text, look.text
    return await browser.post("/mine/plan/keep", data=form_of(look.text, "/mine/plan/keep"))


async def wish_of(broker: Broker, token: str, text: str, about: Iterable[str], readers: Iterable[str]) -> PlanWish:
    """The form filled in by somebody in a visit, until the first day that is offered; names by how they begin."""
    form = await broker.consents.plan_form(token)
    persons = (one.key for one in form.persons if one.name.startswith(tuple(about)))
    chosen = (one.key for one in form.readers if one.organisation.startswith(tuple(readers)))
    return PlanWish(text, frozenset(persons), frozenset(chosen), form.days[0].isoformat())


async def keep_plan(broker: Broker, token: str, text: str, about: Iterable[str], readers: Iterable[str]) -> str:
    """Write and keep one through the use cases behind the pages; returns the id of the receipt."""
    wish = await wish_of(broker, token, text, about, readers)
    draft = await broker.consents.plan_draft(token, wish, "nl")
    return await broker.consents.keep_plan(token, wish, draft.digest, "nl")


def plans_on(page: str) -> list[str]:
    """The plans that can be stopped, by the ids on the page with what somebody said."""
    return _PLAN.findall(page)


async def codes_for_plans(world: World, to: str) -> list[str]:
    """The codes that came in messages to a contact, oldest first."""
    sent = [message for message in await world.messages("invitation") if message["to"] == to]
    return [found[1] for message in sent if (found := _CODE.search(message["text"]))]


async def say(world: World, code: str, answer: str) -> httpx.Response:
    """Come in with a code and say the same to everything that is asked; returns the receipt."""
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data=answered(page.text, page.url.path, {SECTION: answer}))
        assert page.url.path == "/check", page.text
        return await browser.post("/check", data=form_of(page.text, "/check"))
