"""One line of the log for an officer or an inspector, and the same as CSV: no cell of it is ever a spreadsheet formula.

- Persons and professionals are pseudonymous ids; there is no content and no name.
- What was erased is named in `erased`, never left out silently.

Source: the fields that NEN 7513 asks for (`docs/exports.md`); RFC 4180; OWASP, "CSV Injection".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from broker.domain.events import Opening
from broker.domain.log_ports import LoggedFacts

Action = Literal["C", "R", "U", "D", "E"]
"""Create, read, update, delete, execute: the action codes of NEN 7513 and of FHIR R4."""
COLUMNS = (
    "place", "entry", "at", "event", "action", "outcome", "reason", "organisation", "user", "user_kind", "role",
    "purpose", "subject", "concerned", "custodian", "handover", "released", "withheld", "consents", "rules",
    "agreement", "evidence", "system", "other", "erased",
)  # fmt: skip
_ACTIONS: Mapping[str, Action] = {
    "handover:pushed": "C", "handover:corrected": "U", "handover:withdrawn": "D", "release:permitted": "R",
    "release:denied": "R", "release:shown": "R", "invitation:made": "C", "consent:given": "C", "consent:refused": "C",
    "consent:withdrawn": "U", "consent:complete": "C", "reaction:written": "C", "reaction:read": "R", "reaction:answered": "U",
    "task:changed": "U", "plan:written": "C", "plan:changed": "U", "plan:withdrawn": "D", "watch:answered": "C",
    "signoff:said": "C", "signoff:read": "R",
    "messages:changed": "U", "policy:proposed": "C", "policy:approved": "U", "policy:activated": "U", "keys:changed": "U", "organisation:changed": "U",
    "officer:invited": "C", "officer:enrolled": "C", "officer:withdrawn": "U", "officer:passkey-removed": "D", "motion:proposed": "C", "motion:seconded": "U",
    "matter:raised": "C", "matter:settled": "U", "review:signed-off": "U",
    "log:viewed": "R", "log:exported": "R", "passkey:enrolled": "C", "passkey:stopped": "U",
}  # fmt: skip
_USERS = ("professional", "officer", "signer")
_KNOWN = {*_USERS, "role", "subject", "concerned", "handover", "decision", "types", "record"}
_FACTS = {"outcome", "reason", "purpose", "policy", "evidence"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the log, read back. `subject_digest` is the salted digest that the leaf holds, another in each entry."""

    id: str
    index: int
    facts: LoggedFacts
    erased: tuple[str, ...]
    subject_digest: str
    system: str

    def first(self, *names: str) -> str:
        """The first value that is there, of these personal fields."""
        return next((self.facts.personal[name][0] for name in names if self.facts.personal.get(name)), "")

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a personal field that are not decoys."""
        return tuple(value for value in self.facts.personal.get(name, ()) if value)

    def fact(self, name: str) -> str:
        """A clear fact as text; empty when it is not there."""
        value = self.facts.facts.get(name, "")
        return " ".join(value) if isinstance(value, tuple) else str(value)

    @property
    def action(self) -> Action:
        """What kind of doing it was; whatever is not known otherwise is executed."""
        return _ACTIONS.get(self.facts.type, "E")

    @property
    def decision(self) -> Sequence[Mapping[str, Any]]:
        """What was decided of each section, with the answers that it rested on."""
        value = self.first("decision")
        return json.loads(value) if value else ()

    @property
    def user(self) -> tuple[str, str]:
        """(id, kind) of who acted; the broker itself when nobody is named."""
        for kind in _USERS:
            if value := self.first(kind):
                return value, kind
        return "", "erased" if set(_USERS) & set(self.erased) else "system"

    @property
    def consents(self) -> tuple[str, ...]:
        """The consent records that the decision looked at, or that this entry is about; each once."""
        decided = [s["record"] for section in self.decision for s in section["signers"] if s["record"]]
        return tuple(dict.fromkeys([*decided, *self.every("record")]))


def line_of(
    identity: str, index: int, leaf: bytes, facts: LoggedFacts, openings: Sequence[Opening], system: str
) -> Line:
    """The line of a leaf that `facts` were read from with these openings."""
    personal = json.loads(leaf)["personal"]
    there = {opening.position for opening in openings}
    erased = {item["field"] for position, item in enumerate(personal) if position not in there}
    digest = next((item["digest"] for item in personal if item["field"] == "subject"), "")
    return Line(identity, index, facts, tuple(sorted(erased)), digest, system)


def header() -> bytes:
    """The first row: the names of the columns."""
    return row(COLUMNS)


def row_of(line: Line) -> bytes:
    """One row: UTF-8, every cell quoted, ended by CR LF (RFC 4180)."""
    user, kind = line.user
    types = [t for value in line.every("types") for t in json.loads(value)]
    said_yes = line.facts.type in ("consent:given", "release:shown")
    other = {name: line.fact(name) for name in line.facts.facts if name not in _FACTS}
    other |= {name: " ".join(line.every(name)) for name in line.facts.personal if name not in _KNOWN}
    cells = {
        "place": str(line.index),
        "entry": line.id,
        "at": line.facts.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": line.facts.type,
        "action": line.action,
        "outcome": line.fact("outcome"),
        "reason": " ".join(dict.fromkeys([line.fact("reason"), *(s["told"] for s in line.decision)])).strip(),
        "organisation": line.facts.organisation,
        "user": user,
        "user_kind": kind,
        "role": line.first("role"),
        "purpose": line.fact("purpose"),
        "subject": line.first("subject"),
        "concerned": " ".join(line.every("concerned")),
        "custodian": line.facts.counterpart,
        "handover": line.first("handover"),
        "released": " ".join([*(s["type"] for s in line.decision if not s["told"]), *(types if said_yes else ())]),
        "withheld": " ".join([*(s["type"] for s in line.decision if s["told"]), *(() if said_yes else types)]),
        "consents": " ".join(line.consents),
        "rules": " ".join(dict.fromkeys(rule for s in line.decision for rule in s["rules"])),
        "agreement": line.fact("policy"),
        "evidence": line.fact("evidence"),
        "system": line.system,
        "other": " ".join(f"{name}={value}" for name, value in sorted(other.items()) if value),
        "erased": " ".join(line.erased),
    }
    return row([cells[name] for name in COLUMNS])


def row(cells: Sequence[str]) -> bytes:
    """One row as it stands in the file."""
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    """Quoted; what a spreadsheet could take for a formula begins with an apostrophe, after white space too."""
    lead = "'" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else ""
    return '"' + lead + text.replace('"', '""') + '"'
