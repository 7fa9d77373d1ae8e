"""Inspection of the log by somebody it speaks of: for whom a report can be made, and which refusals it may hold.

1. A report is for the person themselves once they decide, or for who decides for them now: by every reading of facts
   that disagree, so that a disagreement never opens anything.
2. A refusal is told only when nobody else's answer can be read from it, and nothing of that handover was ever shielded
   from the reader.

Source: AVG art. 15(4); NEN 7513; Wabvpz art. 15e; BW 7:457.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from broker.domain.decisions import Told
from broker.domain.parties import Authority, Person, PersonId
from broker.domain.signers import SignerTable, required_signers


def may_have_report(
    reader: PersonId, person: Person, authorities: Iterable[Authority], table: SignerTable, now: datetime
) -> bool:
    """Whether a report about this person can be made for this reader."""
    if not person.births or not person.judged:  # nobody decides for somebody of whom no age is known
        return reader == person.id
    known = tuple(authorities)
    return all(
        reader
        in required_signers(Person(person.id, frozenset({birth}), frozenset({judged})), known, table, now).signers
        for birth in person.births
        for judged in person.judged
    )


ASKED_OF_NOBODY = (Told.NO_LONGER_KEPT, Told.NOT_THERE, Told.OTHER_PURPOSE)
"""Said before anybody's answer is looked at. Every other word depends on who said yes, and how surely."""


def tells_nobodys_answer(reader: PersonId, decision: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a refusal, as it was logged, rests on no answer but the reader's own, in every section of it."""
    return all(
        section["told"] in ASKED_OF_NOBODY
        or (
            bool(section["signers"])
            and all(s["signer"] == reader and not s["gap"] for s in section["signers"] if s["counts"])
            and any(s["counts"] for s in section["signers"])
        )
        for section in decision
    )
