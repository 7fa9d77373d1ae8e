"""A change of the agreement is seen whole, with its direction; what changes nothing is no difference."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from broker.cli.policies import app
from broker.domain.differences import Difference, Direction
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.difference import compare
from broker.pdp.faults import UnsafePolicies
from broker.pdp.matrix import matrix_of
from broker.pdp.policy_set import PolicySet, load_texts
from broker.pdp.spaces import question_at, space_of
from tests.support.small_agreements import FORBID, NOTES, PERMIT, WORDS, small, small_texts

EQUAL, NARROWER, WIDER, BOTH = Direction.EQUAL, Direction.NARROWER, Direction.WIDER, Direction.BOTH
TEACHER = 'principal.role == Role::"teacher"'
BASE = f'{PERMIT} when {{ {TEACHER} }} when {{ resource.type in [SectionType::"status", SectionType::"timeline"] }};'
NO_BASIS = f"{FORBID} unless {{ context.senderBasis }};"
CHANGES: dict[str, tuple[tuple[str, ...], Direction]] = {
    "a word less": ((BASE.replace('SectionType::"status", ', ""), NO_BASIS), NARROWER),
    "a word more": ((BASE.replace("status", 'safety-plan", SectionType::"status'), NO_BASIS), WIDER),
    "another word": ((BASE.replace("status", "safety-plan"), NO_BASIS), BOTH),
    "a condition less": ((BASE.replace(f"when {{ {TEACHER} }}", ""), NO_BASIS), WIDER),
    "a condition more": ((BASE.replace(";", "when { context.evidence > 0 };"), NO_BASIS), NARROWER),
    "a forbid less": ((BASE,), WIDER),
    "a forbid more": ((BASE, NO_BASIS, f"{FORBID} when {{ context.concernsOthers }};"), NARROWER),
    "a forbid for what nobody gets": ((BASE, NO_BASIS, f'{FORBID} when {{ principal.role == Role::"youth-nurse" }};'), EQUAL),
    "the same in another form": ((BASE.replace("} when {", "&&").replace("in [", "in ["), NO_BASIS), EQUAL),
    "the same twice": ((BASE, NO_BASIS, BASE), EQUAL),
    "in another order": ((NO_BASIS, BASE), EQUAL),
    "an age": ((BASE.replace(";", 'unless { resource.ageBand == AgeBand::"16+" };'), NO_BASIS), NARROWER),
}  # fmt: skip


def directions(old: PolicySet, new: PolicySet, count: int = 400) -> Direction:
    """What the decision function says of the same questions to both, among those that are near something open."""
    space = space_of((new.vocabulary, new.signers), (old.vocabulary, old.signers))
    before, after = CedarDecisionPoint(old), CedarDecisionPoint(new)
    places = [p for p in space.places() if p[1] == "teacher"][::3] + [p for p in space.places() if p[1] != "teacher"][
        ::9
    ]
    gained = lost = False
    for number in range(count):
        place, rest = places[number % len(places)], space.at(number * 7919 % space.full.bit_length())
        one, other = (
            point.decide(question_at(place, rest, agreement.signers)).permitted
            for point, agreement in ((before, old), (after, new))
        )
        gained, lost = gained or other > one, lost or one > other
    return BOTH if gained and lost else WIDER if gained else NARROWER if lost else EQUAL


@pytest.mark.parametrize(("rules", "expected"), CHANGES.values(), ids=CHANGES)
def test_every_change_has_its_direction_both_ways(rules: tuple[str, ...], expected: Direction) -> None:
    old, new = small(BASE, NO_BASIS), small(*rules)
    assert compare(old, new).direction is expected
    assert directions(old, new) in (expected, EQUAL)
    back = {WIDER: NARROWER, NARROWER: WIDER}.get(expected, expected)
    assert compare(new, old).direction is back


def changed(old: str, new: str, file: str, rules: str = "") -> Difference:
    texts = small_texts(f'@id("r1") {NOTES}{rules or BASE}')
    assert old in texts[file]
    return compare(load_texts(texts), load_texts({**texts, file: texts[file].replace(old, new)}))


SECOND = 'from_age = 12\nperson_signs = true\nauthority_signs = true'  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected", "english"),
    [
        (SECOND, SECOND.replace("authority_signs = true", "authority_signs = false"), WIDER, "At the age of 12-15, the person alone signs"),
        (SECOND, SECOND.replace("person_signs = true", "person_signs = false"), WIDER, "At the age of 12-15, only who holds authority signs"),
        ("from_age = 12", "from_age = 14", WIDER, "At the age of 12-13, only who holds authority signs"),
        ("from_age = 16", "from_age = 18", NARROWER, "At the age of 16-17, the person together with everybody"),
        ("until_age = 18", "until_age = 21", BOTH, "Who can hold authority has changed: guardian, parental"),
        ('articles = ["Jeugdwet 7.3.5"', 'articles = ["Jeugdwet 7.3.6"', EQUAL, ""),
        (f"[[rule]]\n{SECOND}", f'[[rule]]\nfrom_age = 6\nperson_signs = false\nauthority_signs = true\narticles = ["x"]\n\n[[rule]]\n{SECOND}', EQUAL, ""),
    ],
)  # fmt: skip
def test_who_signs_counts_too(old: str, new: str, expected: Direction, english: str) -> None:
    found = changed(old, new, "signers.toml")
    assert found.direction is expected
    assert [o.words.en.startswith(english) for o in found.others] == ([True] if english else [])
    assert (found.gained, found.lost) == ((), ()), "no rule is about another age"


def test_a_type_that_may_leave_in_clear_again_is_wider() -> None:
    sealed = changed("[section_types.status]\n", "[section_types.status]\nsealed_only = true\n", "vocabulary.toml")
    assert (sealed.direction, sealed.texts) == (NARROWER, ("vocabulary.toml",))
    assert sealed.others[0].words.en == "'How far the support is' only leaves sealed from now on."
    texts = small_texts(f'@id("r1") {NOTES}{BASE}')
    clear = texts["vocabulary.toml"]
    closed = clear.replace("[section_types.status]\n", "[section_types.status]\nsealed_only = true\n")
    assert compare(load_texts({**texts, "vocabulary.toml": closed}), load_texts(texts)).direction is WIDER


def test_a_type_that_grows_old_is_narrower_and_one_that_lasts_longer_is_wider() -> None:
    texts = small_texts(f'@id("r1") {NOTES}{BASE}')
    status = "[section_types.status]\n"

    def lasting(period: str) -> PolicySet:
        line = f'{status}expires = "{period}"\n' if period else status
        return load_texts({**texts, "vocabulary.toml": texts["vocabulary.toml"].replace(status, line)})

    for old, new, direction in (
        ("", "P12M", NARROWER),
        ("P12M", "P6M", NARROWER),
        ("P6M", "P12M", WIDER),
        ("P6M", "", WIDER),
        ("P1M", "P30D", Direction.BOTH),
        ("P6M", "P6M", EQUAL),
    ):
        found = compare(lasting(old), lasting(new))
        assert found.direction is direction, (old, new)
        assert len(found.others) == (direction is not EQUAL)
    said = compare(lasting(""), lasting("P12M")).others[0].words.en
    assert said == "'How far the support is' is given until at most P12M after it was filled in from now on."


def test_who_agrees_goes_along_from_now_on_or_no_longer() -> None:
    texts = small_texts(f'@id("r1") {NOTES}{BASE}')
    status = "[section_types.status]\n"
    vocabulary = texts["vocabulary.toml"].replace(status, f"{status}signed_off = true\n")
    without, having = load_texts(texts), load_texts({**texts, "vocabulary.toml": vocabulary})
    on, off = compare(without, having), compare(having, without)
    assert (on.direction, off.direction) == (WIDER, NARROWER)
    assert [one.words.en for one in (*on.others, *off.others)] == [
        "With 'How far the support is' goes from now on who agrees with it and who sees it differently.",
        "With 'How far the support is' no longer goes who agrees with it.",
    ]


def test_a_new_word_that_a_rule_leaves_free_is_wider_and_a_word_that_goes_is_narrower() -> None:
    rules = f'@id("r1") {NOTES}{BASE}'
    more = {**WORDS, "organisation_kinds": (*WORDS["organisation_kinds"], "hospital")}
    old, new = load_texts(small_texts(rules)), load_texts(small_texts(rules, more))
    found = compare(old, new)
    assert found.direction is WIDER
    assert {kind.id for p in found.gained for row in p.rows for kind in row.kinds} == set(more["organisation_kinds"])
    senders = [w.en for p in found.gained for row in p.rows for c in row.cells for one in c.when for w in one]
    assert "sender: hospital" in senders
    assert compare(new, old).direction is NARROWER


def test_only_texts_changed() -> None:
    found = changed('label.nl = "Tijdlijn"', 'label.nl = "De tijdlijn"', "vocabulary.toml")
    assert (found.direction, found.texts, found.rules) == (EQUAL, ("vocabulary.toml",), ())


def test_what_is_gained_and_lost_is_exactly_the_difference_of_the_matrices() -> None:
    old = small(
        BASE, f'{PERMIT} when {{ principal.role == Role::"family-worker" }} unless {{ context.concernsOthers }};'
    )
    new = small(
        BASE.replace("teacher", "family-worker"),
        f'{PERMIT} when {{ context.purpose == Purpose::"safety" && {TEACHER} }};',
    )
    found, before, after = compare(old, new), matrix_of(old), matrix_of(new)
    assert found.direction is BOTH
    for purposes, one, other in ((found.gained, after, before), (found.lost, before, after)):
        said = {
            (k.id, r.id, p.purpose.id, c.section.id)
            for p in purposes for row in p.rows for k in row.kinds for r in row.roles for c in row.cells
        }  # fmt: skip
        assert said == {place for place, cell in one.cells.items() if cell.open & ~other.open_at(place)}
    assert found.rules == (("r1", "changed"), ("r2", "changed"))


Folder = Callable[[str, str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A small agreement with one text replaced, in a folder."""

    def make(old: str, new: str) -> Path:
        made = tmp_path / f"n{len(list(tmp_path.iterdir()))}"
        texts = small_texts(f'@id("r1") {NOTES}{BASE}')
        assert old in texts["release.cedar"]
        (made / "notices").mkdir(parents=True)
        for path, text in texts.items():
            (made / path).write_text(text.replace(old, new) if path == "release.cedar" else text, encoding="utf-8")
        return made

    return make


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def test_the_exit_code_tells_wider_from_narrower(folder: Folder) -> None:
    base, narrower = folder("", ""), folder('SectionType::"status", ', "")
    assert run(base, base).exit_code == 0
    result = run(base, narrower)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "NARROWER: only less is given.")
    assert "      - How far the support is\n" in result.stdout
    wider = run(narrower, base, "--language", "nl")
    first = "RUIMER: er wordt meer gegeven. Laat iemand anders dit lezen."
    assert (wider.exit_code, wider.stdout.splitlines()[0]) == (3, first)
    assert (
        "    leraar of mentor (bij wijkteam, school, huisartsenpraktijk)\n      + Hoe het met de hulp staat\n"
        in wider.stdout
    )
    other = folder('Role::"teacher" }', 'Role::"youth-nurse" }')
    document = json.loads(run(base, other, "--json").stdout)
    assert run(base, other).exit_code == 4
    assert document["direction"] == "both"
    assert {tuple(row["roles"]) for row in document["gained"]} == {("youth-nurse",)}
    assert {row["sectionType"] for row in document["lost"]} == {"status", "timeline"}


def test_what_cannot_be_compared_is_never_called_narrower(folder: Folder, tmp_path: Path) -> None:
    broken = run(folder("", ""), folder("permit (", "permitt ("))
    assert isinstance(broken.exception, UnsafePolicies), "exit code 2, see main"
    assert run(folder("", ""), tmp_path / "nowhere").exit_code == 2
