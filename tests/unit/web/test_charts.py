"""Pictures of counts: always well-formed, always within the view box, whatever is counted and whatever it is called."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.web.kit.charts import KINDS, Column, bars, columns, swatch

COUNTS = st.integers(min_value=0, max_value=10**15)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SVG = "{http://www.w3.org/2000/svg}"


def _read(svg: str) -> ET.Element:
    return ET.fromstring(str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def _within(svg: str) -> ET.Element:
    picture = _read(svg)
    _, _, width, height = (float(part) for part in picture.attrib["viewBox"].split())
    for shape in picture.iter(f"{SVG}rect"):
        x, y, w, h = (float(shape.attrib[name]) for name in ("x", "y", "width", "height"))
        assert w > 0
        assert h > 0
        assert x >= 0
        assert y >= 0
        assert x + w <= width + 0.01
        assert y + h <= height + 0.01
    for text in picture.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height
    return picture


@given(st.lists(st.tuples(TEXT, st.lists(COUNTS, min_size=KINDS, max_size=KINDS)), max_size=40), TEXT, TEXT)
def test_any_columns_lie_within_their_picture(every: list[tuple[str, list[int]]], title: str, description: str) -> None:
    svg = columns("k", title, description, [Column(label, tuple(counts)) for label, counts in every])
    picture = _within(svg)
    assert picture.attrib["role"] == "img"
    assert len(list(picture.iter(f"{SVG}rect"))) == sum(count > 0 for _, counts in every for count in counts)


@given(st.lists(st.tuples(TEXT, COUNTS), max_size=12), TEXT, TEXT)
def test_any_bars_lie_within_their_picture(rows: list[tuple[str, int]], title: str, description: str) -> None:
    picture = _within(bars(title, description, rows))
    assert len(list(picture.iter(f"{SVG}rect"))) == sum(number > 0 for _, number in rows)


def test_twice_as_many_are_twice_as_high() -> None:
    picture = _within(columns("k", "t", "d", [Column("a", (10, 0, 0)), Column("b", (20, 0, 0))]))
    low, high = (float(shape.attrib["height"]) for shape in picture.iter(f"{SVG}rect"))
    assert high == pytest.approx(2 * low)


def test_kinds_stand_on_each_other_and_differ_without_colour() -> None:
    first, second, third = _within(columns("k", "t", "d", [Column("a", (1, 2, 3))])).iter(f"{SVG}rect")
    assert len({shape.attrib["fill"] for shape in (first, second, third)}) == 3
    for lower, upper in ((first, second), (second, third)):
        bottom = float(upper.attrib["y"]) + float(upper.attrib["height"])
        assert bottom == pytest.approx(float(lower.attrib["y"]), abs=0.02)
    assert "url(#k-2)" in swatch("k", 2)


def test_it_says_what_it_is_and_has_no_style_of_its_own() -> None:
    svg = columns("k", "Aanvragen <b>", 'x" & y', [Column("1 <i>", (1,))])
    assert "<b>" not in svg
    assert "<i>" not in svg
    assert "style=" not in svg
    picture = _read(svg)
    assert picture.attrib["aria-label"] == "Aanvragen <b>"
    assert [picture[0].text, picture[1].text] == ["Aanvragen <b>", 'x" & y']


def test_more_kinds_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="told apart"):
        columns("k", "t", "d", [Column("a", (1, 2, 3, 4))])
