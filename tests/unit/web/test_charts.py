"""Pictures of counts, and of a line of time: always well-formed, always within the view box, whatever is counted and whatever it is called."""

import xml.etree.ElementTree as ET
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.web.kit.charts import (
    KINDS,
    LONG,
    MARGIN,
    SIDE,
    THIN,
    YEAR,
    YEARS,
    Column,
    Stretch,
    bars,
    columns,
    line_of_time,
    swatch,
)

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
    for dot in picture.iter(f"{SVG}circle"):
        x, y, r = (float(dot.attrib[name]) for name in ("cx", "cy", "r"))
        assert r <= x <= width - r
        assert r <= y <= height - r
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


DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
STRETCHES = st.lists(st.tuples(DAYS, DAYS).map(sorted), min_size=1, max_size=40)
WIDE = 9
"""Of a digit, at most, in the largest letters of a picture."""


def _line(every: list[list[date]]) -> tuple[ET.Element, list[ET.Element], list[tuple[float, str]]]:
    """The picture, its stretches from above to below, and the years with where they stand."""
    svg = line_of_time("a title", "a description", [Stretch(f"n{n}", *days) for n, days in enumerate(every, 1)])
    picture = _within(svg)
    named = [(float(one.attrib["x"]), one.text or "") for one in picture.iter(f"{SVG}text")]
    return picture, list(picture.iter(f"{SVG}rect")), [one for one in named if not one[1].startswith("n")]


def _from_to(shape: ET.Element) -> tuple[float, float]:
    left = float(shape.attrib["x"])
    return left, left + float(shape.attrib["width"])


@given(STRETCHES)
def test_a_line_of_time_has_each_stretch_on_its_own_line_in_the_order_of_the_list(every: list[list[date]]) -> None:
    picture, shapes, _ = _line(every)
    tops = [float(shape.attrib["y"]) for shape in shapes]
    heights = [float(shape.attrib["height"]) for shape in shapes]
    assert len(shapes) == len(every)
    assert all(top + height < below for top, height, below in zip(tops, heights, tops[1:], strict=False))
    labels = [one for one in picture.iter(f"{SVG}text") if (one.text or "").startswith("n")]
    assert [one.text for one in labels] == [f"n{n}" for n in range(1, len(every) + 1)]
    for label, top, height in zip(labels, tops, heights, strict=True):
        assert top < float(label.attrib["y"]) <= top + height, "a label stands at its own stretch"


@given(STRETCHES)
def test_on_a_line_of_time_earlier_is_further_left_and_longer_is_wider(every: list[list[date]]) -> None:
    _, shapes, _ = _line(every)
    found = [(days, *_from_to(shape)) for days, shape in zip(every, shapes, strict=True)]
    for (first, last), left, right in found:
        for (other, until), begins, ends in found:
            if first <= other and last - first <= until - other:
                assert right - left <= ends - begins + 0.02
            if last < other and right - left > THIN and ends - begins > THIN:
                assert right <= begins + 0.02, "what was over before is not beside it"
            if first < other and left > begins:  # only what would begin too near the end is moved
                assert ends - begins == pytest.approx(THIN)
    assert all(right - left > THIN - 0.02 for _, left, right in found), "the shortest can be seen"


@given(STRETCHES)
def test_the_years_of_a_line_of_time_stand_where_they_begin_and_are_never_cut(every: list[list[date]]) -> None:
    _, shapes, years = _line(every)
    assert years[0][1] == str(min(first.year for first, _ in every))
    assert years[-1][1] == str(max(last.year for _, last in every))
    assert len(years) <= YEARS
    for (left, _), (right, name) in zip(years, [*years[1:], (float(LONG), "")], strict=True):
        assert left + 4 * WIDE <= right, name
    for (first, _), shape in zip(every, shapes, strict=True):
        left = _from_to(shape)[0]
        for at, year in years:
            if float(shape.attrib["width"]) > THIN and at < LONG - YEAR:  # else its name had to move
                assert (left >= at - 0.02) == (first.year >= int(year))


@given(STRETCHES)
def test_where_a_page_is_read_from_the_right_the_line_of_time_is_its_mirror_image(every: list[list[date]]) -> None:
    def shapes(*, turned: bool) -> list[tuple[str, float, float, str]]:
        stretches = [Stretch(str(n), first, last if n % 2 else None) for n, (first, last) in enumerate(every, 1)]
        picture = _within(line_of_time("a title", "a description", stretches, from_the_right=turned))
        found = []
        for one in picture.iter():
            x = float(one.attrib.get("x", one.attrib.get("cx", "nan")))
            wide = float(one.attrib.get("width", 0))
            at = LONG - x - wide if turned else x
            word = {"start": "end", "end": "start"}.get(one.attrib.get("text-anchor", ""), "") if turned else ""
            found.append((one.tag, at, wide, word or one.attrib.get("text-anchor", "")))
        return [(tag, at, wide, anchor) for tag, at, wide, anchor in found if at == at]

    for (tag, at, *rest), (other, there, *same) in zip(shapes(turned=True), shapes(turned=False), strict=True):
        assert (tag, rest) == (other, same)
        assert at == pytest.approx(there, abs=0.02)


@given(STRETCHES)
def test_what_only_began_is_a_dot_where_it_began(every: list[list[date]]) -> None:
    svg = line_of_time("a title", "a description", [Stretch(f"n{n}", day, None) for n, (day, _) in enumerate(every, 1)])
    picture = _within(svg)
    dots = list(picture.iter(f"{SVG}circle"))
    assert len(dots) == len(every)
    assert not list(picture.iter(f"{SVG}rect")), "nobody says how long it took"
    middles = [float(dot.attrib["cx"]) for dot in dots]
    assert sorted(middles) == [at for _, at in sorted(zip([first for first, _ in every], middles, strict=True))]


@pytest.mark.parametrize("span", range(1, 120))
def test_however_many_years_a_life_has_no_name_of_one_is_cut(span: int) -> None:
    _, _, years = _line([[date(2026 - span + 1, 1, 1), date(2026, 12, 31)]])
    assert years[-1][0] + 4 * WIDE <= LONG


def test_a_line_of_time_takes_the_whole_width_and_the_last_day_too() -> None:
    _, [whole, half], years = _line([[date(2024, 1, 1), date(2025, 12, 31)], [date(2025, 1, 1), date(2025, 12, 31)]])
    assert _from_to(whole) == (MARGIN, LONG - SIDE)
    assert _from_to(half)[1] == LONG - SIDE
    assert _from_to(half)[0] == pytest.approx(years[1][0], abs=0.01)
    assert [year for _, year in years] == ["2024", "2025"]


@given(TEXT, TEXT)
def test_a_line_of_time_says_what_it_is_to_who_does_not_see_it(title: str, description: str) -> None:
    picture = _read(line_of_time(title, description, [Stretch("1", date(2025, 1, 1), date(2025, 1, 1))]))
    assert picture.attrib["role"] == "img"
    name, said = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert name is not None
    assert said is not None
    assert picture.attrib["aria-label"].split() == (name.text or "").split() == _shown(title).split()
    assert (said.text or "").split() == _shown(description).split()


def _shown(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())


def test_a_line_of_nothing_is_none() -> None:
    with pytest.raises(ValueError):
        line_of_time("a title", "a description", [])
