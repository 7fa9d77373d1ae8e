"""What was agreed: text and header fit, or everything that does not is told; and which state leads where."""

import copy
import itertools
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.calendar import AMSTERDAM, local_day
from broker.domain.forms import FORMS
from broker.domain.forms.agreements import LONGEST, days, faults
from broker.domain.forms.tasks import faults_of
from broker.domain.tasks import ENDED, MOST, TRANSITIONS, Status, check_step, remind_at
from broker.errors import Conflict, Fault
from tests.factories import SCHOOL, SENDER, a_vocabulary

ONE, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2))
LINE = {"id": ONE, "who": "School", "what": "Belt elke maandag.", "when": "2027-03-01", "how": "In de agenda."}
OWNER = {"organisation": SCHOOL, "role": "support-coordinator"}
WORDS = a_vocabulary(section_types=("agreements", "status"), roles=("support-coordinator", "family-worker"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([ONE, "2027-03-01", SCHOOL]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["agreements", "tasks", "sections", "recipients", "type", "content", "owner", *LINE, *OWNER]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=16,
)


def body(**section: Any) -> dict[str, Any]:
    """One section with one agreement, whole."""
    whole = {
        "type": "agreements",
        "mediaType": "application/json",
        "content": {"agreements": [dict(LINE)]},
        "tasks": [{"id": ONE, "owner": dict(OWNER), "due": "2027-03-01"}],
        **section,
    }
    return {"recipients": [dict(OWNER)], "sections": [copy.deepcopy(whole)]}


def places(found: Any) -> list[str]:
    return [fault.pointer for fault in found]


def wrong(sent: Any) -> list[str]:
    return places(faults_of(sent, WORDS, ["mother"], SENDER))


def test_what_is_whole_has_no_fault() -> None:
    assert places(faults(body()["sections"][0]["content"], "/c")) == []
    assert wrong(body()) == []
    assert FORMS["agreements"] is faults


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "maandag"}, "/c/agreements/0/id"),
        ({"id": ONE.upper().replace("0", "A")}, "/c/agreements/0/id"),
        ({"who": " "}, "/c/agreements/0/who"),
        ({"what": "x" * (LONGEST["what"] + 1)}, "/c/agreements/0/what"),
        ({"how": 7}, "/c/agreements/0/how"),
        ({"when": "2027-3-1"}, "/c/agreements/0/when"),
        ({"when": "20270301"}, "/c/agreements/0/when"),
        ({"status": "done"}, "/c/agreements/0"),
    ],
)
def test_a_line_that_does_not_fit_is_told_at_its_place(change: dict[str, Any], pointer: str) -> None:
    assert places(faults({"agreements": [{**LINE, **change}]}, "/c")) == [pointer]


def test_all_faults_are_told_at_once() -> None:
    assert len(places(faults({"agreements": [{}, "x", dict(LINE), dict(LINE)]}, ""))) == 5 + 1 + 1


@pytest.mark.parametrize("content", [None, [], {}, {"agreements": {}}, {"agreements": [dict(LINE)], "more": 1}])
def test_what_is_no_list_of_agreements_is_told_once(content: Any) -> None:
    assert places(faults(content, "/c")) == ["/c"]
    with pytest.raises(ValueError, match="no agreements"):
        days(content)


@pytest.mark.parametrize("number", [0, MOST + 1])
def test_neither_none_nor_too_many(number: int) -> None:
    lines = [{**LINE, "id": str(uuid.UUID(int=place))} for place in range(number)]
    assert places(faults({"agreements": lines}, "")) == ["/agreements"]


@pytest.mark.parametrize(
    ("owner", "pointer"),
    [
        ({}, ""),
        ({"organisation": SCHOOL}, ""),
        ({"role": "support-coordinator"}, ""),
        ({**OWNER, "person": "mother"}, ""),
        ({**OWNER, "role": "teacher"}, ""),
        ({"organisation": SENDER, "role": "teacher"}, ""),
        ({"person": "uncle"}, "/person"),
    ],
)
def test_an_owner_is_a_reader_one_of_us_or_one_of_the_people(owner: dict[str, Any], pointer: str) -> None:
    sent = body(tasks=[{"id": ONE, "owner": owner, "due": "2027-03-01"}])
    assert wrong(sent) == [f"/sections/0/tasks/0/owner{pointer}"]


@pytest.mark.parametrize("owner", [{"person": "mother"}, {"organisation": SENDER, "role": "family-worker"}])
def test_the_family_and_the_sender_can_have_something_to_do(owner: dict[str, Any]) -> None:
    assert wrong(body(tasks=[{"id": ONE, "owner": owner, "due": "2027-03-01"}])) == []


def test_who_may_not_see_the_section_has_nothing_to_do_in_it() -> None:
    tasks = [{"id": ONE, "owner": {"person": "mother"}, "due": "2027-03-01"}]
    assert wrong(body(tasks=tasks, shieldedFrom=["mother"])) == ["/sections/0/tasks/0/owner/person"]


def test_text_and_header_name_the_same() -> None:
    task = {"id": OTHER, "owner": dict(OWNER), "due": "2027-03-01"}
    assert wrong(body(tasks=[task])) == ["/sections/0/tasks/0/id", "/sections/0/content/agreements/0/id"]
    assert wrong(body(tasks=[{**task, "id": ONE, "due": "2027-03-02"}])) == ["/sections/0/tasks/0/due"]
    assert wrong(body(content=None)) == [], "sealed: whoever opens it sees"


def test_an_id_stands_once_in_the_whole_body() -> None:
    sent = body()
    sent["sections"].append(copy.deepcopy(sent["sections"][0]))
    assert wrong(sent) == ["/sections/1/tasks/0/id"]


@pytest.mark.parametrize("section", [{"type": "status"}, {"mediaType": "text/plain"}])
def test_only_agreements_have_tasks(section: dict[str, str]) -> None:
    assert "/sections/0/tasks" in wrong(body(**section))
    assert wrong({**body(**section), "sections": [{**body(**section)["sections"][0], "tasks": []}]}) == []


@given(JSON)
def test_whatever_comes_in_nothing_falls(content: Any) -> None:
    assert all(isinstance(fault, Fault) for fault in faults(content, ""))
    for sent in ({"sections": content, "recipients": content}, {"sections": [content]}, body(tasks=[content])):
        assert all(isinstance(fault, Fault) for fault in faults_of(sent, WORDS, ["mother"], SENDER))


@given(st.sampled_from(Status), st.sampled_from(Status))
def test_what_is_not_listed_cannot_happen(current: Status, wanted: Status) -> None:
    if wanted in TRANSITIONS[current]:
        check_step(current, wanted)
    else:
        with pytest.raises(Conflict):
            check_step(current, wanted)


def test_every_state_leads_somewhere_and_is_reached_and_what_ended_only_begins_again() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert set(itertools.chain(*TRANSITIONS.values())) == set(Status)
    assert all(TRANSITIONS[one] and not TRANSITIONS[one] & ENDED for one in ENDED)


@given(st.dates(date(2000, 1, 1), date(2190, 1, 1)))
def test_a_reminder_comes_on_the_morning_of_the_day(due: date) -> None:
    at = remind_at(due)
    assert at.tzinfo is UTC
    assert local_day(at) == due
    assert at.astimezone(AMSTERDAM).hour in (8, 9, 10)
    assert at - datetime(due.year, due.month, due.day, tzinfo=UTC) < timedelta(hours=10)
