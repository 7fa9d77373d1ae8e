"""The matrix says of every question exactly what the decision function says, or there is no matrix."""

import csv
import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from broker.cli.matrix import harmless, rows_of, table_of
from broker.cli.picture import EDGE, HEIGHT, WIDTH, picture_of
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.holding import TooWide
from broker.pdp.matrix import Matrix, NotExact, matrix_of
from broker.pdp.overview import overview_of
from broker.pdp.policy_set import PolicySet, load_texts
from broker.pdp.spaces import PLACE, Place, question_at
from tests.support.small_agreements import FAILS, FORBID, NOTES, PERMIT, small, that_fails

STRANGE = {
    "everything": f"{PERMIT};",
    "or": f'{PERMIT} when {{ principal.role == Role::"teacher" || resource.type == SectionType::"status" }};',
    "and, in one line": f'{PERMIT} when {{ principal.role == Role::"teacher" && context.evidence > 1 && !context.concernsOthers }};',
    "if": f'{PERMIT} when {{ if context.discussedWithFamily then resource.type == SectionType::"status" else resource.ageBand != AgeBand::"12-15" }};',
    "two kinds alike": f"{PERMIT} when {{ principal.organisationKind == resource.senderKind }} unless {{ context.senderBasis && context.recipientBasis }};",
    "unless either": f'{PERMIT} when {{ principal.role == Role::"teacher" }} unless {{ context.evidence < 2 || resource.handoverKind == HandoverKind::"referral" }};',
    "other scopes": 'permit (principal is Professional, action in [Action::"read"], resource is Section) when { principal has role && context has purpose };',
    "a set": f'{PERMIT} when {{ [Role::"teacher", Role::"youth-nurse"].contains(principal.role) }};',
    "the whole context": f"{PERMIT} when {{ context == context }};",
    "never": f'{PERMIT} when {{ principal.role == Role::"teacher" }} when {{ principal.role == Role::"youth-nurse" }};',
    "comment and text": f"{PERMIT} // when {{ false }}\nwhen {{ true }};",
}  # fmt: skip


def some(matrix: Matrix, count: int) -> Iterator[tuple[Place, int]]:
    """Questions that are spread over everything, and each time the same; half of them where something may be open."""
    cells, bits = list(matrix.cells), matrix.space.full.bit_length()
    for number in range(count):
        dice = iter(hashlib.sha512(b"%d" % number).digest())

        def drawn(size: int, dice: Iterator[int] = dice) -> int:
            return (next(dice) << 24 | next(dice) << 16 | next(dice) << 8 | next(dice)) % size

        if cells and number % 2:
            place = cells[drawn(len(cells))]
        else:
            kind, role, purpose, section = (
                matrix.space.values[name][drawn(len(matrix.space.values[name]))] for name in PLACE
            )
            place = (kind, role, purpose, section)
        yield place, drawn(bits)


def differences(matrix: Matrix, count: int) -> list[PolicyQuestion]:
    policy_set = matrix.holding.policy_set
    point = CedarDecisionPoint(policy_set)
    asked = (
        (question_at(place, matrix.space.at(bit), policy_set.signers), matrix.open_at(place) >> bit & 1)
        for place, bit in some(matrix, count)
    )
    return [question for question, is_open in asked if point.decide(question).permitted != bool(is_open)]


@pytest.fixture(scope="module")
def matrix(shipped: PolicySet) -> Matrix:
    return matrix_of(shipped)


def test_it_is_what_the_decision_function_says(matrix: Matrix) -> None:
    assert differences(matrix, 2000) == []
    assert len(matrix.cells) > 500


@pytest.mark.parametrize("rules", STRANGE.values(), ids=STRANGE)
def test_also_for_rules_in_another_form(rules: str) -> None:
    forbid = f'{FORBID} when {{ principal.role == Role::"teacher" }} unless {{ context.evidence == 3 }};'
    assert differences(matrix_of(small(rules)), 200) == []
    assert differences(matrix_of(small(rules, forbid)), 200) == []


@pytest.mark.parametrize(
    "rules",
    [
        (f"{PERMIT} when {{ {FAILS} }};",),
        (f"{PERMIT};", f"{FORBID} when {{ {FAILS} }} when {{ context.concernsOthers }};"),
        (f"{PERMIT};", f"{FORBID} when {{ context.concernsOthers }} when {{ {FAILS} }};"),
        (f"{PERMIT};", f'{PERMIT} when {{ principal.role == Role::"teacher" }} unless {{ {FAILS} }};'),
        (
            f'{PERMIT} when {{ principal.role == Role::"teacher" && {FAILS} }};',
            f"{FORBID} unless {{ context.senderBasis }};",
        ),
    ],
)
def test_where_a_rule_fails_nothing_is_given(rules: tuple[str, ...]) -> None:
    failing = matrix_of(that_fails(*rules))
    assert differences(failing, 400) == []
    weak, strong = (failing.space.mask("evidence", index) for index in (1, 3))
    assert any(cell.open & weak for cell in failing.cells.values())
    assert any(not cell.open & strong for cell in failing.cells.values()) or any(
        c.failures for c in failing.cells.values()
    )


def test_a_condition_that_sees_too_much_is_refused_with_its_place(shipped: PolicySet) -> None:
    wide = f"{PERMIT}\nwhen {{ principal.role == principal.role && true }}\n when {{ [principal.role].contains(principal.role) || resource.type == resource.type || context == context || resource.senderKind == principal.organisationKind }};"
    with pytest.raises(TooWide, match=r"release\.cedar:3:9: this condition looks at too much at once"):
        matrix_of(load_texts({**shipped.texts, "release.cedar": f'@id("x") {NOTES}{wide}'}))


@pytest.mark.parametrize("change", ["permitted", "rules", "errors"])
@pytest.mark.parametrize("rule", [f"{PERMIT};", f"{FORBID}; {PERMIT};".replace("; ", f'; @id("also") {NOTES}')])
def test_when_the_decision_function_says_otherwise_there_is_no_matrix(
    change: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, policy_set = CedarDecisionPoint.decide, small(rule)

    def lies(self: CedarDecisionPoint, question: PolicyQuestion) -> Ruling:
        ruling = decide(self, question)
        if change == "permitted":
            return replace(ruling, permitted=not ruling.permitted)
        return replace(ruling, rules=()) if change == "rules" else replace(ruling, errors=1)

    monkeypatch.setattr(CedarDecisionPoint, "decide", lies)
    with pytest.raises(NotExact):
        matrix_of(policy_set)


def test_what_no_rule_gives_is_asked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    policy_set = small(f'{PERMIT} when {{ principal.role == Role::"teacher" }};')
    always = Ruling(True, ("r1",), policy_set.digest)
    decide = CedarDecisionPoint.decide
    monkeypatch.setattr(
        CedarDecisionPoint, "decide", lambda self, q: always if q.role == "youth-nurse" else decide(self, q)
    )
    with pytest.raises(NotExact):
        matrix_of(policy_set)


def test_it_takes_less_than_five_seconds(shipped: PolicySet) -> None:
    begun = time.process_time()
    overview_of(matrix_of(shipped))
    assert time.process_time() - begun < 5


def test_the_boxes_of_a_mask_are_the_mask(matrix: Matrix) -> None:
    space = matrix.space
    for mask in {cell.open for cell in matrix.cells.values()} | {space.full, 0, 0b1011 << 70}:
        together = 0
        for box in space.boxes(mask):
            part = space.full
            for name, values in box.items():
                one = 0
                for value in values:
                    one |= space.mask(name, space.values[name].index(value))
                part &= one
            assert not together & part
            together |= part
        assert together == mask


def test_the_overview_holds_every_open_place_once(matrix: Matrix) -> None:
    overview = overview_of(matrix)
    shown = [
        (kind.id, role.id, purpose.purpose.id, cell.section.id)
        for purpose in overview.purposes
        for row in purpose.rows
        for kind in row.kinds
        for role in row.roles
        for cell in row.cells
    ]
    assert sorted(shown) == sorted(place for place, cell in matrix.cells.items() if cell.open)
    assert [kind.id for kind in overview.nobody] == ["child-protection-board"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_table_fits_and_explains_every_number(matrix: Matrix, language: str) -> None:
    lines = list(table_of(overview_of(matrix), language, 90))
    assert max(map(len, lines)) <= 90
    text = " ".join(" ".join(lines).split())
    assert all(f"({number})" in text and f" ({number}) " in text for number in range(1, 9))
    assert ("alleen als: besproken met het gezin" if language == "nl" else "only if: discussed with the family") in text


def test_the_rows_are_for_a_spreadsheet_and_hold_no_formula(matrix: Matrix) -> None:
    head, *rows = csv.reader(io.StringIO(rows_of(matrix, "nl")))
    assert head[:4] == list(PLACE)
    assert {tuple(row[:4]) for row in rows} == {place for place, cell in matrix.cells.items() if cell.open}
    assert all(len(row) == len(head) for row in rows)
    assert all(row[8:11] == ["any", "yes", "yes"] or row[8] == "yes" for row in rows)
    assert {row[6] for row in rows} == {"any", "16 and over"}  # "12-15" would become a day in March
    assert [harmless(text) for text in ("=1+1", "+1", "-1", "@x", "\tx", "x=1", "")] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "x=1", ""]  # fmt: skip


def test_a_label_that_is_a_formula_is_defused(shipped: PolicySet) -> None:
    words = shipped.texts["vocabulary.toml"].replace('label.en = "Timeline"', 'label.en = "=HYPERLINK(0)"')
    assert words != shipped.texts["vocabulary.toml"]
    changed = matrix_of(load_texts({**shipped.texts, "vocabulary.toml": words}))
    cells = {cell for row in csv.reader(io.StringIO(rows_of(changed, "en"))) for cell in row}
    assert "'=HYPERLINK(0)" in cells
    assert not {cell for cell in cells if cell.startswith("=")}


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_picture_is_a_page_that_can_be_read(matrix: Matrix, language: str) -> None:
    overview = overview_of(matrix)
    picture = ET.fromstring(picture_of(overview, language))  # our own text
    assert (picture.get("width"), picture.get("height")) == (f"{WIDTH:g}mm", f"{HEIGHT:g}mm"), "one page of A4"
    assert picture.get("role") == "img"
    labelled = (picture.get("aria-labelledby") or "").split()
    assert [element.get("id") for element in picture[:2]] == labelled
    described = picture[1].text or ""
    for purpose in overview.purposes:
        for row in purpose.rows:
            for role in row.roles:
                assert role.label.in_language(language) in described
    texts = list(picture.iter(f"{SVG}text"))
    assert all(float(text.get("font-size", 0)) >= 2.1 for text in texts), "6 points"
    assert all(EDGE <= float(text.get("y", EDGE)) <= HEIGHT - EDGE for text in texts)
    given = sum(len(row.cells) for purpose in overview.purposes for row in purpose.rows)
    marks = [circle.get("class") for circle in picture.iter(f"{SVG}circle")]
    numbers = [text.text for text in texts if text.get("text-anchor") == "middle"]
    assert len(marks) == given
    assert marks.count("o") == len(numbers), "a condition has a number in it: form, not colour"
    assert set(numbers) == {str(number) for number in range(1, len(set(numbers)) + 1)}


def test_a_picture_holds_labels_as_text_only(shipped: PolicySet) -> None:
    words = shipped.texts["vocabulary.toml"].replace('label.en = "Timeline"', 'label.en = "<script>x</script>&"')
    changed = overview_of(matrix_of(load_texts({**shipped.texts, "vocabulary.toml": words})))
    assert "<script" not in picture_of(changed, "en")
    ET.fromstring(picture_of(changed, "en"))  # our own text
