"""Every rule's conditions are shown as Cedar finds them, and a recipient hears the same whatever they are."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

from broker.cli.policies import app
from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import TOLD, Told
from broker.domain.explanations import State
from broker.errors import Invalid
from broker.pdp.cases import every_word, read_case
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.condition_words import words_of
from broker.pdp.conditions import take_apart
from broker.pdp.explain import Explainer
from broker.pdp.matrix import NotExact
from broker.pdp.policy_set import PolicySet
from tests.support.small_agreements import FAILS, FORBID, PERMIT, PERMITTED, SHIPPED, small, that_fails

QUESTION = replace(PERMITTED, role="teacher", purpose="safety", handover_kind="referral", age_band="0-11")
ASKED = ("explain", "--sender", "neighbourhood-team", "--kind", "gp", "--role", "general-practitioner",
         "--purpose", "health-care", "--section", "medication")  # fmt: skip


@pytest.fixture(scope="module")
def explainer(shipped: PolicySet) -> Explainer:
    return Explainer(shipped)


def run(*arguments: str) -> Result:
    return CliRunner(env={"BROKER_POLICIES": str(SHIPPED)}).invoke(app, arguments)


def test_every_case_is_explained_as_it_is_decided(shipped: PolicySet, explainer: Explainer) -> None:
    for path, text in shipped.texts.items():
        if path.startswith("cases/"):
            question = read_case(path, text, every_word(shipped)).question
            found = explainer.explain(question)
            assert found.ruling == CedarDecisionPoint(shipped).decide(question)
            assert {rule.id for rule in found.rules} == set(shipped.rules)
            for rule in found.rules:
                assert (rule.state is State.HELD) == (not rule.lacking)
            assert {rule.id for rule in found.deciding} == set(found.ruling.rules)


def test_every_condition_of_the_shipped_agreement_has_words_of_its_own(shipped: PolicySet) -> None:
    for taken in take_apart(shipped.texts["release.cedar"], shipped.rules):
        for condition in taken.conditions:
            words = words_of(condition, shipped.vocabulary)
            assert not any(mark in words.nl + words.en for mark in ("::", '"', "==", "context."))
            assert condition.text in " ".join(shipped.texts["release.cedar"].split())


def test_conditions_say_where_they_stand(shipped: PolicySet) -> None:
    lines = shipped.texts["release.cedar"].splitlines()
    for taken in take_apart(shipped.texts["release.cedar"], shipped.rules):
        for condition in taken.conditions:
            assert condition.text.startswith(lines[condition.line - 1][condition.column - 1 :].split()[0])


@pytest.mark.parametrize(
    ("written", "held", "english"),
    [
        ('when { principal.role == Role::"teacher" && context.purpose != Purpose::"safety" }', [True, False],
         ["the role of who asks is teacher or mentor", "the purpose is not keeping people safe"]),
        ('unless { context.evidence >= 2 || context.concernsOthers }', [True, True],
         ["the evidence of the answer is less than a passkey", "is about the child only"]),
        ("when { !(context.senderBasis && context.discussedWithFamily) }", [False],
         ["the sender states no legal basis or not discussed with the family"]),
        ("when { principal.organisationKind == resource.senderKind }", [False],
         ["the kind of organisation of who asks is the same as the kind of organisation of the sender"]),
        ('unless { resource.ageBand in [AgeBand::"0-11", AgeBand::"12-15"] }', [False],
         ["the age of the child is not 0-11 or 12-15"]),
        ('when { if context.senderBasis then true else false }', [True],
         ["if context.senderBasis then true else false"]),
        ('unless { [Role::"teacher"].contains(principal.role) }', [False],
         ['not: [Role::"teacher"].contains(principal.role)']),
    ],
)  # fmt: skip
def test_conditions_in_words(written: str, held: list[bool], english: list[str]) -> None:
    [rule] = Explainer(small(f"{PERMIT} {written};")).explain(QUESTION).rules
    said = [condition.words.en for condition in rule.conditions]
    assert said[0].startswith(english[0]) or said == english
    assert len(said) == len(english)
    assert [condition.state is State.HELD for condition in rule.conditions] == held


def test_a_forbid_shows_what_it_overrules_and_otherwise_the_nearest(explainer: Explainer) -> None:
    gp = replace(
        QUESTION, recipient_kind="gp", role="general-practitioner", purpose="health-care", section_type="medication"
    )
    found = explainer.explain(gp)
    assert [rule.id for rule in found.deciding] == ["report-from-its-maker"]
    assert [rule.id for rule in found.overruled] == ["gp-doctor"]
    assert found.nearest == ()
    found = explainer.explain(replace(gp, sender_kind="hospital"))
    assert ([rule.id for rule in found.deciding], found.overruled) == (["gp-doctor"], ())
    found = explainer.explain(replace(QUESTION, purpose="education-support", section_type="safety-plan"))
    assert [rule.id for rule in found.nearest] == ["school-support-coordinator", "school-teacher"]
    assert [len(rule.lacking) for rule in found.nearest] == [1, 1]


def test_an_unknown_word_is_named_and_no_rule_is_asked(explainer: Explainer) -> None:
    found = explainer.explain(replace(QUESTION, role="headmaster", age_band="0-99"))
    assert (found.unknown, found.rules, found.ruling.permitted) == (("role", "age_band"), (), False)


@pytest.mark.parametrize("change", [{"permitted": False}, {"rules": ()}, {"errors": 1}])
def test_when_the_decision_function_says_otherwise_there_is_no_explanation(
    change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    explainer, decide = (
        Explainer(small(f"{PERMIT};", f"{FORBID} unless {{ context.senderBasis }};")),
        CedarDecisionPoint.decide,
    )
    monkeypatch.setattr(CedarDecisionPoint, "decide", lambda self, q: replace(decide(self, q), **change))
    with pytest.raises(NotExact):
        explainer.explain(QUESTION)


def test_a_condition_that_cannot_be_worked_out_is_shown_as_that() -> None:
    failing = that_fails(f'{PERMIT} when {{ {FAILS} }} when {{ principal.role == Role::"teacher" }};')
    found = Explainer(failing).explain(replace(QUESTION, evidence=EvidenceLevel.OIDC))
    assert [condition.state for condition in found.rules[0].conditions] == [State.BROKEN, State.HELD]
    assert (found.rules[0].state, found.ruling.permitted, found.ruling.errors) == (State.BROKEN, False, 1)


def test_on_the_command_line(shipped: PolicySet) -> None:
    refused = run(*ASKED)
    assert refused.exit_code == 1
    for text in ("REFUSED.", "report-from-its-maker, forbids", "gp-doctor, gives; AVG 6(1)(e)", "  yes  the role of who asks is family doctor",
                 "the age of the child: 0-11", "the evidence of the answer: a code"):  # fmt: skip
        assert text in refused.stdout
    given = run(*ASKED, "--language", "nl", "--age", "16", "--sender", "hospital", "--all")
    assert given.exit_code == 0
    assert all(text in given.stdout for text in ("GEGEVEN", "de leeftijd van het kind: 16+", *shipped.rules))
    document = json.loads(run(*ASKED, "--json").stdout)
    assert (document["permitted"], document["deciding"]) == (False, ["report-from-its-maker"])
    assert {rule["id"] for rule in document["rules"]} == set(shipped.rules)


def test_wrong_words_are_all_named_with_what_is_like_them() -> None:
    result = run(*ASKED, "--role", "general-practicioner", "--purpose", "healthcare")
    assert isinstance(result.exception, Invalid)
    assert [(fault.pointer, fault.words.en) for fault in result.exception.faults] == [
        ("/role", "this word is not in the vocabulary; do you mean: general-practitioner, practice-nurse?"),
        ("/purpose", "this word is not in the vocabulary; do you mean: health-care?"),
    ]


def test_a_recipient_hears_the_same_of_every_refusal() -> None:
    heard = {
        run(*ASKED, "--for", "recipient", *more).stdout
        for more in ((), ("--section", "violence-history"), ("--evidence", "none", "--sender", "hospital", "--section", "diagnostic-report"),
                     ("--no-sender-basis",), ("--others", "--section", "child-health"), ("--role", "teacher"))
    }  # fmt: skip
    assert heard == {" ".join(words.en for words in TOLD[Told.NOT_AGREED]) + "\n"}
    assert set(json.loads(run(*ASKED, "--for", "recipient", "--json").stdout)) == {"message", "nextStep"}
