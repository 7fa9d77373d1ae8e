"""What several wrote side by side: in order, nothing lost; and one coordinator, changed by everybody's yes alone."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import ConsentRecord, RecordId, Stance
from broker.domain.decisions import Finding
from broker.domain.forms.involvements import Involvement, Party
from broker.domain.forms.timeline import Happened, Moment
from broker.domain.handovers import HandoverId
from broker.domain.lifelines import Agreed, Coordinates, Involved, Part, Source, agreed, involved, merged
from broker.domain.parties import Oin, PersonId
from broker.domain.releases import ReleaseId
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    TO_DOCTOR,
    TO_SCHOOL,
    a_handover,
    a_record,
    a_section,
)

TODAY = date(2026, 6, 15)
IS, WAS, PROPOSED = Coordinates.IS, Coordinates.WAS, Coordinates.PROPOSED
DAYS = st.dates(date(2000, 1, 1), date(2030, 1, 1)).map(lambda day: Moment.parse(day.isoformat()))


WRITTEN = NOW - timedelta(days=20)


def part(handover: str = "h-1", days: int = 0, *, to_it: bool = True, corrected: int | None = None) -> Part:
    """A section of a handover to which everybody had said yes so many days ago, about it or another one.

    Handovers were written in the order of their names, one a day; or corrected so many days ago.
    """
    source = Source(Oin("1"), "One", HandoverId(handover), ReleaseId("r"), "timeline")
    number = int(handover.rpartition("-")[2])
    written = WRITTEN + timedelta(days=number) if corrected is None else NOW - timedelta(days=corrected)
    return Part(source, corrected is not None, (), False, Agreed(NOW - timedelta(days=days), to_it, written))


def somebody(since: str = "2025", **more: object) -> Involvement:
    return Involvement(Party("1"), "family-worker", Moment.parse(since), coordinator=True, **more)  # type: ignore[arg-type] # as given


def stands(*marked: tuple[Part, Involvement]) -> dict[str, Coordinates | None]:
    """By handover."""
    found = involved([(of, [one]) for of, one in marked], TODAY)
    return {one.part.source.handover: one.coordinates for one in found}


@given(st.lists(st.lists(st.tuples(DAYS, st.none() | DAYS), max_size=5), max_size=5), st.integers(0, 3))
def test_merging_loses_nothing_and_goes_forward(written: list[list[tuple[Moment, Moment | None]]], texts: int) -> None:
    lists = [
        (part(f"h-{n}"), [Happened(since, until, f"{n}/{i}") for i, (since, until) in enumerate(entries)])
        for n, entries in enumerate(written)
    ]
    found = merged(lists, [(part(f"t-{n}"), "a text") for n in range(texts)])
    whats = [entry.what for entry in found]
    assert sorted(whats) == sorted([one.what for _, entries in lists for one in entries] + ["a text"] * texts)
    dated = [entry.since.first for entry in found if entry.since]
    assert dated == sorted(dated)
    assert [entry.since for entry in found][len(dated) :] == [None] * texts
    for entry in found[: len(dated)]:
        assert entry.what.partition("/")[0] == entry.part.source.handover.removeprefix("h-"), "each with its own source"


def test_whoever_was_agreed_to_last_keeps_everything_together() -> None:
    assert stands((part("h-1", 9), somebody()), (part("h-2", 3), somebody())) == {"h-1": WAS, "h-2": IS}
    assert stands((part("h-1", 1), somebody()), (part("h-2", 3), somebody())) == {"h-1": IS, "h-2": WAS}


def test_who_is_not_marked_is_nothing_of_the_kind() -> None:
    assert stands((part("h-1", 9), replace(somebody(), coordinator=False)), (part("h-2", 10), somebody())) == {
        "h-1": None,
        "h-2": IS,
    }


def test_a_later_handover_that_nobody_answered_about_proposes() -> None:
    """The same yes holds for both: it was said about the first."""
    both = (part("h-1", 3), somebody()), (part("h-2", 3, to_it=False), somebody())
    assert stands(*both) == {"h-1": IS, "h-2": PROPOSED}
    answered = (part("h-1", 1, to_it=False), somebody()), (part("h-2", 1), somebody())
    assert stands(*answered) == {"h-1": WAS, "h-2": IS}
    by_one = (part("h-1", 1, to_it=False), somebody()), (part("h-2", 1, to_it=False), somebody())
    assert stands(*by_one) == {"h-1": PROPOSED, "h-2": PROPOSED}, "not everybody answered about either"


def test_a_yes_to_something_else_changes_nobody_however_late_it_came() -> None:
    """Everybody said yes to the same sender's lists later, about another handover, or about what stood there before."""
    first = (part("h-1", 9), somebody())
    assert stands(first, (part("h-2", 3, to_it=False), somebody())) == {"h-1": IS, "h-2": PROPOSED}
    assert stands(first, (part("h-2", 3, to_it=False, corrected=1), somebody())) == {"h-1": IS, "h-2": PROPOSED}
    corrected = (part("h-1", 9, to_it=False, corrected=1), somebody())
    assert stands(corrected, (part("h-2", 10), somebody())) == {"h-1": PROPOSED, "h-2": IS}
    assert stands(corrected) == {"h-1": PROPOSED}, "nobody said yes to that"


def test_who_begins_later_is_proposed_and_who_is_over_was() -> None:
    later, over = somebody("2026-07"), somebody("2025", until=Moment.parse("2026-06-14"))
    assert stands((part("h-1", 9), somebody()), (part("h-2", 1), later)) == {"h-1": IS, "h-2": PROPOSED}
    assert stands((part("h-1", 9), somebody()), (part("h-2", 1), over)) == {"h-1": WAS, "h-2": WAS}
    assert stands((part("h-1"), somebody("2025", until=Moment.parse("2026-06")))) == {"h-1": IS}
    assert stands((part("h-1"), later)) == {"h-1": PROPOSED}


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 4), st.booleans(), st.sampled_from(["2024", "2026-06-15", "2027"])),
        max_size=6,
    )
)
def test_never_two_at_once(marked: list[tuple[int, int, bool, str]]) -> None:
    lists = [(part(f"h-{h}", days, to_it=to), [somebody(since)]) for h, days, to, since in marked]
    found: tuple[Involved, ...] = involved(lists, TODAY)
    assert sum(one.coordinates is IS for one in found) == any(to and since != "2027" for _, _, to, since in marked)
    assert all(one.part.agreed.to_it for one in found if one.coordinates is IS), "never without everybody's yes"
    assert all(one.coordinates for one in found)


SECTION = a_section()
HANDOVER = a_handover(SECTION)


def agreed_by(*records: ConsentRecord, signers: tuple[PersonId, ...] = (MOTHER, FATHER), written: int = 5) -> Agreed:
    """How these stand to a text that came in so many days ago, when the last that each said is a yes."""
    found = [Finding(CHILD, signer, Stance.GIVEN, RecordId("any")) for signer in signers]
    found.append(Finding(CHILD, GRANNY, Stance.GIVEN, RecordId("any"), counts=False))
    return agreed(found, records, HANDOVER, SECTION, TO_SCHOOL, NOW - timedelta(days=written))


def said(
    signer: PersonId, days: int, handover: str = "h-1", state: Stance = Stance.GIVEN, **more: Any
) -> ConsentRecord:
    """Something that was said so many days ago, about a handover."""
    return a_record(signer, state, 100 - days, handover=HandoverId(handover), at=NOW - timedelta(days=days), **more)


@pytest.mark.parametrize(("written", "to_it"), [(5, True), (4, True), (3, False), (1, False)])
def test_agreed_is_when_the_last_of_them_said_it_about_the_text_as_it_is_now(written: int, to_it: bool) -> None:
    support = said(GRANNY, 0)
    got = agreed_by(said(MOTHER, 4), said(FATHER, 2), support, written=written)
    assert (got.to_it, got.at) == (to_it, NOW - timedelta(days=2))


def test_a_yes_about_another_handover_is_none_to_this_one_and_takes_none_of_it_back() -> None:
    assert not agreed_by(said(MOTHER, 4), said(FATHER, 2, "h-2")).to_it
    assert not agreed_by(said(MOTHER, 4, "h-2"), said(FATHER, 2, "h-2")).to_it
    both = (said(MOTHER, 4), said(FATHER, 3))
    assert agreed_by(*both, said(MOTHER, 1, "h-2"), said(FATHER, 1, "h-2")) == agreed_by(*both)
    assert agreed_by(*both).at == NOW - timedelta(days=3)


@pytest.mark.parametrize("no", [Stance.REFUSED, Stance.WITHDRAWN])
def test_what_was_taken_back_is_not_agreed_to_by_a_later_yes_to_something_else(no: Stance) -> None:
    before = (said(MOTHER, 4), said(FATHER, 4), said(FATHER, 3, state=no))
    assert not agreed_by(*before, said(FATHER, 2, "h-2")).to_it
    assert agreed_by(*before, said(FATHER, 2)).to_it


def test_only_what_covers_this_section_for_this_recipient_counts() -> None:
    """A no to something else is none to this, and a yes to something else no yes."""
    for other in ({"section_types": ("safety-plan",)}, {"recipients": (TO_DOCTOR,)}, {"person": FATHER}):
        assert agreed_by(said(MOTHER, 4), said(FATHER, 4), said(FATHER, 1, state=Stance.REFUSED, **other)).to_it
        assert not agreed_by(said(MOTHER, 4), said(FATHER, 4, "h-2"), said(FATHER, 1, **other)).to_it


def test_nothing_said_is_not_said_about_it() -> None:
    written = NOW - timedelta(days=5)
    assert agreed([], [], HANDOVER, SECTION, TO_SCHOOL, written) == Agreed(written, False, written)
