"""Who hears that something was read: signers and young people, each once, and nobody from whom all of it is shielded."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import RecordId, Stance
from broker.domain.decisions import Finding, SectionDecision
from broker.domain.handovers import Section
from broker.domain.parties import Person, PersonId
from broker.domain.signers import SignerRule, SignerTable, required_signers
from broker.domain.telling import Why, old_enough, told_of
from tests.factories import CHILD, FATHER, GRANNY, MOTHER, NOW, PERMIT, TABLE, a_person, a_section, born, gezag

WHO = [CHILD, MOTHER, FATHER, GRANNY]
BOTH = (gezag(MOTHER), gezag(FATHER))


def people(*ages: int) -> dict[PersonId, Person]:
    """The child with these stated ages, and three adults."""
    return {
        CHILD: a_person(CHILD, *(born(years) for years in ages)),
        **{who: a_person(who, born(40)) for who in WHO[1:]},
    }


def released(section: Section, signers: Iterable[PersonId], about: PersonId = CHILD) -> SectionDecision:
    """A section that left on the yes of these."""
    found = tuple(Finding(about, signer, Stance.GIVEN, RecordId(f"r-{signer}")) for signer in signers)
    return SectionDecision(section, PERMIT, found, None)


def test_every_signer_hears_once_however_much_left() -> None:
    both = [released(a_section(t, id=t), (MOTHER, FATHER)) for t in ("status", "timeline")]
    assert told_of(both, people(9), TABLE, NOW) == {MOTHER: Why.SAID_YES, FATHER: Why.SAID_YES}


def test_a_child_under_twelve_does_not_hear_and_one_of_twelve_does() -> None:
    section = [released(a_section(), (MOTHER,))]
    assert CHILD not in told_of(section, people(11), TABLE, NOW)
    assert told_of(section, people(12), TABLE, NOW)[CHILD] is Why.ABOUT_THEM
    assert CHILD not in told_of(section, people(12), TABLE, NOW - timedelta(days=1))


def test_the_youngest_stated_age_counts_unless_the_child_said_yes() -> None:
    section = [released(a_section(), (MOTHER,))]
    assert CHILD not in told_of(section, people(11, 13), TABLE, NOW)
    assert CHILD not in told_of(section, people(), TABLE, NOW)
    assert told_of(section, people(12, 13), TABLE, NOW)[CHILD] is Why.ABOUT_THEM
    signed = [released(a_section(), (MOTHER, CHILD))]
    assert told_of(signed, people(11, 13), TABLE, NOW)[CHILD] is Why.SAID_YES


def test_somebody_else_whom_a_section_concerns_hears_too() -> None:
    section = [released(a_section(concerns=(CHILD, GRANNY)), (MOTHER,))]
    assert told_of(section, people(9), TABLE, NOW) == {MOTHER: Why.SAID_YES, GRANNY: Why.ABOUT_THEM}


def test_who_said_yes_to_one_of_two_sections_is_told_so_in_either_order() -> None:
    about = released(a_section("status", id="a"), (MOTHER,))
    signed = released(a_section("timeline", id="b"), (MOTHER, CHILD))
    for order in ([about, signed], [signed, about]):
        assert told_of(order, people(14), TABLE, NOW)[CHILD] is Why.SAID_YES


def test_who_is_shielded_from_one_section_hears_of_the_other_only() -> None:
    hidden = released(a_section("safety-plan", id="a", shielded_from=(FATHER,)), (MOTHER, FATHER))
    seen = released(a_section("status", id="b"), (MOTHER, FATHER))
    assert FATHER not in told_of([hidden], people(9), TABLE, NOW)
    assert told_of([hidden, seen], people(9), TABLE, NOW)[FATHER] is Why.SAID_YES


def test_a_stance_that_is_no_yes_tells_nobody() -> None:
    for stance in set(Stance) - {Stance.GIVEN}:
        decision = SectionDecision(a_section(), PERMIT, (Finding(CHILD, MOTHER, stance),), None)
        assert told_of([decision], people(9), TABLE, NOW) == {}


@pytest.mark.parametrize("asked_from", [0, 10, 14, None])
def test_the_age_comes_from_the_table(asked_from: int | None) -> None:
    first = SignerRule(0, person_signs=asked_from == 0, authority_signs=True, articles=())
    later = (SignerRule(asked_from, person_signs=True, authority_signs=True, articles=()),) if asked_from else ()
    table = SignerTable((first, *later))
    assert [old_enough(a_person(CHILD, born(years)), table, NOW) for years in (0, 9, 10, 13, 14, 40)] == [
        asked_from is not None and years >= asked_from for years in (0, 9, 10, 13, 14, 40)
    ]


SECTIONS = st.lists(
    st.builds(
        a_section,
        st.sampled_from(["status", "timeline", "safety-plan"]),
        st.sets(st.sampled_from(WHO), min_size=1),
        id=st.uuids().map(str),
        shielded_from=st.sets(st.sampled_from(WHO)),
    ),
    min_size=1,
    max_size=4,
)
AGES = st.lists(st.integers(0, 18), max_size=2)


@given(SECTIONS, AGES, st.data())
def test_nobody_hears_of_a_release_of_only_what_is_shielded_from_them(
    sections: list[Section], ages: list[int], data: st.DataObject
) -> None:
    """Whatever the decision was: also with findings that no honest decision has."""
    decisions = [released(s, data.draw(st.sets(st.sampled_from(WHO)))) for s in sections]
    told = told_of(decisions, people(*ages), TABLE, NOW)
    for person in WHO:
        seen = [d for d in decisions if person not in d.section.shielded_from]
        signed = any(f.signer == person for d in seen for f in d.findings)
        about = any(person in d.section.concerns for d in seen) and (
            person != CHILD or (bool(ages) and min(ages) >= 12)
        )
        assert (person in told) == (signed or about)
        if person in told:
            assert (told[person] is Why.SAID_YES) == signed


@given(st.lists(st.integers(0, 18), min_size=1, max_size=2))
def test_whoever_must_say_yes_is_told_when_it_leaves(ages: list[int]) -> None:
    child = people(*ages)[CHILD]
    signers = required_signers(child, BOTH, TABLE, NOW).signers
    told = told_of([released(a_section(), signers)], people(*ages), TABLE, NOW)
    assert signers <= told.keys()
