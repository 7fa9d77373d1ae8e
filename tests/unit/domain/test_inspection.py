"""For whom a report can be made, and which refusals it may tell."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from broker.domain.inspection import may_have_report, tells_nobodys_answer
from broker.domain.parties import Authority, Inability, Person, PersonId, client_key
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLE = SignerTable(
    (SignerRule(0, False, True, ()), SignerRule(12, True, True, ()), SignerRule(16, True, False, ())),
    (AuthorityRule("parental", 0, 18, ()),),
)
CHILD, MOTHER, FATHER = PersonId("child"), PersonId("mother"), PersonId("father")


def over(holder: PersonId, until: date | None = None) -> Authority:
    return Authority(holder, CHILD, "parental", date(2010, 1, 1), until)


def readers(*births: date, judged: frozenset[Inability | None] = frozenset({None}), ended: bool = False) -> set[str]:
    authorities = [over(MOTHER), over(FATHER, date(2020, 1, 1) if ended else None)]
    person = Person(CHILD, frozenset(births), judged)
    return {r for r in (CHILD, MOTHER, FATHER) if may_have_report(r, person, authorities, TABLE, NOW)}


@pytest.mark.parametrize(
    ("births", "expected"),
    [
        ((date(2018, 1, 1),), {MOTHER, FATHER}),
        ((date(2013, 1, 1),), {CHILD, MOTHER, FATHER}),
        ((date(2009, 1, 1),), {CHILD}),
        ((), {CHILD}),
        ((date(2009, 1, 1), date(2018, 1, 1)), set()),
        ((date(2009, 1, 1), date(2013, 1, 1)), {CHILD}),
    ],
)
def test_a_report_is_for_who_decides_by_every_reading(births: tuple[date, ...], expected: set[str]) -> None:
    assert readers(*births) == expected


def test_authority_that_ended_and_a_judgement_count() -> None:
    assert readers(date(2018, 1, 1), ended=True) == {MOTHER}
    unable = frozenset({Inability(date(2027, 1, 1))})
    assert readers(date(2009, 6, 1), judged=unable) == {MOTHER, FATHER}
    assert readers(date(2009, 6, 1), judged=unable | {None}) == set()


LATER = ("not-in-agreement", "sealed-only", "expired", "not-readable")
"""Said only once it is known what everybody answered, and how surely."""


def section(told: str, *signers: tuple[str, str, bool]) -> dict[str, Any]:
    return {"told": told, "signers": [{"signer": s, "gap": gap, "counts": counts} for s, gap, counts in signers]}


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        *(
            ([section(told, (FATHER, "", True))], True)
            for told in ("no-longer-kept", "no-such-section", "other-purpose")
        ),
        *(([section(told, (MOTHER, "", True))], True) for told in LATER),
        *(([section(told, (MOTHER, "", True), (FATHER, "", True))], False) for told in LATER),
        *(([section(told)], False) for told in LATER),
        ([section("consent-not-complete", (MOTHER, "", True))], True),
        ([section("consent-not-complete", (MOTHER, "", True), (FATHER, "", False))], True),
        ([section("consent-not-complete", (MOTHER, "", True), (FATHER, "", True))], False),
        ([section("consent-not-complete", (MOTHER, "contact-doubted", True))], False),
        ([section("consent-not-complete", ("", "no-authority-on-record", True))], False),
        ([section("consent-not-complete")], False),
        ([section("consent-not-complete", (MOTHER, "", False))], False),
        ([section("no-such-section"), section("consent-not-complete", (FATHER, "", True))], False),
    ],
)
def test_a_refusal_is_told_only_when_it_rests_on_no_other_answer(decision: list[dict[str, Any]], told: bool) -> None:
    assert tells_nobodys_answer(MOTHER, decision) is told


def test_a_key_is_named_in_the_log_by_its_id_or_by_a_digest() -> None:
    assert client_key("fddf0f5a-_X") == "fddf0f5a-_X"
    assert client_key("") == ""
    for text in ("Tom Visser", "a" * 65, "x\n", "é"):
        assert client_key(text).startswith("sha256:")
        assert text not in client_key(text)
