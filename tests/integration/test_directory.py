"""Who takes part, how each is reached, and what each may receive at most: the same on the page, over the API and in the agreement."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from broker.domain.decisions import PolicyQuestion
from broker.domain.parties import Oin
from broker.domain.reachability import Reachability
from broker.errors import Invalid, NotFound
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.overview import overview_of
from broker.pdp.policy_set import load_texts
from tests.promises.attacks import TOM, push
from tests.support.intruder import intruder_in
from tests.support.surface import dump, settled
from tests.support.world import World

TEAM, SCHOOL, GP = "00000099000000010000", "00000099000000020000", "00000099000000040000"
KNOWN = Reachability("https://plusteam.example/", "040 123 45 67", "ma-vr 9.00-17.00 uur", "0800 1234")
LANGUAGES = ("nl", "en", "ar", "tr", "pl", "uk", "ti")


async def reached(world: World) -> None:
    await world.broker.partners.reach(TEAM, lambda _: KNOWN)


async def receives(world: World, oin: str) -> dict[str, Any]:
    response = await world.as_organisation(SCHOOL, "GET", f"/v1/organisations/{oin}/receives")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def page(world: World, path: str = "/partners", language: str = "nl") -> httpx.Response:
    async with world.browser(language) as browser:
        return await browser.get(path)


async def test_partners_say_how_they_are_reached(world: World) -> None:
    await reached(world)
    items = (await world.as_organisation(SCHOOL, "GET", "/v1/organisations")).json()["items"]
    by_oin = {item["oin"]: item.get("reachability") for item in items}
    assert by_oin[TEAM] == {
        "website": KNOWN.website,
        "telephone": KNOWN.telephone,
        "hours": KNOWN.hours,
        "urgentTelephone": KNOWN.urgent_telephone,
    }
    assert by_oin[SCHOOL] is None
    text = (await page(world)).text
    assert text.index("tel:08001234") < text.index("tel:0401234567"), "the urgent number first"
    for said in (KNOWN.hours, KNOWN.website, "PlusTeam Geldrop-Mierlo"):
        assert said in text


async def test_a_change_keeps_all_else_and_a_key_keeps_how_one_is_reached(world: World) -> None:
    await world.broker.partners.suspend(TEAM, suspended=True)
    await reached(world)
    async with world.broker.house.storage(writing=False) as work:
        partner, jwks = await work.organisations.get(TEAM), await work.organisations.jwks(TEAM)
    assert partner is not None
    assert (partner.suspended, partner.reachability) == (True, KNOWN)
    assert jwks, "its keys stay"
    added = await world.broker.partners.add(replace(partner, reachability=Reachability(), suspended=False), jwks)
    assert (added.suspended, added.reachability) == (True, KNOWN)
    changed = await world.broker.partners.reach(TEAM, lambda known: replace(known, hours=""))
    assert changed.reachability == replace(KNOWN, hours="")
    for oin, error in (("0" * 20, NotFound), (TEAM, Invalid)):
        with pytest.raises(error):
            await world.broker.partners.reach(oin, lambda known: replace(known, website="javascript:x"))
    with pytest.raises(Invalid):
        await world.broker.partners.add(replace(partner, reachability=Reachability("x")), jwks)


def every_question(world: World, kind: str) -> Iterator[PolicyQuestion]:
    """A good part of all questions that somebody at this kind of organisation can be behind."""
    words = world.broker.house.agreement().vocabulary
    best = {"age_band": "16+", "discussed_with_family": True, "sender_basis": True, "recipient_basis": True}
    for role in words.roles:
        for purpose in words.purposes:
            for section in words.section_types:
                for sender in ("neighbourhood-team", "youth-care", kind):
                    for band in ("0-11", "12-15", "16+"):
                        yield PolicyQuestion(
                            **{
                                **best,
                                "age_band": band,
                                "sender_kind": sender,
                                "recipient_kind": kind,
                                "role": role,
                                "purpose": purpose,
                                "handover_kind": "referral",
                                "section_type": section,
                                "evidence": 30,
                                "concerns_others": False,
                            }
                        )


@pytest.mark.parametrize(("oin", "kind"), [(SCHOOL, "school"), (GP, "gp")])
async def test_nothing_is_released_beyond_what_it_says(world: World, oin: str, kind: str) -> None:
    """Against the decision function itself: what is permitted stands there; what is always given is permitted."""
    said = await receives(world, oin)
    assert (said["kind"], said["organisation"]) == (kind, oin)
    assert said["policyDigest"] == world.broker.house.agreement().digest
    listed = {
        (item["purpose"], role, one["type"]): one
        for item in said["items"]
        for role in item["roles"]
        for one in item["sections"]
    }
    decide, permitted = world.broker.house.agreement().decide, set()
    for question in every_question(world, kind):
        place = question.purpose, question.role, question.section_type
        if decide(question).permitted:
            permitted.add(place)
            assert place in listed
        elif place in listed:
            assert not listed[place]["always"], place
            assert listed[place]["onlyWith"]
    assert permitted


async def test_the_page_says_the_same_in_seven_languages_and_nothing_about_anybody(world: World) -> None:
    case = await push(world, TOM)
    await reached(world)
    house = world.broker.house
    for language in LANGUAGES:
        for path in ("/partners", "/partners/school"):
            response = await page(world, path, language)
            assert response.status_code == 200, response.text
            assert response.headers["content-language"] == language
            assert "set-cookie" not in response.headers or "rondom=" not in response.headers["set-cookie"]
            for person in case.body["people"]:
                assert person["name"] not in response.text
            assert case.handover.id not in response.text
    dutch = (await page(world, "/partners/school")).text
    for item in (await receives(world, SCHOOL))["items"]:
        for one in item["sections"]:
            assert house.agreement().vocabulary.label(one["type"]).nl in dutch
    for hidden in ("parent-health", "risk-inventory"):
        assert house.agreement().vocabulary.label(hidden).nl not in dutch, "never to a school"


async def test_who_was_stopped_is_not_there(world: World) -> None:
    await reached(world)
    await world.broker.partners.suspend(TEAM, suspended=True)
    response = await world.as_organisation(SCHOOL, "GET", f"/v1/organisations/{TEAM}/receives")
    assert response.status_code == 404
    assert KNOWN.telephone not in (await page(world)).text
    for odd in ("0" * 20, "school", "x", "%00", TEAM + "0"):
        assert (await world.as_organisation(SCHOOL, "GET", f"/v1/organisations/{odd}/receives")).status_code == 404
    for odd in ("neighbourhood-team", "nothing", TEAM, "%00"):
        if odd != "neighbourhood-team":  # another team may still take part
            assert (await page(world, f"/partners/{odd}")).status_code == 404


async def test_without_a_token_the_api_says_nothing_and_the_page_needs_none(world: World) -> None:
    assert (await world.http.get(f"/v1/organisations/{SCHOOL}/receives")).status_code == 401
    await settled(world)
    before = await dump(world)
    assert (await world.http.get("/partners")).status_code == 200
    assert await dump(world) == before


async def test_it_is_worked_out_once_for_an_agreement_and_again_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    monkeypatch.setattr(
        "broker.pdp.agreement.overview_of", lambda matrix: worked.append("x") or overview_of(matrix), raising=True
    )
    await asyncio.gather(*(page(world) for _ in range(5)))
    assert len(worked) <= 1, "however many ask at once"
    before = await receives(world, SCHOOL)
    texts = dict(world.broker.house.agreement().texts)
    texts["release.cedar"] = texts["release.cedar"].replace(
        'principal.role == Role::"general-practitioner"', 'principal.role == Role::"teacher"'
    ) + (
        '\n@id("nothing-to-school")\n@title_nl("Niets")\n@title_en("Nothing")\n@legal_basis("AVG 5")\n'
        'forbid (principal, action == Action::"read", resource)\n'
        'when { principal.organisationKind == OrganisationKind::"school" };\n'
    )
    await world.broker.agreements.enact(LoadedAgreement(load_texts(texts)))
    after = await receives(world, SCHOOL)
    assert before["items"]
    assert after["items"] == []
    assert after["policyDigest"] != before["policyDigest"]


async def test_a_number_put_into_the_database_is_shown_to_nobody(world: World, request: pytest.FixtureRequest) -> None:
    await reached(world)
    intruder = intruder_in(world, request)
    forged = json.dumps([KNOWN.website, "0900 666", KNOWN.hours, KNOWN.urgent_telephone])
    await asyncio.to_thread(intruder.change, "UPDATE organisation SET reachability = ? WHERE oin = ?", forged, TEAM)
    response = await page(world)
    assert response.status_code == 500
    assert "0900 666" not in response.text
    listed = await world.as_organisation(SCHOOL, "GET", "/v1/organisations")
    assert listed.status_code == 500
    assert Oin(TEAM) not in listed.text
