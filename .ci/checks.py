"""Three checks that no tool brings along: the documents hold, no file names a registry, the locks fit.

Usage: python .ci/checks.py docs|hosts|locks
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATOR = "tests/generator/requirements"
LOCKS = ("deploy/requirements.lock", "deploy/requirements-dev.lock", "deploy/requirements-stores.lock")

# Written so that this file does not find itself.
HOSTS = re.compile(
    r"p[y]pi\.(org|io|python)|python[h]osted\.|registry\.n[p]mjs|registry\.[y]arnpkg|n[p]mjs\.com"
    r"|(deb|security|ftp)\.[d]ebian\.|archive\.[u]buntu\.|crates\.i[o]\b|ru[b]ygems\.org|proxy\.g[o]lang",
    re.IGNORECASE,
)
INDEX_OPTIONS = re.compile(
    r"^\s*(-i|--index-url|--extra-index-url|--find-links|-f|--trusted-host)[ =]\S*(/|\.)\S*"
    r"|(INDEX|index)[-_](URL|url)\s*[=:]",
    re.MULTILINE,
)

MARKDOWN_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
MAKE_COMMAND = re.compile(r"`(?:[A-Z_]+=\S+ )*make ([a-z][a-z -]*)")
SETTING = re.compile(r"\bBROKER_[A-Z][A-Z_]*[A-Z]\b")


def project_files() -> Iterator[Path]:
    """Every file that is tracked, or would be by `git add .`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in sorted(filter(None, listed.split("\0"))):
        if (ROOT / name).is_file():
            yield ROOT / name


def text_of(path: Path) -> str:
    """The file's text; empty for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def line_of(text: str, position: int) -> int:
    """The number of the line that holds this position."""
    return text.count("\n", 0, position) + 1


def docs() -> Iterator[str]:
    """Links lead somewhere, `make` commands exist, and settings are those of the example."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    example = SETTING.findall((ROOT / "deploy/settings.env.example").read_text())
    for path in project_files():
        name = path.relative_to(ROOT)
        text = text_of(path)
        if path.suffix == ".md":
            yield from stale_links(path, text)
            for match in MAKE_COMMAND.finditer(text):
                for target in match[1].split():
                    if target not in targets:
                        yield f"{name}:{line_of(text, match.start())}: no `make {target}` in the Makefile"
        if path.suffix == ".md" or name.parts[0] == "deploy" or str(name) == "broker/settings.py":
            for match in SETTING.finditer(text):
                if match[0] not in example:
                    yield f"{name}:{line_of(text, match.start())}: {match[0]} is not in deploy/settings.env.example"
    yield from settings_read_nowhere(example)


def stale_links(path: Path, text: str) -> Iterator[str]:
    """Relative links to what is not there: a file, or a heading of one."""
    for match in MARKDOWN_LINK.finditer(text):
        target, _, heading = match[1].partition("#")
        aim = (path.parent / target).resolve() if target else path
        where = f"{path.relative_to(ROOT)}:{line_of(text, match.start())}"
        if not aim.exists():
            yield f"{where}: {target} is not there"
        elif heading and aim.suffix == ".md" and heading not in headings(text_of(aim)):
            yield f"{where}: {match[1]} has no such heading"


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and Forgejo make them."""
    found = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def settings_read_nowhere(example: list[str]) -> Iterator[str]:
    """Settings that the example lists and the broker does not know."""
    module = ROOT / "broker/settings.py"
    known = set(SETTING.findall(module.read_text())) if module.exists() else set()
    if known:  # a settings.py that builds its names from a prefix is tested in Python instead
        for name in sorted(set(example) - known):
            yield f"deploy/settings.env.example: {name} is read nowhere in broker/settings.py"


def hosts() -> Iterator[str]:
    """No file names a package registry's host or an index's address: where packages come from is the machine's choice."""
    for path in project_files():
        text = text_of(path)
        for pattern, words in ((HOSTS, "names a package registry's host"), (INDEX_OPTIONS, "names an index")):
            for match in pattern.finditer(text):
                yield f"{path.relative_to(ROOT)}:{line_of(text, match.start())}: {words}"


def locks() -> Iterator[str]:
    """Every lock holds its requirements with a version and a hash, and they agree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    runtime = project["project"]["dependencies"] + groups["build"]
    extras = [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    needed = {LOCKS[0]: runtime, LOCKS[1]: runtime + groups["dev"] + extras, LOCKS[2]: runtime + extras}
    needed[f"{GENERATOR}.lock"] = (ROOT / f"{GENERATOR}.in").read_text().split()
    pins = {}
    for lock, requirements in needed.items():
        text = (ROOT / lock).read_text()
        pins[lock] = dict(re.findall(r"^([A-Za-z0-9._-]+)(==[^\\]+?) *\\$", text, re.MULTILINE))
        for entry in re.split(r"\n(?=\S)", text.strip()):
            if "==" not in entry or "--hash=sha256:" not in entry:
                yield f"{lock}: without a version or a hash: {entry.splitlines()[0]}"
        for requirement in requirements:
            if normal(requirement) not in pins[lock]:
                yield f"{lock}: {normal(requirement)} is missing; run `make lock`"
    for small, large in ((LOCKS[0], LOCKS[1]), (LOCKS[0], LOCKS[2]), (LOCKS[2], LOCKS[1])):
        for name, pin in pins[small].items():
            if pins[large].get(name) != pin:
                yield f"{large}: {name} differs from {small}; run `make lock`"


def normal(requirement: str) -> str:
    """The normalised name that a requirement starts with."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Run the named check; print each fault on a line."""
    checks = {"docs": docs, "hosts": hosts, "locks": locks}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        print(__doc__, file=sys.stderr)
        return 2
    faults = list(checks[sys.argv[1]]())
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
