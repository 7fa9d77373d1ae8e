"""A family's own words: what can be answered, what stays attached, what is disputed, and what is no text."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.handovers import HandoverId
from broker.domain.reactions import (
    BEGINS,
    LONGEST,
    TRANSITIONS,
    Outcome,
    Reaction,
    ReactionId,
    ReactionKind,
    ReactionState,
    attached,
    disputed,
    next_state,
    plain,
    speaks_as,
)
from broker.errors import Conflict, Invalid
from tests.factories import CHILD, FATHER, GRANNY, MOTHER, NOW, a_section, gezag


def a_reaction(state: ReactionState = ReactionState.OPEN, **more: object) -> Reaction:
    kind = ReactionKind.REACTION if state is ReactionState.KEPT else ReactionKind.CORRECTION_REQUEST
    reaction = Reaction(
        id=ReactionId("w-1"),
        handover=HandoverId("h-1"),
        section_type="status",
        persons=frozenset({CHILD}),
        author=MOTHER,
        capacity="parental",
        kind=kind,
        version=1,
        text="Het was dinsdag.",
        at=NOW,
        state=state,
    )
    return replace(reaction, **more)  # type: ignore[arg-type]


# answering

ANSWERS: dict[ReactionKind, set[Outcome]] = {
    ReactionKind.REACTION: set(),
    ReactionKind.CORRECTION_REQUEST: {Outcome.CORRECTED, Outcome.NOT_CORRECTED},
    ReactionKind.ERASURE_REQUEST: {Outcome.ERASED, Outcome.NOT_ERASED},
}


def test_only_an_open_request_can_be_answered_and_only_once():
    for kind, state, outcome in product(ReactionKind, ReactionState, Outcome):
        if state is ReactionState.OPEN and outcome in ANSWERS[kind]:
            assert next_state(kind, state, outcome).value == outcome.value
            continue
        with pytest.raises((Conflict, Invalid)) as refused:
            next_state(kind, state, outcome)
        if state is ReactionState.OPEN:
            assert isinstance(refused.value, Invalid), "a request is answered with what it asked for"
            assert [fault.pointer for fault in refused.value.faults] == ["/outcome"]
            continue
        assert refused.value.code == ("nothing-to-answer" if state is ReactionState.KEPT else "reaction-answered")


def test_every_kind_begins_somewhere_and_no_answer_leads_back_there():
    assert set(BEGINS) == set(ReactionKind)
    assert not set(TRANSITIONS.values()) & set(BEGINS.values())
    assert {(kind, state) for kind, state, _ in TRANSITIONS} == {
        (kind, BEGINS[kind]) for kind in (ReactionKind.CORRECTION_REQUEST, ReactionKind.ERASURE_REQUEST)
    }


# what stays attached


def test_words_go_with_their_own_type_about_somebody_it_concerns_and_nothing_else():
    reaction = a_reaction()
    assert attached([reaction], a_section("status"), 1) == (reaction,)
    assert attached([reaction], a_section("timeline"), 1) == ()
    assert attached([reaction], a_section("status", [CHILD, FATHER]), 1) == (reaction,)


def test_words_about_oneself_do_not_leave_with_another_persons_section_of_that_type():
    fathers = a_reaction(section_type="parent-health", persons=frozenset({FATHER}), author=FATHER)
    hers, his = a_section("parent-health", [MOTHER], id="s-1"), a_section("parent-health", [FATHER], id="s-2")
    assert attached([fathers], hers, 1) == ()
    assert attached([fathers], his, 1) == (fathers,)


def test_a_request_to_erase_goes_with_no_section_whatever_its_type_says():
    for section_type in ("*", "status"):
        asked = a_reaction(kind=ReactionKind.ERASURE_REQUEST, section_type=section_type)
        assert attached([asked], a_section("status"), 1) == ()


def test_a_request_to_erase_needs_no_words():
    assert plain(" ", needed=False) == ""
    with pytest.raises(Invalid):
        plain("x" * (LONGEST + 1), needed=False)


@pytest.mark.parametrize("state", ReactionState)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_only_what_was_corrected_is_left_behind_by_a_later_version(state, version):
    reaction = a_reaction(state, version=2)
    gone = state is ReactionState.CORRECTED and version == 3
    assert attached([reaction], a_section("status"), version) == (() if gone else (reaction,))


def test_disputed_is_a_request_that_is_open_or_was_not_met():
    assert not disputed([])
    assert {state for state in ReactionState if disputed([a_reaction(state)])} == {
        ReactionState.OPEN,
        ReactionState.NOT_CORRECTED,
    }
    assert disputed([a_reaction(ReactionState.KEPT), a_reaction(ReactionState.OPEN)])


def test_whoever_speaks_for_the_subject_speaks_in_that_capacity_and_otherwise_as_themselves():
    authorities = [gezag(MOTHER), gezag(FATHER, kind="guardian")]
    told = [
        (MOTHER, [CHILD], "parental"),
        (FATHER, [FATHER, CHILD], "guardian"),
        (CHILD, [CHILD], "self"),
        (FATHER, [FATHER, GRANNY], "self"),
    ]
    for author, persons, said in told:
        assert speaks_as(author, persons, CHILD, authorities, NOW) == said


def test_words_and_answers_do_not_print():
    assert "dinsdag" not in repr(a_reaction(answer="Klopt, dinsdag."))


# the text itself


def test_line_breaks_become_alike_and_nothing_hangs_around_the_text():
    assert plain(" \r\n Een\r\ntwee\rdrie\n\n\tvier \n") == "Een\ntwee\ndrie\n\n\tvier"
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("🫨" * LONGEST), "a sign that is newer than our tables is text"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", 1),
        (" \n\t ", 1),
        ("x" * (LONGEST + 1), 1),
        ("a\x00b", 1),
        ("a\x1bb", 1),
        ("\x0b" + "x" * LONGEST + "\x00y", 2),
    ],
)
def test_what_is_no_text_is_refused_with_every_fault(text, faults):
    with pytest.raises(Invalid) as refused:
        plain(text)
    assert len(refused.value.faults) == faults
    assert {fault.pointer for fault in refused.value.faults} == {"/text"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_plain_stays_as_it_is(text):
    try:
        once = plain(text)
    except Invalid:
        return
    assert plain(once) == once
    assert "\r" not in once
