"""A witness's folder: its name, its key, the logs that it knows, and what it has signed. Nothing of a broker.

- `name` (one line), `key.json` (mode 0600), `logs` (lines `log KEY`, as in C2SP tlog-policy), `state.json`.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn

from broker.crypto.ed25519 import KeyFile, holds
from broker.errors import Conflict, Tampered, Unsafe, Words
from broker.transparency.checkpoints import (
    COSIGNATURE,
    parse_note,
    parse_signature,
    parse_verifier_key,
    signature_line,
    verifier_key,
)
from broker.transparency.cosignatures import cosigned_at, is_by
from broker.witness.asgi import application
from broker.witness.cosigner import Cosigner, Signer
from broker.witness.memory import Memory, Seen

NAME, KEY, LOGS = "name", "key.json", "logs"

_LOGS_TEXT = """\
# The logs that this witness cosigns, a line each: log KEY
# The key is what the log's operator gives you (`broker audit keys`); compare it with them by another way than mail.
"""
_NO_NAME = Words(
    "Dit is geen naam voor een getuige: gebruik een adres zonder https://, zoals getuige.example/1.",
    "This is no name for a witness: use an address without https://, such as witness.example/1.",
)
_THERE = Words(
    "Er is hier al een getuige. Er is niets veranderd.",
    "There is a witness here already. Nothing was changed.",
)
_NO_WITNESS = Words(
    "Hier is geen getuige. Maak er een met: broker witness init",
    "There is no witness here. Make one with: broker witness init",
)
_NO_LOGS = Words(
    "Deze getuige kent geen logboek: zet een regel `log KEY` in zijn bestand logs.",
    "This witness knows no log: put a line `log KEY` in its file logs.",
)


def make(directory: Path, name: str) -> str:
    """A new witness. Returns its verifier key. Raises Conflict when there is one, Unsafe for what is no name."""
    try:
        verifier_key(name, bytes(32), COSIGNATURE)
        if len(name) > 200:
            raise ValueError("too long")
    except ValueError:
        raise Unsafe(_NO_NAME) from None
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any((directory / part).exists() for part in (NAME, KEY)):
        raise Conflict(_THERE)
    Memory.make(directory)
    key = KeyFile.make(directory / KEY)
    (directory / LOGS).write_text(_LOGS_TEXT, encoding="utf-8")
    (directory / NAME).write_text(f"{name}\n", encoding="utf-8")
    return verifier_key(name, key.public, COSIGNATURE)


def signer_of(directory: Path) -> Signer:
    """Who the witness is. Raises Unsafe when there is none, or its key is damaged."""
    try:
        name = (directory / NAME).read_text(encoding="utf-8").removesuffix("\n")
        key = KeyFile.read(directory / KEY)
        verifier_key(name, key.public, COSIGNATURE)
    except (OSError, ValueError):
        raise Unsafe(_NO_WITNESS) from None
    return Signer(name, key.public, key.sign)


def logs_of(directory: Path, more: Iterable[str] = ()) -> Mapping[str, tuple[bytes, ...]]:
    """The logs that it knows: keys by origin. Raises Unsafe for none, and for a line that is not right."""
    try:
        lines = (directory / LOGS).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise Unsafe(_NO_WITNESS) from None
    logs: dict[str, tuple[bytes, ...]] = {}
    for number, line in enumerate([*lines, *(f"log {key}" for key in more)], 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            if len(words) != 2 or words[0] != "log":
                raise ValueError("not a line of a log")
            origin, key = parse_verifier_key(words[1])
        except ValueError:
            raise Unsafe(_wrong(number)) from None
        logs[origin] = (*logs.get(origin, ()), key)
    if not logs:
        raise Unsafe(_NO_LOGS)
    return logs


def _wrong(number: int) -> Words:
    return Words(
        f"Regel {number} van het bestand logs van de getuige klopt niet: `log KEY`.",
        f"Line {number} of the witness's file logs is not right: `log KEY`.",
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """A witness at work; `memory` holds its lock."""

    cosigner: Cosigner
    memory: Memory
    verifier_key: str


def _is_own(signer: Signer, seen: Seen) -> bool:
    """Whether this witness cosigned just that, at that time: then no bit of it fell over since."""
    try:
        line, body = parse_signature(seen.line), parse_note(seen.note).body
    except Tampered:
        return False
    mine = is_by(line, signer.name, signer.public_key) and signature_line(line) == seen.line
    return mine and cosigned_at(line, body, signer.public_key, holds) == seen.time


def open_witness(directory: Path, logs: Iterable[str] = ()) -> Opened:
    """Open a witness's folder, alone. Raises Unsafe, or Conflict when it is open elsewhere."""
    signer = signer_of(directory)
    known = logs_of(directory, logs)
    memory = Memory(directory, partial(_is_own, signer))
    return Opened(Cosigner(signer, known, memory, holds, lambda: int(time.time())), memory, signer.verifier_key)


def serve(directory: Path, host: str, port: int, logs: Iterable[str] = ()) -> None:
    """Serve until stopped."""
    opened = open_witness(directory, logs)
    try:
        uvicorn.run(
            application(opened.cosigner),
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
            limit_concurrency=64,
        )
    finally:
        opened.memory.close()
