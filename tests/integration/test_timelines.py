"""One timeline out of what several organisations wrote: only what is open, in order, each entry with where it comes from."""

import json
from typing import Any
from unittest.mock import patch

import pytest

from broker.client import ClientSealingKey, seal_body
from broker.domain.reactions import ReactionKind
from broker.errors import NotFound
from broker.services import lifelines
from tests.promises.attacks import WITHDRAWN, Case, as_it_is, entries, in_the_order_of_commits, registered
from tests.support.lifelines import FOSTER, MENTAL, NAME, READER, SCHOOL, SIGNERS, TEAM, Girl, section, timeline
from tests.support.surface import rows_of, told
from tests.support.world import World


async def test_what_three_wrote_is_one_line_in_order(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2025-03", "Pleegouders."), ("2018", "Naar opa en oma.")))
    await girl.written(
        MENTAL, timeline(("2025-03-02", "Intake."), ("2026", "Gesprekken."), section_type="help-history")
    )
    await girl.written(SCHOOL, section("Zij kwam in groep 3."), timeline(("2011", "Geboren.")))
    answer = (await girl.asked()).json()
    assert [(one.get("from"), one["what"]) for one in answer["entries"]] == [
        ("2011", "Geboren."),
        ("2018", "Naar opa en oma."),
        ("2025-03", "Pleegouders."),
        ("2025-03-02", "Intake."),
        ("2026", "Gesprekken."),
        (None, "Zij kwam in groep 3."),
    ]
    assert [one["source"]["organisation"] for one in answer["entries"]] == [
        SCHOOL,
        FOSTER,
        FOSTER,
        MENTAL,
        MENTAL,
        SCHOOL,
    ]
    assert answer["entries"][3]["source"]["type"] == "help-history"
    assert {one["source"]["name"] for one in answer["entries"]} == {
        o["name"] for o in world.families["chayenne"]["organisations"] if o["oin"] != TEAM
    }
    assert {one["source"]["release"] for one in answer["entries"]} == {one["id"] for one in answer["releases"]}
    assert answer["sealed"] == []
    assert [one["withheld"] for one in answer["releases"]] == [[]] * 3, "what was never there is not withheld"
    for one in answer["releases"]:
        assert one["receipt"]["receipt"], "each has its receipt"
        status = await world.as_professional(READER, "GET", f"/v1/releases/{one['id']}")
        assert status.json()["handover"] == one["handover"]
    logged = [entry.type for _, entry in await in_the_order_of_commits(world)][-4:]
    assert logged == ["release:permitted"] * 3 + ["subject:searched"]


async def test_what_is_closed_is_not_there_and_costs_no_line(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Open.")))
    await girl.written(MENTAL, timeline(("2019", "Dicht.")), yes=["mother"])
    await girl.push(SCHOOL, timeline(("2020", "Ook dicht.")))
    await girl.written(SCHOOL, timeline(("2021", "Ander doel.")), purpose="safety")
    answer = await girl.asked()
    assert [one["what"] for one in answer.json()["entries"]] == ["Open."]
    assert "dicht" not in answer.text.lower()
    assert len(answer.json()["releases"]) == 1
    assert len(await entries(world, "release:permitted", "release:denied")) == 1


async def test_a_correction_and_a_dispute_are_told(world: World) -> None:
    girl = Girl(world)
    case = await girl.written(FOSTER, timeline(("2018", "Zij woonde bij oma.")))
    await girl.written(MENTAL, timeline(("2019", "Intake.")))
    body = {**case.body, "sections": [timeline(("2018", "Zij woonde bij opa."))]}
    changed = await world.as_organisation(FOSTER, "POST", f"/v1/handovers/{case.handover.id}/versions", body)
    assert changed.status_code == 201, changed.text
    first, second = (await girl.asked()).json()["entries"]
    assert (first["what"], first["corrected"], first["disputed"]) == ("Zij woonde bij opa.", True, False)
    assert (second["what"], second["corrected"], second["reactions"]) == ("Intake.", False, [])


async def test_it_stands_with_what_the_family_wrote_about_it(world: World) -> None:
    girl = Girl(world)
    case = await girl.push(FOSTER, timeline(("2018", "Zij woonde bij oma.")))
    world.handovers["start-of-foster-care"] = case.handover.id
    code = await world.invite("start-of-foster-care", "mother")
    await world.answer("start-of-foster-care", "mother", {"timeline": "yes"}, code)
    await case.says("chayenne", "chayenne")
    token = await world.visit(code)
    family = world.broker.consents
    part = (await family.reactions(token)).handovers[0].parts[0]
    await family.react(token, part.id, ReactionKind.CORRECTION_REQUEST, "Het was bij opa.")
    [entry] = (await girl.asked()).json()["entries"]
    assert entry["disputed"] is True
    assert [(one["kind"], one["text"]) for one in entry["reactions"]] == [("correction-request", "Het was bij opa.")]


async def test_who_opens_with_a_key_gets_everything_sealed_and_nothing_merged(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Eerst.")))
    await girl.written(MENTAL, timeline(("2017", "Eerder.")))
    key = ClientSealingKey.new()
    await registered(world, TEAM, key)
    answer = (await girl.asked()).json()
    assert answer["entries"] == []
    assert [one["source"]["organisation"] for one in answer["sealed"]] == [FOSTER, MENTAL]
    assert all(one["sealed"]["kid"] == key.kid for one in answer["sealed"])


HOSTILE = [
    b'{"entries":[{"from":"2018","what":"\\ud83d"}]}',
    b'{"entries":[{"from":"2018","what":"x"}],"entries":[]}',
    b'{"entries":' + b"[" * 300 + b"]" * 300 + b"}",
    b"{",
]


@pytest.mark.parametrize("inside", HOSTILE)
async def test_what_one_of_them_sealed_and_nobody_can_read_closes_nothing_else(world: World, inside: bytes) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Open.")))
    case = await sealed(girl, inside)
    answer = await girl.asked()
    assert answer.status_code == 200, answer.text
    assert [one["what"] for one in answer.json()["entries"]] == ["Open."]
    assert len(answer.json()["releases"]) == 1
    code = await world.as_organisation(
        MENTAL, "POST", f"/v1/handovers/{case.handover.id}/invitations", {"person": "chayenne", "delivery": "paper"}
    )
    token = await world.visit(code.json()["code"])
    with pytest.raises(NotFound):
        await world.broker.consents.lifeline(token)


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        (b'{"entries":[{"from":"2018","what":"Iets.","flag":"red"}]}', "2018: Iets., red"),
        (b'{"entries":[{"from":"2018-13","what":"Iets."}]}', "2018-13: Iets."),
        (b'{"involvements":[]}', "involvements: []"),
        (b"[]", ""),
    ],
)
async def test_what_was_sealed_in_another_form_stands_at_the_end_as_a_text(
    world: World, inside: bytes, shown: str
) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Open.")))
    await sealed(girl, inside)
    first, last = (await girl.asked()).json()["entries"]
    assert first["what"] == "Open."
    assert "from" not in last
    assert shown in last["what"]


async def test_of_very_many_the_newest_are_looked_at_and_who_gets_something_hears_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifelines, "MOST", 2)
    girl = Girl(world)
    assert (await girl.asked()).json()["more"] is False
    cases = [await girl.push(one, timeline((f"201{n}", "Iets."))) for n, one in enumerate((FOSTER, MENTAL, SCHOOL))]
    nothing = (await girl.asked()).json()
    assert (nothing["entries"], nothing["more"]) == ([], False), "who gets nothing hears of nothing"
    for case in cases:
        for signer in SIGNERS:
            await case.says(signer, "chayenne")
    await girl.written(FOSTER, section("Geen lijn.", "involved-organisations"))
    some = (await girl.asked()).json()
    assert ([one["from"] for one in some["entries"]], some["more"]) == (["2011", "2012"], True)
    assert (await world.as_organisation(SCHOOL, "DELETE", f"/v1/handovers/{cases[2].handover.id}")).status_code == 204
    rest = (await girl.asked()).json()
    assert ([one["from"] for one in rest["entries"]], rest["more"]) == (["2010", "2011"], False)


async def test_what_nobody_answered_does_not_take_the_place_of_what_is_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifelines, "MOST", 2)
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Open.")))
    for year in ("2019", "2020", "2021"):
        await girl.push(SCHOOL, timeline((year, "Niet gevraagd.")))
    answer = (await girl.asked()).json()
    assert ([one["what"] for one in answer["entries"]], answer["more"]) == (["Open."], False)


async def sealed(girl: Girl, inside: bytes) -> Case:
    """A timeline that nobody could look at when it came in, with everybody's yes."""
    body = girl.body(section({"entries": []}))
    key = (await girl.world.as_organisation(MENTAL, "GET", "/v1/sealing-keys")).json()["keys"][0]
    with patch("broker.client.sealing._bytes_of", lambda _media, _content: inside):
        body = seal_body(body, MENTAL, key)
    case = await as_it_is(girl.world, NAME, body, sender=MENTAL)
    for signer in SIGNERS:
        await case.says(signer, "chayenne")
    return case


async def test_the_family_hears_once(world: World) -> None:
    girl = Girl(world)
    for sender in (FOSTER, MENTAL, SCHOOL):
        await girl.written(sender, timeline(("2018", "Iets.")))
    await girl.asked()
    told_to = sorted(message["to"] for message in await world.messages("was-read"))
    assert told_to == sorted([girl.phone, girl.mail])
    await girl.asked()
    assert len(await world.messages("was-read")) == 4, "and once more for another request"


async def test_nobody_hears_anything_when_nothing_left(world: World) -> None:
    girl = Girl(world)
    await girl.push(FOSTER, timeline(("2018", "Iets.")))
    await girl.asked()
    assert await world.messages("was-read") == []


async def test_nobody_nothing_and_nothing_open_answer_alike(world: World) -> None:
    girl = Girl(world)
    nobody = told(await girl.asked())
    case = await girl.push(FOSTER, timeline(("2018", "Iets.")))
    closed = told(await girl.asked())
    await case.says("chayenne", "chayenne")
    await case.says("mother", "chayenne")
    other_purpose = told(await girl.asked(purpose="safety"))
    no_purpose = told(await girl.asked(purpose="no-such-purpose"))
    other_role = told(await girl.asked(who="hoop-eva"))
    await case.says("mother", "chayenne", WITHDRAWN)
    withdrawn = told(await girl.asked())
    assert {str(one) for one in (nobody, closed, other_purpose, no_purpose, other_role, withdrawn)} == {str(nobody)}
    assert nobody[0] == 200
    assert json.loads(nobody[1])["entries"] == []
    leaves = [json.loads(row.leaf) for row in await rows_of(world, "log_entry") if row.type == "subject:searched"]
    assert len(leaves) == 6
    assert {len(leaf["personal"]) for leaf in leaves} == {3}, "as many digests, whoever is known"
    assert {tuple(leaf["facts"]) for leaf in leaves} == {("client", "purpose")}
    assert {leaf["facts"]["purpose"] for leaf in leaves} == {"coordination", "safety", "unknown"}
    assert await entries(world, "release:permitted", "release:denied") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"identifier": {"system": "bsn", "value": "999990044"}},
        {"purpose": "coordination"},
        {"identifier": {"system": "bsn", "value": "999990044"}, "purpose": ""},
        {"identifier": {"system": "bsn", "value": "999990044"}, "purpose": "coordination", "role": "x"},
        {"identifier": "999990044", "purpose": 7},
    ],
)
@pytest.mark.parametrize("what", ["timelines", "involvements"])
async def test_a_body_that_is_none_is_refused_and_nothing_is_logged(world: World, what: str, body: Any) -> None:
    answer = await world.as_professional(READER, "POST", f"/v1/{what}", body)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert await entries(world, "subject:searched") == []


async def test_the_organisation_itself_asks_nothing(world: World) -> None:
    for what in ("timelines", "involvements"):
        body = {"identifier": {"system": "bsn", "value": "999990044"}, "purpose": "coordination"}
        assert (await world.as_organisation(TEAM, "POST", f"/v1/{what}", body)).status_code == 403
        assert (await world.http.post(f"/v1/{what}", json=body)).status_code == 401
