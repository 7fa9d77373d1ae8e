"""The shipped agreement is complete, minimal where it can be, and in words that families read."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from broker.domain.notices import PARTS, compose
from broker.domain.signers import SignerRule
from broker.pdp.matrix import matrix_of
from broker.pdp.policy_set import PolicySet

USED_BY_FAMILIES = {
    "organisation_kinds": {
        "foster-care",
        "youth-mental-health",
        "neighbourhood-team",
        "school",
        "addiction-care",
        "gp",
    },
    "roles": {
        "foster-care-supervisor",
        "psychologist",
        "system-therapist",
        "family-worker",
        "support-coordinator",
        "addiction-counsellor",
        "general-practitioner",
    },
    "purposes": {"coordination", "education-support", "health-care"},
    "section_types": {
        "timeline",
        "roles-and-tasks",
        "carrying-capacity",
        "parent-health",
        "safety-plan",
        "status",
        "voice-of-the-child",
        "analysis",
        "help-history",
        "education",
    },
    "handover_kinds": {"change-of-worker", "feedback-to-school", "inform-gp", "referral"},
}
SHORT = 26


@pytest.mark.parametrize("name", USED_BY_FAMILIES)
def test_it_knows_every_word_of_the_families(shipped: PolicySet, name: str) -> None:
    assert USED_BY_FAMILIES[name] <= set(getattr(shipped.vocabulary, name))


def test_it_is_a_realistic_size(shipped: PolicySet) -> None:
    words = shipped.vocabulary
    assert len(words.organisation_kinds) >= 12
    assert len(words.roles) >= 15
    assert len(words.purposes) >= 7
    assert len(words.section_types) >= 15


def test_words_are_short_whole_sentences(shipped: PolicySet) -> None:
    for name in USED_BY_FAMILIES:
        for term in getattr(shipped.vocabulary, name).values():
            texts = [term.explain.nl, term.explain.en]
            if name == "section_types":
                assert term.example is not None
                texts += [term.example.nl, term.example.en]
            for text in texts:
                assert text.endswith("."), text
                assert all(len(sentence.split()) <= SHORT for sentence in re.split(r"[.?!:]", text)), text


def test_every_word_is_used_by_some_rule_or_is_a_plain_denial(shipped: PolicySet) -> None:
    named = {word for rule in shipped.rules.values() for _, word in rule.words}
    assert set(shipped.vocabulary.purposes) <= named
    assert set(shipped.vocabulary.section_types) <= named
    assert set(shipped.vocabulary.roles) - named == {"board-investigator"}  # refused as a kind of organisation


def test_every_permit_names_purpose_kind_role_and_types(shipped: PolicySet) -> None:
    assert {rule.id: rule.unbounded for rule in shipped.rules.values() if rule.unbounded} == {}


def test_permits_are_laid_out_as_the_readme_says(shipped: PolicySet) -> None:
    order = ("context.purpose", "principal.organisationKind", "principal.role", "resource.type")
    for rule in shipped.rules.values():
        if rule.effect == "permit":
            subjects = re.findall(r"^when \{\s*([a-zA-Z.]+)", rule.text, re.MULTILINE)
            assert tuple(subjects[:4]) == order, rule.id


def test_no_permit_demands_evidence(shipped: PolicySet) -> None:
    # it is asked before anybody answered, to know what to put to the family
    assert all("context.evidence" not in r.text for r in shipped.rules.values() if r.effect == "permit")


def test_more_evidence_never_closes_and_discussing_never_closes(shipped: PolicySet) -> None:
    """For every question there is, by the masks of the matrix."""
    matrix = matrix_of(shipped)
    masks = {cell.open for cell in matrix.cells.values()}
    for name in ("evidence", "discussed_with_family", "sender_basis", "recipient_basis"):
        values = [matrix.space.mask(name, index) for index in range(len(matrix.space.values[name]))]
        for less, more in pairwise(values):
            step = more.bit_length() - less.bit_length()
            assert less << step == more
            assert [mask for mask in masks if (mask & less) << step & ~mask] == []
    assert len(masks) > 10


def test_each_row_of_the_signers_names_the_article_of_its_own_age(shipped: PolicySet) -> None:
    # Jeugdwet 7.3.15: under 12, and unable; 7.3.4 lid 2: from 12 to 15 the parents too; 7.3.5 lid 1: from 16 alone.
    named = {rule.from_age: set(rule.articles) for rule in shipped.signers.rules}
    of_age = {"Jeugdwet 7.3.15", "BW 7:465"}, {"Jeugdwet 7.3.4", "BW 7:450"}, {"Jeugdwet 7.3.5", "BW 7:447"}
    assert {age: named[age] & set().union(*of_age) for age in named} == dict(zip((0, 12, 16), of_age, strict=True))


def test_who_signs_is_the_table_of_the_law(shipped: PolicySet) -> None:
    rows = [(rule.from_age, rule.person_signs, rule.authority_signs) for rule in shipped.signers.rules]
    assert rows == [(0, False, True), (12, True, True), (16, True, False)]
    assert all(isinstance(rule, SignerRule) and rule.articles for rule in shipped.signers.rules)
    assert [shipped.signers.band(age) for age in (0, 11, 12, 15, 16, 44)] == [
        "0-11",
        "0-11",
        "12-15",
        "12-15",
        "16+",
        "16+",
    ]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_question_reads_as_whole_sentences(shipped: PolicySet, language: str) -> None:
    term = shipped.vocabulary.section_types["timeline"]
    assert term.example is not None
    values = {
        "sender": "PlusTeam",
        "recipients": "intern begeleider van De Regenboog",
        "section": term.label.in_language(language),
        "explanation": term.explain.in_language(language),
        "example": term.example.in_language(language),
        "persons": "Tom",
        "purpose": shipped.vocabulary.purposes["coordination"].label.in_language(language),
        "until": "3 mei 2027",
        "supported": "Tom",
    }
    question = compose(shipped.notices[language], [("timeline", values)]).questions[0]
    assert set(question.parts) == set(PARTS)
    for part, text in question.parts.items():
        assert text.endswith("?" if part == "title" else "."), text
        assert ".." not in text
        assert "{" not in text
        assert all(len(sentence.split()) <= SHORT for sentence in re.split(r"[.?!:]", text)), text


def test_the_notices_say_no_is_free_and_stopping_is_as_easy(shipped: PolicySet) -> None:
    assert "De hulp gaat gewoon door." in shipped.notices["nl"].parts["no"]
    assert "net zo makkelijk als ja zeggen" in shipped.notices["nl"].parts["stop"]
    assert "Elke keer als iemand iets leest, krijg je een bericht." in shipped.notices["nl"].parts["later"]
    assert "Voordat het stopt, krijg je een bericht." in shipped.notices["nl"].parts["until"]
    assert set(shipped.notices) == {"nl", "en", "ar", "tr", "pl", "uk", "ti"}
    assert len({notice.version for notice in shipped.notices.values()}) == 1


def test_the_readme_names_every_file_and_field(shipped: PolicySet) -> None:
    readme = (Path(__file__).parents[2] / "policies" / "README.md").read_text(encoding="utf-8")
    for path in shipped.texts:
        assert path in readme or path.startswith("cases/") or path == "README.md"
    fields = re.findall(r"^\s+([a-zA-Z]+): (?:Role|OrganisationKind|SectionType|HandoverKind|AgeBand|Purpose|Long|Bool)",
                        shipped.texts["release.cedarschema"], re.MULTILINE)  # fmt: skip
    assert len(fields) == 12
    assert all(f".{field}`" in readme for field in fields)
