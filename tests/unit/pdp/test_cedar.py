"""Anything but a clean permit is a denial: unknown words, rules that fail, exceptions, panics."""

from collections.abc import Callable
from dataclasses import fields, replace

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.pdp import cedar
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.entities import bands_of
from broker.pdp.policy_set import PolicySet, load_texts

Changed = Callable[[str, str, str], dict[str, str]]
WORDS = ("sender_kind", "recipient_kind", "role", "purpose", "handover_kind", "section_type", "age_band")


def questions(policy_set: PolicySet) -> st.SearchStrategy[PolicyQuestion]:
    words = policy_set.vocabulary
    return st.builds(
        PolicyQuestion,
        sender_kind=st.sampled_from(sorted(words.organisation_kinds)),
        recipient_kind=st.sampled_from(sorted(words.organisation_kinds)),
        role=st.sampled_from(sorted(words.roles)),
        purpose=st.sampled_from(sorted(words.purposes)),
        handover_kind=st.sampled_from(sorted(words.handover_kinds)),
        section_type=st.sampled_from(sorted(words.section_types)),
        age_band=st.sampled_from(sorted(bands_of(policy_set.signers))),
        evidence=st.sampled_from(EvidenceLevel),
        discussed_with_family=st.booleans(),
        sender_basis=st.booleans(),
        recipient_basis=st.booleans(),
        concerns_others=st.booleans(),
    )


def unvalidated(policy_set: PolicySet, rule: str) -> PolicySet:
    """The shipped set with one more rule that no check has seen."""
    return replace(policy_set, policies=policy_set.policies.with_added_str(rule))


def test_a_permit_names_its_rule_and_the_set(shipped: PolicySet, question: PolicyQuestion) -> None:
    assert CedarDecisionPoint(shipped).decide(question) == Ruling(True, ("school-support-coordinator",), shipped.digest)


def test_a_forbid_names_its_rules(shipped: PolicySet, question: PolicyQuestion) -> None:
    asked = replace(question, sender_basis=False, recipient_basis=False)
    ruling = CedarDecisionPoint(shipped).decide(asked)
    assert ruling == Ruling(False, ("no-recipient-basis", "no-sender-basis"), shipped.digest)


def test_what_no_rule_gives_is_denied_by_no_rule(shipped: PolicySet, question: PolicyQuestion) -> None:
    ruling = CedarDecisionPoint(shipped).decide(replace(question, purpose="follow-up"))
    assert ruling == Ruling(False, (), shipped.digest)


@given(data=st.data())
def test_any_unknown_word_denies(shipped: PolicySet, data: st.DataObject) -> None:
    asked = data.draw(questions(shipped))
    names = data.draw(st.sets(st.sampled_from(WORDS), min_size=1))
    known = {*shipped.vocabulary.section_types, *shipped.vocabulary.roles, *shipped.vocabulary.purposes}
    known |= {*shipped.vocabulary.organisation_kinds, *shipped.vocabulary.handover_kinds, *bands_of(shipped.signers)}
    for name in sorted(names):
        asked = replace(asked, **{name: data.draw(st.text().filter(lambda word: word not in known))})
    ruling = CedarDecisionPoint(shipped).decide(asked)
    assert not ruling.permitted
    assert ruling.errors == len(names)
    assert ruling.digest == shipped.digest


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("word", ["", " ", "status\n", 'x"; permit(principal,action,resource);', "Status", "ſtatus"])
def test_an_unknown_word_denies(shipped: PolicySet, question: PolicyQuestion, name: str, word: str) -> None:
    ruling = CedarDecisionPoint(shipped).decide(replace(question, **{name: word}))
    assert (ruling.permitted, ruling.rules) == (False, ())
    assert ruling.errors > 0


@pytest.mark.parametrize("name", [field.name for field in fields(PolicyQuestion)])
@pytest.mark.parametrize("value", [None, [], object(), {"__entity": {"type": "Role", "id": "teacher"}}])
def test_a_value_that_is_no_word_never_permits_by_accident(
    shipped: PolicySet, question: PolicyQuestion, name: str, value: object
) -> None:
    ruling = CedarDecisionPoint(shipped).decide(replace(question, **{name: value}))
    if name in WORDS or name == "evidence":
        assert not ruling.permitted
        assert ruling.errors > 0


@given(data=st.data())
def test_known_words_are_always_answered_cleanly(shipped: PolicySet, data: st.DataObject) -> None:
    ruling = CedarDecisionPoint(shipped).decide(data.draw(questions(shipped)))
    assert ruling.errors == 0
    assert bool(ruling.rules) or not ruling.permitted
    assert set(ruling.rules) <= set(shipped.rules)


@pytest.mark.parametrize(
    "condition",
    [
        "context.nothing == 1",
        "principal.nothing",
        "context.evidence + 9223372036854775807 > 0",
        "context.evidence * 9223372036854775807 * 2 > 0",
        "context.purpose > 1",
        'ip("no address").isLoopback()',
        'decimal("1.23456").lessThan(decimal("1.0"))',
        "context.evidence",
        'Role::"teacher".name == "x"',
    ],
)
@pytest.mark.parametrize("effect", ["forbid", "permit"])
@pytest.mark.parametrize("kind", ["when", "unless"])
def test_a_rule_that_cannot_be_evaluated_denies_what_others_permit(
    shipped: PolicySet, question: PolicyQuestion, effect: str, kind: str, condition: str
) -> None:
    rule = f'@id("fails") {effect} (principal, action, resource) {kind} {{ {condition} }};'
    ruling = CedarDecisionPoint(unvalidated(shipped, rule)).decide(question)
    assert not ruling.permitted
    assert ruling.errors == 1


def test_errors_are_counted_also_when_a_forbid_denies(shipped: PolicySet, question: PolicyQuestion) -> None:
    rule = '@id("a") forbid (principal, action, resource) when { context.a };'
    more = '@id("b") forbid (principal, action, resource) when { context.b };'
    ruling = CedarDecisionPoint(unvalidated(shipped, rule + more)).decide(replace(question, sender_basis=False))
    assert (ruling.permitted, ruling.rules, ruling.errors) == (False, ("no-sender-basis",), 2)


def test_no_rule_at_all_denies(shipped: PolicySet, question: PolicyQuestion) -> None:
    empty = replace(shipped, policies=cedarpy.PolicySet.from_str(""))
    assert CedarDecisionPoint(empty).decide(question).permitted is False


def test_a_permit_without_an_id_denies(shipped: PolicySet, question: PolicyQuestion) -> None:
    nameless = replace(shipped, policies=cedarpy.PolicySet.from_str("permit (principal, action, resource);"))
    assert CedarDecisionPoint(nameless).decide(question).permitted is False


class PanicException(BaseException):
    """Named as PyO3 names a panic in Rust: not an Exception."""


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("x"), MemoryError(), RecursionError(), PanicException()]
)
def test_whatever_cedar_raises_denies_and_is_not_remembered(
    shipped: PolicySet, question: PolicyQuestion, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    point = CedarDecisionPoint(shipped)
    with monkeypatch.context() as patch:
        patch.setattr(cedar.cedarpy, "is_authorized", fail)
        assert point.decide(question) == Ruling(False, (), shipped.digest, 1)
    assert point.decide(question).permitted


def test_stopping_the_broker_is_not_swallowed(
    shipped: PolicySet, question: PolicyQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cedar.cedarpy, "is_authorized", stop)
    with pytest.raises(KeyboardInterrupt):
        CedarDecisionPoint(shipped).decide(question)


# --- the memo -----------------------------------------------------------------------------------


@given(data=st.data())
def test_the_memo_never_mixes_two_questions(shipped: PolicySet, data: st.DataObject) -> None:
    small = CedarDecisionPoint(shipped, memo_size=3)
    asked = data.draw(st.lists(questions(shipped), min_size=1, max_size=4))
    near = [
        replace(asked[0], **{field.name: getattr(data.draw(questions(shipped)), field.name)})
        for field in fields(PolicyQuestion)
    ]
    order = data.draw(st.permutations([*asked, *near, *asked]))
    for question in order:
        assert small.decide(question) == CedarDecisionPoint(shipped, memo_size=0).decide(question)


def test_the_memo_is_used_and_bounded(
    shipped: PolicySet, question: PolicyQuestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = cedarpy.is_authorized

    def counted(*args: object) -> object:
        asked.append(args)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(cedar.cedarpy, "is_authorized", counted)
    point = CedarDecisionPoint(shipped, memo_size=2)
    others = [replace(question, section_type=name) for name in ("agreements", "education")]
    for each in (question, question, others[0], question, *others, question):
        point.decide(each)
    assert len(asked) == 4


def test_two_sets_never_share_an_answer(shipped: PolicySet, changed: Changed, question: PolicyQuestion) -> None:
    rule = shipped.rules["school-support-coordinator"]
    stricter = load_texts(changed("release.cedar", rule.text, ""))
    assert CedarDecisionPoint(shipped).decide(question).permitted
    assert not CedarDecisionPoint(stricter).decide(question).permitted
    assert stricter.digest != shipped.digest


def test_equal_questions_of_other_types_get_the_same_answer(shipped: PolicySet, question: PolicyQuestion) -> None:
    loose = replace(question, evidence=True, discussed_with_family=1)
    assert loose == question
    assert CedarDecisionPoint(shipped).decide(loose) == CedarDecisionPoint(shipped).decide(question)
