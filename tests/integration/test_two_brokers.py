"""Two brokers on one database are one broker: what begins at one goes on at the other, and what one ends is over at both.

Beside these: the agreement (`test_p02_an_agreement_is_reloaded`), proofs and certificates (`test_p15_*`), keys
(`test_key_life`), one key of a retry at both (`test_sent_again`), webhooks (`test_p08_webhooks`), the log (`test_sequencers_killed`).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import pytest

from broker.cli.visitor import form_of, forms_of
from broker.crypto import keyring
from broker.domain.keys import KeyPurpose
from broker.domain.parties import OfficerId
from broker.services.officers import withdraw
from tests.promises.attacks import ALL, READER, TOM, push
from tests.support.officers import officer_browser
from tests.support.world import CLIENT_ASSERTION, World, started_again


@dataclass(frozen=True)
class Two:
    """One, the other, and the two behind a proxy that sends every request to the one that did not get the last."""

    one: World
    other: World

    @property
    def both(self) -> World:
        """A world whose browsers meet another broker at each step."""
        turn = cycle((self.other.app, self.one.app))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await next(turn)(scope, receive, send)

        return replace(self.one, app=app)


@pytest.fixture
async def two(world: World) -> AsyncIterator[Two]:
    async with started_again(world) as other:
        yield Two(world, replace(other, tokens={}))


async def test_a_family_answers_at_two_brokers_in_turns(two: Two) -> None:
    await two.one.push(TOM)
    for person in ("tom", "mother", "father"):
        says = {section["type"]: "yes" for section in two.one.body(TOM)["sections"]}
        await two.both.answer_on_pages(TOM, person, says)
    assert await two.other.gets(TOM, READER[TOM]) == ALL[TOM]
    await two.both.withdraw_on_pages(TOM, "father", ["status"])
    for world in (two.one, two.other):
        assert "status" not in await world.gets(TOM, READER[TOM])


async def test_wrong_one_time_codes_are_counted_together(two: Two) -> None:
    await two.one.push(TOM)
    code = await two.one.invite(TOM, "tom")
    async with two.both.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        address, fields, buttons = next(f for f in forms_of(page.text) if f[0] == "/contact")
        name, value = next(pair for pair in buttons if pair[0] == "contact")
        page = await browser.post(address, data={**fields, name: value})
        right = await two.one.one_time_code()
        wrong = f"{(int(right) + 1) % 10**6:06}"
        for _ in range(6):
            page = await browser.post("/one-time-code", data={**form_of(page.text, "/one-time-code"), "code": wrong})
            if not any(form[0] == "/one-time-code" for form in forms_of(page.text)):
                break
        else:
            page = await browser.post("/one-time-code", data={**form_of(page.text, "/one-time-code"), "code": right})
        assert not page.url.path.startswith("/questions/"), "past five tries the right one does not count either"


async def test_a_token_of_one_counts_at_the_other_until_its_organisation_is_stopped_at_either(two: Two) -> None:
    case = await push(two.one, TOM)
    await case.everybody_says_yes()
    oin, _ = two.one.professional(READER[TOM])
    two.one.handovers[TOM] = two.other.handovers[TOM] = case.handover.id
    assert await two.one.gets(TOM, READER[TOM]) == ALL[TOM]
    there = replace(two.other, tokens=two.one.tokens)
    assert await there.gets(TOM, READER[TOM]) == ALL[TOM]
    await two.one.broker.partners.suspend(oin, suspended=True)
    for world in (there, two.one):
        assert (await world.ask(TOM, READER[TOM])).status_code == 401
    await there.broker.partners.suspend(oin, suspended=False)
    assert (await two.one.ask(TOM, READER[TOM])).status_code == 200


async def test_an_assertion_counts_once_at_both_together(two: Two) -> None:
    oin = two.one.sender(TOM)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": CLIENT_ASSERTION,
        "client_assertion": two.one.assertion(oin, {"sub": oin}),
    }
    assert (await two.one.http.post("/oauth/token", data=form)).status_code == 200
    for world in (two.other, two.one):
        refused = await world.http.post("/oauth/token", data=form)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_a_key_of_a_release_at_one_fits_no_other_question_at_the_other(two: Two) -> None:
    case = await push(two.one, TOM)
    await case.everybody_says_yes()
    asked = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    token = await two.one.token(*two.one.professional(READER[TOM]))
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    assert (await two.one.http.post("/v1/releases", headers=headers, json=asked)).status_code == 200
    narrower = {**asked, "sections": ["status"]}
    assert (await two.other.http.post("/v1/releases", headers=headers, json=narrower)).status_code == 422
    assert (await two.other.http.post("/v1/releases", headers=headers, json=asked)).status_code == 200


async def test_a_list_goes_on_at_the_other(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.api.handovers.PAGE", 2)
    cases = [await push(two.one, TOM) for _ in range(3)]
    sender = two.one.sender(TOM)
    first = (await two.one.as_organisation(sender, "GET", "/v1/handovers?box=sent")).json()
    path = f"/v1/handovers?box=sent&after={first['next']}"
    second = (await two.other.as_organisation(sender, "GET", path)).json()
    assert [item["id"] for item in first["items"] + second["items"]] == [case.handover.id for case in cases[::-1]]


async def test_a_key_that_one_makes_signs_what_the_other_takes_at_once(two: Two) -> None:
    before = await two.other.token(two.other.sender(TOM))
    await two.one.broker.keys.rotate((KeyPurpose.TOKENS,))
    two.one.tokens.clear()
    fresh = await two.one.token(two.one.sender(TOM))
    for token in (before, fresh):
        for world in (two.one, two.other):
            answer = await world.http.get("/v1/handovers?box=sent", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
    assert keyring.LOOK_EVERY <= 2, "and within this many seconds the other signs with it too"


async def test_an_officer_who_is_withdrawn_at_one_is_out_at_the_other(two: Two) -> None:
    async with officer_browser(two.both) as officer:
        for _ in range(4):  # both know them, and remember that for a minute
            assert (await officer.browser.get("/console/queue")).status_code == 200
        house = two.one.broker.house
        async with house.storage() as work:
            await withdraw(work, OfficerId(officer.officer), house.clock(), {"by": "operator"})
            await work.commit()
        for _ in range(2):
            page = await officer.browser.get("/console/queue")
            assert page.url.path != "/console/queue", page.text
