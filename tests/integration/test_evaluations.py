"""The agreement as an AuthZEN policy decision point: what the specification asks of one, and what this one must never tell.

Requests and demands follow the text of the Authorization API 1.0; the headings are its sections.
"""

import copy
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.api.evaluations import MOST
from broker.domain.decisions import PolicyQuestion
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.cases import every_word, read_case
from broker.pdp.policy_set import load
from broker.services.evaluations import A_MINUTE, Asked, Evaluations, Reason, evaluate
from tests.promises.attacks import TOM, push
from tests.support.agreements import decide_with, in_force
from tests.support.surface import dump, operational_log
from tests.support.world import ROOT, URL, World

LOOK = 20
"""Questions of each shipped case, most of which have only one."""

ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
Body = dict[str, Any]
QUESTION: Body = {
    "subject": {
        "type": "professional",
        "id": "anybody",
        "properties": {"role": "support-coordinator", "organisationKind": "school"},
    },
    "action": {"name": "read"},
    "resource": {
        "type": "section",
        "id": "any",
        "properties": {
            "sectionType": "status",
            "handoverKind": "feedback-to-school",
            "senderKind": "neighbourhood-team",
            "ageBand": "12-15",
        },
    },
    "context": {
        "purpose": "education-support",
        "evidence": "code",
        "discussedWithFamily": True,
        "senderBasis": True,
        "recipientBasis": True,
        "concernsOthers": False,
    },
}
"""One that the shipped agreement permits."""
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # no answer comes from the database


def section(kind: str) -> Body:
    """The resource of the question, of another section type."""
    found = copy.deepcopy(QUESTION["resource"])
    found["properties"]["sectionType"] = kind
    return found


async def asked(world: World, path: str, body: Any, **headers: str) -> httpx.Response:
    token = await world.token(SENDER)
    return await world.http.post(path, json=body, headers={"Authorization": f"Bearer {token}", **headers})


async def decided(world: World, body: Any) -> Body:
    response = await asked(world, ONE, body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    found: Body = response.json()
    assert type(found["decision"]) is bool
    assert found["context"]["scope"] == "policy only"
    return found


# --- Access Evaluation API ----------------------------------------------------------------------------


async def test_a_question_is_permitted_or_not_and_says_by_what(world: World) -> None:
    digest = load(ROOT / "policies").digest
    yes = await decided(world, QUESTION)
    assert yes == {
        "decision": True,
        "context": {
            "scope": "policy only",
            "reason": "permitted",
            "policyDigest": digest,
            "rules": ["school-support-coordinator"],
        },
    }
    no = await decided(world, {**QUESTION, "resource": section("timeline")})
    assert no == {
        "decision": False,
        "context": {"scope": "policy only", "reason": "not-in-agreement", "policyDigest": digest},
    }
    forbidden = await decided(world, {**QUESTION, "context": {**QUESTION["context"], "senderBasis": False}})
    assert (forbidden["decision"], forbidden["context"]["reason"]) == (False, "forbidden-by-agreement")
    assert forbidden["context"]["rules"] == ["no-sender-basis"]


async def test_fields_that_are_not_known_are_passed_over(world: World) -> None:
    more = copy.deepcopy(QUESTION)
    more["future"], more["context"]["ip"], more["subject"]["more"] = {"nested": [True]}, "192.0.2.1", 7
    more["action"]["properties"] = {"method": "GET"}
    more["subject"]["properties"]["department"] = "Sales"
    assert await decided(world, more) == await decided(world, QUESTION)


async def test_what_is_required_and_missing_or_of_another_type_is_400(world: World) -> None:
    def without(*way: str) -> Body:
        body: Any = copy.deepcopy(QUESTION)
        inner = body
        for step in way[:-1]:
            inner = inner[step]
        del inner[way[-1]]
        return dict(body)

    for path in (ONE, MANY):
        for way in (
            ("subject",),
            ("action",),
            ("resource",),
            ("subject", "type"),
            ("subject", "id"),
            ("action", "name"),
            ("resource", "type"),
            ("resource", "id"),
        ):
            response = await asked(world, path, without(*way))
            assert response.status_code == 400, way
            assert [fault["pointer"] for fault in response.json()["errors"]] == ["/" + "/".join(way)]
        for wrong in (
            {**QUESTION, "subject": "alice"},
            {**QUESTION, "action": {"name": 123}},
            {**QUESTION, "context": []},
            {**QUESTION, "resource": {**QUESTION["resource"], "properties": "x"}},
            [],
            "x",
            None,
        ):
            assert (await asked(world, path, wrong)).status_code == 400, wrong


async def test_another_media_type_malformed_json_and_no_body_are_400(world: World) -> None:
    bearer = {"Authorization": f"Bearer {await world.token(SENDER)}"}
    for path in (ONE, MANY):
        for content, media_type in (
            (json.dumps(QUESTION), "text/plain"),
            ("{", "application/json"),
            ("", "application/json"),
            ('{"subject": {}, "subject": {}}', "application/json"),
            ("[" * 100, "application/json"),
        ):
            response = await world.http.post(path, content=content, headers={**bearer, "Content-Type": media_type})
            assert response.status_code == 400, (content, media_type)
    huge = await asked(world, ONE, {**QUESTION, "more": "x" * 1_100_000})
    assert huge.status_code == 413


# --- Access Evaluations API -----------------------------------------------------------------------------


async def several(world: World, body: Body) -> list[Body]:
    response = await asked(world, MANY, body)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"evaluations"}, "without a decision of the whole"
    found: list[Body] = response.json()["evaluations"]
    return found


MIXED = ["status", "parent-health", "safety-plan", "no-such-type"]


def defaulted(**more: Any) -> Body:
    shared = {name: part for name, part in QUESTION.items() if name != "resource"}
    return {**shared, "evaluations": [{"resource": section(kind)} for kind in MIXED], **more}


async def test_every_one_is_answered_in_order_with_defaults_from_the_top(world: World) -> None:
    assert [one["decision"] for one in await several(world, defaulted())] == [True, False, True, False]
    every = [{**QUESTION, "resource": section(kind)} for kind in MIXED]
    assert await several(world, {"evaluations": every}) == await several(world, defaulted())


@pytest.mark.parametrize(
    ("semantic", "kinds", "expected"),
    [
        ("execute_all", MIXED, [True, False, True, False]),
        ("deny_on_first_deny", MIXED, [True, False]),
        ("deny_on_first_deny", ["status", "safety-plan"], [True, True]),
        ("deny_on_first_deny", ["parent-health", "status"], [False]),
        ("permit_on_first_permit", MIXED, [True]),
        ("permit_on_first_permit", ["parent-health", "timeline", "status", "status"], [False, False, True]),
        ("permit_on_first_permit", ["parent-health", "timeline"], [False, False]),
    ],
)
async def test_evaluation_stops_where_the_semantic_says(
    world: World, semantic: str, kinds: list[str], expected: list[bool]
) -> None:
    body = defaulted(options={"evaluations_semantic": semantic, "another_option": "value"})
    body["evaluations"] = [{"resource": section(kind)} for kind in kinds]
    assert [one["decision"] for one in await several(world, body)] == expected


async def test_a_part_of_an_evaluation_replaces_the_default_whole(world: World) -> None:
    """Only what an entity must have, `type`, `id` and `name`, is taken from the default when it is left out."""
    body = copy.deepcopy(QUESTION)
    body["evaluations"] = [
        {},
        {"resource": {"properties": QUESTION["resource"]["properties"]}},
        {"resource": {"id": "other"}},
        {"context": {"purpose": "education-support"}},
        {"subject": {"type": "user", "id": "x", "properties": QUESTION["subject"]["properties"]}},
    ]
    found = await several(world, body)
    assert [one["decision"] for one in found] == [True, True, False, False, False]
    assert found[2]["context"]["missing"] == [
        "resource.ageBand",
        "resource.handoverKind",
        "resource.sectionType",
        "resource.senderKind",
    ]
    assert "context.senderBasis" in found[3]["context"]["missing"]
    assert found[4]["context"]["reason"] == "unknown-subject-action-or-resource"


async def test_what_is_wrong_with_one_is_a_no_of_its_own(world: World) -> None:
    body = defaulted()
    body["evaluations"] = [
        {"resource": section("status")},
        {},
        {"resource": "x"},
        "x",
        None,
        {"resource": section("status"), "subject": {"type": 7}},
        {"resource": section("status")},
    ]
    found = await several(world, body)
    assert [one["decision"] for one in found] == [True, False, False, False, False, False, True]
    assert {one["context"]["error"]["status"] for one in found[1:6]} == {400}
    assert "/resource" in found[1]["context"]["error"]["message"]
    body["options"] = {"evaluations_semantic": "deny_on_first_deny"}
    assert [one["decision"] for one in await several(world, body)] == [True, False], "an error is a denial"


async def test_what_is_wrong_with_the_whole_is_400(world: World) -> None:
    for wrong, pointer in (
        ({"options": {"evaluations_semantic": "whatever"}}, "/options/evaluations_semantic"),
        ({"options": {"evaluations_semantic": ["execute_all"]}}, "/options/evaluations_semantic"),
        ({"options": "execute_all"}, "/options"),
        ({"evaluations": {"resource": section("status")}}, "/evaluations"),
        ({"evaluations": [{"resource": section("status")}] * (MOST + 1)}, "/evaluations"),
        ({"subject": "alice"}, "/subject"),
        ({"context": "x"}, "/context"),
    ):
        response = await asked(world, MANY, defaulted(**wrong))
        assert response.status_code == 400, wrong
        assert [fault["pointer"] for fault in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("evaluations", [None, []])
async def test_without_evaluations_it_answers_as_for_one(world: World, evaluations: list[Body] | None) -> None:
    body = QUESTION if evaluations is None else {**QUESTION, "evaluations": evaluations}
    response = await asked(world, MANY, body)
    assert response.json() == (await asked(world, ONE, QUESTION)).json()
    assert response.json()["decision"] is True


# --- Transport, Request Identification, Metadata --------------------------------------------------------


async def test_the_callers_own_id_comes_back_and_is_written_nowhere(world: World) -> None:
    with operational_log() as lines:
        for number, (path, body) in enumerate(((ONE, QUESTION), (MANY, defaulted()), (ONE, {}))):
            given = f"bfe9eb29-{number} ~a,b;c"
            assert (await asked(world, path, body, **{"X-Request-ID": given})).headers["x-request-id"] == given
        refused = await world.http.post(ONE, json=QUESTION, headers={"X-Request-ID": "r-401"})
        assert (refused.status_code, refused.headers["x-request-id"]) == (401, "r-401")
        assert "x-request-id" not in (await asked(world, ONE, QUESTION)).headers
        for unfit in ("x" * 257, "caf\u00e9"):
            response = await asked(world, ONE, QUESTION, **{"X-Request-ID": unfit.encode("latin-1")})  # type: ignore[arg-type]
            assert response.status_code == 200
            assert "x-request-id" not in response.headers
        elsewhere = await world.http.get("/v1/log/checkpoint", headers={"X-Request-ID": "r-1"})
        assert "x-request-id" not in elsewhere.headers
    assert b"bfe9eb29" not in lines.getvalue()


async def test_the_metadata_name_the_endpoints_and_no_search(world: World) -> None:
    response = await world.http.get("/.well-known/authzen-configuration")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == {
        "policy_decision_point": URL,
        "access_evaluation_endpoint": URL + ONE,
        "access_evaluations_endpoint": URL + MANY,
    }
    for what in ("subject", "resource", "action"):
        assert (await world.http.post(f"/access/v1/search/{what}", json={})).status_code == 404


# --- who may ask, and how often -------------------------------------------------------------------------


async def test_only_an_organisation_itself_may_ask(world: World) -> None:
    for path in (ONE, MANY):
        assert (await world.http.post(path, json=QUESTION)).status_code == 401
        assert (await world.http.post(path, content=b"{")).status_code == 401, "before anything is read"
        assert (await world.as_professional("ib-joris", "POST", path, QUESTION)).status_code == 403
    token = await world.token(SENDER)
    await world.broker.partners.suspend(SENDER, suspended=True)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.http.post(ONE, json=QUESTION, headers=headers)).status_code == 401


async def test_each_organisation_has_so_many_a_minute(world: World) -> None:
    body = defaulted(evaluations=[{"resource": section("status")}] * MOST)
    for _ in range(A_MINUTE // MOST):
        assert (await asked(world, MANY, body)).status_code == 200
    refused = await asked(world, ONE, QUESTION)
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:rondom:problem:too-many-tries")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (await world.as_organisation(SCHOOL, "POST", ONE, QUESTION)).status_code == 200, "each for itself"
    world.clock.moved += timedelta(seconds=60)
    assert (await asked(world, ONE, QUESTION)).status_code == 200


# --- what it must never do ------------------------------------------------------------------------------


async def test_it_changes_nothing_and_knows_of_nobody(world: World) -> None:
    """Ids of real people and handovers change no answer: they are not looked at."""
    case = await push(world, TOM)
    await world.token(SENDER)
    before, expected = await dump(world), await decided(world, QUESTION)
    for subject, resource in (("ib-joris", case.handover.id), (case.people["tom"], case.handover.sections[0].id)):
        named = copy.deepcopy(QUESTION)
        named["subject"]["id"], named["resource"]["id"] = subject, resource
        assert await decided(world, named) == expected
    await several(world, defaulted())
    assert await dump(world) == before
    assert await case.gets() == [], "nobody has said yes, whatever the agreement permits"


async def test_a_word_that_is_not_known_is_a_no_with_a_code(world: World) -> None:
    for part, group, name, word in (
        ("subject", "properties", "role", "headmaster"),
        ("subject", "properties", "organisationKind", 'school"; permit'),
        ("resource", "properties", "sectionType", "Status"),
        ("resource", "properties", "handoverKind", ""),
        ("resource", "properties", "senderKind", ["school"]),
        ("resource", "properties", "ageBand", "0-100"),
        ("context", "", "purpose", "everything"),
        ("context", "", "purpose", 7),
        ("context", "", "evidence", "certain"),
        ("context", "", "evidence", 2),
        ("context", "", "senderBasis", "true"),
    ):
        body = copy.deepcopy(QUESTION)
        (body[part][group] if group else body[part])[name] = word
        found = await decided(world, body)
        assert (found["decision"], found["context"]["reason"]) == (False, "unknown-word"), (name, word)
        assert set(found["context"]) == {"scope", "reason", "policyDigest"}, "what came in is not said again"
    for change in ({"action": {"name": "write"}}, {"subject": {**QUESTION["subject"], "type": "user"}}):
        found = await decided(world, {**QUESTION, **change})
        assert found["context"]["reason"] == "unknown-subject-action-or-resource"
    assert world.broker.alarms.counts["policy-error"] == 0


async def test_a_rule_that_fails_is_a_no_and_rings(world: World) -> None:
    shipped = load(ROOT / "policies")
    rule = '@id("fails") forbid (principal, action, resource) when { context.nothing };'
    in_force(world, replace(shipped, policies=shipped.policies.with_added_str(rule)))
    found = await decided(world, QUESTION)
    assert (found["decision"], found["context"]["reason"]) == (False, "policy-error")
    assert "nothing" not in json.dumps(found["context"])
    assert world.broker.alarms.counts["policy-error"] == 1


async def test_one_request_is_answered_by_one_agreement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = load(ROOT / "policies")
    other = LoadedAgreement(replace(shipped, digest="0" * 64))
    agreement = Evaluations.agreement

    def meanwhile(self: Evaluations) -> Any:
        found = agreement(self)
        decide_with(world, other)
        return found

    monkeypatch.setattr(Evaluations, "agreement", meanwhile)
    assert {one["context"]["policyDigest"] for one in await several(world, defaulted())} == {shipped.digest}


async def test_it_says_what_a_release_would_be_decided_by(world: World) -> None:
    """For every shipped case: the same decision as by the function that decides releases."""
    agreement = world.broker.house.agreement()
    assert isinstance(agreement, LoadedAgreement)
    checked, words = set(), every_word(agreement.policy_set)
    for path, text in agreement.texts.items():
        if path.startswith("cases/"):
            for question in read_case(path, text, words).questions[:LOOK]:
                found = evaluate(agreement, Asked("professional", "read", "section", said(question)))
                assert found.decision is agreement.decide(question).permitted, (path, question)
                assert found.decision is path.startswith("cases/allow/"), (path, question)
                checked.add(found.reason)
    assert checked == {Reason.PERMITTED, Reason.NOT_AGREED, Reason.FORBIDDEN}


def said(question: PolicyQuestion) -> dict[str, dict[str, Any]]:
    return {
        "subject": {"role": question.role, "organisationKind": question.recipient_kind},
        "resource": {
            "sectionType": question.section_type,
            "handoverKind": question.handover_kind,
            "senderKind": question.sender_kind,
            "ageBand": question.age_band,
        },
        "context": {
            "purpose": question.purpose,
            "discussedWithFamily": question.discussed_with_family,
            "senderBasis": question.sender_basis,
            "recipientBasis": question.recipient_basis,
            "concernsOthers": question.concerns_others,
            "evidence": question.evidence.name.lower(),
        },
    }


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["read", "section", "professional", "status", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "name", "properties", "subject", "action", "resource", "context", "role"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(
        st.sampled_from(["subject", "action", "resource", "context", "evaluations", "options"]), ANYTHING
    )
)
async def test_whatever_comes_in_is_400_or_no(world: World, body: Body) -> None:
    world.clock.moved += timedelta(seconds=61)
    for path in (ONE, MANY):
        response = await asked(world, path, body)
        assert response.status_code in (200, 400), body
        if response.status_code == 200:
            found = response.json().get("evaluations", [response.json()])
            assert not [one for one in found if one["decision"]]
