"""Who must have cosigned a checkpoint before somebody believes it: strictly read from a file that they own.

- Source: C2SP tlog-policy: lines `log`, `witness`, `group` and `quorum`; names are the file's own.
- Each witness counts in one way only: no key stands twice, and no name is a member twice.
- Narrower than C2SP on purpose: UTF-8, at most 31 witnesses, so that all fit under one note beside the log, and 64 groups.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.errors import Tampered, Unsafe, Words
from broker.transparency.checkpoints import (
    COSIGNATURE,
    MOST_SIGNATURES,
    SignatureCheck,
    key_hash,
    open_note,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    signature_line,
)
from broker.transparency.cosignatures import cosigned_at, is_by

MOST_WITNESSES = MOST_SIGNATURES - 1
MOST_GROUPS = 64
"""Groups may hold groups: however deep they are nested, weighing them ends soon."""
_LONGEST_NAME = 200
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_BAD_COSIGNATURE = Words(
    "De medeondertekening van een getuige klopt niet: zij is veranderd of vervalst.",
    "The cosignature of a witness does not hold: it was changed or forged.",
)
_OTHER_LOG = Words(
    "Dit controlepunt is van een logboek dat niet in het bestand met getuigen staat.",
    "This checkpoint is of a log that is not in the file with witnesses.",
)


@dataclass(frozen=True, slots=True)
class Witness:
    """`name` is the file's own; `key_name` and `key` are the witness's; `url` is empty when the file has none."""

    name: str
    key_name: str
    key: bytes
    url: str

    @property
    def key_id(self) -> str:
        """The id of its key, in hex."""
        return key_hash(self.key_name, self.key, COSIGNATURE).hex()

    @property
    def id(self) -> str:
        """The same for a witness whatever a file calls it: its key's name and id."""
        return f"{self.key_name}+{self.key_id}"


@dataclass(frozen=True, slots=True)
class Group:
    """At least `needed` of `members`, which are names of witnesses and groups."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Which witnesses there are, and which sets of them suffice. `logs` are keys by origin; empty means any log."""

    logs: Mapping[str, tuple[bytes, ...]]
    witnesses: tuple[Witness, ...]
    groups: Mapping[str, Group]
    quorum: str

    def suffices(self, names: Iterable[str]) -> bool:
        """Whether these witnesses together are the quorum."""
        there = set(names)

        def counts(name: str) -> bool:
            group = self.groups.get(name)
            return name in there if group is None else sum(map(counts, group.members)) >= group.needed

        return self.quorum == "none" or counts(self.quorum)

    @property
    def fewest(self) -> int:
        """How many witnesses a quorum has at least."""

        def least(name: str) -> int:
            group = self.groups.get(name)
            return 1 if group is None else sum(sorted(map(least, group.members))[: group.needed])

        return 0 if self.quorum == "none" else least(self.quorum)


def parse_policy(text: str) -> WitnessPolicy:
    """Return the policy in a file (C2SP tlog-policy). Raises Unsafe, naming the line that is wrong."""
    reading = _Reading()
    for number, line in enumerate(text.split("\n"), 1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            if not all(sign >= " " or sign == "\t" for sign in line) or "\x7f" in line:
                raise ValueError("a control character")
            reading.line(words)
        except ValueError:
            raise Unsafe(_wrong_line(number)) from None
    return reading.policy()


def read_policy(path: Path) -> WitnessPolicy:
    """Return the policy in this file. Raises Unsafe when it cannot be read, or is not right."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Unsafe(_UNREADABLE) from None
    return parse_policy(text)


class _Reading:
    def __init__(self) -> None:
        self._logs: dict[str, tuple[bytes, ...]] = {}
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._quorum: str | None = None
        self._members: set[str] = set()
        self._keys: set[bytes] = set()

    def line(self, words: list[str]) -> None:
        kinds: dict[str, Callable[[list[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._line_quorum,
        }
        if words[0] not in kinds:
            raise ValueError("not a kind of line")
        kinds[words[0]](words[1:])

    def _log(self, words: list[str]) -> None:
        _expect(len(words) in (1, 2))
        name, key = parse_verifier_key(words[0])
        self._new_key(key)
        self._logs[name] = (*self._logs.get(name, ()), key)

    def _witness(self, words: list[str]) -> None:
        _expect(len(words) in (2, 3) and len(self._witnesses) < MOST_WITNESSES)
        key_name, key = parse_verifier_key(words[1], COSIGNATURE)
        _expect(len(key_name) <= _LONGEST_NAME)
        self._new_key(key)
        self._new_name(words[0])
        self._witnesses[words[0]] = Witness(words[0], key_name, key, words[2] if len(words) == 3 else "")

    def _group(self, words: list[str]) -> None:
        _expect(len(words) >= 3 and len(self._groups) < MOST_GROUPS)
        name, needed, members = words[0], words[1], words[2:]
        if needed in ("all", "any"):
            count = len(members) if needed == "all" else 1
        else:
            _expect(_COUNT.fullmatch(needed) is not None)
            count = int(needed)
        _expect(count <= len(members))
        for member in members:
            _expect(self._known(member) and member not in self._members)
            self._members.add(member)
        self._new_name(name)
        self._groups[name] = Group(count, tuple(members))

    def _line_quorum(self, words: list[str]) -> None:
        _expect(len(words) == 1 and self._quorum is None)
        _expect(words[0] == "none" or self._known(words[0]))
        self._quorum = words[0]

    def policy(self) -> WitnessPolicy:
        if self._quorum is None:
            raise Unsafe(_NO_QUORUM)
        return WitnessPolicy(self._logs, tuple(self._witnesses.values()), self._groups, self._quorum)

    def _known(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups

    def _new_name(self, name: str) -> None:
        _expect(name != "none" and not self._known(name))

    def _new_key(self, key: bytes) -> None:
        _expect(key not in self._keys)
        self._keys.add(key)


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What the witnesses of a policy say of one checkpoint: when each of them cosigned, in seconds since 1970."""

    times: Mapping[str, int]
    missing: tuple[str, ...]
    enough: bool


def cosigners(note: str, policy: WitnessPolicy, check: SignatureCheck) -> Cosigned:
    """Return who cosigned a checkpoint; signatures of unknown keys are passed over.

    1. The note and its three lines parse.
    2. Where the policy names logs, a key of one of them signed it.
    3. Every cosignature by a known witness (name and id) holds.

    Raises Tampered, saying which of the three went wrong. Too few witnesses is no error: see `Cosigned.enough`.
    """
    parsed = parse_note(note)
    origin = parse_checkpoint(parsed.body).origin  # 1
    if policy.logs and origin not in policy.logs:
        raise Tampered(_OTHER_LOG)
    if policy.logs:
        open_note(note, origin, policy.logs, check)  # 2
    times: dict[str, int] = {}
    for witness in policy.witnesses:
        for line in parsed.signatures:
            if is_by(line, witness.key_name, witness.key):
                time = cosigned_at(line, parsed.body, witness.key, check)
                if time is None:
                    raise Tampered(_BAD_COSIGNATURE)  # 3
                times[witness.name] = max(time, times.get(witness.name, 0))
    missing = tuple(witness.name for witness in policy.witnesses if witness.name not in times)
    return Cosigned(times, missing, policy.suffices(times))


def with_cosignatures(note: str, lines: Iterable[str], policy: WitnessPolicy, check: SignatureCheck) -> str:
    """Return the note with those lines that are cosignatures of the policy's witnesses and hold; the others left out."""
    held = []
    for line in dict.fromkeys(lines):
        try:
            whole = f"{note}{line}\n"
            signature = parse_note(whole).signatures[-1]
            known = cosigners(whole, WitnessPolicy({}, policy.witnesses, {}, "none"), check).times
        except Tampered:
            continue
        if known and signature_line(signature) == line:
            held.append(line)
    return note + "".join(f"{line}\n" for line in held)


def _expect(true: bool) -> None:
    if not true:
        raise ValueError("not a line of a policy")


def _wrong_line(number: int) -> Words:
    return Words(
        f"Regel {number} van het bestand met getuigen klopt niet; zie docs/witnesses.md.",
        f"Line {number} of the file with witnesses is not right; see docs/witnesses.md.",
    )


_UNREADABLE = Words(
    "Het bestand met getuigen is niet te lezen.",
    "The file with witnesses cannot be read.",
)
_NO_QUORUM = Words(
    "Het bestand met getuigen zegt niet wie er nodig zijn: voeg een regel `quorum` toe.",
    "The file with witnesses does not say who is needed: add a line `quorum`.",
)
