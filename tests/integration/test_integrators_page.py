"""docs/integrators.md works: its commands run in their order against a broker of their own, and say what the page shows.

A block ```bash runs as it stands, in one shell; ```python in a process of its own. A block ```text or ```json after it
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

PAGE = ROOT / "docs/integrators.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 300
"""Far more than it takes: a hanging command is a failure, a slow machine is none."""


def blocks() -> list[tuple[str, str]]:
    """(language, text) of every block, in the page's order."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def script() -> str:
    """The page as one shell script, which stops at the first failure and marks where each block begins."""
    parts = ["set -eu -o pipefail"]
    for number, (language, text) in enumerate(blocks()):
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


def test_every_command_of_the_page_works_and_says_what_the_page_shows(place: Path) -> None:
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
        told, _ = shell.communicate(script().replace("8080", port) + "kill %1\nwait\n", timeout=SECONDS)
    finally:
        _end(shell)
    said = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", told, re.MULTILINE | re.DOTALL))
    assert len(said) == len(blocks()), f"the page stopped working here:\n{told[-3000:]}"
    for number, (language, text) in enumerate(blocks()):
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
    languages = [language for language, _ in blocks()]
    assert set(languages) == {"bash", "python", "text", "json"}
    assert languages.count("bash") > 8
    assert languages.count("python") > 1
    commands = "\n".join(text for language, text in blocks() if language in ("bash", "python"))
    for step in ("dryRun=true", "/invitations", "/v1/releases", "/acknowledgement", "/v1/events", ".withdraw("):
        assert step in commands, step
