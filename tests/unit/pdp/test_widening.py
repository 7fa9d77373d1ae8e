"""What could give more is always marked; what plainly cannot is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.decisions import PolicyQuestion
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.faults import UnsafePolicies
from broker.pdp.policy_set import PolicySet, load_texts
from broker.pdp.widening import widens
from tests.unit.pdp.test_cedar import questions

NOTES = '@id("x") @title_nl("x") @title_en("x") @legal_basis("x")'
FORBID = f"{NOTES} forbid (principal, action, resource) when {{ context.concernsOthers }};"
Edit = Callable[[str], str]


def edited(shipped: PolicySet, edit: Edit, file: str = "release.cedar") -> PolicySet:
    text = edit(shipped.texts[file])
    assert text != shipped.texts[file]
    return load_texts({**shipped.texts, file: text})


def in_rule(rule: str, old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        before, mark, after = text.partition(f'@id("{rule}")')
        assert old in after
        return before + mark + after.replace(old, new, 1)

    return edit


SCHOOL = "school-support-coordinator"
NARROWER: dict[str, Edit] = {
    "a type less": in_rule(SCHOOL, '    SectionType::"status",\n', ""),
    "a condition more": in_rule(SCHOOL, "when {", "when { context.discussedWithFamily }\nwhen {"),
    "a forbid more": lambda text: text + FORBID,
    "a rule less": lambda text: text[: text.index(f'@id("{SCHOOL}")')] + text[text.index('@id("school-teacher")') :],
    "another title": in_rule(SCHOOL, '@title_en("', '@title_en("New: '),
    "another comment": lambda text: "// new\n" + text,
}
WIDER: dict[str, Edit] = {
    "a type more": in_rule(
        SCHOOL, '    SectionType::"status",\n', '    SectionType::"status",\n    SectionType::"timeline",\n'
    ),
    "another purpose": in_rule(SCHOOL, 'Purpose::"education-support"', 'Purpose::"coordination"'),
    "a permit more": lambda text: text + f"{NOTES} permit (principal, action, resource);",
    "a forbid less": lambda text: (
        text[: text.index('@id("no-sender-basis")')] + text[text.index('@id("no-recipient-basis")') :]
    ),
    "a forbid that asks more": in_rule("no-sender-basis", "when {", "when { context.concernsOthers }\nwhen {"),
}


@pytest.mark.parametrize("name", NARROWER)
def test_what_plainly_gives_no_more_is_not_marked(shipped: PolicySet, name: str) -> None:
    assert not widens(shipped, edited(shipped, NARROWER[name]))


@pytest.mark.parametrize("name", WIDER)
def test_what_gives_more_is_marked(shipped: PolicySet, name: str) -> None:
    assert widens(shipped, edited(shipped, WIDER[name]))


def test_fewer_signers_a_freed_type_and_new_words_are_marked(shipped: PolicySet) -> None:
    rows = shipped.signers.rules
    fewer = replace(shipped.signers, rules=(replace(rows[0]), replace(rows[1], authority_signs=False), *rows[2:]))
    assert widens(shipped, replace(shipped, signers=fewer))
    terms = shipped.vocabulary.section_types
    sealed = replace(shipped.vocabulary, section_types={**terms, "status": replace(terms["status"], sealed_only=True)})
    assert widens(replace(shipped, vocabulary=sealed), shipped)
    assert not widens(shipped, replace(shipped, vocabulary=sealed))
    fewer_words = {name: term for name, term in shipped.vocabulary.roles.items() if name != "teacher"}
    assert widens(replace(shipped, vocabulary=replace(shipped.vocabulary, roles=fewer_words)), shipped)


@settings(max_examples=15)
@given(data=st.data())
def test_never_unmarked_where_some_question_is_answered_wider(shipped: PolicySet, data: st.DataObject) -> None:
    """Against the decisions themselves: a question that only the new set permits means that it is marked."""
    before, after = (CHANGED[data.draw(st.sampled_from(sorted(CHANGED)))](shipped) for _ in range(2))
    asked: PolicyQuestion = data.draw(questions(shipped))
    school = replace(
        asked,
        role="support-coordinator",
        recipient_kind="school",
        purpose="education-support",
        section_type=data.draw(st.sampled_from(["status", "timeline", "safety-plan"])),
    )
    gives = (
        CedarDecisionPoint(after).decide(school).permitted and not CedarDecisionPoint(before).decide(school).permitted
    )
    assert widens(before, after) or not gives


_made: dict[str, PolicySet] = {}


def _changed(name: str, edit: Edit) -> Callable[[PolicySet], PolicySet]:
    return lambda shipped: _made.setdefault(name, edited(shipped, edit))


CHANGED: dict[str, Callable[[PolicySet], PolicySet]] = {
    "as it is": lambda shipped: shipped,
    **{name: _changed(name, edit) for name, edit in {**NARROWER, **WIDER}.items()},
}


def test_a_text_more_for_whom_it_is_about_is_wider_and_one_less_is_not(shipped: PolicySet) -> None:
    more = edited(
        shipped,
        lambda text: text.replace("[section_types.education]\n", "[section_types.education]\nown_text = true\n"),
        "vocabulary.toml",
    )
    assert widens(shipped, more)
    assert not widens(more, shipped)


def test_one_more_that_leaves_with_who_agrees_is_wider_and_one_less_is_not(shipped: PolicySet) -> None:
    more = edited(
        shipped,
        lambda text: text.replace("[section_types.education]\n", "[section_types.education]\nsigned_off = true\n"),
        "vocabulary.toml",
    )
    assert widens(shipped, more)
    assert not widens(more, shipped)
    assert shipped.vocabulary.signed_off == {"analysis", "strengths", "carrying-capacity"}


@pytest.mark.parametrize("value", ['"yes"', "1", '""'])
def test_signed_off_is_true_or_false_and_nothing_else(shipped: PolicySet, value: str) -> None:
    with pytest.raises(UnsafePolicies, match=r"analysis\.signed_off"):
        edited(
            shipped, lambda text: text.replace("\nsigned_off = true", f"\nsigned_off = {value}", 1), "vocabulary.toml"
        )


def test_a_text_more_for_a_family_is_wider_and_one_less_is_not(shipped: PolicySet) -> None:
    more = edited(
        shipped,
        lambda text: text.replace("[section_types.education]\n", "[section_types.education]\nfamily_text = true\n"),
        "vocabulary.toml",
    )
    assert widens(shipped, more)
    assert not widens(more, shipped)


def test_the_shipped_agreement_gives_a_family_what_it_sat_at_the_table_for(shipped: PolicySet) -> None:
    assert shipped.vocabulary.family_text == {"agreements", "minutes"}


def test_family_text_is_true_or_false_and_nothing_else(shipped: PolicySet) -> None:
    with pytest.raises(UnsafePolicies, match="family_text"):
        edited(shipped, lambda text: text.replace("\nfamily_text = true", "\nfamily_text = 1", 1), "vocabulary.toml")


def test_own_text_is_true_or_false_and_nothing_else(shipped: PolicySet) -> None:
    with pytest.raises(UnsafePolicies, match="own_text"):
        edited(shipped, lambda text: text.replace("\nown_text = true", '\nown_text = "yes"', 1), "vocabulary.toml")


def test_the_shipped_agreement_gives_no_text_that_may_harm_who_reads_it_alone(shipped: PolicySet) -> None:
    assert shipped.vocabulary.own_text == {
        "check-in",
        "timeline", "status", "agreements", "goals", "voice-of-the-child", "strengths",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("now", "wider"),
    [
        ('expires = "P6M"', False),
        ('expires = "P12M1D"', True),
        ('expires = "P366D"', True),
        ("", True),
    ],
)
def test_what_grows_old_later_or_not_at_all_any_more_is_wider(shipped: PolicySet, now: str, wider: bool) -> None:
    after = edited(shipped, lambda text: text.replace('expires = "P12M"', now), "vocabulary.toml")
    assert widens(shipped, after) == wider
    if not now:
        assert not widens(after, shipped), "growing old from now on is less"


@pytest.mark.parametrize("value", ['"P0D"', '"P"', '"P61M"', '"a year"', "12", "true", '""'])
def test_a_period_that_is_none_is_a_fault(shipped: PolicySet, value: str) -> None:
    with pytest.raises(UnsafePolicies, match=r"risk-inventory\.expires"):
        edited(shipped, lambda text: text.replace('expires = "P12M"', f"expires = {value}"), "vocabulary.toml")
