"""What cannot have been meant is found whole and exactly, with its place; what was meant is left alone."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from broker.cli.policies import app
from broker.pdp.lint import Finding, lint
from broker.pdp.policy_set import OPTIONAL, PolicySet, load_texts
from tests.support.small_agreements import FAILS, FORBID, NOTES, PERMIT, SHIPPED, small, small_texts, that_fails

TEACHER, NURSE = 'principal.role == Role::"teacher"', 'principal.role == Role::"youth-nurse"'
GIVES = f"{PERMIT} when {{ {TEACHER} }};"
USELESS = "this condition makes no difference"


def found(*rules: str, weight: str = "fault") -> list[str]:
    told = [one for one in lint(small(*rules)) if one.weight == weight and one.fault.file == "release.cedar"]
    return [_said(one) for one in told if " title " not in one.fault.words.en]


def _said(one: Finding) -> str:
    return f"{one.fault.line}:{one.fault.column} {one.fault.words.en}"


def test_the_shipped_agreement_has_no_fault_and_its_notes_are_meant(shipped: PolicySet) -> None:
    notes = lint(shipped)
    assert [one for one in notes if one.weight == "fault"] == []
    assert [one.fault.words.en.split(":")[0] for one in notes if one.fault.file == "release.cedar"] == [
        "parent-health-never-to-school", "family-matters-never-to-school", "board-uses-its-own-channel"]  # fmt: skip
    assert [one.fault.words.en for one in notes if one.fault.file == "vocabulary.toml"] == [
        "no rule names 'board-investigator'."
    ]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((GIVES, f"{PERMIT} when {{ {TEACHER} }} when {{ {NURSE} }};"), ["r2: this rule never applies"]),
        ((GIVES, f"{PERMIT} when {{ {NURSE} && false }};"), ["r2: this rule never applies"]),
        ((GIVES, f"{FORBID} when {{ {TEACHER} }} when {{ {NURSE} }};"), ["r2: this rule never applies"]),
        ((GIVES, f"{FORBID} when {{ context.evidence == 1 }} unless {{ context.evidence < 3 }};"), ["r2: this rule never applies"]),
        ((GIVES, f"{PERMIT} when {{ {NURSE} }};", f"{FORBID} when {{ {NURSE} }};"), ["r2: everything that this rule gives is forbidden"]),
        ((GIVES, f'{PERMIT} when {{ {TEACHER} }} when {{ resource.type == SectionType::"status" }};'), ["r2: other rules give all of this too"]),
        ((GIVES, GIVES), ["r1: other rules give all of this too", "r2: other rules give all of this too"]),
        ((f"{PERMIT} when {{ {TEACHER} }} when {{ context.evidence >= 0 }};",), [USELESS]),
        ((f"{PERMIT} when {{ {TEACHER} && resource.type == resource.type }};",), [USELESS]),
        ((f'{PERMIT} when {{ {TEACHER} }} unless {{ {NURSE} }};',), [USELESS]),
        ((GIVES, f'{FORBID} when {{ {TEACHER} }} when {{ context.concernsOthers }};'), [USELESS]),
        ((f"{PERMIT} when {{ {TEACHER} }} when {{ context.senderBasis }};", f"{FORBID} unless {{ context.senderBasis }};"), [USELESS]),
    ],
)  # fmt: skip
def test_what_makes_no_difference_is_a_fault(rules: tuple[str, ...], said: list[str]) -> None:
    told = found(*rules)
    assert len(told) == len(said)
    assert all(sentence in line for sentence, line in zip(said, told, strict=True)), told


@pytest.mark.parametrize(
    "rules",
    [
        (GIVES,),
        (GIVES, f"{FORBID} unless {{ context.senderBasis }};"),
        (GIVES, f"{FORBID} when {{ context.evidence < 2 }} unless {{ context.discussedWithFamily }};"),
        (GIVES, f'{PERMIT} when {{ {NURSE} }} when {{ resource.ageBand == AgeBand::"16+" }};'),
        (GIVES, f"{PERMIT} when {{ principal.organisationKind == resource.senderKind }};"),
        (f"{PERMIT};",),
    ],
)
def test_what_makes_a_difference_is_left_alone(rules: tuple[str, ...]) -> None:
    assert found(*rules) == []
    assert found(*rules, weight="note") == []


def test_a_forbid_that_takes_nothing_is_a_note() -> None:
    assert found(GIVES, f"{FORBID} when {{ {NURSE} }};") == []
    [note] = found(GIVES, f"{FORBID} when {{ {NURSE} }};", weight="note")
    assert "r2: this forbid takes nothing away now" in note


def test_a_condition_that_can_fail_is_a_fault() -> None:
    told = [
        _said(one)
        for one in lint(that_fails(f"{PERMIT} when {{ {TEACHER} }} when {{ {FAILS} }};"))
        if "fail" in one.fault.words.en
    ]
    assert len(told) == 1
    assert f"this condition can fail, and then nothing is given; compare words and numbers only. ({FAILS})" in told[0]


def test_a_condition_is_named_where_it_stands() -> None:
    [told] = found(
        f"{PERMIT}\nwhen {{ {TEACHER} }}\nwhen {{\n    {TEACHER} &&\n    context.evidence >= 0\n  }};".replace(
            f"{TEACHER} &&", "true &&"
        )
    )[1:]
    assert told.startswith("5:5 this condition makes no difference")
    assert told.endswith("(context.evidence >= 0)")


def texts(basis: str = "AVG 6", nl: str = "N", en: str = "E") -> dict[str, str]:
    rule = f'@id("a")\n@title_nl("{nl}")\n@title_en("{en}")\n@legal_basis("{basis}")\n{GIVES}'
    return {**small_texts(rule), OPTIONAL[0]: (SHIPPED / OPTIONAL[0]).read_text(encoding="utf-8")}


@pytest.mark.parametrize(
    ("basis", "unknown"),
    [
        ("AVG 6(1)(d) and (e); AVG 9(2)(a); Jeugdwet 7.3.11 lid 4; Wmo 2015 4.1.1", []),
        ("AVG 6(1)(x)", ["AVG 6(1)(x)"]),
        ("AVG 6(1)(d) and (x); Jeugdwet 73.11", ["AVG (x)", "Jeugdwet 73.11"]),
        ("GDPR 6", ["GDPR 6"]),
        ("AVG", ["AVG"]),
        ("AVG 6; ", [""]),
    ],
)
def test_a_basis_is_looked_up_article_by_article(basis: str, unknown: list[str]) -> None:
    told = [one.fault for one in lint(load_texts(texts(basis))) if "laws.toml" in one.fault.words.en]
    assert [fault.words.en.split("'")[1] for fault in told] == unknown
    assert {(fault.line, fault.column) for fault in told} <= {(4, 1)}


def test_signers_and_channels_are_looked_up_too_and_a_broken_list_is_a_fault() -> None:
    good = texts()
    wrong = {**good, "signers.toml": good["signers.toml"].replace('"Jeugdwet 7.3.5"', '"Jeugdwet 7.3.55"')}
    [told] = [one.fault for one in lint(load_texts(wrong)) if one.weight == "fault"]
    assert (told.file, "'Jeugdwet 7.3.55' is not in laws.toml" in told.words.en) == ("signers.toml", True)
    assert told.sentence.en.startswith("signers.toml, line ")
    for broken in (
        "[AVG]\n",
        '[AVG]\narticles = ["6"]\n',
        '[AVG]\nname.nl = "x"\nname.en = "x"\narticles = [6]\n',
        "AVG = 1\n",
    ):
        faults = [one.fault.file for one in lint(load_texts({**good, "laws.toml": broken})) if one.weight == "fault"]
        assert faults == ["laws.toml"]


def test_without_the_list_an_old_agreement_still_loads_and_a_note_says_so() -> None:
    old = {path: text for path, text in texts("anything at all").items() if path != "laws.toml"}
    [note] = [one for one in lint(load_texts(old)) if one.fault.file == "laws.toml"]
    assert (note.weight, "were not looked up" in note.fault.words.en) == ("note", True)


def test_titles_are_in_two_languages_and_tell_rules_apart() -> None:
    said = [one.fault.words.en for one in lint(load_texts(texts(nl="Same", en="Same"))) if one.weight == "fault"]
    assert said == ["a: this title is the same in both languages; translate it."]
    twice = texts()
    twice["release.cedar"] += "\n" + twice["release.cedar"].replace('@id("a")', '@id("b")').replace(
        "teacher", "youth-nurse"
    )
    said = [one.fault.words.en for one in lint(load_texts(twice)) if one.weight == "fault"]
    assert said == ["b: a has this title too; tell them apart."]


def run(directory: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["check", str(directory), *more])


def test_check_tells_every_fault_at_once_with_its_place(tmp_path: Path) -> None:
    rules = f'@id("a") {NOTES}{GIVES}\n@id("b") {NOTES}{PERMIT}\nwhen {{ {NURSE} }}\nwhen {{ context.evidence >= 0 }};\n@id("c") {NOTES}{FORBID} when {{ {NURSE} }} when {{ {TEACHER} }};'
    (tmp_path / "notices").mkdir()
    for path, text in {**texts(), "release.cedar": rules}.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "fault: release.cedar, line 4, column 8: this condition makes no difference" in result.stderr
    assert "fault: release.cedar, line 5, column 1: c: this rule never applies" in result.stderr
    assert "The agreement is whole" not in result.stdout
    document = json.loads(run(tmp_path, "--json").stdout)
    assert document["ok"] is False
    assert {(row["file"], row["line"], row["column"]) for row in document["findings"] if row["weight"] == "fault"} >= {
        ("release.cedar", 4, 8), ("release.cedar", 5, 1)}  # fmt: skip
    assert "regel 4, kolom 8: deze voorwaarde maakt geen verschil" in run(tmp_path, "--language", "nl").stderr


def test_an_unknown_word_is_named_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "notices").mkdir()
    rules = f'@id("a")\n{NOTES}\n{PERMIT}\nwhen {{ principal.role in [\n    Role::"teacher",\n    Role::"headmaster"\n  ] }} when {{ {TEACHER.replace("teacher", "janitor")} }};'
    for path, text in {**texts(), "release.cedar": rules}.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    told = run(tmp_path).stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == [
        "release.cedar, line 6, column 5",
        "release.cedar, line 7, column 32",
    ]
