"""A real PKCS#11 token in software: SoftHSM2, found or installed; tokens lie in a folder of the test run's own.

`python -m tests.support.softhsm` finds one or installs one; `make test-hsm` calls it first.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
ADVICE = """No SoftHSM2 was found, and the tests of hardware keys need one. Do one of these and run the command again:
  - Debian or Ubuntu:  sudo apt-get install softhsm2   (as root, `make test-hsm` does this by itself)
  - Fedora:            sudo dnf install softhsm
  - macOS:             brew install softhsm
  - or say where its module is: export SOFTHSM2_MODULE=/path/to/libsofthsm2.so"""
PIN = "135790"
TOKEN = "rondom"


class NoToken(Exception):
    """No SoftHSM2 on this machine. The message says what to do."""


def softhsm_module() -> Path:
    """The module to load: `SOFTHSM2_MODULE`, or where distributions put it. Its tool must be on the PATH as well."""
    told = os.environ.get("SOFTHSM2_MODULE")
    found = next((Path(name) for name in ((told,) if told else _MODULES) if Path(name).is_file()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        raise NoToken(ADVICE)
    return found


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """Tokens in a folder; `conf` belongs into SOFTHSM2_CONF before the module is loaded."""

    module: Path
    conf: Path
    pin_file: Path


def new_tokens(directory: Path, *labels: str) -> SoftHsm:
    """Initialise tokens in a folder."""
    module, conf, pin = softhsm_module(), directory / "softhsm2.conf", directory / "pin"
    (directory / "tokens").mkdir()
    conf.write_text(f"directories.tokendir = {directory / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin.touch(mode=0o600)
    pin.write_text(f"{PIN}\n")
    for label in labels:
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "24680"],
            env={**os.environ, "SOFTHSM2_CONF": str(conf)},
            check=True,
            capture_output=True,
        )
    return SoftHsm(module, conf, pin)


def _install() -> None:
    """As root on Debian or its family, install the distribution's SoftHSM2."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise NoToken(ADVICE)
    print("No SoftHSM2 found; installing the distribution's.", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "softhsm2"]):
            subprocess.run([apt, *arguments], check=True, env=environment, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise NoToken(f"apt-get could not install SoftHSM2 (exit code {error.returncode}).\n{ADVICE}") from None


def main() -> int:
    """Find SoftHSM2, or install it; print where its module is."""
    try:
        try:
            module = softhsm_module()
        except NoToken:
            if os.environ.get("SOFTHSM2_MODULE"):
                raise
            _install()
            module = softhsm_module()
    except NoToken as error:
        print(error, file=sys.stderr)
        return 1
    print(module)
    return 0


if __name__ == "__main__":
    sys.exit(main())
