"""A text that was written together, and who agrees with it: from professionals and families to whoever reads it next."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from broker.client import ClientSealingKey
from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import SIGN_OFF_TYPE, verify_statement
from broker.domain.sign_offs import MOST, sign_off_from
from tests.integration.test_corrections import correct
from tests.integration.test_storage_together import assert_same
from tests.promises.at_home import hand_over
from tests.promises.attacks import JACK, Case, in_the_order_of_commits, registered
from tests.support.agreeing import agree, choose, read, said, say, signed, ways
from tests.support.surface import NO_SUCH_ID, rows_of
from tests.support.world import World

GP = "ha-vdberg"
ANALYSIS = "analysis"
OTHERWISE = "Volgens mij begon het pas na de verhuizing."
HIS_WORDS = "Jack slaapt bij mij wel goed."
FATHER = {"by": "family", "capacity": "parental"}


async def pushed(world: World) -> tuple[Case, dict[str, Any]]:
    """Jack's handover to the family doctor, open; and what the doctor got."""
    case = await hand_over(world, JACK)
    await case.everybody_says_yes()
    return case, await released(case)


async def released(case: Case) -> dict[str, Any]:
    response = await case.ask()
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def doctor(case: Case) -> dict[str, Any]:
    oin, claims = case.world.professional(GP)
    return {"by": "organisation", "organisation": oin, "role": claims["role"]}


async def test_each_party_says_it_of_one_version_and_everybody_who_reads_hears_it(world: World) -> None:
    case, release = await pushed(world)
    found = signed(release, ANALYSIS)
    assert (found["version"], found["said"]) == (1, [])
    assert all("signOff" not in one for one in release["released"] if one["type"] != ANALYSIS)
    answer = await say(world, GP, release["id"], found["digest"])
    assert answer.status_code == 201, answer.text
    page = await agree(world, JACK, "father", HIS_WORDS)
    assert page.url.path.startswith("/mine/sign-offs/"), page.text
    assert HIS_WORDS in page.text
    assert "Jij ziet het anders" in page.text
    await agree(world, JACK, "mother")
    told = signed(await released(case), ANALYSIS)
    assert told["digest"] == found["digest"]
    assert said(told) == [
        {**doctor(case), "agrees": True, "version": 1, "current": True},
        {**FATHER, "agrees": False, "text": HIS_WORDS, "version": 1, "current": True},
        {**FATHER, "agrees": True, "version": 1, "current": True},
    ]
    assert HIS_WORDS not in (await agree(world, JACK, "mother")).text, "one parent never learns the other's answer"
    [listed] = (await read(world, JACK)).json()["items"]
    assert (listed["type"], listed["signOff"]["digest"], said(listed["signOff"])) == (
        ANALYSIS,
        found["digest"],
        said(told),
    )


async def test_a_new_version_needs_new_words_and_the_old_ones_stay_as_of_then(world: World) -> None:
    case, release = await pushed(world)
    old = signed(release, ANALYSIS)["digest"]
    await say(world, GP, release["id"], old, OTHERWISE)
    await agree(world, JACK, "mother")
    sections = [{**one, "content": "Opnieuw samen opgeschreven."} if one["type"] == ANALYSIS else one for one in case.body["sections"]]  # fmt: skip
    assert (await correct(case, sections=sections)).status_code == 201
    again = await released(case)
    now = signed(again, ANALYSIS)
    assert now["version"] == 2
    assert now["digest"] != old
    before = [
        {**doctor(case), "agrees": False, "text": OTHERWISE, "version": 1, "current": False},
        {**FATHER, "agrees": True, "version": 1, "current": False},
    ]
    assert said(now) == before
    for digest, of in ((old, release), (old, again), (now["digest"], release)):
        late = await say(world, GP, of["id"], digest)
        assert (late.status_code, late.json()["type"]) == (409, "urn:rondom:problem:another-version")
    assert said(signed(await released(case), ANALYSIS)) == before
    assert (await say(world, GP, again["id"], now["digest"])).status_code == 201
    assert said(signed(await released(case), ANALYSIS)) == [
        *before,
        {**doctor(case), "agrees": True, "version": 2, "current": True},
    ]
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        mine = (await browser.get("/mine")).text
        [address] = ways(mine)
        assert "Je hebt van deze versie nog niets gezegd." in mine
        page = (await browser.get(address)).text
        assert "Wat je eerder zei" in page
        assert OTHERWISE not in page, "what an organisation wrote leaves with the section alone"


async def test_the_last_word_of_a_party_counts_and_no_word_of_before_is_overwritten(world: World) -> None:
    case, release = await pushed(world)
    digest = signed(release, ANALYSIS)["digest"]
    first = (await say(world, GP, release["id"], digest)).json()
    assert (await say(world, GP, release["id"], digest)).json()["id"] == first["id"]
    assert len(await rows_of(world, "sign_off")) == 1
    other = (await say(world, GP, release["id"], digest, OTHERWISE)).json()
    assert other["id"] != first["id"]
    assert [one["agrees"] for one in said(signed(await released(case), ANALYSIS))] == [False]
    assert (await say(world, GP, release["id"], digest)).json()["id"] not in (first["id"], other["id"])
    assert [one["agrees"] for one in said(signed(await released(case), ANALYSIS))] == [True]
    kept = await rows_of(world, "sign_off")
    assert len(kept) == 3


async def test_what_goes_along_with_every_release_is_bounded(world: World) -> None:
    case, release = await pushed(world)
    digest = signed(release, ANALYSIS)["digest"]
    for number in range(MOST):
        answer = await say(world, GP, release["id"], digest, OTHERWISE if number % 2 else None)
        assert answer.status_code == 201, answer.text
    again = await say(world, GP, release["id"], digest, OTHERWISE)
    assert again.status_code == 201, "the same again is not said once more"
    refused = await say(world, GP, release["id"], digest)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rondom:problem:too-many-sign-offs")
    assert len(await rows_of(world, "sign_off")) == MOST
    await agree(world, JACK, "mother")
    assert [one["agrees"] for one in said(signed(await released(case), ANALYSIS))] == [False, True], "of each by itself"


async def test_a_request_sent_again_is_done_once_also_after_another_word(world: World) -> None:
    case, release = await pushed(world)
    path, key = f"/v1/releases/{release['id']}/sign-offs", {"Idempotency-Key": "again-1"}
    body = {"digest": signed(release, ANALYSIS)["digest"], "agrees": True}
    first = await world.as_professional(GP, "POST", path, body, headers=key)
    await say(world, GP, release["id"], body["digest"], OTHERWISE)
    again = await world.as_professional(GP, "POST", path, body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert [one["agrees"] for one in said(signed(await released(case), ANALYSIS))] == [False], "the last word stands"
    other = await world.as_professional(GP, "POST", path, {**body, "agrees": False, "text": "x"}, headers=key)
    assert other.status_code == 422


async def test_what_was_said_is_signed_and_logged_without_its_words(world: World) -> None:
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    release = (await world.ask(JACK, GP)).json()
    digest = signed(release, ANALYSIS)["digest"]
    kept = (await say(world, GP, release["id"], digest, OTHERWISE)).json()
    keys = world.broker.house.notary.public_keys()
    statement = sign_off_from(verify_statement(keys, SIGN_OFF_TYPE, kept["statement"]))
    assert (statement.digest, statement.agrees, statement.text) == (digest, False, OTHERWISE)
    await agree(world, JACK, "father", HIS_WORDS)
    await world.ask(JACK, GP)
    await read(world, JACK)
    lines = [entry for _, entry in await in_the_order_of_commits(world)]
    by_doctor, by_father = [one for one in lines if one.type == "signoff:said"]
    assert by_doctor.personal["agrees"] == by_father.personal["agrees"] == ["no"]
    assert by_doctor.personal["digest"] == [digest]
    assert by_doctor.organisation == world.professional(GP)[0]
    assert by_father.personal["capacity"] == ["parental"]
    assert by_father.personal["signer"] != by_doctor.personal["professional"]
    last = [one for one in lines if one.type == "release:permitted"][-1]
    [analysis] = [one for one in json.loads(last.personal["decision"][0]) if one["type"] == ANALYSIS]
    assert analysis["signOffs"] == [kept["id"], by_father.personal["signOff"][0]]
    [looked] = [one for one in lines if one.type == "signoff:read"]
    assert looked.personal["signOffs"] == [json.dumps(analysis["signOffs"])]
    for words in (OTHERWISE, HIS_WORDS):
        assert words not in str(lines)
    report = await world.broker.replay.run()
    assert (report.findings, report.intact) == ([], True)


async def test_the_same_together_as_alone(world: World) -> None:
    case, release = await pushed(world)
    await say(world, GP, release["id"], signed(release, ANALYSIS)["digest"], OTHERWISE)
    assert [one.text for one in (await assert_same(case))["sign-offs"]] == [OTHERWISE]
    house = world.broker.house
    async with house.storage(writing=False) as work:
        every = await work.sign_offs.of_handover(case.handover.id)
        [section] = [one for one in case.handover.sections if one.type == ANALYSIS]
        boxes = await work.handovers.sealed([section])
    assert [one.text for one in every] == [OTHERWISE]
    assert every[0].digest == hashlib.sha256(boxes[section.id].ciphertext).hexdigest()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"agrees": False}, ["/text"]),
        ({"agrees": False, "text": "  "}, ["/text"]),
        ({"agrees": True, "text": "Ja, maar"}, ["/text"]),
        ({"agrees": False, "text": "x" * 2001}, ["/text"]),
        ({"agrees": False, "text": "a\x00b"}, ["/text"]),
        ({"agrees": "yes", "digest": "ABC", "more": 1}, ["/agrees", "/digest", "/more"]),
        ({"agrees": None}, ["/agrees"]),
    ],
)
async def test_what_does_not_fit_is_refused_with_every_fault(
    world: World, body: dict[str, Any], pointers: list[str]
) -> None:
    _, release = await pushed(world)
    digest = signed(release, ANALYSIS)["digest"]
    path = f"/v1/releases/{release['id']}/sign-offs"
    response = await world.as_professional(GP, "POST", path, {"digest": digest, **body})
    assert response.status_code in (400, 422), response.text
    assert sorted(fault["pointer"] for fault in response.json()["errors"]) == pointers
    assert await rows_of(world, "sign_off") == []


async def test_a_type_that_nobody_signs_off_is_no_choice(world: World) -> None:
    case, release = await pushed(world)
    async with world.broker.house.storage(writing=False) as work:
        [other] = [one for one in case.handover.sections if one.type == "help-history"]
        box = (await work.handovers.sealed([other]))[other.id]
    response = await say(world, GP, release["id"], hashlib.sha256(box.ciphertext).hexdigest())
    assert (response.status_code, [f["pointer"] for f in response.json()["errors"]]) == (400, ["/digest"])
    types = (await world.as_professional(GP, "GET", "/v1/vocabulary")).json()["sectionTypes"]
    assert {one["id"] for one in types if one["signedOff"]} == {"analysis", "strengths", "carrying-capacity"}


async def test_both_choices_are_alike_and_who_differs_may_write(world: World) -> None:
    await pushed(world)
    await world.invite(JACK, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        [address] = ways((await browser.get("/mine")).text)
        page = await choose(browser, address, "differently", "   ")
        assert page.status_code == 400
        assert "Schrijf eerst iets op." in page.text
        page = await choose(browser, address, "differently", OTHERWISE)
        assert (page.url.path, OTHERWISE in page.text) == (address, True)
        page = await choose(browser, address, "agree")
        assert "Je bent het ermee eens" in page.text
        assert OTHERWISE in page.text, "what was said before stays, as what was said before"
        page = await choose(browser, address, "whatever")
        assert page.status_code == 400
    assert len(await rows_of(world, "sign_off")) == 2


async def test_who_gets_it_sealed_works_the_digest_out_and_agrees_with_that(world: World) -> None:
    case = await hand_over(world, JACK)
    await case.everybody_says_yes()
    oin, _ = world.professional(GP)
    await registered(world, oin, ClientSealingKey.new())
    release = await released(case)
    [section] = [one for one in release["released"] if one["type"] == ANALYSIS]
    ciphertext = from_b64url(section["sealed"]["ciphertext"])
    assert hashlib.sha256(ciphertext).hexdigest() == section["signOff"]["digest"]
    assert (await say(world, GP, release["id"], section["signOff"]["digest"], OTHERWISE)).status_code == 201
    assert [one["text"] for one in signed(await released(case), ANALYSIS)["said"]] == [OTHERWISE]


def gone(response: httpx.Response) -> bool:
    return response.status_code == 404


async def test_what_was_said_goes_with_the_contents(world: World) -> None:
    case, release = await pushed(world)
    digest = signed(release, ANALYSIS)["digest"]
    await say(world, GP, release["id"], digest, OTHERWISE)
    await agree(world, JACK, "mother")
    path = f"/v1/handovers/{case.handover.id}"
    assert (await world.as_organisation(world.sender(JACK), "DELETE", path)).status_code == 204
    assert await rows_of(world, "sign_off") == []
    refused = await say(world, GP, release["id"], digest)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rondom:problem:sign-off-not-open")
    assert (await read(world, JACK)).json() == {"items": []}
    assert gone(await say(world, GP, NO_SUCH_ID, digest))
