"""The documents name what is there: paths, functions, commands, settings, error codes. Links: `.ci/checks.py docs`."""

import ast
import inspect
import json
import re
import tomllib
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
from broker.client import Client, Professional
from broker.domain.consents import TRANSITIONS, Event, Stance
from broker.domain.decisions import Told
from broker.domain.draft_faults import faults_of
from broker.notifications.senders import SmtpSender, open_sender
from broker.pdp.policy_set import load
from broker.settings import read_settings
from tests.support import life_of_a_consent

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
    every = list(modules_on_the_map())
    drawn = set(every)
    assert len(every) == len(drawn), (
        f"twice on the map of broker/README.md: {sorted(m for m in drawn if every.count(m) > 1)}"
    )
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
        below = len(words) > 1 and not words[1].startswith("--")  # a group may have options of its own, as `demo` has
        group_alone = below and any(name.startswith(f"{known} ") for name in commands())
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


ERRORS, ON_PAGES = "## Errors: code, cause, cure", "### On the pages only"


def test_every_code_of_an_error_stands_in_the_one_table_with_its_cause_and_its_cure() -> None:
    guide = (ROOT / "docs/for-developers.md").read_text()
    tables, on_pages = guide.split(ERRORS)[1].split(ON_PAGES)
    rows = [line.strip("| ").split(" | ") for line in tables.splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    bare = [row[0] for row in rows if len(row) < 3 or not all(len(cell.strip()) > 3 for cell in row[-2:])]
    assert not bare, f"docs/for-developers.md gives no cause or no cure of {bare}"
    explained = {code for row in rows for code in re.findall(r"`([a-z_-]+)`", row[0])}
    elsewhere = set(re.findall(r"`([a-z_-]+)`", on_pages)) | {"unsafe-configuration"}
    missing = codes_of_errors() - explained - elsewhere
    assert not missing, f"not in the table of docs/for-developers.md: {sorted(missing)}"
    assert not explained & elsewhere, "what the API answers is not on the pages only"


PARTNERS = {
    "00000099000000910000": "neighbourhood-team",
    "00000099000000920000": "school",
    "00000099000000930000": "neighbourhood-team",
}
EXAMPLES = sorted((ROOT / "docs/examples").glob("*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_an_example_handover_can_be_pushed_and_holds_what_its_kind_should(path: Path) -> None:
    body = json.loads(path.read_text())
    vocabulary = load(ROOT / "policies").vocabulary
    assert validated(HandoverBody, body)[1] == []
    assert list(faults_of(body, vocabulary, PARTNERS, date(2026, 11, 21), min(PARTNERS))) == []
    assert set(vocabulary.handover_kinds[body["kind"]].required) <= {section["type"] for section in body["sections"]}


def test_every_example_is_named_by_the_page_for_developers_and_pushed_by_a_page_that_is_run() -> None:
    guide = (ROOT / "docs/for-developers.md").read_text()
    run = (ROOT / "docs/working-together.md").read_text() + (ROOT / "docs/integrators.md").read_text()
    assert len(EXAMPLES) > 6
    for path in EXAMPLES:
        assert f"examples/{path.name}" in guide
        assert f"push {path.stem}\n" in run or f"push {path.stem};" in run or f"docs/examples/{path.name}" in run


def test_the_page_for_developers_names_every_method_of_the_client() -> None:
    guide = (ROOT / "docs/for-developers.md").read_text()
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", guide))
    methods = {name for one in (Client, Professional) for name, _ in inspect.getmembers(one, inspect.isfunction)}
    missing = {name for name in methods if not name.startswith("_")} - named
    assert not missing, f"docs/for-developers.md does not name {sorted(missing)}"


# --- for security reviewers -------------------------------------------------------------------------------------------


def test_every_module_that_the_page_for_security_reviewers_names_is_there() -> None:
    named = re.findall(r"`(broker/[a-z0-9_/]+(?:\.py)?)`", (ROOT / "docs/for-security-reviewers.md").read_text())
    assert len(named) >= 10
    assert not [path for path in named if not (ROOT / path).exists()]
    crypto = {path.stem for path in (HOUSE / "crypto").glob("*.py")}
    told = {Path(path).stem for path in named} | {"__init__", "client_keys", "encoding", "keyring"}
    assert not crypto - told, f"docs/for-security-reviewers.md does not tell of {sorted(crypto - told)}"


def test_pictures_say_in_words_what_they_show_and_can_be_read_in_the_dark() -> None:
    pictures = sorted((ROOT / "docs/pictures").glob("*.svg"))
    assert pictures
    pages = "\n".join(page.read_text() for page in PAGES)
    for picture in pictures:
        drawn = picture.read_text()
        assert re.search(r"<title .*?>[^<]{10,}</title>", drawn)
        assert re.search(r"<desc .*?>[^<]{80,}</desc>", drawn)
        assert "prefers-color-scheme: dark" in drawn
        assert re.search(rf"!\[[^\]]{{80,}}\]\([a-z/.]*pictures/{picture.name}\)", pages), (
            f"{picture.name} has no alt text"
        )


# --- for lawyers ------------------------------------------------------------------------------------------------------

LAWYERS = ROOT / "docs/for-lawyers.md"
POLICIES = ("signers.toml", "channels.toml")


def named_tests(page: str) -> list[tuple[str, str]]:
    """Every `tests/...py::name` of a page."""
    return re.findall(r"`(tests/[a-z0-9_/]+\.py)::([A-Za-z0-9_]+)`", page)


def lines_quoted(page: str) -> list[tuple[str, str]]:
    """(line, file of policies/) of every code span that is a link to such a file."""
    return re.findall(r"\[`([^`]+)`\]\(\.\./policies/([a-z]+\.toml)\)", page)


def in_one_line(file: str) -> str:
    """A file of policies/ as it reads: comments and lines run on, with one blank between words."""
    return " ".join(re.sub(r"^# ?", "", (ROOT / "policies" / file).read_text(), flags=re.MULTILINE).split())


def test_every_test_that_the_lawyers_page_names_exists() -> None:
    named = named_tests(LAWYERS.read_text())
    assert len(named) > 60
    assert len(named) == LAWYERS.read_text().count("`tests/") - 3, "some test is named in another way"
    missing = {f"{path}::{name}" for path, name in named if not ((ROOT / path).is_file() and _defines(path, name))}
    assert not missing, f"docs/for-lawyers.md names tests that are not there: {sorted(missing)}"


def _defines(path: str, name: str) -> bool:
    return name.startswith("test_") and name in defined_in(ROOT / path)


def test_every_line_that_the_lawyers_page_quotes_stands_in_the_agreement() -> None:
    quoted = lines_quoted(LAWYERS.read_text())
    missing = [(line, file) for line, file in quoted if line not in in_one_line(file)]
    assert not missing, f"docs/for-lawyers.md quotes what does not stand there: {missing}"


def test_every_row_of_signers_and_channels_is_on_the_lawyers_page() -> None:
    page = LAWYERS.read_text()
    quoted = {line for line, _ in lines_quoted(page)}
    signers, channels = (tomllib.loads((ROOT / "policies" / file).read_text()) for file in POLICIES)
    rows = {
        f"[[rule]] from_age = {r['from_age']} person_signs = {json.dumps(r['person_signs'])} "
        f"authority_signs = {json.dumps(r['authority_signs'])}"
        for r in signers["rule"]
    }
    kinds = {
        f'[[authority]] kind = "{a["kind"]}" from_age = {a["from_age"]}'
        + (f" until_age = {a['until_age']}" if "until_age" in a else "")
        for a in signers["authority"]
    }
    ids = {f'id = "{channel["id"]}"' for channel in channels["channel"]}
    assert rows | kinds | ids <= quoted, f"not on docs/for-lawyers.md: {(rows | kinds | ids) - quoted}"
    beside = [line for line in quoted if re.match(r"\[\[|id = ", line) and line not in rows | kinds | ids]
    assert not beside, f"docs/for-lawyers.md knows rows of its own: {beside}"


def test_the_lawyers_page_has_each_article_beside_its_row_and_says_how_it_was_checked() -> None:
    page, checked = LAWYERS.read_text().split("## How each article was checked")
    signers, channels = (tomllib.loads((ROOT / "policies" / file).read_text()) for file in POLICIES)
    wanted = [(f"from_age = {r['from_age']} person", r["articles"]) for r in signers["rule"]]
    wanted += [(f'kind = "{a["kind"]}"', a["articles"]) for a in signers["authority"]]
    wanted += [(f'id = "{channel["id"]}"', [channel["article"]]) for channel in channels["channel"]]
    for row, articles in wanted:
        [line] = [line for line in page.splitlines() if f"{row}" in line and line.startswith("|")]
        beside = articles_in(line.split("|")[2])
        assert beside == set(articles), f"docs/for-lawyers.md names other articles than the row with {row}"
        assert set(articles) <= articles_in(checked), f"docs/for-lawyers.md does not say how {articles} were checked"


def articles_in(text: str) -> set[str]:
    """Every article of a list such as `BW 1:245, 1:233; UAVG 5`, each with its law."""
    found = set()
    for clause in re.sub(r" \([^()]*\)", "", text.replace("|", ";")).split(";"):
        law = ""
        for part in re.split(r", | and ", clause.strip()):
            named = re.match(r"(.*?[A-Za-z](?: 2015)?) (?=[0-9])(.*)", part.strip())
            law, article = (named[1], named[2]) if named else (law, part.strip())
            found.add(f"{law} {article}")
    return found


# --- the life of a consent --------------------------------------------------------------------------------------------


def test_the_life_of_a_consent_is_drawn_from_the_table_that_decides() -> None:
    assert life_of_a_consent.PAGE.read_text() == life_of_a_consent.page(), "stale: run `make docs`"
    drawn = re.findall(r"^    (\S+) --> (\S+): (\S+)$", life_of_a_consent.diagram(), re.MULTILINE)
    assert {(before.replace("_", "-"), event, after.replace("_", "-")) for before, after, event in drawn} == {
        (before.value, event.value, after.value) for (before, event), after in TRANSITIONS.items()
    }


def test_every_state_and_event_of_a_consent_has_one_plain_sentence_or_two_in_both_languages() -> None:
    assert set(life_of_a_consent.STATES) == set(Stance)
    assert set(life_of_a_consent.EVENTS) == set(Event)
    for words in (*life_of_a_consent.STATES.values(), *life_of_a_consent.EVENTS.values()):
        assert words.nl != words.en
        assert words.nl.endswith(".")
        assert words.en.endswith(".")
