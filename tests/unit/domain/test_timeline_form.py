"""A timeline is read as it stands or refused at its place; whatever comes in, nothing falls."""

import itertools
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.forms import FORMS, faults_in
from broker.domain.forms.timeline import LONGEST, MOST, Happened, Moment, faults, in_order, read

ONE = {"from": "2025-03", "what": "Startgesprek."}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["2025", "2025-13", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["entries", "from", "until", "what", "more"]), inner, max_size=4)
    ),
    max_leaves=12,
)
MOMENTS = st.dates(date(1900, 1, 1), date(2199, 12, 31)).flatmap(
    lambda day: st.sampled_from([f"{day:%Y}", f"{day:%Y-%m}", f"{day:%Y-%m-%d}"]).map(lambda text: text.rjust(4, "0"))
)


def places(content: Any) -> list[str]:
    return [fault.pointer for fault in faults(content, "/c")]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-12", date(2025, 12, 1), date(2025, 12, 31)),
        ("2025-03-12", date(2025, 3, 12), date(2025, 3, 12)),
    ],
)
def test_a_moment_is_all_the_days_that_it_may_be(text: str, first: date, last: date) -> None:
    assert Moment.parse(text) == Moment(text, first, last)


@pytest.mark.parametrize(
    "text", ["", "25", "2025-13", "2025-02-30", "2025-3", "1899", "2200", "20255", "٢٠٢٥", "2025-W1"]
)
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Moment.parse(text)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"entries": [ONE]}, []),
        ({"entries": [{**ONE, "until": "2025"}]}, []),
        ([ONE], ["/c"]),
        ("text", ["/c"]),
        ({}, ["/c"]),
        ({"entries": [ONE], "more": 1}, ["/c"]),
        ({"entries": []}, ["/c/entries"]),
        ({"entries": [ONE] * (MOST + 1)}, ["/c/entries"]),
        ({"entries": [1, ONE]}, ["/c/entries/0"]),
        ({"entries": [{**ONE, "who": "x"}]}, ["/c/entries/0"]),
        ({"entries": [ONE, {"from": "soon"}]}, ["/c/entries/1/what", "/c/entries/1/from"]),
        ({"entries": [{**ONE, "what": " "}]}, ["/c/entries/0/what"]),
        ({"entries": [{**ONE, "what": "x" * (LONGEST + 1)}]}, ["/c/entries/0/what"]),
        ({"entries": [{**ONE, "until": None}]}, ["/c/entries/0/until"]),
        ({"entries": [{**ONE, "until": "2024"}]}, ["/c/entries/0/until"]),
    ],
)
def test_what_is_no_timeline_is_told_at_its_place(content: Any, expected: list[str]) -> None:
    assert places(content) == expected


@given(JSON)
def test_whatever_comes_in_is_read_or_refused(content: Any) -> None:
    if places(content):
        with pytest.raises(ValueError, match="no timeline"):
            read(content)
    else:
        assert [one.what for one in read(content)] == [entry["what"] for entry in content["entries"]]


@given(st.lists(st.tuples(MOMENTS, st.text("abc", min_size=1, max_size=3)), min_size=1, max_size=8))
def test_in_order_loses_nothing_and_goes_forward(found: list[tuple[str, str]]) -> None:
    entries = [Happened(Moment.parse(when), None, what) for when, what in found]
    ordered = in_order(entries)
    assert sorted(map(str, ordered)) == sorted(map(str, entries))
    assert all(a.since.first <= b.since.first for a, b in itertools.pairwise(ordered))


def test_types_without_a_form_hold_any_json() -> None:
    assert list(faults_in("safety-plan", {"any": ["thing"]}, "/c")) == []
    assert [fault.pointer for fault in faults_in("help-history", {"any": ["thing"]}, "/c")] == ["/c"]
    assert FORMS["timeline"] is FORMS["help-history"]
