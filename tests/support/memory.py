"""Looking for a text in another process's memory (Linux): every mapping that can be read, every writing it may have there.

As a module it is a broker to look into: `broker serve`, that lets its parent look. Whatever the broker does to keep others
out of its memory is undone in the last step before it serves; nothing else about it differs, unless it is told to peek.
"""

import base64
import ctypes
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from broker.cli import serve as serving
from broker.crypto.envelopes import Vault
from broker.domain.ports import DeliveredSection, ForRecipient, SealedSection, SectionPlace

PR_SET_DUMPABLE = 4
CHUNK = 1 << 24
_NOT_MEMORY = ("[vvar", "[vsyscall]", "/dev/")
_MEMORY_AFTER_ALL = "/dev/shm/"


def writings_of(text: str) -> dict[str, bytes]:
    """Every form in which a process may hold a text, by name."""
    raw = text.encode()
    found = {
        "UTF-8": raw,
        "UTF-16": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32-le"),
        "JSON": json.dumps(text)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    if max(text) < "\u0100":
        found["Latin-1"] = text.encode("latin-1")  # so Python itself holds texts without wider signs
    for shift in range(3):
        inside = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : (shift + len(raw)) // 3 * 4]
        found[f"base64, {shift} before"] = inside
        found[f"base64url, {shift} before"] = inside.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def memory_of(pid: int, overlap: int) -> Iterator[bytes]:
    """The readable memory of a process, in pieces; what lies next to each other overlaps by that many bytes."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        memory = cast(BinaryIO, Path(f"/proc/{pid}/mem").open("rb", buffering=0))  # noqa: SIM115 - closed below
    except FileNotFoundError:
        pytest.fail("This looks through /proc of Linux, where a process shows its memory to its parent")
    except PermissionError:
        pytest.fail("This system lets nobody look into their own children's memory: sysctl kernel.yama.ptrace_scope=1")
    with memory:
        for line in lines:
            addresses, rights, *rest = line.split(maxsplit=5)
            if "r" not in rights or (len(rest) == 4 and _is_device(rest[3])):
                continue
            begin, end = (int(address, 16) for address in addresses.split("-"))
            yield from _pieces(memory, begin, end, overlap)


def _is_device(mapped: str) -> bool:
    return mapped.startswith(_NOT_MEMORY) and not mapped.startswith(_MEMORY_AFTER_ALL)


def _pieces(memory: BinaryIO, begin: int, end: int, overlap: int) -> Iterator[bytes]:
    before = b""
    while begin < end:
        memory.seek(begin)
        try:
            piece = memory.read(min(CHUNK, end - begin))
        except OSError:  # the end of a file that is mapped further than it reaches, or a mapping that went meanwhile
            return
        if not piece:
            return
        yield before + piece
        before = piece[-overlap:]
        begin += len(piece)


def found_in_memory(pid: int, text: str, *, beside: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """(the writings in which that text stands in the memory of a process, which of the others do as they are)."""
    forms, others = writings_of(text), {other: other.encode() for other in beside}
    found, there, looked = set[str](), set[str](), 0
    for piece in memory_of(pid, max(len(raw) for raw in (*forms.values(), *others.values()))):
        looked += len(piece)
        found |= {form for form, raw in forms.items() if form not in found and raw in piece}
        there |= {other for other, raw in others.items() if other not in there and raw in piece}
    assert looked > 20_000_000, "a broker takes more memory than that: it was not read"
    return sorted(found), sorted(there)


def _serve_and_be_seen(peeking: str) -> None:
    application = serving.asgi  # type: ignore[attr-defined] # the last step before it serves

    def seen(*given: Any) -> Any:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        return application(*given)

    serving.asgi = seen  # type: ignore[attr-defined, assignment]
    if peeking == "peeks-at-release":
        passed_on = Vault.pass_on

        def pass_on(vault: Vault, place: SectionPlace, sealed: SealedSection, to: ForRecipient) -> bytes:
            vault.open(place, sealed)
            return passed_on(vault, place, sealed, to)

        Vault.pass_on = pass_on  # type: ignore[method-assign,assignment]
    if peeking == "peeks-at-intake":
        accepted = Vault.accept

        def accept(vault: Vault, place: SectionPlace, reference: str, delivered: DeliveredSection) -> SealedSection:
            sealed = accepted(vault, place, reference, delivered)
            vault.open(place, sealed)
            return sealed

        Vault.accept = accept  # type: ignore[method-assign,assignment]
    serving.serve()


if __name__ == "__main__":
    _serve_and_be_seen("".join(sys.argv[1:]))
