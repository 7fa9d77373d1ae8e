"""A real Chromium for the pages: the system's own, found or installed, and cut off from everything but this machine.

`python -m tests.support.browser` finds one or installs one; `make test` calls it first.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # a page that fetches elsewhere fails
)
ADVICE = """No Chromium was found, and the tests of the pages need one. Do one of these and run the command again:
  - Debian or Ubuntu:  sudo apt-get install chromium   (as root, `make test` does this by itself)
  - Fedora:            sudo dnf install chromium
  - macOS:             brew install --cask chromium    (or install Google Chrome)
  - anywhere:          .venv/bin/playwright install chromium
  - or say where it is: export CHROMIUM=/path/to/chromium"""


class NoBrowser(Exception):
    """No Chromium on this machine. The message says what to do."""


def chromium_path() -> Path:
    """The Chromium to use: `CHROMIUM`, one on the PATH, an application of macOS, or Playwright's own."""
    told = os.environ.get("CHROMIUM")
    if told:
        if not os.access(told, os.X_OK):
            raise NoBrowser(f"CHROMIUM names {told}, which cannot be run. Name another one, or unset it.")
        return Path(told)
    for name in (*_NAMES, *_MACOS):
        found = shutil.which(name)
        if found:
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        return own
    raise NoBrowser(ADVICE)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A headless Chromium. While it runs, this thread can run no asyncio code of its own (Playwright's loop does)."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = _launch(playwright, path)
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, path: Path) -> Browser:
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's sandbox refuses root
    return playwright.chromium.launch(executable_path=path, args=[*_FLAGS, *as_root])


def _install() -> None:
    """As root on Debian or its family, install the distribution's Chromium."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise NoBrowser(ADVICE)
    print("No Chromium found; installing the distribution's.", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run([apt, "update", "-q"], check=True, env=environment, stdout=sys.stderr)
        subprocess.run(
            [apt, "install", "-q", "-y", "--no-install-recommends", "chromium"],
            check=True,
            env=environment,
            stdout=sys.stderr,
        )
    except subprocess.CalledProcessError as error:
        raise NoBrowser(f"apt-get could not install Chromium (exit code {error.returncode}).\n{ADVICE}") from None


def main() -> int:
    """Find Chromium, or install it; print where it is."""
    try:
        try:
            path = chromium_path()
        except NoBrowser:
            if os.environ.get("CHROMIUM"):
                raise
            _install()
            path = chromium_path()
    except NoBrowser as error:
        print(error, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
