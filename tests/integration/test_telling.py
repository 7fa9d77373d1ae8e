"""Messages about what was read and what is to come: through the whole broker, on both databases, to files."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from broker.cli.visitor import forms_of
from broker.domain.calendar import birthday, local_day
from broker.domain.consents import Stance
from broker.domain.parties import PersonId
from broker.domain.reminders import BEFORE_A_BIRTHDAY, BEFORE_THE_END
from broker.domain.stores import Unforeseen
from broker.services.reminders import PAGE, Reminders
from broker.storage import tables as t
from broker.storage.together.batches import Together
from tests.promises import attacks
from tests.promises.attacks import JACK, TOM, Case, person
from tests.support.statements import statements
from tests.support.surface import rows_of
from tests.support.world import World

TOMS, MOTHERS, FATHERS = "+31600000013", "+31600000011", "mark@family.example"
DUTCH = "Iemand heeft iets gelezen waarover jij ja zei. Kijk wie op http://localhost:8080 met je code."
ENGLISH = "Somebody read something that you said yes to. See who at http://localhost:8080 with your code."
ENDS, BIRTHDAY = "consent-ends", "birthday-soon"
push = partial(attacks.push, own_contacts=True)


@pytest.fixture
async def case(world: World) -> Case:
    """Tom of 13; everybody said yes."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    return case


async def to(world: World, kind: str) -> list[str]:
    """Who got messages of a kind, sorted."""
    return sorted(message["to"] for message in await world.messages(kind))


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def aged(key: str, birth: date) -> Callable[[dict[str, Any]], None]:
    """Change a birth date in a body."""

    def change(body: dict[str, Any]) -> None:
        person(body, key)["birthDate"] = birth.isoformat()

    return change


# --- at each disclosure ---------------------------------------------------------------------------


async def test_each_disclosure_is_told_once_to_each_in_their_own_language_at_their_first_contact(
    world: World, case: Case
) -> None:
    assert len(await case.gets()) == 3
    told = {message["to"]: (message["text"], message["language"]) for message in await world.messages("was-read")}
    assert told == {TOMS: (DUTCH, "nl"), MOTHERS: (ENGLISH, "en"), FATHERS: (DUTCH, "nl")}
    assert len(await world.messages("was-read")) == 3
    await case.gets(sections=["status"])
    assert Counter(await to(world, "was-read")) == dict.fromkeys((TOMS, MOTHERS, FATHERS), 2)


async def test_a_refusal_tells_nobody(world: World, case: Case) -> None:
    await case.says("tom", "tom", Stance.WITHDRAWN)
    assert await case.gets() == []
    assert await case.gets("nov-sara") == []
    assert await case.gets(purpose="health-care") == []
    assert await world.messages("was-read") == []


async def test_a_child_under_twelve_is_not_told(world: World) -> None:
    def reachable(body: dict[str, Any]) -> None:
        person(body, "jack")["contacts"] = [{"channel": "sms", "value": "+31600000009"}]

    case = await push(world, JACK, reachable)
    await case.everybody_says_yes()
    assert await case.gets() != []
    assert await to(world, "was-read") == [MOTHERS, FATHERS]


async def test_who_sixteen_decides_alone_hears_alone(world: World) -> None:
    await world.push("sander-to-team")
    await world.everybody_says_yes("sander-to-team")
    assert await world.gets("sander-to-team", "pt-anneke") == ["education"]
    assert await to(world, "was-read") == ["+31600000017"]


async def test_a_shielded_father_hears_nothing_of_what_is_shielded_from_him(world: World) -> None:
    """Tom of 16 decides alone; his father, who signs for himself in another section, sees nothing of the plan."""

    def shield(body: dict[str, Any]) -> None:
        aged("tom", birthday(local_day(world.clock()), -17))(body)
        for section in body["sections"]:
            section["concerns"] = ["father"] if section["type"] == "status" else ["tom"]
            if section["type"] != "status":
                section["shieldedFrom"] = ["father"]

    case = await push(world, TOM, shield)
    await case.says("tom", "tom")
    await case.says("father", "tom")  # counts for nothing
    await case.says("father", "father")
    assert await case.gets(sections=["safety-plan"]) == ["safety-plan"]
    assert await to(world, "was-read") == [TOMS]
    assert await case.gets(sections=["status"]) == ["status"]
    assert await to(world, "was-read") == [TOMS, FATHERS]


async def test_whom_nobody_can_reach_gets_none_and_it_leaves_all_the_same(world: World) -> None:
    def unreachable(body: dict[str, Any]) -> None:
        person(body, "father")["contacts"] = []

    case = await push(world, TOM, unreachable)
    await case.everybody_says_yes()
    assert await case.gets() != []
    assert await to(world, "was-read") == [MOTHERS, TOMS]


async def test_it_goes_to_what_the_sender_last_stated(world: World, case: Case) -> None:
    body = {**case.body, "reference": "again"}
    person(body, "mother")["contacts"] = [
        {"channel": "email", "value": "new@family.example"},
        {"channel": "sms", "value": MOTHERS},
    ]
    world.clock.later("P1D")
    response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert response.status_code == 201
    await case.gets()
    async with world.broker.house.storage(writing=False) as work:
        _, contacts = await work.persons.claims(case.people["mother"], case.handover.sender)
    assert await to(world, "was-read") == sorted([TOMS, contacts[0].value, FATHERS])
    assert len(contacts) == 2


async def test_one_look_finds_what_one_by_one_finds(world: World, case: Case) -> None:
    """Also after another sender and another day; and nobody whom this sender does not know."""
    await push(world, JACK)
    world.clock.later("P1D")
    await push(world, "start-of-foster-care")
    async with world.broker.house.storage(writing=False) as work:
        everybody = [PersonId(row[0]) for row in await rows_of(world, "person")]
        for sender in {world.sender(name) for name in (TOM, "start-of-foster-care")}:
            reach = await work.persons.reach(everybody, sender)  # type: ignore[arg-type]
            for one in everybody:
                claim, contacts = await work.persons.claims(one, sender)  # type: ignore[arg-type]
                assert (one in reach) == bool(contacts)
                if claim and contacts:
                    assert (reach[one].contact, reach[one].language) == (contacts[0], claim.language)
        assert await work.persons.reach((), case.handover.sender) == {}


async def test_telling_takes_a_bounded_number_of_statements(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are to tell, of a release that is done alone: as many for one person as for four."""

    async def nobody_else(*_: object) -> None:
        raise Unforeseen

    monkeypatch.setattr(Together, "board", nobody_else)
    counts = []
    await world.push("sander-to-team")
    await world.everybody_says_yes("sander-to-team")
    tom = await push(world, TOM)
    await tom.everybody_says_yes()
    tables = ("FROM mute", "JOIN contact", "INSERT INTO outbox")
    for ask in (world.gets("sander-to-team", "pt-anneke"), tom.gets()):
        with statements(world, lambda said: any(table in said for table in tables)) as seen:
            assert await ask
        counts.append(len(seen))
    assert counts == [3, 3]


# --- turned off -----------------------------------------------------------------------------------


async def choose(world: World, code: str, wanted: str) -> Any:
    """Press Yes or No under Messages, as the person does."""
    async with world.browser() as browser:
        await world.come_in(browser, code)
        page = await browser.get("/mine")
        address, fields, buttons = next(f for f in forms_of(page.text) if f[0] == "/mine/messages")
        assert buttons == [("messages", "yes"), ("messages", "no")]
        return await browser.post(address, data={**fields, "messages": wanted})


async def test_who_turned_messages_off_gets_none_until_they_are_on_again(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    code = world.codes[TOM, "mother"]
    before = len(await world.entries())
    page = await choose(world, code, "no")
    assert page.url.path == "/mine"
    assert "Nu staat het op: nee." in page.text
    await choose(world, code, "no")  # so it was
    assert len(await world.gets(TOM, "ib-joris")) == 3
    assert await to(world, "was-read") == [TOMS, FATHERS]
    assert "Nu staat het op: ja." in (await choose(world, code, "yes")).text
    await world.gets(TOM, "ib-joris")
    assert (await to(world, "was-read")).count(MOTHERS) == 1
    changes = [entry for entry in await world.entries() if entry.type == "messages:changed"]
    assert [entry.personal["messages"] for entry in changes] == [["on"], ["off"]]
    assert len(await world.entries()) == before + 2 + 2


async def test_it_is_turned_off_for_one_sender_only(world: World) -> None:
    for name in (TOM, "sander-to-team"):
        await world.push(name)
        await world.everybody_says_yes(name)
    await choose(world, world.codes["sander-to-team", "sander"], "no")
    assert await world.gets("sander-to-team", "pt-anneke")
    assert await world.gets(TOM, "ib-joris")
    assert await to(world, "was-read") == [MOTHERS, TOMS, FATHERS]
    [muted] = await rows_of(world, "mute")
    assert muted.sender == world.sender("sander-to-team")


async def test_messages_about_ones_own_answer_and_codes_always_come(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", {"status": "yes"})
    await choose(world, world.codes[TOM, "mother"], "no")
    kept = len(await world.messages("answer-kept"))
    await world.withdraw(TOM, "mother", ["status"])
    assert len(await world.messages("answer-kept")) == kept + 2  # both of her contacts
    texts = [message["text"] for message in await world.messages()]
    assert all("gestopt" not in text and "stopped" not in text for text in texts)  # never what somebody said


async def test_only_a_verified_visit_with_its_own_secret_changes_it(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", {"status": "yes"})
    async with world.browser() as browser:
        await browser.post("/code", data={"code": world.codes[TOM, "mother"]})
        page = await browser.post("/mine/messages", data={"messages": "no"})
        assert page.url.path == "/contact"
        await world.come_in(browser, world.codes[TOM, "mother"])
        for fields in ({"messages": "no"}, {"messages": "no", "csrf": "x"}):
            assert (await browser.post("/mine/messages", data=fields)).status_code == 403
    assert await rows_of(world, "mute") == []


# --- before a yes ends ----------------------------------------------------------------------------


async def test_a_yes_that_ends_is_told_once_from_fourteen_days_before(world: World, case: Case) -> None:
    ends = case.handover.consent_until
    reminders = world.broker.reminders
    for left, sent in ((BEFORE_THE_END.days + 1, 0), (BEFORE_THE_END.days, 3), (13, 0), (0, 0)):
        world.clock.fixed = at(ends - timedelta(days=left))
        assert await reminders.remind() == sent, left
    assert await to(world, ENDS) == [MOTHERS, TOMS, FATHERS]
    text = next(m["text"] for m in await world.messages(ENDS) if m["to"] == TOMS)
    assert text == (
        "Over een tijdje stopt een ja dat jij gaf. Wil je dat het doorgaat? Vraag dan een nieuwe code aan degene van "
        "wie je de code kreeg. Doe je niets, dan stopt het vanzelf."
    )


async def test_after_weeks_in_which_nothing_ran_it_is_still_told_and_after_its_end_not(world: World) -> None:
    first = await push(world, TOM)
    await first.everybody_says_yes()
    world.clock.fixed = at(first.handover.consent_until)
    assert await world.broker.reminders.remind() == 3
    world.clock.fixed = None
    second = await push(world, TOM)
    await second.everybody_says_yes()
    world.clock.fixed = at(second.handover.consent_until + timedelta(days=1))
    assert await world.broker.reminders.remind() == 0


async def test_reminders_come_to_who_turned_messages_off_too(world: World, case: Case) -> None:
    async with world.broker.house.storage() as work:
        await work.mutes.change(case.people["mother"], case.handover.sender, world.clock(), muted=True)
        await work.commit()
    await case.gets()
    assert MOTHERS not in await to(world, "was-read")
    world.clock.fixed = at(case.handover.consent_until)
    await world.broker.reminders.remind()
    assert MOTHERS in await to(world, ENDS)


async def test_who_stopped_and_what_was_withdrawn_is_not_told(world: World, case: Case) -> None:
    await case.says("mother", "tom", Stance.WITHDRAWN)
    world.clock.fixed = at(case.handover.consent_until)
    assert await world.broker.reminders.remind() == 2
    other = await push(world, JACK)
    await other.everybody_says_yes()
    path = f"/v1/handovers/{other.handover.id}"
    assert (await world.as_organisation(world.sender(JACK), "DELETE", path)).status_code == 204
    world.clock.fixed = at(other.handover.consent_until)
    await world.broker.reminders.remind()
    assert len(await to(world, ENDS)) == 2


async def test_who_gets_a_contact_later_is_told_then(world: World) -> None:
    def unreachable(body: dict[str, Any]) -> None:
        person(body, "father")["contacts"] = []

    case = await push(world, TOM, unreachable)
    await case.everybody_says_yes()
    world.clock.fixed = at(case.handover.consent_until - timedelta(days=5))
    assert await world.broker.reminders.remind() == 2
    body = {**case.body, "reference": "with a contact"}
    person(body, "father")["contacts"] = [{"channel": "email", "value": FATHERS}]
    response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert response.status_code == 201
    assert await world.broker.reminders.remind() == 1
    assert await to(world, ENDS) == [MOTHERS, TOMS, FATHERS]


# --- before a birthday ----------------------------------------------------------------------------


async def test_before_the_sixteenth_birthday_the_young_person_and_the_parents_hear(world: World) -> None:
    day = local_day(world.clock()) + timedelta(days=100)
    case = await push(world, TOM, aged("tom", birthday(day, -16)))
    await case.everybody_says_yes()
    for left, sent in ((BEFORE_A_BIRTHDAY.days + 1, 0), (BEFORE_A_BIRTHDAY.days, 3), (1, 0), (0, 0)):
        world.clock.fixed = at(day - timedelta(days=left))
        assert await world.broker.reminders.remind() == sent, left
    texts = {message["to"]: message["text"] for message in await world.messages(BIRTHDAY)}
    assert texts[TOMS].startswith("Straks word je 16. Dan beslis jij alleen")
    assert texts[FATHERS].startswith("Straks is je kind 16. Dan beslist je kind alleen")
    assert texts[MOTHERS].startswith("Soon your child is 16.")


async def test_before_the_twelfth_birthday_only_the_parents_hear(world: World) -> None:
    day = local_day(world.clock()) + timedelta(days=40)

    def soon(body: dict[str, Any]) -> None:
        aged("jack", birthday(day, -12))(body)
        person(body, "jack")["contacts"] = [{"channel": "sms", "value": "+31600000009"}]

    case = await push(world, JACK, soon)
    await case.everybody_says_yes()
    world.clock.fixed = at(day - timedelta(days=3))
    assert await world.broker.reminders.remind() == 2
    assert await to(world, BIRTHDAY) == [MOTHERS, FATHERS]


async def test_two_handovers_of_one_sender_make_one_birthday(world: World) -> None:
    day = local_day(world.clock()) + timedelta(days=10)
    case = await push(world, TOM, aged("tom", birthday(day, -16)))
    await case.everybody_says_yes()
    again = await world.as_organisation(
        world.sender(TOM), "POST", "/v1/handovers", {**case.body, "reference": "a second"}
    )
    assert again.status_code == 201
    assert await world.broker.reminders.remind() == 3
    assert await world.broker.reminders.remind() == 0


# --- several brokers, many families, damage -------------------------------------------------------


async def test_of_two_brokers_one_does_the_round_of_an_hour(world: World, case: Case) -> None:
    world.clock.fixed = at(case.handover.consent_until)
    second = Reminders(world.broker.house)
    assert sorted(await asyncio.gather(world.broker.reminders.round(), second.round())) == [0, 3]
    world.clock.fixed += timedelta(minutes=59)
    assert await second.round() == 0
    assert len(await to(world, ENDS)) == 3


async def test_two_rounds_at_once_send_each_reminder_once(world: World, case: Case) -> None:
    """As when a round takes longer than its hour."""
    world.clock.fixed = at(case.handover.consent_until)
    rounds = [Reminders(world.broker.house).remind() for _ in range(4)]
    assert sum(await asyncio.gather(*rounds)) == 3
    assert len(await to(world, ENDS)) == 3


async def test_a_round_that_broke_off_loses_nothing(world: World, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    world.clock.fixed = at(case.handover.consent_until)

    async def fails(*_: object) -> None:
        raise RuntimeError("x")

    with monkeypatch.context() as patch:
        patch.setattr("broker.storage.outbox.Outbox.add_all", fails)
        with pytest.raises(RuntimeError):
            await world.broker.reminders.round()
    world.clock.fixed += timedelta(hours=1)
    assert await world.broker.reminders.round() == 3


async def test_a_round_that_came_to_its_end_is_enough_for_the_day(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, asked = at(case.handover.consent_until), list[datetime]()

    async def remind(_: Reminders) -> int:
        asked.append(world.clock())
        return 0

    monkeypatch.setattr(Reminders, "remind", remind)
    for hours in (0, 1, 2, 24, 25):
        world.clock.fixed = began + timedelta(hours=hours)
        await world.broker.reminders.round()
    assert asked == [began, began + timedelta(hours=24)]


async def test_more_handovers_than_a_page_holds_are_all_reminded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.services.reminders.PAGE", 2)
    assert PAGE > 2
    cases = [await push(world, JACK) for _ in range(5)]
    for case in cases:
        await case.everybody_says_yes()
    world.clock.fixed = at(cases[0].handover.consent_until)
    assert await world.broker.reminders.remind() == 10
    assert await world.broker.reminders.remind() == 0


async def damage(world: World, table: sa.Table, where: sa.ColumnElement[bool], **values: Any) -> None:
    async with world.broker.database.engine.begin() as connection:
        assert (await connection.execute(sa.update(table).where(where).values(**values))).rowcount


@pytest.mark.parametrize("what", ["facts", "contact", "basis"])
async def test_damage_in_one_persons_data_is_an_alarm_and_stops_nobody_else(world: World, what: str) -> None:
    broken, whole = await push(world, JACK), await push(world, TOM)
    for case in (broken, whole):
        await case.everybody_says_yes()
    if what == "facts":
        await damage(world, t.person_claim, t.person_claim.c.person == broken.people["jack"], facts_sealed=b"x")
    elif what == "contact":
        await damage(world, t.contact, t.contact.c.person == broken.people["mother"], value_sealed=b"x")
    else:
        await damage(world, t.handover, t.handover.c.id == broken.handover.id, basis_sealed=b"x")
    world.clock.fixed = at(broken.handover.consent_until)
    with capture_logs() as logs:
        sent = await world.broker.reminders.remind()
    alarms = [line for line in logs if line["event"] == "reminders:damaged"]
    assert (sent, len(alarms)) == {"facts": (0, 1), "contact": (1, 1), "basis": (2, 1)}[what]
    world.clock.fixed = at(whole.handover.consent_until)
    with capture_logs() as more:
        assert await world.broker.reminders.remind() == 3
    assert all(set(line) <= {"event", "code", "log_level"} for line in alarms + more if "reminders" in line["event"])
    assert not any(who in json.dumps(logs + more, default=str) for who in whole.people.values())


async def test_the_background_task_does_rounds(world: World, case: Case) -> None:
    world.clock.fixed = at(case.handover.consent_until)
    task = asyncio.create_task(Reminders(world.broker.house).run())
    for _ in range(500):
        if len(await world.messages(ENDS)) == 3:
            break
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await world.messages(ENDS)) == 3
