"""Ten minutes with the README: every command on it is run as it stands, with the edits that it tells to make."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from broker.cli.policies import app
from tests.support.small_agreements import SHIPPED

README = (SHIPPED / "README.md").read_text(encoding="utf-8")
CHANGE = README[README.index("## Change a rule, in ten minutes") : README.index("### More about rules")]


def blocks(text: str, language: str = "") -> list[str]:
    every = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for named, body in every if named == language]


def commands(text: str) -> list[str]:
    lines = [line.partition("#")[0].strip() for block in blocks(text) for line in block.splitlines()]
    return [line for line in lines if line]


def run(line: str) -> Result:
    words = shlex.split(line.partition(">")[0])
    assert words[:2] == ["broker", "policies"]
    return CliRunner().invoke(app, words[2:])


def edit(path: Path, old: str, new: str, after: str = "") -> None:
    text = path.read_text(encoding="utf-8")
    start = text.index(after)
    assert old in text[start:]
    path.write_text(text[:start] + text[start:].replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROKER_POLICIES", "policies")
    return tmp_path


def test_school_may_receive_the_safety_plan_in_six_steps(folder: Path) -> None:
    copy, why, test, *last = commands(CHANGE)
    assert copy == "cp -r policies new"
    shutil.copytree("policies", "new")

    refused = run(why)  # 1
    assert refused.exit_code == 1
    assert "NO   the section is How far the support is, What the child says or How school is going" in refused.stdout

    [example] = blocks(CHANGE, "json")  # 2
    named = re.search(r"Save this as `(.+?)`", CHANGE)
    assert named
    Path(named[1]).write_text(example, encoding="utf-8")
    first = run(test)
    assert first.exit_code == 1
    assert "teacher-gets-the-safety-plan.json" in first.stdout
    cases = len(list(Path("new/cases").rglob("*.json")))
    assert f"{cases - 1} of {cases}" in first.stdout

    [line] = blocks(CHANGE, "cedar")  # 3
    edit(
        Path("new/release.cedar"),
        '    SectionType::"status",\n',
        f'{line}    SectionType::"status",\n',
        '@id("school-teacher")',
    )

    told = {row.split(":")[0] for row in run(test).stdout.splitlines()[:-1]}  # 4
    listed = re.findall(r"^- `(cases/deny/.+?)`", CHANGE, re.MULTILINE)
    assert told == set(listed)
    (Path("new") / listed[0]).unlink()
    edit(Path("new") / listed[1], '"allBut": [', '"allBut": ["safety-plan",')
    edit(Path("new") / listed[2], '"support-coordinator"', '"support-coordinator", "teacher"', '"each"')

    *last, propose = last
    results = [run(line) for line in last]  # 5
    assert [result.exit_code for result in results] == [0, 0, 3]
    assert results[2].stdout.startswith("WIDER: more is given.")
    assert (
        "    teacher or mentor (at school)\n      + Safety plan\n\nRules: school-teacher (changed)" in results[2].stdout
    )
    assert propose.startswith("broker policies propose new --reason ")  # 6
    assert "Set BROKER_LOG_GUARD" in str(run(propose).exception), "that one is for who has the broker's settings"


def test_the_commands_that_show_what_it_gives(folder: Path) -> None:
    shown = commands(README[README.index("## See what it gives") : README.index("## Change a rule")])
    assert len(shown) == 4
    for line in shown:
        result = run(line)
        assert result.exit_code == 0
        assert len(result.stdout) > 500


def test_the_template_of_a_kind_stands_in_the_vocabulary_as_the_page_shows_it() -> None:
    [shown] = [block for block in blocks(README, "toml") if "[handover_kinds." in block]
    assert shown in (SHIPPED / "vocabulary.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", ["own_text", "family_text", "signed_off", "expires"])
def test_the_page_names_every_section_type_of_the_example_agreement_that_has_it(word: str) -> None:
    terms = tomllib.loads((SHIPPED / "vocabulary.toml").read_text(encoding="utf-8"))["section_types"]
    part = re.search(rf"^## (?:(?!^## ).)*?^Write `{word} = .*?(?=^## )", README, re.MULTILINE | re.DOTALL)
    assert part
    told = part[0].partition("example")[2]
    assert {name for name in terms if f"`{name}`" in told} == {name for name, term in terms.items() if word in term}
