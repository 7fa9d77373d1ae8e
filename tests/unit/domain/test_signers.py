"""Everybody who must say yes is asked: by age, by authority, and by the strictest reading where facts disagree."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.calendar import age, local_day
from broker.domain.parties import Inability, Person
from broker.domain.signers import (
    AuthorityRule,
    Gap,
    Required,
    SignerRule,
    SignerTable,
    holders,
    required_signers,
    youngest_band,
)
from tests.factories import CHILD, FATHER, GRANNY, MOTHER, NOW, TABLE, TODAY, a_person, born, gezag

PARENTS = (gezag(MOTHER), gezag(FATHER))
BIRTHS = st.dates(date(1990, 1, 1), date(2030, 1, 1))
AUTHORITIES = st.lists(
    st.builds(
        gezag,
        st.sampled_from([MOTHER, FATHER, GRANNY]),
        st.sampled_from([CHILD, GRANNY]),
        kind=st.sampled_from(["parental", "guardian"]),
        since=st.dates(date(2024, 1, 1), date(2028, 1, 1)),
        until=st.none() | st.dates(date(2025, 1, 1), date(2028, 1, 1)),
    ),
    max_size=5,
)


def signers(*births: date, authorities=PARENTS, now=NOW, judged=(None,)) -> Required:
    return required_signers(Person(CHILD, frozenset(births), frozenset(judged)), authorities, TABLE, now)


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        (0, {MOTHER, FATHER}),
        (11, {MOTHER, FATHER}),
        (12, {CHILD, MOTHER, FATHER}),
        (15, {CHILD, MOTHER, FATHER}),
        (16, {CHILD}),
        (17, {CHILD}),
        (18, {CHILD}),
        (44, {CHILD}),
    ],
)
def test_each_age_has_its_signers(years, expected):
    assert signers(born(years)) == Required(frozenset(expected))


@pytest.mark.parametrize("years", [12, 16])
def test_the_rule_changes_at_midnight_of_the_birthday_in_amsterdam(years):
    birthday = date(2026, 7, 1)
    birth = date(2026 - years, 7, 1)
    midnight = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    before, on = signers(birth, now=midnight - timedelta(microseconds=1)), signers(birth, now=midnight)
    assert local_day(midnight) == birthday
    assert CHILD not in before.signers or years == 16
    assert CHILD in on.signers
    assert (MOTHER in on.signers) == (years == 12)
    assert MOTHER in before.signers


def test_somebody_born_on_29_february_signs_from_1_march_in_other_years():
    birth = date(2012, 2, 29)
    assert MOTHER in signers(birth, now=datetime(2028, 2, 28, 12, tzinfo=UTC)).signers
    assert signers(birth, now=datetime(2028, 2, 29, 12, tzinfo=UTC)).signers == {CHILD}
    other = date(2015, 3, 1)
    assert CHILD not in signers(birth.replace(year=2016), now=datetime(2028, 2, 28, 12, tzinfo=UTC)).signers
    assert CHILD in signers(other, now=datetime(2027, 3, 1, 12, tzinfo=UTC)).signers


def test_every_holder_is_asked_also_a_guardian_and_nobody_without_authority():
    three = (*PARENTS, gezag(GRANNY, kind="guardian"))
    assert signers(born(8), authorities=three).signers == {MOTHER, FATHER, GRANNY}
    assert GRANNY not in signers(born(8)).signers
    assert signers(born(8), authorities=(gezag(MOTHER), gezag(FATHER, over=GRANNY))).signers == {MOTHER}


def test_authority_holds_from_its_first_day_to_the_end_of_its_last():
    limited = (gezag(MOTHER, since=TODAY, until=TODAY),)
    assert signers(born(8), authorities=limited).signers == {MOTHER}
    yesterday, tomorrow = NOW - timedelta(days=1), NOW + timedelta(days=1)
    assert signers(born(8), authorities=limited, now=yesterday).gap is Gap.NO_AUTHORITY
    assert signers(born(8), authorities=limited, now=tomorrow).gap is Gap.NO_AUTHORITY
    last_moment = datetime(2026, 6, 15, 21, 59, 59, tzinfo=UTC)
    assert signers(born(8), authorities=limited, now=last_moment).signers == {MOTHER}
    assert not signers(born(8), authorities=limited, now=last_moment + timedelta(seconds=1)).complete


@pytest.mark.parametrize("years", [0, 8, 12, 15])
def test_nobody_on_record_is_never_a_yes(years):
    required = signers(born(years), authorities=())
    assert required.gap is Gap.NO_AUTHORITY
    assert not required.complete


def test_without_a_birth_date_nobody_can_be_asked():
    required = signers()
    assert required == Required(frozenset(), Gap.NO_BIRTH)
    assert not required.complete
    assert not Required(frozenset()).complete


def test_somebody_unable_to_decide_does_not_sign_and_the_holders_do():
    unable = [Inability(TODAY)]
    assert signers(born(17), judged=unable) == Required(frozenset({MOTHER, FATHER}))
    assert signers(born(14), judged=unable) == Required(frozenset({MOTHER, FATHER}))
    assert signers(born(17), judged=unable, authorities=()).gap is Gap.NO_AUTHORITY


def test_an_inability_that_was_not_reviewed_stops_everything():
    overdue = [Inability(TODAY - timedelta(days=1))]
    for years in (8, 14, 17):
        required = signers(born(years), judged=overdue)
        assert required.gap is Gap.REVIEW_OVERDUE
        assert not required.complete


@pytest.mark.parametrize("years", [14, 17])
def test_where_one_says_able_and_another_unable_everybody_signs(years):
    required = signers(born(years), judged=[None, Inability(TODAY)])
    assert required == Required(frozenset({CHILD, MOTHER, FATHER}))
    assert signers(born(years), judged=[None, Inability(TODAY - timedelta(days=1))]).gap is Gap.REVIEW_OVERDUE


def test_gezag_ends_at_eighteen_and_a_parent_never_signs_for_an_adult_who_cannot():
    unable = [Inability(TODAY)]
    assert signers(born(17), judged=unable).signers == {MOTHER, FATHER}
    assert signers(born(18), judged=unable) == Required(frozenset(), Gap.NO_AUTHORITY)
    mentor = (*PARENTS, gezag(GRANNY, kind="mentorship"))
    assert signers(born(18), judged=unable, authorities=mentor) == Required(frozenset({GRANNY}))
    assert signers(born(18), authorities=mentor) == Required(frozenset({CHILD}))
    assert signers(born(8), authorities=(gezag(GRANNY, kind="mentorship"),)).gap is Gap.NO_AUTHORITY
    assert signers(born(40), judged=unable, authorities=(gezag(GRANNY, kind="curatorship"),)).signers == {GRANNY}


def test_a_kind_of_authority_that_the_table_does_not_know_is_nobodys():
    bare = SignerTable(TABLE.rules)
    assert required_signers(a_person(CHILD, born(8)), PARENTS, bare, NOW).gap is Gap.NO_AUTHORITY


def test_a_holder_who_is_unable_to_decide_leaves_nobody_to_rely_on():
    unable = (gezag(MOTHER), gezag(FATHER, holder_able=False))
    required = signers(born(8), authorities=unable)
    assert required.gap is Gap.HOLDER_UNABLE
    assert required.signers == {MOTHER}, "who cannot decide is not asked either"
    assert not required.complete
    assert signers(born(17), authorities=unable).complete, "from 16 it is not theirs to say"


@pytest.mark.parametrize(
    "rows",
    [
        (AuthorityRule("parental", 0, 18, ()), AuthorityRule("parental", 18, None, ())),
        (AuthorityRule("parental", 18, 18, ()),),
        (AuthorityRule("parental", 18, 3, ()),),
    ],
)
def test_kinds_of_authority_that_cannot_be_are_refused(rows):
    with pytest.raises(ValueError):
        SignerTable(TABLE.rules, rows)


def test_two_stated_birth_dates_ask_for_both_readings():
    assert signers(born(11), born(12)).signers == {CHILD, MOTHER, FATHER}
    assert signers(born(8), born(17)).signers == {CHILD, MOTHER, FATHER}
    assert signers(born(8), born(17), authorities=()).gap is Gap.NO_AUTHORITY


@given(BIRTHS, BIRTHS, AUTHORITIES, st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)))
def test_disagreeing_birth_dates_never_widen(first, second, authorities, review):
    judged = [Inability(review) if review else None]
    both = signers(first, second, authorities=authorities, judged=judged)
    for birth in (first, second):
        alone = signers(birth, authorities=authorities, judged=judged)
        assert both.signers >= alone.signers
        assert both.gap is not None or alone.gap is None
        assert alone.complete or not both.complete


@given(BIRTHS, AUTHORITIES, AUTHORITIES)
def test_one_more_holder_never_takes_a_signer_away(birth, some, more):
    fewer, all_of_them = signers(birth, authorities=some), signers(birth, authorities=[*some, *more])
    assert all_of_them.signers >= fewer.signers


@given(BIRTHS, AUTHORITIES)
def test_the_required_are_what_the_table_of_the_law_says(birth, authorities):
    today = local_day(NOW)
    holding = {
        a.holder for a in authorities if a.over == CHILD and a.since <= today and (a.until is None or a.until >= today)
    }
    years = age(birth, today)
    expected = {CHILD} if years >= 16 else holding | ({CHILD} if years >= 12 else set())
    required = signers(birth, authorities=authorities)
    assert required.signers == expected
    assert required.complete == (years >= 16 or bool(holding))
    minor = 10
    assert {a.holder for a in holders(CHILD, authorities, TABLE, minor, NOW)} == holding


@given(st.sets(BIRTHS, min_size=1, max_size=3))
def test_the_band_is_that_of_the_youngest_stated_age(births):
    years = min(age(birth, local_day(NOW)) for birth in births)
    expected = "0-11" if years < 12 else "12-15" if years < 16 else "16+"
    assert youngest_band(a_person(CHILD, *births), TABLE, NOW) == expected
    assert youngest_band(a_person(CHILD), TABLE, NOW) == ""


def row(from_age: int, person: bool = True, authority: bool = True) -> SignerRule:
    return SignerRule(from_age, person, authority, ())


@pytest.mark.parametrize(
    "rows",
    [(), (row(1),), (row(0), row(0)), (row(0), row(16), row(12)), (row(0), row(12, person=False, authority=False))],
)
def test_a_table_that_leaves_somebody_out_is_no_table(rows):
    with pytest.raises(ValueError):
        SignerTable(rows)


@given(st.lists(st.integers(1, 90), unique=True, max_size=5), st.integers(-3, 120))
def test_every_age_has_exactly_one_row_and_a_band_that_names_it(ages, years):
    table = SignerTable(tuple(row(from_age) for from_age in [0, *sorted(ages)]))
    expected = max(start for start in [0, *ages] if start <= max(years, 0))
    assert table.rule_for(years).from_age == expected
    assert table.band(years).startswith((f"{expected}-", f"{expected}+"))
    assert len({table.band(start) for start in [0, *ages]}) == len(ages) + 1
