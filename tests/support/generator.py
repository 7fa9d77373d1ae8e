"""The generator of clients in an environment of its own, and clients that it made.

`python -m tests.support.generator` installs it; `make test` calls it first.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "tests/generator/requirements.lock"


def python_of_generator() -> Path:
    """The interpreter beside the generator, which is installed from its lock when it is not there.

    Raises CalledProcessError when it cannot be installed; what was half done is not there afterwards.
    """
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    home = ROOT / ".venv" / f"generator-{digest}"
    if not home.is_dir():
        _install(home)
    return home / "bin" / "python"


def _install(home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="generator-") as folder:
        new = Path(folder) / "new"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", new], check=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(new)]
        subprocess.run([*pip, "install", "--require-hashes", "-r", str(LOCK)], check=True)
        try:
            new.rename(home)
        except OSError:  # another one was quicker
            if not home.is_dir():
                raise


def generated(url: str, folder: Path) -> str:
    """Make a client from a description at this address, as a package `rondom_client` in the folder; returns what was said."""
    config = folder / "config.yml"
    config.write_text("post_hooks: []\n")
    command = [
        str(python_of_generator()), "-m", "openapi_python_client", "generate", "--url", url, "--meta", "none",
        "--output-path", str(folder / "rondom_client"), "--config", str(config), "--fail-on-warning",
    ]  # fmt: skip
    return _run(command, folder)


def used(script: Path, folder: Path, *arguments: str, **environment: str) -> str:
    """Run a script beside the client in the folder, without Rondom; returns what it printed."""
    shutil.copy(script, folder)
    return _run([str(python_of_generator()), script.name, *arguments], folder, **environment)


def _run(command: list[str], folder: Path, **environment: str) -> str:
    """What it printed. Raises AssertionError with all of it when it failed."""
    kept = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    print(python_of_generator())
