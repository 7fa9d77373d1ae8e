"""The file with the names of those whom a breach affects: whom to tell of each child, and what was left out and why not.

1. Told is the person themselves once they decide alone (from 16), else who holds authority now: by every reading of facts
   that disagree, as for a report (`inspection.py`).
2. What was left out is said in the row. Why is not: that something is shielded from somebody is no news for a file.
3. No cell is ever a spreadsheet formula. It begins with a byte order mark: a spreadsheet would spoil names without.

Source: AVG art. 34; BW 7:457; RFC 4180; OWASP, "CSV Injection".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from broker.domain.calendar import AMSTERDAM
from broker.domain.exports import row
from broker.domain.inspection import may_have_report
from broker.domain.parties import Authority, Person, PersonId
from broker.domain.signers import SignerTable, required_signers
from broker.errors import Words

COLUMNS = (
    "child", "names", "birth_dates", "times_read", "times_searched", "first", "last", "sections", "written_by",
    "tell", "tell_names", "tell_contacts", "left_out",
)  # fmt: skip
MARK = b"\xef\xbb\xbf"


class LeftOut(StrEnum):
    """What is not in a row."""

    NOBODY = "nobody"
    SOMEBODY = "somebody"
    CONTACT = "contact"
    NOT_KEPT = "not-kept"


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody to tell. `own`: it is the person themselves."""

    own: bool
    names: tuple[str, ...] = field(repr=False)
    contacts: tuple[str, ...] = field(repr=False)
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Affected:
    """One child: what the broker holds of who it is, what was got, and whom to tell."""

    child: PersonId
    names: tuple[str, ...] = field(repr=False)
    births: tuple[date, ...] = field(repr=False)
    read: int
    searched: int
    first: datetime
    last: datetime
    sections: tuple[Words, ...]
    written_by: tuple[str, ...]
    told: tuple[Told, ...]
    left_out: tuple[LeftOut, ...] = ()


def to_tell(
    person: Person, authorities: Sequence[Authority], table: SignerTable, now: datetime
) -> tuple[frozenset[PersonId], bool]:
    """Who must be told what happened with this person's data, and whether that is all of them."""
    required = required_signers(person, authorities, table, now)
    if required.complete and required.signers == {person.id}:
        return required.signers, True
    holding = {authority.holder for authority in authorities if authority.over == person.id} - {person.id}
    told = frozenset(one for one in holding if may_have_report(one, person, authorities, table, now))
    return told, required.complete and told == required.signers - {person.id}


def file_of(people: Iterable[Affected], erased: int, say: Callable[[Words], str]) -> bytes:
    """The whole file: for each child a row for everybody who must be told, or one row without. `erased` lines say of nobody."""
    rows = [row(COLUMNS)]
    for child in people:
        rows += [_row(child, told, say) for told in child.told or (None,)]
    if erased:
        rows.append(row([*("" for _ in COLUMNS[1:]), f"{erased}: {say(_ERASED)}"]))
    return MARK + b"".join(rows)


def _row(child: Affected, told: Told | None, say: Callable[[Words], str]) -> bytes:
    left = dict.fromkeys((*child.left_out, *(told.left_out if told else ())))
    return row([
        child.child,
        " / ".join(child.names),
        " / ".join(birth.isoformat() for birth in child.births),
        str(child.read),
        str(child.searched),
        _moment(child.first),
        _moment(child.last),
        ", ".join(map(say, child.sections)),
        ", ".join(child.written_by),
        say(_OWN if told.own else _AUTHORITY) if told else "",
        " / ".join(told.names) if told else "",
        " / ".join(told.contacts) if told else "",
        " ".join(say(_LEFT_OUT[one]) for one in left),
    ])  # fmt: skip


def _moment(at: datetime) -> str:
    return at.astimezone(AMSTERDAM).isoformat(timespec="minutes")


_OWN = Words("de jongere zelf", "the young person")
_AUTHORITY = Words("wie gezag heeft", "who holds authority")
_LEFT_OUT = {
    LeftOut.NOBODY: Words(
        "Weggelaten: wie u moet inlichten. Vraag het aan wie de overdracht schreef.",
        "Left out: whom to tell. Ask who wrote the handover.",
    ),
    LeftOut.SOMEBODY: Words(
        "Weggelaten: misschien nog iemand. Vraag aan wie de overdracht schreef wie u nog mag inlichten.",
        "Left out: perhaps somebody else. Ask who wrote the handover whom else you may tell.",
    ),
    LeftOut.CONTACT: Words(
        "Weggelaten: een adres dat zeker van deze persoon is. Vraag het aan wie de overdracht schreef.",
        "Left out: a contact that is surely theirs. Ask who wrote the handover.",
    ),
    LeftOut.NOT_KEPT: Words("Naam en geboortedatum zijn gewist.", "Name and birth date were erased."),
}
_ERASED = Words("regels gaan over iemand die is gewist.", "lines are about somebody who was erased.")
