"""A long watch: asked now and then how it goes, a family chooses each time who reads what it says; nothing goes on by itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from broker.cli.visitor import form_of, forms_of
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin
from broker.errors import BrokerError, NotAllowed
from broker.services.questionnaires import Shown
from tests.promises.attacks import JACK, TOM
from tests.support.asking import (
    BASE,
    CODE,
    SANDER,
    TEAM,
    a_month_later,
    asked,
    codes,
    follow_up,
    path,
    question,
    read,
    say,
    watch,
)
from tests.support.surface import rows_of
from tests.support.world import World

CHOICE = {"well": "Het gaat goed", "so-so": "Het gaat een beetje", "not-well": "Het gaat niet goed"}
OWN = "Ik slaap weer.\nTot volgende maand."


async def push(world: World) -> str:
    return await world.push(BASE, follow_up(world))


async def watched(world: World) -> dict[str, Any]:
    answer = await world.as_organisation(world.sender(BASE), "GET", path(world))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_somebody_is_asked_when_it_is_time_and_not_before(world: World) -> None:
    await push(world)
    answer = await watch(world)
    assert answer.status_code == 200, answer.text
    assert answer.json()["people"] == [{"person": SANDER, "state": "waiting"}]
    assert await world.broker.long_watches.ask_due() == 0
    assert await a_month_later(world) == 1
    assert await world.broker.long_watches.ask_due() == 0
    assert len(await codes(world)) == 1
    [one] = (await watched(world))["people"]
    assert one["state"] == "asked"


async def test_what_somebody_says_is_read_by_whom_they_choose_and_it_is_logged(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    assert (await read(world, handover)).status_code == 403
    page = await say(world, code, words=OWN)
    assert page.url.path.startswith("/receipt/"), page.text
    release = await read(world, handover)
    assert release.status_code == 200, release.text
    [section] = release.json()["released"]
    assert section["type"] == "check-in"
    assert section["content"].endswith(f"Het gaat goed.\n\n{OWN}")
    types = [row.type for row in await world.entries()]
    assert types.count("watch:answered") == types.count("consent:given") == types.count("release:permitted") == 1
    assert (await watched(world))["people"][0]["state"] == "answered"


async def test_who_says_no_to_everybody_has_nothing_kept(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    page = await say(world, code, yes="no")
    assert page.url.path.startswith("/receipt/")
    assert (await read(world, handover)).status_code == 403
    sent = await world.as_organisation(world.sender(BASE), "GET", f"/v1/handovers/{handover}")
    assert sent.json()["state"] == "asked"
    assert (await watched(world))["people"][0]["state"] == "answered"
    assert "watch:answered" not in [row.type for row in await world.entries()]


async def test_who_stops_halfway_has_said_nothing(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        data = {**form_of(page.text, "/check-in"), "how": "not-well", "text": OWN}
        page = await browser.post("/check-in", data=data)
        page = await browser.post("/questions/1", data={**form_of(page.text, "/questions/1"), "answer": "yes"})
        assert page.url.path == "/check"
    assert (await read(world, await question(world))).status_code == 403
    assert (await watched(world))["people"][0]["state"] == "asked"


async def test_nothing_counts_before_it_was_said_how_it_goes(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        secret = form_of(page.text, "/check-in")
        for address in ("/questions/1", "/check"):
            assert (await browser.get(address)).url.path == "/check-in"
        refused = await browser.post("/check", data={**secret, "shown": "nl"})
        assert refused.status_code == 409
        for odd in ({}, {"how": "great"}, {"how": "well", "text": "x" * 2001}):
            page = await browser.post("/check-in", data={**secret, **odd})
            assert page.url.path == "/check-in"
            assert "utrecht-alert--error" in page.text
    assert (await read(world, await question(world))).status_code == 403


async def test_a_yes_of_the_last_time_opens_nothing_of_this_time_before_they_answered(world: World) -> None:
    await say(world, await asked(world))
    first = await question(world)
    assert (await read(world, first)).status_code == 200
    assert await a_month_later(world) == 1
    second = await question(world)
    assert second != first
    assert (await read(world, second)).status_code == 403
    unread = await world.as_professional("pt-anneke", "GET", "/v1/handovers?box=received")
    assert second not in [one["id"] for one in unread.json()["items"]]
    await say(world, (await codes(world))[-1], how="not-well", words="")
    [section] = (await read(world, second)).json()["released"]
    assert section["content"].endswith("Het gaat niet goed.")


async def test_a_no_of_this_time_shuts_what_was_said_before(world: World) -> None:
    await say(world, await asked(world))
    first = await question(world)
    await a_month_later(world)
    await say(world, (await codes(world))[-1], yes="no")
    assert (await read(world, first)).status_code == 403


async def test_a_question_that_was_not_answered_goes_when_the_next_one_comes(world: World) -> None:
    code = await asked(world)
    first = await question(world)
    assert await a_month_later(world) == 1
    gone = await world.as_organisation(world.sender(BASE), "GET", f"/v1/handovers/{first}")
    assert gone.json()["state"] == "withdrawn"
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert page.url.path == "/code"
    assert len(await codes(world)) == 2


async def test_who_wants_it_no_more_is_asked_no_more_whatever_the_sender_does(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        page = await browser.post("/check-in/stop", data=form_of(page.text, "/check-in/stop"))
        assert page.url.path == "/check-in/stopped", page.text
        assert (await browser.get("/check-in")).url.path == "/"
    assert (await watched(world))["people"][0]["state"] == "stopped"
    assert (await watch(world, "P3M")).status_code == 200
    await world.as_organisation(world.sender(BASE), "DELETE", path(world))
    assert (await watch(world, "P2W")).status_code == 200
    assert await a_month_later(world) == 0
    assert len(await codes(world)) == 1
    sent = await world.as_organisation(world.sender(BASE), "GET", f"/v1/handovers/{handover}")
    assert sent.json()["state"] == "erased"


async def follows_again(world: World, reference: str = "follow-up-2") -> dict[str, Any]:
    """The same sender hands over anew, and watches that as well."""
    answer = await world.as_organisation(
        world.sender(BASE), "POST", "/v1/handovers", follow_up(world) | {"reference": reference}
    )
    assert answer.status_code == 201, answer.text
    world.handovers[BASE] = answer.json()["id"]
    answer = await watch(world)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def wants_none(world: World, code: str) -> None:
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        page = await browser.post("/check-in/stop", data=form_of(page.text, "/check-in/stop"))
        assert page.url.path == "/check-in/stopped", page.text


async def test_a_stop_holds_for_every_later_handover_of_that_sender_and_it_sees_so(world: World) -> None:
    await wants_none(world, await asked(world))
    assert (await follows_again(world))["people"] == [{"person": SANDER, "state": "stopped"}]
    assert await a_month_later(world) == 0
    assert len(await codes(world)) == 1
    changes = [entry for entry in await world.entries() if entry.type == "messages:changed"]
    assert [entry.personal["messages"] for entry in changes] == [["questions-off"]]


async def test_a_stop_holds_for_what_was_asked_already_with_another_handover(world: World) -> None:
    code = await asked(world)
    await follows_again(world)
    assert await a_month_later(world) == 2
    await wants_none(world, (await codes(world))[-1])
    assert await a_month_later(world) == 0
    async with world.browser() as browser:
        for one in (code, *await codes(world)):
            assert (await browser.post("/code", data={"code": one})).url.path == "/code"


async def test_who_stopped_can_let_the_same_sender_ask_again_and_only_then(world: World) -> None:
    await say(world, first := await asked(world))
    assert await a_month_later(world) == 1
    await wants_none(world, (await codes(world))[-1])
    for _ in range(2):
        async with world.browser() as browser:
            page = await world.come_in(browser, first)
            assert page.url.path == "/mine"
            buttons = [fields for address, fields, _ in forms_of(page.text) if address == "/mine/check-ins"]
            assert (await browser.post("/mine/check-ins", data={"csrf": "x"})).status_code == 403
            for fields in buttons:
                assert (await browser.post("/mine/check-ins", data=fields)).url.path == "/mine"
            assert "/mine/check-ins" not in (await browser.get("/mine")).text
    assert await a_month_later(world) == 1
    changes = [entry for entry in await world.entries() if entry.type == "messages:changed"]
    assert [entry.personal["messages"] for entry in changes] == [["questions-on"], ["questions-off"]]


async def test_what_one_sender_may_not_ask_another_may(world: World) -> None:
    await wants_none(world, await asked(world))
    async with world.broker.house.storage(writing=False) as work:
        person = (await work.handovers.people(HandoverId(world.handovers[BASE])))[SANDER]
        assert await work.long_watches.stops({person}, Oin(world.sender(BASE))) == {person}
        assert await work.long_watches.stops({person}, Oin(DORDRECHT)) == frozenset()


async def test_whoever_is_forgotten_leaves_no_stop_behind(world: World) -> None:
    await wants_none(world, await asked(world))
    assert len(await rows_of(world, "long_watch_stop")) == 1
    for period in ("P2Y", "P6Y"):  # what was handed over goes first, who it was about when the log's own time is over
        world.clock.later(period)
        await world.broker.erasure.erase_due()
    assert await rows_of(world, "long_watch_stop") == []
    assert await rows_of(world, "long_watch_person") == []


async def test_two_brokers_at_the_same_moment_ask_once(world: World) -> None:
    await push(world)
    await watch(world)
    world.clock.later("P2M")
    assert sum(await asyncio.gather(*(world.broker.long_watches.ask_due() for _ in range(4)))) == 1
    assert len(await codes(world)) == 1


@pytest.mark.parametrize("ends", ["withdrawn", "stopped", "over"])
async def test_a_watch_ends_with_its_handover_with_its_sender_and_with_the_period(world: World, ends: str) -> None:
    await asked(world)
    sender = world.sender(BASE)
    if ends == "withdrawn":
        await world.as_organisation(sender, "DELETE", f"/v1/handovers/{world.handovers[BASE]}")
    if ends == "stopped":
        for _ in range(2):
            assert (await world.as_organisation(sender, "DELETE", path(world))).status_code == 204
    if ends == "over":
        world.clock.later("P12M")
    assert await a_month_later(world) == 0
    assert len(await codes(world)) == 1
    assert (await world.as_organisation(sender, "GET", path(world))).status_code == 404


@pytest.mark.parametrize("ends", ["withdrawn", "stopped", "over", "another"])
async def test_what_waits_for_an_answer_goes_when_nobody_is_asked_any_more(world: World, ends: str) -> None:
    body = follow_up(world)
    code = await asked(world, body)
    sender, handover = world.sender(BASE), await question(world)
    if ends == "withdrawn":
        await world.as_organisation(sender, "DELETE", f"/v1/handovers/{world.handovers[BASE]}")
    if ends == "stopped":
        assert (await world.as_organisation(sender, "DELETE", path(world))).status_code == 204
    if ends == "over":
        world.clock.later("P12M")
        assert await world.broker.long_watches.ask_due() == 0
    if ends == "another":
        assert (await watch(world, people=("mother",))).status_code == 200
    [row] = [row for row in await rows_of(world, "handover") if row.id == handover]
    assert (row.state, row.erased_at is not None) == ("withdrawn", True)
    with pytest.raises(BrokerError):
        await world.visit(code)


async def test_what_was_answered_stays_when_the_watch_stops(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    await say(world, code, words=OWN)
    assert (await world.as_organisation(world.sender(BASE), "DELETE", path(world))).status_code == 204
    assert (await read(world, handover)).status_code == 200
    await world.as_organisation(world.sender(BASE), "DELETE", f"/v1/handovers/{world.handovers[BASE]}")
    assert (await read(world, handover)).status_code == 200


async def test_whose_contact_is_in_doubt_says_nothing_and_is_asked_nothing(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    token = await world.visit(code)
    consents = world.broker.consents
    await consents.say_how(token, "well", OWN)
    oin, claims = world.professional("pt-anneke")
    await world.token(oin, {**claims, "phone_number": "+31600000017"})  # a professional's, as it turns out
    for doing in (consents.check_in(token), consents.say_how(token, "well", OWN)):
        with pytest.raises(NotAllowed):
            await doing
    questions = await consents.questionnaire(token, "nl")
    [asked_] = questions.questions
    shown = Shown("1", asked_.section_type, questions.text)
    await consents.choose(token, shown, {one.key: "yes" for one in asked_.recipients}, "nl")
    with pytest.raises(NotAllowed):
        await consents.confirm(token, "nl")
    assert (await read(world, handover)).status_code == 403
    assert await rows_of(world, "consent_record") == []
    assert await a_month_later(world) == 0


async def test_the_sender_is_told_once_that_the_period_ends(world: World) -> None:
    await push(world)
    sender = world.sender(BASE)

    async def told() -> list[str]:
        events = (await world.as_organisation(sender, "GET", "/v1/events")).json()["items"]
        return [event["type"] for event in events if event["type"] == "nl.rondom.consent-ends.v1"]

    world.clock.later("P11M")
    await world.broker.reminders.remind()
    assert await told() == []
    world.clock.moved += timedelta(days=20)
    for _ in range(2):
        await world.broker.reminders.remind()
    assert len(await told()) == 1


async def test_everything_that_does_not_fit_is_said_at_once(world: World) -> None:
    await world.push(JACK)
    wanted = {"every": "P1M", "people": ["nobody", "mother", "jack"]}
    address = f"/v1/handovers/{world.handovers[JACK]}/long-watch"
    answer = await world.as_organisation(world.sender(JACK), "PUT", address, wanted)
    assert answer.status_code == 400
    pointers = [error["pointer"].removeprefix("#") for error in answer.json()["errors"]]
    assert pointers == ["/people/0", "/people/2"]
    await push(world)
    for odd in ({"every": "P1D", "people": [SANDER]}, {"every": "P1M", "people": []}, {"every": "P1M"}):
        assert (await world.as_organisation(world.sender(BASE), "PUT", path(world), odd)).status_code == 400
    assert (await world.as_organisation(world.sender(BASE), "GET", path(world))).status_code == 404


async def test_an_agreement_that_gives_the_answer_to_nobody_asks_nobody(world: World) -> None:
    await world.push(BASE)
    answer = await watch(world)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:rondom:problem:nobody-may-read")


async def test_the_page_asks_with_equal_answers_and_names_the_way_out(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
    for words in (*CHOICE.values(), "0800-2000", "112"):
        assert words in page.text
    assert [address for address, _, _ in forms_of(page.text)].count("/check-in/stop") == 1
    assert "checked" not in page.text


DORDRECHT = "00000099000000130000"


async def say_to(world: World, code: str, each: dict[str, str]) -> None:
    """The same as `say`, with a choice for each reader."""
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        data = {**form_of(page.text, "/check-in"), "how": "so-so", "text": ""}
        await browser.post("/check-in", data=data)
        address = "/questions/1/recipients"
        fields = form_of((await browser.get(address)).text, address)
        page = await browser.post(address, data={**fields, **each})
        assert page.url.path == "/check", page.text
        await browser.post("/check", data=form_of(page.text, "/check"))


def with_two_readers(world: World) -> dict[str, Any]:
    body = follow_up(world)
    body["recipients"].append({"organisation": DORDRECHT, "role": "family-worker"})
    return body


async def test_exactly_those_read_it_who_were_chosen(world: World) -> None:
    code = await asked(world, with_two_readers(world))
    handover = await question(world)
    await say_to(world, code, {f"{TEAM}/family-worker": "no", f"{DORDRECHT}/family-worker": "yes"})
    assert (await read(world, handover, "wt-fatima")).status_code == 200
    assert (await read(world, handover)).status_code == 403
    seen = await world.as_professional("pt-anneke", "GET", f"/v1/handovers/{handover}")
    assert seen.status_code == 404


async def test_a_yes_of_this_time_opens_nothing_of_the_last_time_to_who_was_refused_then(world: World) -> None:
    code = await asked(world, with_two_readers(world))
    first = await question(world)
    await say_to(world, code, {f"{TEAM}/family-worker": "no", f"{DORDRECHT}/family-worker": "yes"})
    assert await a_month_later(world) == 1
    second = await question(world)
    await say(world, (await codes(world))[-1])
    for who in ("pt-anneke", "wt-fatima"):
        assert (await read(world, second, who)).status_code == 200, who
    assert (await read(world, first)).status_code == 403
    assert (await world.as_professional("pt-anneke", "GET", f"/v1/handovers/{first}")).status_code == 404


async def test_of_somebody_under_sixteen_the_parents_are_asked_too_and_not_told_what_was_said(world: World) -> None:
    body = world.body(TOM) | {"purpose": "follow-up", "kind": "end-of-support", "consentUntil": "P12M"}
    body["sections"] = body["sections"][:1]
    body["recipients"] = [{"organisation": DORDRECHT, "role": "family-worker"}]
    await world.push(TOM, body)
    address = f"/v1/handovers/{world.handovers[TOM]}/long-watch"
    answer = await world.as_organisation(world.sender(TOM), "PUT", address, {"every": "P2W", "people": ["tom"]})
    assert answer.status_code == 200, answer.text
    assert await a_month_later(world) == 1
    [one] = (await world.as_organisation(world.sender(TOM), "GET", address)).json()["people"]
    for round_ in (1, 2):  # a parent's yes is to these words as well, not to those of the next time
        if round_ == 2:
            assert await a_month_later(world) == 1
            [one] = (await world.as_organisation(world.sender(TOM), "GET", address)).json()["people"]
        await answered_by_all(world, one["handover"])


async def answered_by_all(world: World, handover: str) -> None:
    """Tom says how it goes; nothing leaves before both of his parents, who do not see what he said, say yes."""
    before = len(await world.messages("invitation"))
    path = f"/v1/handovers/{handover}/invitations"
    for parent in ("mother", "father"):  # before he said anything nobody else is asked, and nobody else can say it
        made = await world.as_organisation(world.sender(TOM), "POST", path, {"person": parent, "delivery": "paper"})
        assert (made.status_code, made.json()["type"]) == (409, "urn:rondom:problem:nothing-to-ask")
    await say(world, (await codes(world))[-1], words=OWN)
    assert (await read(world, handover, "wt-fatima")).status_code == 403
    asked_too = (await world.messages("invitation"))[before:]
    assert len(asked_too) == 2
    for message in asked_too:
        assert OWN not in message["text"]
        code = CODE.findall(message["text"])[-1]
        async with world.browser() as browser:
            page = await world.come_in(browser, code)
            assert page.url.path == "/questions/1", page.text
            assert OWN.splitlines()[0] not in page.text
            page = await browser.post("/questions/1", data={**form_of(page.text, "/questions/1"), "answer": "yes"})
            await browser.post("/check", data=form_of(page.text, "/check"))
    assert (await read(world, handover, "wt-fatima")).status_code == 200


async def test_two_codes_for_one_question_answer_it_once_and_no_words_are_lost_silently(world: World) -> None:
    first = await asked(world)
    handover = await question(world)
    invitations = f"/v1/handovers/{handover}/invitations"
    made = await world.as_organisation(world.sender(BASE), "POST", invitations, {"person": SANDER, "delivery": "paper"})
    assert made.status_code == 201, made.text
    async with world.browser() as browser:
        page = await world.come_in(browser, made.json()["code"])
        assert page.url.path == "/check-in"
        await say(world, first, words="Eerst dit.")
        data = {**form_of(page.text, "/check-in"), "how": "not-well", "text": "Toch niet."}
        page = await browser.post("/check-in", data=data)
        assert page.status_code == 409
    [section] = (await read(world, handover)).json()["released"]
    assert section["content"].endswith("Eerst dit.")


async def test_who_is_no_longer_in_the_handover_is_asked_no_more(world: World) -> None:
    body = follow_up(world)
    await world.push(BASE, body)
    assert (await watch(world, people=(SANDER, "mother"))).status_code == 200
    body["people"] = [one for one in body["people"] if one["key"] != "mother"]
    body["authorities"] = []
    answer = await world.as_organisation(
        world.sender(BASE), "POST", f"/v1/handovers/{world.handovers[BASE]}/versions", body
    )
    assert answer.status_code == 201, answer.text
    assert await a_month_later(world) == 1
    assert [one["person"] for one in (await watched(world))["people"]] == [SANDER]


async def test_for_a_sender_that_was_stopped_nobody_is_asked_and_afterwards_again(world: World) -> None:
    await push(world)
    await watch(world)
    for suspended, asks in ((True, 0), (False, 1)):
        await world.broker.partners.suspend(world.sender(BASE), suspended=suspended)
        assert await a_month_later(world) == asks


async def test_who_said_it_can_read_it_back_as_their_own_words(world: World) -> None:
    code = await asked(world)
    await say(world, code, words=OWN)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        assert page.url.path == "/mine"
        forms = [one for one in forms_of(page.text) if one[0].startswith("/mine/texts/")]
        read_back = [(await browser.post(address, data=fields)).text for address, fields, _ in forms]
    assert [OWN.splitlines()[0] in text for text in read_back].count(True) == 1
    for text in read_back:
        assert ("Dit schreef je zelf." in text) == (OWN.splitlines()[0] in text)
        assert "/correction-request" in text, "their own words can be wrong too"
