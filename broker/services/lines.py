"""One entry of the log as an officer's pages show it: by pseudonyms, what was decided, never content."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.domain.events import EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.officers import Acting
from broker.domain.stores import StoredEntry, UnitOfWork
from broker.domain.stores.folding import REQUESTS
from broker.domain.vocabulary import Vocabulary
from broker.errors import NotFound
from broker.services.house import House
from broker.services.labels import LABELS
from broker.services.officer_screens import EntryRow

DISCLOSURES = REQUESTS


async def seen(house: House, work: UnitOfWork, acting: Acting, entry_id: str) -> tuple[StoredEntry, LoggedFacts]:
    """An entry that this officer may see, read back. Raises NotFound for any other, whether it is there or not."""
    entry = await work.log.get(entry_id)
    if entry is None:
        raise NotFound
    facts = house.log.read(entry.leaf, await work.log.openings(entry.id))
    if not acting.sees(facts.organisation, facts.counterpart):
        raise NotFound
    return entry, for_their_eyes(acting, facts)


def for_their_eyes(acting: Acting, facts: LoggedFacts) -> LoggedFacts:
    """What this officer may read of a line that they see.

    A search does not tell an officer of one organisation about whom it was, nor that it found anybody: a professional of
    theirs can type any number, and whether it is known here is not theirs to learn.
    """
    if not acting.party or facts.type != EventType.SUBJECT_SEARCHED:
        return facts
    personal = {field: values for field, values in facts.personal.items() if field != "subject"}
    return replace(facts, personal=personal, erased=tuple(field for field in facts.erased if field != "subject"))


def decision_of(facts: LoggedFacts) -> Sequence[Mapping[str, Any]]:
    """What was decided of each section; nothing for any other entry, or once it is erased."""
    logged = facts.personal.get("decision")
    return json.loads(logged[0]) if logged else ()


def first_of(facts: LoggedFacts, *fields: str) -> str:
    """The first value there is of these fields; empty without one."""
    for field in fields:
        if values := facts.personal.get(field):
            return values[0]
    return ""


def actor_of(facts: LoggedFacts) -> str:
    """Who did it: the professional, the officer, or the signer of an answer."""
    return first_of(facts, "professional", "officer", "signer")


def row_of(
    entry: StoredEntry, facts: LoggedFacts, organisations: Mapping[str, str], vocabulary: Vocabulary
) -> EntryRow:
    """An entry as a line of a table."""
    outcome = str(facts.facts.get("outcome", ""))
    role, purpose = first_of(facts, "role"), str(facts.facts.get("purpose", ""))
    kind = str(facts.facts.get("handoverKind", ""))
    released, withheld = types_of(facts)
    return EntryRow(
        id=entry.id,
        at=facts.at,
        type=facts.type,
        label=LABELS[EventType(facts.type)],
        outcome=outcome if outcome in ("permitted", "partly", "denied") else "other",  # type: ignore[arg-type] # a literal
        organisation=organisations.get(facts.organisation, ""),
        counterpart=organisations.get(facts.counterpart, ""),
        role=vocabulary.label(role) if role else None,
        purpose=vocabulary.label(purpose) if purpose else None,
        kind=vocabulary.label(kind) if kind else None,
        professional=actor_of(facts),
        subject=first_of(facts, "subject"),
        released=tuple(map(vocabulary.label, released)),
        withheld=tuple(map(vocabulary.label, withheld)),
        index=entry.index,
        by_family="signer" in facts.personal,
        erased=frozenset(part for part, names in _SHOWN_AS.items() if names & set(facts.erased)),
    )


_SHOWN_AS = {
    "subject": {"subject"},
    "actor": {"professional", "officer", "signer"},
    "sections": {"decision", "types"},
}
"""Where a page shows what was logged under these names."""


def types_of(facts: LoggedFacts) -> tuple[Sequence[str], Sequence[str]]:
    """The section types that a line says yes to, and those that it says no to: of a request, or of an answer."""
    decision = decision_of(facts)
    if decision:
        return [s["type"] for s in decision if not s["told"]], [s["type"] for s in decision if s["told"]]
    answered = [section for types in facts.personal.get("types", ()) for section in json.loads(types)]
    said_yes = facts.type in (EventType.CONSENT_GIVEN, EventType.RELEASE_SHOWN)
    return (answered, ()) if said_yes else ((), answered)


def fields_of(facts: LoggedFacts) -> tuple[tuple[str, str], ...]:
    """What is logged beside what the page already shows; empty decoys left out."""
    shown = {"basis", "facts", "decision", "role", "professional", "subject", "officer", "signer", "types"}
    told = {"policy", "purpose", "reason", "handoverKind"} | ({"outcome"} if facts.type in DISCLOSURES else set())
    clear = [(name, str(value)) for name, value in facts.facts.items() if name not in told]
    gone = [("erased", name) for name in facts.erased]
    personal = [(f, v) for f, values in facts.personal.items() if f not in shown for v in values if v]
    return tuple(clear + personal + gone)
