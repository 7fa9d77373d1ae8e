"""`broker demo` as a newcomer meets it: every printed link works, codes appear in the terminal, and nothing stays."""

import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.acting import DESK, PHONE, check_page, lines_of, opened, press, with_passkeys

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """A running demo, and what it printed so far."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background passes on "ignored"
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "broker", "demo", *arguments],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(directory), "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        signal.signal(signal.SIGINT, before)
        self._lines: queue.Queue[str] = queue.Queue()
        self.printed = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line)

    def wait_for(self, pattern: str, seconds: float = 90) -> re.Match[str]:
        """The next line that the pattern is in."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.5)
            except queue.Empty:
                assert self._process.poll() is None, self.printed
                continue
            self.printed += line
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"{pattern!r} was never printed:\n{self.printed}")

    def children(self) -> list[psutil.Process]:
        return list(psutil.Process(self._process.pid).children(recursive=True))

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(120)
        self._reader.join(10)
        while not self._lines.empty():
            self.printed += self._lines.get()
        return code

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(120)
        self._reader.join(10)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


@pytest.mark.slow
def test_a_newcomer_finds_the_way(browser: Browser, terminal: Terminal, tmp_path: Path) -> None:
    parent = terminal.wait_for(r"(http://localhost:\d+/#\S+)")[1]
    officer = terminal.wait_for(r"(http://localhost:\d+/console/invitation#\S+)")[1]
    developer = terminal.wait_for(r"(http://localhost:\d+/docs)")[1]
    terminal.wait_for("Messages to the family")
    assert "All 18 steps came out as the family's file says." in terminal.printed
    assert "The log is genuine" in terminal.printed

    with opened(browser, "nl", PHONE) as page:
        page.goto(parent)
        press(page, "main .rd-wide")
        press(page, "button[name=contact]")
        code = terminal.wait_for(r"text message to \S+: .*\b(\d{6})\b")[1]
        page.fill("#code", code)
        press(page, "main .rd-wide")
        expect(page.locator("h1")).to_contain_text("may this be shared?")  # her own language, as the school stated it

    with opened(browser, "nl", DESK) as page:
        with_passkeys(page)
        page.goto(officer)
        press(page, "main .rd-wide")
        page.click("[data-passkey=create]")
        page.wait_for_url("**/console/start")
        page.click("nav a[href='/console/disclosures']")
        assert len(lines_of(page)) == 8
        page.goto(developer)
        check_page(page, "the API", "nl")

    broker = terminal.children()
    assert broker
    assert terminal.end(signal.SIGINT) == 0
    assert "Nothing of the demo stays." in terminal.printed
    assert "Traceback" not in terminal.printed
    psutil.wait_procs(broker, 10)
    assert not any(process.is_running() for process in broker)
    assert list(tmp_path.glob("rondom-demo-*")) == []


@pytest.mark.slow
def test_a_closed_terminal_leaves_no_broker_behind(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for(r"^  2\. ")
    broker = terminal.children()
    assert broker
    terminal.end(signal.SIGTERM)
    psutil.wait_procs(broker, 10)
    assert not any(process.is_running() for process in broker)
    assert list(tmp_path.glob("rondom-demo-*")) == []


def test_an_unknown_family_is_told_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "broker", "demo", "--family", "nobody"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "There is no such family." in done.stderr
    assert "Traceback" not in done.stderr
