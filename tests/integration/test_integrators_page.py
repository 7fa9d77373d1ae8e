"""docs/integrators.md and docs/working-together.md work: their commands run in order against a broker, and say what the page shows.

The second goes on after two steps of the first, and what docs/practice.md tells to try goes on after the second. A block ```bash runs as it stands, in one shell; ```python in a process of its own. A block ```text or ```json after it
shows the essential parts of what comes out: `...` and the end of a line stand for anything, white space does not count.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from broker.cli.stage import free_port
from tests.support.world import ROOT

PAGE, TOGETHER = ROOT / "docs/integrators.md", ROOT / "docs/working-together.md"
PRACTICE = ROOT / "docs/practice.md"
pages = pytest.mark.parametrize("page", [PAGE, TOGETHER], ids=["integrators", "working-together"])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 300
"""Far more than it takes: a hanging command is a failure, a slow machine is none."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of every block, in the page's order; around those of the second page what comes before and after."""
    first = PAGE.read_text(encoding="utf-8")
    if page == PAGE:
        return BLOCK.findall(first)
    text = first.split("\n## 3. ")[0] + "\n" + page.read_text(encoding="utf-8")
    return [*BLOCK.findall(text), *(("bash", f"{command}\n") for command in to_try())]


def to_try() -> list[str]:
    """The commands in docs/practice.md; the stories of the demonstration are told in tests/integration/test_families.py."""
    named = re.findall(r"`((?:broker|call) [^`]+)`", PRACTICE.read_text(encoding="utf-8"))
    return [command for command in named if not command.startswith("broker demo")]


def script(page: Path) -> str:
    """The page as one shell script, which stops at the first failure and marks where each block begins."""
    parts = ["set -eu -o pipefail"]
    for number, (language, text) in enumerate(blocks(page)):
        parts.append(f"echo; echo '=== {number}'")  # an answer may not end its line
        if language == "bash":
            parts.append(text)
        elif language == "python":
            parts.append(f"python - <<'END-OF-{number}'\n{text}END-OF-{number}")
    return "\n".join(parts) + "\n"


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def shows(expected: str, output: str) -> bool:
    """Whether every line of what is expected is in the output, in that order."""
    pieces = [squeezed(piece) for line in expected.splitlines() for piece in line.split("...")]
    return re.search(".*?".join(re.escape(piece) for piece in pieces), squeezed(output)) is not None


def test_what_the_page_shows_is_held_against_what_comes_out() -> None:
    assert shows('{"a":1,... "b":2\n3', 'x {"a": 1, "z": 0, "b": 2}\n3\n')
    assert not shows('{"a":1,... "b":2', '{"a": 1, "b": 3}')
    assert not shows("2\n1", "1\n2")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that looks like the root of this tree, so that nothing is written into the tree itself."""
    for name in ("docs", "policies", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pages
def test_every_command_of_the_page_works_and_says_what_the_page_shows(place: Path, page: Path) -> None:
    assert shutil.which("curl"), "The page's commands need curl. On Debian or Ubuntu: apt-get install curl"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    port = str(free_port())
    shell = subprocess.Popen(
        ["bash"],
        cwd=place,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that the broker in the background ends with it
    )
    try:
        told, _ = shell.communicate(script(page).replace("8080", port) + "kill %1\nwait\n", timeout=SECONDS)
    finally:
        _end(shell)
    said = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", told, re.MULTILINE | re.DOTALL))
    assert len(said) == len(blocks(page)), f"the page stopped working here:\n{told[-3000:]}"
    for number, (language, text) in enumerate(blocks(page)):
        if language in ("text", "json"):
            output = said[str(number - 1)]
            assert shows(text.replace("8080", port), output), f"the page shows\n{text}\nand this came out\n{output}"


def _end(shell: "subprocess.Popen[str]") -> None:
    """The shell, and whatever it left running in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
    if shell.stdin and shell.stdout:
        shell.stdin.close()
        shell.stdout.close()


def test_the_page_has_every_step_and_both_ways() -> None:
    languages = [language for language, _ in blocks(PAGE)]
    assert set(languages) == {"bash", "python", "text", "json"}
    assert languages.count("bash") > 8
    assert languages.count("python") > 1
    commands = "\n".join(text for language, text in blocks(PAGE) if language in ("bash", "python"))
    for step in ("dryRun=true", "/invitations", "/v1/releases", "/acknowledgement", "/v1/events", ".withdraw("):
        assert step in commands, step


def test_practice_has_something_to_see_or_to_try_in_every_row() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in PRACTICE.read_text(encoding="utf-8").splitlines()
        if line[2:3].isdigit()
    ]
    assert [int(row[0]) for row in rows] == list(range(1, 29))
    assert all(len(row) == 4 for row in rows)
    bare = [
        row[0]
        for row in rows
        if not re.search(r"`(broker|call|make) |!\[|\((working-together|for-developers)\.md#|row 6", row[3])
    ]
    assert not bare
    assert len(to_try()) > 12
