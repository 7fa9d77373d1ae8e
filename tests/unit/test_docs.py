"""The documents name what is there: paths, functions, commands, settings, error codes. Links: `.ci/checks.py docs`."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from broker.api.bodies import validated
from broker.api.schemas import HandoverBody
from broker.cli.main import _furnish, app
from broker.domain.decisions import Told
from broker.domain.drafts import faults_of
from broker.notifications.senders import SmtpSender, open_sender
from broker.pdp.policy_set import load
from broker.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ROOT / "broker"
MAP = HOUSE / "README.md"
EXAMPLE = ROOT / "deploy/settings.env.example"
PAGES = [
    ROOT / "README.md",
    MAP,
    ROOT / "deploy/README.md",
    ROOT / "policies/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
NOT_THERE_YET = ("There is not yet", "What is there, and what is not yet", "Deviations from the published contract")
"""Headings under which a page speaks of commands that do not exist: what is missing has to be named."""

names = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


# --- broker/README.md -------------------------------------------------------------------------------------------------


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Every class, function, method and constant of a module: `Class.method`, `function`, `NAME`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            inner = {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
            found |= {node.name, *(f"{node.name}.{name}" for name in inner)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def test_every_path_and_function_that_the_map_names_is_there() -> None:
    prose = re.sub(r"^```.*?^```", "", MAP.read_text(), flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)(?:::([A-Za-z_.]+))?`", prose)
    assert len(named) > 40
    missing = []
    for path, function in named:
        whole = ROOT / path if path.startswith("tests/") else HOUSE / path
        if not whole.is_file() and "/" in path:
            missing.append(path)
        elif function and function not in defined_in(whole):
            missing.append(f"{path}::{function}")
    assert not missing, f"broker/README.md names what is not there: {missing}"


def modules_on_the_map() -> Iterator[str]:
    drawn = re.search(r"## Map\n+```\n(.*?)^```", MAP.read_text(), re.MULTILINE | re.DOTALL)
    assert drawn, "broker/README.md has no map"
    folders: list[str] = []
    for line in filter(None, drawn[1].split("\n")):
        depth = (len(line) - len(line.lstrip())) // 2
        head = re.split(r"\s{2,}", line.strip())[0]
        del folders[depth:]
        if head.endswith("/"):
            folders.append(head)
            assert (HOUSE / "".join(folders)).is_dir(), f"the map names {''.join(folders)}, which is not there"
        else:
            yield from ("".join(folders) + name for name in head.split())


def test_the_map_shows_every_module_and_no_other() -> None:
    there = {
        str(path.relative_to(HOUSE))
        for path in HOUSE.rglob("*.py")
        if "migrations" not in path.parts and (path.name != "__init__.py" or path.parent == HOUSE)
    }
    drawn = set(modules_on_the_map())
    assert not there - drawn, f"not on the map of broker/README.md: {sorted(there - drawn)}"
    assert not drawn - there, f"on the map of broker/README.md, and not there: {sorted(drawn - there)}"


# --- README.md --------------------------------------------------------------------------------------------------------


def test_every_promise_has_modules_that_attack_it_or_says_that_it_has_none() -> None:
    rows = re.findall(r"^\| (P\d\d) \|.*\| ([^|]*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [number for number, _ in rows] == [f"P{number:02}" for number in range(1, 16)]
    for number, told in rows:
        modules = f"test_{number.lower()}_*.py"
        there = list((ROOT / "tests/promises").glob(modules))
        assert told == (f"`{modules}`" if there else "no module yet"), f"README.md says of {number}: {told}"


# --- docs/hard-cases.md -----------------------------------------------------------------------------------------------


def test_every_hard_case_has_the_test_that_the_page_names_and_there_is_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| `(test_\w+)` \|$", (ROOT / "docs/hard-cases.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    assert all(name.startswith(f"test_{int(number):02}_") for number, name in rows)
    modules = (ROOT / "tests/promises").glob("test_hard_cases_*.py")
    there = [name for path in modules for name in defined_in(path) if name.startswith("test_")]
    assert sorted(there) == [name for _, name in rows]


# --- commands ---------------------------------------------------------------------------------------------------------


@cache
def commands() -> dict[str, frozenset[str]]:
    """Every `broker` command with its options."""
    _furnish()
    found: dict[str, frozenset[str]] = {}

    def walk(command: click.Command, name: str) -> None:
        options = (option for parameter in command.params for option in parameter.opts + parameter.secondary_opts)
        found[name] = frozenset(option for option in options if option.startswith("--")) | {"--help"}
        for part, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {part}".strip())

    walk(typer.main.get_command(app), "")
    return found


def told_to_run(text: str) -> Iterator[str]:
    """What follows `broker ` in code spans and in fenced blocks, one command each."""
    for heading in NOT_THERE_YET:
        text = re.sub(rf"^(#+) {heading}\n.*?(?=^#|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    fenced = re.findall(r"^ *```(?:sh|text)[^\n]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    for piece in [*fenced, *re.findall(r"`([^`\n]+)`", prose)]:
        yield from re.findall(r"(?:^|[\s/;|(])broker ([a-z][^\n;|)>#]*)", piece.replace("\\\n", " "), re.MULTILINE)


@names
def test_every_command_that_a_page_tells_to_run_exists(page: Path) -> None:
    wrong = []
    for told in told_to_run(page.read_text()):
        words = told.split()
        known = " ".join(words[:2]) if " ".join(words[:2]) in commands() else words[0]
        group_alone = len(words) > 1 and any(name.startswith(f"{known} ") for name in commands())
        unknown = set(re.findall(r"--[a-z-]+", told)) - commands().get(known, frozenset())
        if known not in commands() or group_alone or unknown:
            wrong.append(f"broker {told}")
    assert not wrong, f"{page.relative_to(ROOT)} tells to run what is not there: {wrong}"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_settings_example_is_safe_to_start_from(tmp_path: Path) -> None:
    # `.ci/checks.py docs` compares the names; this reads the lines, with those switched on that stand commented out.
    assert read_settings({"BROKER_SETTINGS": str(EXAMPLE)}).mode == "production"
    text = re.sub(r"^#(?=BROKER_(OWNER|DATABASE|OUTBOX))", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    (tmp_path / "settings.env").write_text(text)
    settings = read_settings({"BROKER_SETTINGS": str(tmp_path / "settings.env")})
    assert "passfile" in settings.database_url
    assert isinstance(open_sender(settings.outbox), SmtpSender)


# --- for developers ---------------------------------------------------------------------------------------------------


def codes_of_errors() -> set[str]:
    """Every code that a refusal can carry."""
    found = {told.value for told in Told}
    for path in HOUSE.rglob("*.py"):
        if path.parent.name not in ("cli", "pdp"):
            found |= set(re.findall(r"\bcode=\"([a-z_-]+)\"", path.read_text()))
            found |= set(re.findall(r"^    code = \"([a-z_-]+)\"", path.read_text(), re.MULTILINE))
            found |= set(re.findall(r"\bproblem\(request, .*\"([a-z-]+)\"\)", path.read_text()))
    return found - {"error", "conflict"}  # the roots; whoever raises a Conflict gives it a code of its own


def test_the_guide_explains_every_code_of_an_error() -> None:
    guide = (ROOT / "docs/for-developers.md").read_text()
    missing = {code for code in codes_of_errors() if f"`{code}`" not in guide}
    assert not missing, f"docs/for-developers.md does not explain {sorted(missing)}"


def test_the_example_handover_can_be_pushed() -> None:
    body = json.loads((ROOT / "docs/examples/handover.json").read_text())
    partners = {"00000099000000920000": "school"}
    assert validated(HandoverBody, body)[1] == []
    assert list(faults_of(body, load(ROOT / "policies").vocabulary, partners, date(2026, 11, 21))) == []
