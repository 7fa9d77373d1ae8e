"""A push that is only tried: the same checks, an answer that comes true, not one row changed, and nothing of anybody else in it."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from broker.domain.calendar import local_day
from tests.promises.attacks import ALL, JACK, READER, TOM, push
from tests.support.officers import officer_browser
from tests.support.surface import dump
from tests.support.world import World

HANDOVERS = (TOM, JACK, "sander-to-team", "start-of-foster-care")
DRY = "/v1/handovers?dryRun=true"
SCHOOL, CLINIC = "00000099000000020000", "00000099000000030000"
Body = dict[str, Any]


async def tried(world: World, name: str, body: Body | None = None) -> httpx.Response:
    return await world.as_organisation(world.sender(name), "POST", DRY, body or world.body(name))


async def plan(world: World, name: str, body: Body | None = None) -> Body:
    response = await tried(world, name, body)
    assert response.status_code == 200, response.text
    found: Body = response.json()
    return found


def codes(missing: list[Mapping[str, str]]) -> list[str]:
    assert all(one["detail"].endswith(".") for one in missing)
    return [one["code"] for one in missing]


# --- it comes true ------------------------------------------------------------------------------------


async def test_who_would_be_asked_is_who_is_asked(world: World) -> None:
    for name in HANDOVERS:
        foreseen = await plan(world, name)
        body = world.body(name)
        pushed = await world.as_organisation(world.sender(name), "POST", "/v1/handovers", body)
        signers = pushed.json()["signers"]
        assert [(one["person"], one["support"], not one["missing"]) for one in foreseen["asked"]] == [
            (one["person"], one["support"], one["canBeReached"]) for one in signers
        ], name
        assert [one["type"] for one in foreseen["sections"]] == [one["type"] for one in body["sections"]]
        assert [one["concerns"] for one in foreseen["sections"]] == [sorted(s["concerns"]) for s in body["sections"]]


@pytest.mark.parametrize("name", [TOM, JACK])
async def test_who_could_read_is_who_reads_once_everybody_said_yes(world: World, name: str) -> None:
    foreseen = await plan(world, name)
    [reader] = world.body(name)["recipients"]
    could = []
    for section in foreseen["sections"]:
        [one] = section["readers"]
        assert {part: one[part] for part in ("organisation", "role")} == reader
        assert codes(one["missing"]) == ([] if one["couldRead"] else ["not-in-agreement"])
        assert codes(section["missing"]) == ([] if one["couldRead"] else ["nobody-may-read"])
        could += [section["type"]] if one["couldRead"] else []
    case = await push(world, name)
    await case.everybody_says_yes()
    assert sorted(could) == await case.gets() == ALL[name]
    released = await case.ask()
    assert released.json()["policyDigest"] == foreseen["policyDigest"]
    assert foreseen["dryRun"] is True


async def test_it_can_be_tried_again_and_again_and_pushed_after_it(world: World) -> None:
    first = await plan(world, TOM)
    assert await plan(world, TOM) == first
    await world.push(TOM)
    assert await plan(world, TOM) == first, "the very same body, which was kept by now"
    other = {**world.body(TOM), "language": "en"}
    for path in (DRY, "/v1/handovers"):
        refused = await world.as_organisation(world.sender(TOM), "POST", path, other)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:rondom:problem:reference-in-use")


# --- what misses --------------------------------------------------------------------------------------


def without_authority(body: Body) -> None:
    body["authorities"] = []


def shielded(body: Body) -> None:
    body["sections"][0]["shieldedFrom"] = ["father"]


def unable(body: Body) -> None:
    mother = next(person for person in body["people"] if person["key"] == "mother")
    mother["inability"] = {"reason": "x", "assessor": "y", "review": body["authorities"][0]["since"]}


def unreachable(body: Body) -> None:
    for person in body["people"]:
        person["contacts"] = []


def for_a_teacher_too(body: Body) -> None:
    body["recipients"].append({"organisation": SCHOOL, "role": "teacher"})


async def test_what_would_keep_it_closed_is_named(world: World) -> None:
    today = local_day(world.clock()).isoformat()

    def unable_now(body: Body) -> None:
        unable(body)
        next(p for p in body["people"] if "inability" in p)["inability"]["review"] = today

    for change, expected in (
        (without_authority, {"status": ["no-authority-stated"], "parent-health": ["nobody-may-read"]}),
        (shielded, {"status": ["signer-shielded"], "voice-of-the-child": []}),
        (unable_now, {"status": ["holder-of-authority-unable"], "parent-health": ["nobody-may-read"]}),
    ):
        body = world.body(TOM)
        change(body)
        missing = {one["type"]: codes(one["missing"]) for one in (await plan(world, TOM, body))["sections"]}
        assert {name: missing[name] for name in expected} == expected, change.__name__
    body = world.body(TOM)
    unreachable(body)
    assert [codes(one["missing"]) for one in (await plan(world, TOM, body))["asked"]] == [["no-contact"]] * 3
    body = world.body(TOM)
    for_a_teacher_too(body)
    readers = {s["type"]: [r["couldRead"] for r in s["readers"]] for s in (await plan(world, TOM, body))["sections"]}
    assert readers["safety-plan"] == [True, False]
    assert readers["status"] == [True, True]


async def test_it_speaks_the_language_of_the_caller(world: World) -> None:
    token = await world.token(world.sender(TOM))
    for language, says in (("nl", "afspraken"), ("en", "agreement")):
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        response = await world.http.post(DRY, json=world.body(TOM), headers=headers)
        section = next(one for one in response.json()["sections"] if one["type"] == "parent-health")
        assert says in section["readers"][0]["missing"][0]["detail"]


# --- nothing is kept, nothing is told ------------------------------------------------------------------


async def test_not_one_row_changes_in_any_table(world: World) -> None:
    for name in HANDOVERS:
        await world.token(world.sender(name))  # a token leaves a mark of its own
    before = await dump(world)
    for name in HANDOVERS:
        await plan(world, name)
    assert (await tried(world, TOM, {**world.body(TOM), "purpose": "everything"})).status_code == 400
    assert await dump(world) == before


async def test_what_others_stated_about_the_same_people_does_not_show(world: World) -> None:
    """The child is known, with another birth date, another holder of authority, a doubt and an answer: not a byte differs."""
    body = world.body(TOM)
    before = (await tried(world, TOM, body)).content
    theirs = copy.deepcopy(body)
    theirs["reference"], theirs["purpose"] = "theirs", body["purpose"]
    for person in theirs["people"]:
        person["reference"] = f"c-{person['reference']}"
        person["birthDate"] = "2016-02-29" if person["key"] == "tom" else person["birthDate"]
    theirs["authorities"] = theirs["authorities"][:1]
    theirs["recipients"] = [{"organisation": SCHOOL, "role": "teacher"}]
    pushed = await world.as_organisation(CLINIC, "POST", "/v1/handovers", theirs)
    assert pushed.status_code == 201, pushed.text
    assert (await tried(world, TOM, body)).content == before
    await world.push(TOM)
    async with officer_browser(world) as officer:
        assert "<tbody" in (await officer.browser.get("/console/queue")).text, "something is in doubt by now"
    await world.answer(TOM, "mother", {"status": "no"})
    assert (await tried(world, TOM, body)).content == before
    fresh = {**body, "reference": "another"}
    assert (await tried(world, TOM, fresh)).content == before, "nor what is known of them from the sender itself"


async def test_who_is_not_asked_to_and_what_is_not_right_is_refused_as_a_push_is(world: World) -> None:
    sender, body = world.sender(TOM), world.body(TOM)
    spoilt: list[Callable[[Body], None]] = [
        lambda b: b.update(purpose="everything", kind="nothing"),
        lambda b: b.update(subject="nobody"),
        lambda b: b.pop("reference"),
        lambda b: b.update(more=1),
        lambda b: b["recipients"].append({"organisation": "0" * 20, "role": "teacher"}),
        lambda b: b["sections"][0].update(type="no-such-type"),
        lambda b: b["sections"][0].update(content=7),
        lambda b: b.update(consentUntil="P2Y"),
        lambda b: b["people"][0].update(birthDate="2999-01-01"),
        lambda b: _sealed(b["sections"][0]),
    ]
    for spoil in spoilt:
        wrong = copy.deepcopy(body)
        spoil(wrong)
        real = await world.as_organisation(sender, "POST", "/v1/handovers", wrong)
        dry = await world.as_organisation(sender, "POST", DRY, wrong)
        assert real.status_code == 400, wrong
        assert (dry.status_code, dry.json()) == (real.status_code, real.json())
    professional = await world.as_professional(READER[TOM], "POST", DRY, body)
    assert professional.status_code == 403
    assert (await world.http.post(DRY, json=body)).status_code == 401
    token = {"Authorization": f"Bearer {await world.token(sender)}"}
    assert (await world.http.post(DRY, content=b"x", headers=token)).status_code == 415
    huge = {**body, "sections": [{**body["sections"][0], "content": "x" * 1_100_000}]}
    assert (await world.as_organisation(sender, "POST", DRY, huge)).status_code == 413


def _sealed(section: Body) -> None:
    del section["content"]
    section["sealed"] = {"format": "rondom-sealed-1", "kid": "unknown", "key": "AAAA", "ciphertext": "A" * 40}


async def test_a_parameter_that_is_mistyped_does_not_push(world: World) -> None:
    sender = world.sender(TOM)
    await world.token(sender)
    before = await dump(world)
    for query in (
        "dryrun=true",
        "dry-run=true",
        "dry_run=true",
        "DryRun=true",
        "dryRun=maybe",
        "dryRun=",
        "dryRun=true&dryRun=false",
        "dryRun=false&more=1",
    ):
        refused = await world.as_organisation(sender, "POST", f"/v1/handovers?{query}", world.body(TOM))
        assert refused.status_code == 400, query
    assert await dump(world) == before
    kept = await world.as_organisation(sender, "POST", "/v1/handovers?dryRun=false", world.body(TOM))
    assert kept.status_code == 201
