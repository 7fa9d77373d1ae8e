"""P02: no section leaves without a permit of the agreement; an error in a policy denies; consent bounds every agreement."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from broker.app import build
from broker.cli.policies import app as policies_command
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.domain.signers import SignerRule, SignerTable
from broker.errors import Unsafe
from broker.pdp import cedar
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import REQUIRED, PolicySet, load, load_texts
from tests.promises.attacks import ALL, JACK, TOM, as_it_is, assert_only, push, releases
from tests.support.agreements import decide_with, in_force
from tests.support.world import ROOT, World

SHIPPED = ROOT / "policies"
SCHOOL, GP = "00000099000000020000", "00000099000000040000"
OVERFLOWS = "context.evidence + 9223372036854775807 < 0"
"""Passes Cedar's validator, and cannot be computed for any evidence above 0."""
FAILING = f"forbid (principal, action, resource) when {{ {OVERFLOWS} }};"
NOTES = '@title_nl("x") @title_en("x") @legal_basis("x")'


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    return load(SHIPPED)


def changed(shipped: PolicySet, old: str, new: str, file: str = "release.cedar") -> PolicySet:
    assert old in shipped.texts[file]
    return load_texts({**shipped.texts, file: shipped.texts[file].replace(old, new)})


def with_rule(shipped: PolicySet, rule: str) -> PolicySet:
    """One more rule, which passed every check."""
    return load_texts({**shipped.texts, "release.cedar": shipped.texts["release.cedar"] + rule})


def unchecked(shipped: PolicySet, rules: str) -> PolicySet:
    """Rules that no check has seen, as if the checks had been got round."""
    return replace(shipped, policies=shipped.policies.with_added_str(rules))


def school_rule(shipped: PolicySet) -> str:
    return shipped.rules["school-support-coordinator"].text


# --- the agreement changes between consent and release -------------------------------------------


async def test_a_stricter_agreement_counts_at_once(world: World, shipped: PolicySet) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[TOM]
    narrower = school_rule(shipped).replace('SectionType::"safety-plan",', "")
    in_force(world, changed(shipped, school_rule(shipped), narrower))
    assert await case.gets() == ["status", "voice-of-the-child"]
    in_force(world, changed(shipped, school_rule(shipped), ""))
    assert await case.gets() == []
    forbid = f'@id("not-now") {NOTES} forbid (principal, action, resource) when {{ context.evidence < 2 }};'
    in_force(world, with_rule(shipped, forbid))
    assert await case.gets() == [], "a code is not enough any more, also for what was given with a code"
    in_force(world, shipped)
    assert await case.gets() == ALL[TOM]


async def test_a_wider_agreement_gives_nothing_that_was_not_consented(world: World, shipped: PolicySet) -> None:
    case = await push(world, TOM)
    wider = school_rule(shipped).replace('SectionType::"status",', 'SectionType::"status",SectionType::"timeline",')
    anything = changed(shipped, school_rule(shipped), wider)
    in_force(world, anything)
    assert await case.gets() == []
    await case.everybody_says_yes(but=[("father", "father")])
    assert await case.gets() == ["status", "voice-of-the-child"]
    timeline = {**case.body["sections"][0], "type": "timeline", "content": "Tom woont sinds 2019 bij moeder."}
    later = await as_it_is(world, TOM, {**case.body, "reference": "later", "sections": [timeline]})
    assert await later.gets() == [], "nobody was asked about a timeline"
    for signer in ("tom", "mother", "father"):
        await later.says(signer, "tom")
    assert await later.gets() == ["timeline"], "now they were; so it was consent that was missing"
    in_force(world, shipped)
    assert await later.gets() == []


async def test_everything_is_permitted_and_nobody_has_said_yes(world: World, shipped: PolicySet) -> None:
    """Not even an agreement that got round every check opens anything by itself."""
    in_force(
        world, replace(shipped, policies=cedarpy.PolicySet.from_str('@id("all") permit (principal, action, resource);'))
    )
    for name, all_but_one in ((TOM, ("mother", "tom")), (JACK, ("father", "jack"))):
        case = await push(world, name)
        assert await case.gets() == []
        await case.everybody_says_yes(but=[("father", "father"), all_but_one])
        assert await case.gets() == []
        await case.says(*all_but_one)
        assert await case.gets() == [found for found in ALL[name] if found != "safety-plan"]


async def test_a_table_with_more_signers_counts_at_once(world: World, shipped: PolicySet) -> None:
    """Another age table is another agreement: who had not to be asked before, must be asked now."""
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[JACK]
    table = SignerTable(
        (SignerRule(0, True, True, ("x",)), SignerRule(12, True, True, ("x",)), *shipped.signers.rules[2:]),
        shipped.signers.authorities,
    )
    in_force(world, replace(shipped, signers=table))
    assert await case.gets() == []
    await case.says("jack", "jack")
    assert await case.gets() == ALL[JACK]


async def test_the_agreement_of_each_decision_is_in_the_log(world: World, shipped: PolicySet) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    first = await case.ask()
    stricter = changed(shipped, school_rule(shipped), "")
    await world.broker.agreements.enact(LoadedAgreement(stricter))
    assert (await case.ask()).status_code == 403
    logged = [entry for entry in await world.entries() if entry.type.startswith(("release:", "policy:"))]
    assert first.json()["policyDigest"] == shipped.digest != stricter.digest
    assert [(entry.type, entry.facts["policy"]) for entry in reversed(logged)] == [
        ("policy:activated", shipped.digest),
        ("release:permitted", shipped.digest),
        ("policy:activated", stricter.digest),
        ("release:denied", stricter.digest),
    ]


# --- an error in a policy denies -----------------------------------------------------------------


@pytest.mark.parametrize("effect", ["forbid", "permit"])
async def test_a_rule_that_fails_while_it_is_evaluated(world: World, shipped: PolicySet, effect: str) -> None:
    """Cedar passes over a failing rule, so that a failing forbid would open; here it closes."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    narrow = "" if effect == "forbid" else 'when { context.purpose == Purpose::"education-support" }'
    rule = f'@id("fails") {NOTES} {effect} (principal, action, resource) {narrow} when {{ {OVERFLOWS} }};'
    in_force(world, unchecked(shipped, rule))
    assert await case.gets() == []
    assert world.broker.alarms.counts["policy-error"] > 0, "and it rings"
    entry = next(entry for entry in await world.entries() if entry.type == "release:denied")
    assert '"errors": 1' in entry.personal["decision"][0], "the officer can see that it was an error"
    in_force(world, shipped)
    assert await case.gets() == ALL[TOM]


async def test_a_rule_that_fails_for_one_section_type_closes_that_one(world: World, shipped: PolicySet) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    rule = f'@id("fails") {NOTES} forbid (principal, action, resource) when {{ resource.type == SectionType::"status" && {OVERFLOWS} }};'
    in_force(world, unchecked(shipped, rule))
    assert await case.gets() == ["safety-plan", "voice-of-the-child"]


async def test_rules_that_got_round_every_check(world: World, shipped: PolicySet) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    for rules in (
        '@id("a") forbid (principal, action, resource) when { context.nothing };',
        '@id("b") forbid (principal, action, resource) when { principal.name == "Joris" };',
        '@id("c") permit (principal, action, resource) when { resource.text like "*" };',
    ):
        in_force(world, unchecked(shipped, rules))
        assert await case.gets() == [], rules
    for rules in ("", "permit (principal, action, resource);"):  # nothing at all; a permit without a name
        in_force(world, replace(shipped, policies=cedarpy.PolicySet.from_str(rules)))
        assert await case.gets() == [], rules
    in_force(world, shipped)
    assert await case.gets() == ALL[TOM]


class PanicException(BaseException):
    """Named as PyO3 names a panic in Rust: not an Exception."""


async def test_cedar_itself_breaks(world: World, shipped: PolicySet, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    for error in (RuntimeError("x"), MemoryError(), PanicException()):
        in_force(world, shipped)  # a fresh memory: no answer from before is at hand

        def fails(*_: object, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(cedar.cedarpy, "is_authorized", fails)
            assert await case.gets() == [], repr(error)
        assert await case.gets() == ALL[TOM], "and the failure is not remembered"


async def test_a_decision_point_that_says_less_than_yes(world: World, shipped: PolicySet) -> None:
    class Says(LoadedAgreement):
        def __init__(self, answer: Ruling) -> None:
            super().__init__(shipped)
            self.answer = answer

        def decide(self, question: PolicyQuestion) -> Ruling:
            return self.answer if question.section_type == "status" else super().decide(question)

    case = await push(world, TOM)
    await case.everybody_says_yes()
    for answer in (
        Ruling(True, ("a permit with an error in it",), "digest", errors=1),
        Ruling(False, ("forbidden",), "digest"),
        Ruling(False, (), "digest"),
    ):
        decide_with(world, Says(answer))
        assert await case.gets() == ["safety-plan", "voice-of-the-child"], answer
        assert await case.gets(sections=["status"]) == [], answer


async def test_a_decision_point_that_raises(world: World, shipped: PolicySet) -> None:
    class Breaks(LoadedAgreement):
        def decide(self, question: PolicyQuestion) -> Ruling:
            raise RuntimeError(question.section_type)

    case = await push(world, TOM)
    await case.everybody_says_yes()
    decide_with(world, Breaks(shipped))
    with capture_logs() as lines:
        response = await case.ask()
    assert (response.status_code, [line["event"] for line in lines if line["log_level"] == "error"]) == (
        500,
        ["api:failed"],
    )
    assert_only(case, response)
    assert await releases(world) == 0


# --- words that the agreement does not know ------------------------------------------------------


async def test_a_role_that_the_agreement_does_not_know_gets_no_token(world: World) -> None:
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    for role in ("headmaster", "", "Support-Coordinator", "support-coordinator ", None, ["support-coordinator"], 7):
        assertion = world.assertion(SCHOOL, {"sub": "x", "name": "X", "role": role})
        response = await world.http.post("/oauth/token", data={"grant_type": bearer, "assertion": assertion})
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant"), role


async def test_a_role_purpose_or_type_that_is_taken_out_of_the_agreement(world: World, shipped: PolicySet) -> None:
    """The token, the handover and the consents were made while the word was still known."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[TOM]
    for words, word, left in (
        ("roles", "support-coordinator", []),
        ("purposes", "education-support", []),
        ("section_types", "status", ["safety-plan", "voice-of-the-child"]),
        ("organisation_kinds", "school", []),
        ("organisation_kinds", "neighbourhood-team", []),
        ("handover_kinds", "feedback-to-school", []),
    ):
        known = {name: term for name, term in getattr(shipped.vocabulary, words).items() if name != word}
        in_force(world, replace(shipped, vocabulary=replace(shipped.vocabulary, **{words: known})))
        assert await case.gets() == left, word
    in_force(world, shipped)
    assert await case.gets() == ALL[TOM]


async def test_an_unknown_purpose_is_asked_for(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    purposes = ("everything", "Education-Support", "education support", 'x" || true', "education-support-2", "*")
    for purpose in purposes:
        assert await case.gets(purpose=purpose) == [], purpose
    logged = [entry for entry in await world.entries() if entry.type == "release:denied"]
    assert [entry.facts["purpose"] for entry in logged] == ["unknown"] * len(purposes), "a log line is no free text"


async def test_unknown_or_absent_types_are_asked_for(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    for types in (["everything"], ["Status"], ["education"], ["parent-health"], ["*"], ["status "]):
        assert await case.gets(sections=types) == [], types
    assert await case.gets(sections=["everything", "status"]) == ["status"]
    for malformed in ([], ["status\x00"], [""], ["x" * 65]):
        response = await case.ask(sections=malformed)
        assert response.status_code == 400
        assert_only(case, response)


async def test_an_organisation_of_another_kind_than_agreed(world: World, shipped: PolicySet) -> None:
    """A support coordinator at a family doctor's: addressed and consented, but nobody agreed on it."""
    role = [{"organisation": GP, "role": "support-coordinator"}]
    case = await push(world, TOM, recipients=role)
    await case.everybody_says_yes()
    token = await world.token(GP, {"sub": "x", "name": "X", "role": "support-coordinator"})
    body = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    response = await world.http.post("/v1/releases", json=body, headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, await releases(world)) == (403, 0)
    assert_only(case, response)


# --- a set with a fault is never in force --------------------------------------------------------


def broken_sets(directory: Path) -> list[tuple[str, Callable[[], Any]]]:
    """Ways to spoil a folder of policies."""
    rules = directory / "release.cedar"
    text = rules.read_text()
    return [
        ("no rules", lambda: rules.write_text("")),
        ("only comments", lambda: rules.write_text("// later\n")),
        ("half a file", lambda: rules.write_text(text[: len(text) // 2])),
        ("no permit", lambda: rules.write_text(text[text.rindex("@id(") :])),
        ("permit all", lambda: rules.write_text(text + "permit (principal, action, resource);")),
        ("unknown word", lambda: rules.write_text(text.replace('Role::"teacher"', 'Role::"headmaster"'))),
        ("unknown attribute", lambda: rules.write_text(text.replace("context.senderBasis", "context.basis"))),
        ("a rule that can fail", lambda: rules.write_text(f'{text}@id("x") {NOTES} {FAILING}')),
        ("the same id twice", lambda: rules.write_text(text + text[text.rindex("@id(") :])),
        ("not UTF-8", lambda: rules.write_bytes(b"\xff\xfe" + text.encode())),
        ("rules nobody reads", lambda: (directory / "more.cedar").write_text(text)),
        *((f"without {name}", (directory / name).unlink) for name in REQUIRED),
        ("no folder", lambda: shutil.rmtree(directory)),
    ]


WAYS = [name for name, _ in broken_sets(SHIPPED)]


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_or_empty_set_does_not_load(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "policies"
    shutil.copytree(SHIPPED, directory)
    monkeypatch.setenv("BROKER_POLICIES", str(directory))
    assert CliRunner().invoke(policies_command, ["check"]).exit_code == 0
    dict(broken_sets(directory))[way]()
    with pytest.raises(Unsafe):
        load(directory)
    checked = CliRunner().invoke(policies_command, ["check"])
    assert checked.exit_code == 1
    assert checked.output.strip(), "and it says why"


async def test_a_broker_with_a_broken_set_does_not_start(world: World, tmp_path: Path) -> None:
    directory = tmp_path / "spoilt"
    shutil.copytree(SHIPPED, directory)
    (directory / "release.cedar").write_text("")
    with pytest.raises(Unsafe):
        build(replace(world.broker.settings, policies=directory))


def test_the_command_itself_says_no(tmp_path: Path) -> None:
    """As an operator or a pipeline runs it."""
    environment = {**os.environ, "BROKER_POLICIES": str(tmp_path)}
    command = [sys.executable, "-m", "broker", "policies", "check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "BROKER_POLICIES" in done.stderr
