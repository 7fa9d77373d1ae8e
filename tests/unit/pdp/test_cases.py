"""An example that says nothing clear fails; none is skipped."""

import json
from typing import Any

import pytest

from broker.domain.consents import EvidenceLevel
from broker.pdp.cases import CaseFault, read_case, run_cases
from broker.pdp.policy_set import PolicySet, load_texts

FILE = "cases/allow/feedback-to-school.json"


@pytest.fixture
def body(shipped: PolicySet) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(shipped.texts[FILE])
    return loaded


def test_both_ways_of_naming_fields_are_read(body: dict[str, Any]) -> None:
    first = read_case(FILE, json.dumps(body))
    body["question"]["section_type"] = body["question"].pop("sectionType")
    body["question"]["evidence"] = 1
    assert read_case(FILE, json.dumps(body)) == first
    assert first.question.evidence is EvidenceLevel.CODE
    assert first.permitted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "unknown field: colour"),
        ({"section_type": "status"}, "give each field once"),
        ({"evidence": "strong"}, "'evidence' has the wrong form"),
        ({"evidence": 7}, "'evidence' has the wrong form"),
        ({"evidence": True}, "'evidence' has the wrong form"),
        ({"senderBasis": "yes"}, "'senderBasis' has the wrong form"),
        ({"senderBasis": 1}, "'senderBasis' has the wrong form"),
        ({"role": None}, "'role' has the wrong form"),
    ],
)
def test_an_unclear_question_is_a_fault(body: dict[str, Any], change: dict[str, Any], said: str) -> None:
    body["question"] |= change
    with pytest.raises(CaseFault, match=said):
        read_case(FILE, json.dumps(body))


@pytest.mark.parametrize("name", ["ageBand", "evidence", "concernsOthers"])
def test_a_missing_field_is_a_fault(body: dict[str, Any], name: str) -> None:
    del body["question"][name]
    with pytest.raises(CaseFault, match=name):
        read_case(FILE, json.dumps(body))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"about": "x"}',
        '{"about": "", "question": {}}',
        '{"about": "x", "question": []}',
        '{"about": "x", "question": {}, "rule": 3}',
        '{"about": "x", "question": {}, "note": "y"}',
        '{"about": "x", "about": "y", "question": {}}',
    ],
)
def test_an_unclear_file_is_a_fault(text: str) -> None:
    with pytest.raises(CaseFault):
        read_case(FILE, text)


@pytest.mark.parametrize("file", ["cases/x.json", "cases/maybe/x.json", "cases/allow/x.txt", "cases/allow/deep/x.json"])
def test_a_case_where_nobody_looks_fails(shipped: PolicySet, file: str) -> None:
    few = {path: text for path, text in shipped.texts.items() if not path.startswith("cases/deny")}
    results = run_cases(load_texts({**few, file: shipped.texts[FILE]}))
    assert [result.file for result in results if not result.passed] == [file]


@pytest.mark.parametrize(
    ("folder", "change", "rule", "said"),
    [
        ("deny", {}, None, "this must be refused, but school-support-coordinator gives it"),
        ("allow", {"senderBasis": False}, None, "is refused by: no-sender-basis"),
        ("allow", {"purpose": "follow-up"}, None, "is refused by: -"),
        ("deny", {"senderBasis": False}, "no-recipient-basis", "no-recipient-basis must decide"),
        ("allow", {}, "gp-doctor", "gp-doctor must decide"),
        ("deny", {"role": "magician"}, None, "a word is unknown"),
    ],
)
def test_a_case_that_does_not_come_out_says_why(
    shipped: PolicySet, body: dict[str, Any], folder: str, change: dict[str, Any], rule: str | None, said: str
) -> None:
    body["question"] |= change
    body["rule"] = rule
    file = f"cases/{folder}/zzz.json"
    [result] = [r for r in run_cases(load_texts({**shipped.texts, file: json.dumps(body)})) if r.file == file]
    assert not result.passed
    assert result.fault is not None
    assert said in result.fault.en


WORDS = {"role": ("teacher", "youth-nurse", "family-worker"), "purpose": ("safety", "treatment")}


def test_several_words_are_every_combination(body: dict[str, Any]) -> None:
    body["question"] |= {"role": ["teacher", "youth-nurse"], "purpose": "*", "evidence": ["none", "oidc"]}
    questions = read_case(FILE, json.dumps(body), WORDS).questions
    assert len(questions) == len(set(questions)) == 8
    assert {(q.role, q.purpose) for q in questions} == {
        (r, p) for r in ("teacher", "youth-nurse") for p in WORDS["purpose"]
    }
    body["question"] |= {"role": {"allBut": ["teacher"]}, "purpose": "safety", "evidence": "code"}
    assert [q.role for q in read_case(FILE, json.dumps(body), WORDS).questions] == ["youth-nurse", "family-worker"]
    body["each"] = [{}, {"role": "teacher"}, {"purpose": "*", "role": "teacher"}]
    assert len(read_case(FILE, json.dumps(body), WORDS).questions) == 5


@pytest.mark.parametrize(
    ("change", "each", "said"),
    [
        ({"role": {"allBut": ["headmaster"]}}, None, "'role' has the wrong form"),
        ({"role": {"allBut": []}}, None, "'role' has the wrong form"),
        ({"role": {"allBut": list(WORDS["role"])}}, None, "these are 0 questions"),
        ({"role": []}, None, "'role' has the wrong form"),
        ({"role": ["teacher", 3]}, None, "'role' has the wrong form"),
        ({"evidence": {"allBut": ["code"]}}, None, "'evidence' has the wrong form"),
        ({}, [], "'each' is a list of objects"),
        ({}, ["x"], "'question' is no object"),
        ({}, [{"colour": "red"}], "unknown field: colour"),
        ({"role": ["teacher"] * 100, "purpose": ["safety"] * 100}, None, "these are 10000 questions"),
    ],
)
def test_several_words_that_are_unclear_are_a_fault(
    body: dict[str, Any], change: dict[str, Any], each: Any, said: str
) -> None:
    body["question"] |= change
    if each is not None:
        body["each"] = each
    with pytest.raises(CaseFault, match=said):
        read_case(FILE, json.dumps(body), WORDS)


def test_of_several_questions_the_one_that_comes_out_otherwise_is_named(
    shipped: PolicySet, body: dict[str, Any]
) -> None:
    body["question"] |= {"sectionType": ["status", "timeline", "safety-plan"], "role": ["support-coordinator"]}
    del body["rule"]
    [result] = [r for r in run_cases(load_texts({**shipped.texts, FILE: json.dumps(body)})) if r.file == FILE]
    assert result.fault is not None
    assert result.fault.en == "this must be given, but is refused by: -. (timeline)"
