"""Who is involved is read as it stands or refused at its place; a flag has no place in it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.forms import faults_in, strange_in
from broker.domain.forms.involvements import LONGEST, MOST, Contact, Party, faults, read, strange

OIN = "00000099000000010000"
ONE: dict[str, Any] = {"organisation": OIN, "role": "family-worker", "since": "2025-03"}
WHOLE: dict[str, Any] = {
    **ONE,
    "until": "2026-01-31",
    "contact": {"name": "Anneke Wouters", "phone": "+31 20 123 45 67"},
    "task": "Regelt de afspraken.",
    "waitsFor": "Een plek bij de psycholoog.",
    "bridge": {"name": "Sanne", "phone": "020-1234567"},
    "handsBackTo": {"name": "Consultatiebureau"},
    "coordinator": True,
}
NAMES = [*WHOLE, "involvements", "name", "phone", "risk"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["2025", OIN, "family-worker"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=14,
)


def of(*entries: Any) -> dict[str, Any]:
    return {"involvements": list(entries)}


def places(*entries: Any) -> list[str]:
    return [fault.pointer for fault in faults(of(*entries), "/c")]


def test_it_reads_as_it_stands() -> None:
    assert places(ONE, WHOLE, {**ONE, "coordinator": False}) == []
    [one] = read(of(WHOLE))
    assert (one.party, one.role, one.since.text, one.until and one.until.text) == (
        Party(OIN),
        "family-worker",
        "2025-03",
        "2026-01-31",
    )
    assert one.contact == Contact("Anneke Wouters", "+31 20 123 45 67")
    assert (one.task, one.waits_for) == ("Regelt de afspraken.", "Een plek bij de psycholoog.")
    assert one.hands_back_to == Party(name="Consultatiebureau")
    assert one.coordinator


@pytest.mark.parametrize(
    ("entry", "at"),
    [
        ({**ONE, "risk": True}, ""),
        ({**ONE, "flag": "red"}, ""),
        ({**ONE, "worries": 3}, ""),
        ({**ONE, "name": "Two"}, ""),
        ({"role": "family-worker", "since": "2025"}, ""),
        ("x", ""),
        ({**ONE, "role": ""}, "/role"),
        ({**ONE, "role": 7}, "/role"),
        ({**ONE, "since": "3 maart"}, "/since"),
        ({"organisation": OIN, "role": "teacher"}, "/since"),
        ({**ONE, "until": "2024"}, "/until"),
        ({**ONE, "until": None}, "/until"),
        ({**ONE, "task": "a\nb"}, "/task"),
        ({**ONE, "waitsFor": "x" * (LONGEST + 1)}, "/waitsFor"),
        ({**ONE, "contact": {"name": "A"}}, "/contact"),
        ({**ONE, "contact": {"name": "A", "phone": "020", "risk": "x"}}, "/contact"),
        ({**ONE, "contact": {"name": "A", "phone": "bel maar"}}, "/contact/phone"),
        ({**ONE, "bridge": {"name": "", "phone": "020-123"}}, "/bridge/name"),
        ({**ONE, "handsBackTo": {"name": "B"}}, "/until"),
        ({**ONE, "until": "2026", "handsBackTo": {"name": "B", "risk": 1}}, "/handsBackTo"),
        ({**ONE, "until": "2026", "handsBackTo": {}}, "/handsBackTo"),
        ({**ONE, "coordinator": "yes"}, "/coordinator"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(entry: Any, at: str) -> None:
    assert places(ONE, entry) == [f"/c/involvements/1{at}"]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert places({**ONE, "role": "", "since": "", "task": ""}, "x") == [
        "/c/involvements/0/role",
        "/c/involvements/0/since",
        "/c/involvements/0/task",
        "/c/involvements/1",
    ]


def test_there_is_one_who_keeps_everything_together() -> None:
    marked = {**ONE, "coordinator": True}
    assert places(marked, ONE, marked, marked) == ["/c/involvements/2/coordinator", "/c/involvements/3/coordinator"]


@pytest.mark.parametrize("content", [{}, [], "x", None, {"involvements": {}}, {"involvements": [ONE], "more": 1}])
def test_what_is_no_list_is_refused_as_a_whole(content: Any) -> None:
    assert [fault.pointer for fault in faults(content, "/c")] == ["/c"]
    with pytest.raises(ValueError, match="no list"):
        read(content)


def test_neither_nobody_nor_too_many() -> None:
    assert places() == ["/c/involvements"]
    assert places(*[ONE] * (MOST + 1)) == ["/c/involvements"]


def test_roles_and_partners_are_those_of_the_agreement() -> None:
    content = of(
        ONE,
        {**ONE, "role": "wizard"},
        {**ONE, "organisation": "1"},
        {**ONE, "until": "2026", "handsBackTo": {"organisation": "2"}},
        {"name": "De voetbalclub", "role": "teacher", "since": "2025"},
    )
    found = [fault.pointer for fault in strange(content, "/c", {"family-worker", "teacher"}, {OIN})]
    assert found == [
        "/c/involvements/1/role",
        "/c/involvements/2/organisation",
        "/c/involvements/3/handsBackTo/organisation",
    ]
    assert list(strange(of({"role": "", "organisation": 7, "since": "2025"}), "", (), ())) == [], "told already"
    assert list(strange_in("timeline", content, "/c", (), ())) == []
    assert len(list(strange_in("involved-organisations", content, "/c", (), ()))) == 10


@given(JSON)
def test_whatever_comes_in_it_is_read_or_refused(content: Any) -> None:
    list(strange(content, "", {"family-worker"}, {OIN}))
    if list(faults_in("involved-organisations", content, "")):
        with pytest.raises(ValueError, match="no list"):
            read(content)
    else:
        assert len(read(content)) == len(content["involvements"])


@given(st.dictionaries(st.text(max_size=6), st.none() | st.booleans() | st.text(max_size=5), min_size=1, max_size=3))
def test_a_key_of_ones_own_never_gets_in(more: dict[str, Any]) -> None:
    beyond = set(more) - set(WHOLE) - {"name"}
    if beyond:
        assert "/c/involvements/0" in places({**more, **ONE})
