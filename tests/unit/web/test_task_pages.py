"""The page of what was agreed: who, by when, how far; buttons for what is one's own, and nothing of a text."""

import re
from dataclasses import replace

import pytest
from fastapi import FastAPI

from broker.domain.tasks import Status
from broker.services.own_tasks import ChangeLine
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, NOW


@pytest.mark.parametrize(
    ("language", "own", "theirs", "done"),
    [("nl", "Met jou afgesproken", "De Brug", "Klaar"), ("en", "Agreed with you", "De Brug", "Done")],
)
async def test_it_says_whose_it_is_and_how_far_it_is(
    app: FastAPI, family: FakeFamily, language: str, own: str, theirs: str, done: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        text = (await client.get("/mine")).text
    assert own in text
    assert theirs in text
    assert f"<dd>{done}</dd>" in text
    assert re.findall(r'action="/mine/tasks/([^"]+)"', text) == ["task-1"]
    assert re.findall(r'name="status" value="([a-z-]+)"', text) == ["under-way", "done", "dropped"]


async def test_a_press_says_how_far_it_is_and_leads_back(app: FastAPI, family: FakeFamily) -> None:
    family.visit()
    async with browsing(app, "nl") as client:
        answer = await client.post("/mine/tasks/task-1", data={"csrf": CSRF, "status": "done"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/mine#task-task-1")
        refused = await client.post("/mine/tasks/task-1", data={"csrf": CSRF, "status": "later"})
        other = await client.post("/mine/tasks/task-2", data={"csrf": CSRF, "status": "open"})
    assert (refused.status_code, other.status_code) == (400, 404)
    assert family.calls == [("change_task", "task-1", Status.DONE)]


async def test_each_has_a_number_and_what_was_saved_is_confirmed_there(app: FastAPI, family: FakeFamily) -> None:
    family.visit()
    async with browsing(app, "nl") as client:
        before = (await client.get("/mine")).text
        own, theirs = family.what_was_agreed
        family.what_was_agreed = (replace(own, history=(ChangeLine(Status.DONE, NOW, None),)), theirs)
        after = (await client.get("/mine")).text
    section = before.partition('id="tasks"')[2]
    assert re.findall(r"<h3[^>]*>(\d)\. ", section)[:2] == ["1", "2"]
    assert "Klaar uiterlijk op" in section
    assert "Hoe staat het ermee" in section
    assert "))" not in section, "no brackets within brackets"
    assert 'class="rd-note" role="status"' not in before, "what others said is not theirs to see confirmed"
    assert after.partition('id="task-task-1"')[2].partition("</li>")[0].count("Opgeslagen op") == 1
    assert "Opgeslagen op" not in after.partition('id="task-task-2"')[2]


async def test_without_anything_agreed_there_is_nothing_of_it(app: FastAPI, family: FakeFamily) -> None:
    family.visit()
    family.what_was_agreed = ()
    async with browsing(app, "nl") as client:
        text = (await client.get("/mine")).text
    assert 'id="tasks"' not in text
    assert '"#tasks"' not in text
