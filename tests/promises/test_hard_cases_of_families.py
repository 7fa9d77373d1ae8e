"""The hard cases about who says yes and no (1 to 5, 7, 11): what is refused is refused, what should work works.

The people act as they would, over HTTP; `docs/hard-cases.md` tells the cases, and `test_hard_cases_of_the_house.py` has the others.
"""

import asyncio
import json
import secrets
from datetime import UTC, timedelta
from typing import Any

import pytest

from broker.crypto.keyring import KeyPurpose
from broker.crypto.signatures import ed25519_holds, verify_family_receipt
from broker.errors import Tampered
from broker.transparency.verifier import verify_receipt
from tests.promises import at_home as home
from tests.promises.at_home import (
    All,
    assert_refused,
    at_home,
    begins,
    events,
    got,
    hand_over,
    last,
    looks,
    reasons,
    signers,
    stop,
    turning,
    withheld,
)
from tests.promises.attacks import ALL, JACK, TOM, in_the_order_of_commits, person
from tests.support.surface import leaks, told
from tests.support.world import World, today

SANDER, CHAYENNE = "sander-to-team", "start-of-foster-care"
SCHOOL, GP, TEAM = "00000099000000020000", "00000099000000040000", "00000099000000010000"
BOTH = {"analysis": "yes", "help-history": "yes"}
NEVER: dict[str, str] = {}
"""Says no to everything."""
FROM_16 = "vanaf 16 jaar beslist de jongere alleen"
SECOND = timedelta(seconds=1)


def aged(who: str, years: int) -> Any:
    """Somebody of so many years and a hundred days."""

    def change(body: dict[str, Any]) -> None:
        day = today() - timedelta(days=100)
        person(body, who)["birthDate"] = day.replace(year=day.year - years, day=min(day.day, 28)).isoformat()

    return change


def about(body: dict[str, Any], *types: str) -> None:
    """Keep these sections only."""
    body["sections"] = [section for section in body["sections"] if section["type"] in types]


async def test_01_divorced_parents_one_yes_one_no(world: World) -> None:
    """One yes, one no: refused; the recipient and the other parent learn nothing of who."""
    case = await hand_over(world, JACK, aged("jack", 8))
    identifier = person(case.body, "jack")["identifiers"][0]
    here = case.handover.id

    async def the_doctor_sees() -> list[All]:
        return [
            told(await world.ask(JACK, "ha-vdberg")),
            told(await world.ask(JACK, "ha-vdberg", sections=["analysis"])),
            told(await world.as_professional("ha-vdberg", "GET", f"/v1/handovers/{here}"), but=here),
            told(await world.as_professional("ha-vdberg", "GET", "/v1/handovers")),
            told(await world.as_professional("ha-vdberg", "POST", "/v1/subjects/_search", {"identifier": identifier})),
            told(await world.as_organisation(GP, "GET", "/v1/handovers?box=received")),
        ]

    nobody = await the_doctor_sees()
    assert_refused(await world.ask(JACK, "ha-vdberg"), BOTH)
    async with at_home(world, JACK, "mother", BOTH) as mother:
        hers = await looks(mother)
        assert await the_doctor_sees() == nobody, "father did not answer"
        await world.answer(JACK, "father", NEVER)
        assert (await the_doctor_sees(), await looks(mother)) == (nobody, hers), "father said no"
        answered = await signers(world, JACK)

        await world.answer(JACK, "father", {"help-history": "yes"})
        assert await looks(mother) == hers
        half = await world.ask(JACK, "ha-vdberg")
        assert (got(half), withheld(half)) == (["help-history"], {"analysis": home.NO_CONSENT}), "as far as both agree"
        await world.answer(JACK, "father", BOTH)
        assert got(await world.ask(JACK, "ha-vdberg")) == ALL[JACK]

        async with at_home(world, JACK, "father") as father:
            his, before = await looks(father), len(await world.messages())
            await world.answer(JACK, "mother", NEVER)
            assert (await the_doctor_sees(), await looks(father)) == (nobody, his), "mother said no"
            assert await signers(world, JACK) == answered, "nor does the sender learn what"
            contacts = {contact["value"] for contact in person(case.body, "father")["contacts"]}
            assert not contacts & {message["to"] for message in (await world.messages())[before:]}
            await world.answer(JACK, "mother", {"help-history": "yes"})
            again = await world.ask(JACK, "ha-vdberg")
            assert (again.json()["withheld"], got(again)) == (half.json()["withheld"], got(half)), "the other way round"
        for (_, page, _), other in ((hers, ["Mark", "mark@family.example"]), (his, ["Linh", "De Bruin"])):
            assert leaks(page, other) == [], "nobody stands on the other's page"
    assert_refused(await world.ask(JACK, "ha-vdberg", sections=["analysis"]), ["analysis"])
    stopped = [event["data"] for event in await events(world, GP) if event["type"] == "nl.rondom.stop-using.v1"]
    assert stopped
    assert {tuple(sorted(data)) for data in stopped} == {("handover", "release", "sectionTypes", "version")}


async def test_02_the_twelfth_birthday_needs_the_child_too(world: World) -> None:
    """Both parents signed when the child was 11; on the 12th birthday release stops until the child has signed too."""
    day, born = turning(12, "jack")
    contact = {"channel": "sms", "value": f"+316{secrets.randbelow(10**8):08}"}
    await hand_over(world, JACK, lambda body: person(body, "jack").update({**born, "contacts": [contact]}))
    await world.answer(JACK, "mother", BOTH)
    await world.answer(JACK, "father", BOTH)
    invitation = {"person": "jack", "delivery": "paper"}
    path = f"/v1/handovers/{world.handovers[JACK]}/invitations"
    early = await world.as_organisation(TEAM, "POST", path, invitation)
    assert (early.status_code, early.json()["type"]) == (409, "urn:rondom:problem:nothing-to-ask"), "not at 11"

    world.clock.fixed = (begins(day) - SECOND).astimezone(UTC)
    assert got(await world.ask(JACK, "ha-vdberg")) == ALL[JACK]
    assert set(await signers(world, JACK)) == {"mother", "father"}
    world.clock.fixed = begins(day).astimezone(UTC)
    assert_refused(await world.ask(JACK, "ha-vdberg"), BOTH)
    assert await signers(world, JACK) == {"mother": "answered", "father": "answered", "jack": "not-asked"}

    await world.answer(JACK, "jack", {"analysis": "yes"})
    partly = await world.ask(JACK, "ha-vdberg")
    assert (got(partly), withheld(partly)) == (["analysis"], {"help-history": home.NO_CONSENT}), (
        "a no of his own counts"
    )
    await world.answer(JACK, "jack", BOTH)
    assert got(await world.ask(JACK, "ha-vdberg")) == ALL[JACK]
    async with at_home(world, JACK, "mother") as mother:
        assert FROM_16 not in (await mother.get("/mine")).text
        await stop(mother, "analysis")
    assert got(await world.ask(JACK, "ha-vdberg")) == ["help-history"], "nor does his yes do without hers"


async def test_03_from_sixteen_the_youth_alone(world: World) -> None:
    """The youth's own signature suffices; if only the parents signed, refused until the youth signs; a parent's withdrawal after that changes nothing, is recorded and explained."""
    day, born = turning(16, "tom")
    types = ["status", "voice-of-the-child"]
    yes = dict.fromkeys(types, "yes")

    def change(body: dict[str, Any]) -> None:
        person(body, "tom").update(born)
        about(body, *types)

    await hand_over(world, TOM, change)
    own = world.handovers[TOM]
    for who, says in (("tom", yes), ("mother", yes), ("father", NEVER)):
        await world.answer(TOM, who, says)
    case = await hand_over(world, TOM, change)
    for who in ("mother", "father"):
        await world.answer(TOM, who, yes)

    async def asked(handover: str) -> Any:
        world.handovers[TOM] = handover
        return await world.ask(TOM, "ib-joris")

    world.clock.fixed = (begins(day) - SECOND).astimezone(UTC)
    assert_refused(await asked(own), types)
    assert_refused(await asked(case.handover.id), types)
    world.clock.fixed = begins(day).astimezone(UTC)
    assert got(await asked(own)) == types, "his own yes suffices, whatever father said"
    assert_refused(await asked(case.handover.id), types)
    await world.answer(TOM, "tom", yes)
    assert got(await world.ask(TOM, "ib-joris")) == types

    before = await world.ask(TOM, "ib-joris")
    async with at_home(world, TOM, "mother") as mother:
        assert FROM_16 in (await mother.get("/mine")).text
        page = await stop(mother, "status")
        for text in (page.text, (await mother.get("/mine")).text):
            assert "Je bent hiermee gestopt" in text, "recorded"
            assert FROM_16 in text, "and explained"
        for untrue in ("krijgt dit vanaf nu niet meer", "gebruik dit niet meer"):
            assert untrue not in page.text
    after = await world.ask(TOM, "ib-joris")
    assert (after.json()["released"], after.json()["withheld"]) == (before.json()["released"], [])
    logged = await last(world, "consent:withdrawn")
    assert logged.personal["signer"] == [case.people["mother"]]
    assert await events(world, SCHOOL) == [], "nobody is told to stop"

    async with at_home(world, TOM, "tom") as tom:
        page = await stop(tom, "status")
        assert "krijgt dit vanaf nu niet meer" in page.text, "his own withdrawal does count"
        assert FROM_16 not in page.text
    assert got(await world.ask(TOM, "ib-joris")) == ["voice-of-the-child"]
    assert {event["type"] for event in await events(world, SCHOOL)} == {"nl.rondom.stop-using.v1"}


async def test_04_withdrawal_and_release_at_the_same_instant(world: World) -> None:
    """The order of commits decides; never a release logged after the withdrawal it ignores."""
    await hand_over(world, SANDER)
    released: list[str | None] = []

    async def asking(after: float = 0) -> None:
        await asyncio.sleep(after)
        response = await world.ask(SANDER, "pt-anneke")
        if response.status_code == 403:
            assert_refused(response, ["education"])
        released.append(response.json()["id"] if response.status_code == 200 else None)

    async def stopping(browser: Any, form: dict[str, str], after: float = 0) -> None:
        await asyncio.sleep(after)
        page = await browser.post("/mine/stop", data=form)
        assert page.url.path.startswith("/receipt/"), page.text

    close = [(0, milliseconds / 1000) for milliseconds in (0, 2, 4, 8)]
    for together in ("ask first", "stop first", *close, *(pair[::-1] for pair in close[1:])):
        world.clock.moved += timedelta(minutes=15)  # one-time codes are sent five times an hour
        async with at_home(world, SANDER, "sander", {"education": "yes"}) as sander:
            form = await home.stop_form(sander, "education")
            match together:
                case "ask first":
                    await asking()
                    await stopping(sander, form)
                case "stop first":
                    await stopping(sander, form)
                    await asking()
                case (ask_after, stop_after):
                    await asyncio.gather(asking(ask_after), stopping(sander, form, stop_after))
        assert_refused(await world.ask(SANDER, "pt-anneke"), ["education"])
    assert (released[0] is not None, released[1]) == (True, None), "each of them came first once"

    log = await in_the_order_of_commits(world)
    withdrawn = [index for index, entry in log if entry.type == "consent:withdrawn"]
    left = {entry.facts["release"]: index for index, entry in log if entry.type == "release:permitted"}
    assert len(withdrawn) == len(released)
    assert set(left) == {release for release in released if release}, "what left is in the log, and nothing else"
    for withdrawal, release in zip(withdrawn, released, strict=True):
        assert release is None or left[release] < withdrawal
    told_to_stop = [event["data"]["release"] for event in await events(world, TEAM)]
    assert told_to_stop == [release for release in released if release], "lawful, and told to stop, once each"


async def test_05_grandparents_without_guardianship(world: World) -> None:
    """Grandparents without guardianship say yes: kept as support, never counted."""
    hers, ours = ["roles-and-tasks", "safety-plan", "timeline"], "carrying-capacity"
    grandparents = ("grandfather", "grandmother")

    def change(body: dict[str, Any]) -> None:
        about(body, *hers, ours)
        body["supporters"] = [{"supporter": one, "of": "chayenne"} for one in grandparents]

    case = await hand_over(world, CHAYENNE, change)
    yes = dict.fromkeys([*hers, ours], "yes")
    await world.answer(CHAYENNE, "chayenne", yes)
    await world.answer(CHAYENNE, "grandfather", yes)
    async with at_home(world, CHAYENNE, "grandmother", yes) as grandmother:
        mine = (await grandmother.get("/mine")).text
        assert "telt niet mee" in mine, "she is told so"
        assert FROM_16 not in mine, "with the right reason"
    answer = await world.ask(CHAYENNE, "hoop-eva")
    assert got(answer) == [ours], "they speak for themselves only"
    assert withheld(answer) == dict.fromkeys(hers, home.NO_CONSENT), "and not in the place of a mother who said nothing"
    said = [entry for entry in await world.entries() if entry.type == "consent:given"]
    kept = {(e.personal["signer"][0], e.personal["subject"][0]): e.personal["capacity"][0] for e in said}
    child = case.people["chayenne"]
    for one in (case.people[who] for who in grandparents):
        assert (kept[one, child], kept[one, one]) == ("support", "self")

    await world.answer(CHAYENNE, "mother", dict.fromkeys(hers, "yes"))
    assert got(await world.ask(CHAYENNE, "hoop-eva")) == sorted([*hers, ours])
    async with at_home(world, CHAYENNE, "grandmother") as grandmother:
        page = await stop(grandmother, "timeline")
        assert "krijgt dit vanaf nu niet meer" not in page.text
        assert got(await world.ask(CHAYENNE, "hoop-eva")) == sorted([*hers, ours]), "nor does their no stop anything"
        assert await events(world, "00000099000000120000") == []
        page = await stop(grandmother, ours)
        assert "krijgt dit vanaf nu niet meer" in page.text, "but about herself she decides"
    assert got(await world.ask(CHAYENNE, "hoop-eva")) == hers


FIVE = ("timeline", "roles-and-tasks", "analysis", "help-history", "safety-plan")
THREE = ["roles-and-tasks", "safety-plan", "timeline"]


def five_about_her(body: dict[str, Any]) -> None:
    """Chayenne at 17, with five sections about nobody but her."""
    aged("chayenne", 17)(body)
    text = {"mediaType": "text/markdown", "concerns": ["chayenne"]}
    more = [{**text, "type": t, "content": f"Dit is een verzonnen tekst van de soort {t}."} for t in FIVE[2:4]]
    body["sections"] = [section for section in body["sections"] if section["type"] in THREE] + more


async def test_07_scope_narrowed_from_five_to_three(world: World) -> None:
    """Scope narrowed from five section types to three: the next release has three; old receipts stay true."""
    await hand_over(world, CHAYENNE, five_about_her)
    page = await world.answer_on_pages(CHAYENNE, "chayenne", dict.fromkeys(FIVE, "yes"))
    first = await world.ask(CHAYENNE, "hoop-eva")
    assert got(first) == sorted(FIVE)
    async with at_home(world, CHAYENNE, "chayenne") as chayenne:
        old = (await chayenne.get(f"{page.url.path}/file")).content
    await world.answer(CHAYENNE, "chayenne", dict.fromkeys(THREE, "yes"))
    second = await world.ask(CHAYENNE, "hoop-eva")
    assert (got(second), withheld(second)) == (THREE, dict.fromkeys(sorted(FIVE[2:4]), home.NO_CONSENT))
    assert "verzonnen tekst" not in second.text
    assert got(await world.ask(CHAYENNE, "wt-fatima")) == THREE, "the same for everybody"

    async with at_home(world, CHAYENNE, "chayenne") as chayenne:
        assert (await chayenne.get(f"{page.url.path}/file")).content == old, "not a byte was changed"
    trusted = {key.kid: key.public_raw for key in world.broker.house.notary._keyring.all(KeyPurpose.RECORDS)}
    receipt = json.loads(old)["receipt"]
    assert verify_family_receipt(trusted, receipt) == 1
    middle = len(receipt) // 2
    with pytest.raises(Tampered):
        verify_family_receipt(
            trusted, receipt[:middle] + ("A" if receipt[middle] != "A" else "B") + receipt[middle + 1 :]
        )
    await world.settle()
    for release in (first, second):
        document = release.json()["receipt"]
        assert verify_receipt(document, world.broker.ledger.trusted, ed25519_holds).ok
        other = (second if release is first else first).json()["receipt"]
        assert not verify_receipt({**document, "leaf": other["leaf"]}, world.broker.ledger.trusted, ed25519_holds).ok
    status = (await world.as_professional("hoop-eva", "GET", f"/v1/releases/{first.json()['id']}")).json()
    assert (sorted(status["sections"]), sorted(status["stopUsing"])) == (sorted(FIVE), sorted(FIVE[2:4]))


async def test_11_mothers_own_health_in_the_childs_handover(world: World) -> None:
    """Mother's own health section needs mother's own yes, as herself; the rest is released without it."""
    rest = ["safety-plan", "timeline"]
    yes = dict.fromkeys([*rest, "parent-health"], "yes")
    case = await hand_over(world, CHAYENNE, lambda body: about(body, *yes))
    [health] = [section["content"] for section in case.body["sections"] if section["type"] == "parent-health"]

    await world.answer(CHAYENNE, "chayenne", yes)
    async with at_home(world, CHAYENNE, "chayenne") as chayenne:
        assert "ouder" not in (await chayenne.get("/mine")).text.lower(), "the child is not even asked about it"
    await world.answer(CHAYENNE, "mother", dict.fromkeys(rest, "yes"))
    answer = await world.ask(CHAYENNE, "hoop-eva")
    assert (got(answer), withheld(answer)) == (rest, {"parent-health": home.NO_CONSENT})
    assert health not in answer.text
    assert_refused(await world.ask(CHAYENNE, "hoop-eva", sections=["parent-health"]), ["parent-health"])

    await world.answer(CHAYENNE, "mother", yes)
    opened = await world.ask(CHAYENNE, "hoop-eva")
    assert got(opened) == ["parent-health", *rest]
    assert health in opened.text
    mother = case.people["mother"]
    said = [entry for entry in await world.entries() if entry.type == "consent:given"]
    own = [entry for entry in said if entry.personal["subject"] == [mother]]
    assert [(e.personal["signer"], e.personal["capacity"], e.personal["types"]) for e in own] == [
        ([mother], ["self"], ['["parent-health"]'])
    ]
    [decided] = [one for one in reasons(await last(world, "release:permitted")) if one["type"] == "parent-health"]
    assert [(who["person"], who["signer"]) for who in decided["signers"]] == [(mother, mother)], (
        "it rests on nobody else"
    )
    assert got(await world.ask(CHAYENNE, "wt-fatima")) == rest, "and goes to nobody to whom it is not agreed"

    async with at_home(world, CHAYENNE, "mother") as herself:
        await stop(herself, "parent-health")
    assert got(await world.ask(CHAYENNE, "hoop-eva")) == rest
