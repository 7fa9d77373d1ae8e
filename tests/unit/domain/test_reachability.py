"""How a partner is reached stands on a public page: nothing gets there that is no number, no https address, no line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.reachability import Reachability, faults_of_reachability
from broker.errors import Tampered

WHOLE = Reachability("https://www.school.example/contact?x=1", "+31 40 123 45 67", "ma-vr 9-17 uur", "112")


def wrong(**more: str) -> list[str]:
    return [fault.pointer for fault in faults_of_reachability(Reachability(**more))]


def test_what_is_whole_is_kept_as_it_is() -> None:
    assert list(faults_of_reachability(WHOLE)) == []
    assert Reachability.read(WHOLE.text) == WHOLE
    assert Reachability.read(None) == Reachability()
    assert Reachability().text is None
    assert not Reachability()
    assert WHOLE


@pytest.mark.parametrize(
    "website",
    [
        "http://school.example",
        "javascript:alert(1)",
        "//school.example",
        "school.example",
        "https://",
        "https://localhost",
        "https://a@school.example",
        "https://school.example:8443/",
        "https://school.example:x/",
        'https://school.example/"onclick="x',
        "https://school.example/<b>",
        "https://school.example/ a",
        "https://schöol.example",
        "https://school.example/" + "a" * 200,
        "https://[::1",
    ],
)
def test_a_website_is_https_and_public(website: str) -> None:
    assert wrong(website=website) == ["/website"]


@pytest.mark.parametrize(
    "number", ["12", "0800", "1a2", "tel:112", "+", "112 ", " 112", "1--2", "١١٢", "1" * 30, "112;x"]
)
def test_a_number_holds_digits_and_their_spacing_alone(number: str) -> None:
    faulty = number != "0800"
    assert wrong(telephone=number) == (["/telephone"] if faulty else [])
    assert wrong(urgent_telephone=number) == (["/urgent-telephone"] if faulty else [])


@pytest.mark.parametrize("hours", ["a\nb", "a\u202eb", " a", "a ", "x" * 201, "a\u0007"])
def test_hours_are_one_line(hours: str) -> None:
    assert wrong(hours=hours) == ["/hours"]


def test_all_faults_at_once() -> None:
    assert wrong(website="x", telephone="x", hours="\n", urgent_telephone="x") == [
        "/website",
        "/telephone",
        "/urgent-telephone",
        "/hours",
    ]


@given(st.one_of(st.text(), st.lists(st.one_of(st.text(), st.none(), st.integers()), max_size=5).map(str)))
def test_what_was_never_written_is_not_read(text: str) -> None:
    try:
        found = Reachability.read(text)
    except Tampered:
        return
    assert list(faults_of_reachability(found)) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[1,2,3,4]", '["","","",null]', '["http://x.nl","","",""]'])
def test_another_form_is_tampered(text: str) -> None:
    with pytest.raises(Tampered):
        Reachability.read(text)
