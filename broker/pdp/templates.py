"""What a kind of handover should hold, often holds, and to whom it mostly goes: advice, in words that the agreement knows.

A kind without any of it is a kind all the same.
"""

from collections.abc import Mapping
from typing import Any

from broker.domain.calendar import Period
from broker.domain.drafts import LONGEST_CONSENT
from broker.domain.vocabulary import Kind
from broker.pdp.documents import Document

WORDS = {"required": "section_types", "usual": "section_types", "recipients": "roles"}
"""Each list of a template, and the list of the vocabulary that its words come from."""
TEMPLATE = (*WORDS, "consent", "family_purpose")


def read_template(document: Document, where: str, line: int | None, term: Mapping[str, Any]) -> dict[str, Any]:
    """The template of one kind. What is wrong is noted as faults of the document; the result then must not be used."""
    lists = {name: _words(document, f"{where}.{name}", line, term.get(name, [])) for name in WORDS}
    consent = _period(document, f"{where}.consent", line, term["consent"]) if "consent" in term else None
    return {
        **lists,
        "consent": consent,
        "family_purpose": _purpose(document, where, line, term.get("family_purpose", "")),
    }


def check_templates(document: Document, lists: Mapping[str, Mapping[str, Any]]) -> None:
    """Note a fault for each word of a template that no list has, and for a section type that is both required and usual."""
    for kind in lists["handover_kinds"].values():
        if not isinstance(kind, Kind):
            continue
        line = document.line_of(f"[handover_kinds.{kind.id}]")
        for name, source in WORDS.items():
            for word in getattr(kind, name):
                if word not in lists[source]:
                    document.fault(
                        line,
                        f"handover_kinds.{kind.id}.{name}: '{word}' staat niet bij {source}; verbeter het of haal het weg.",
                        f"handover_kinds.{kind.id}.{name}: '{word}' is not in {source}; correct it or take it out.",
                    )
        if kind.family_purpose:
            _check_own(document, line, kind, lists)
        for word in sorted({*kind.required} & {*kind.usual}):
            document.fault(
                line,
                f"handover_kinds.{kind.id}: '{word}' staat bij required en bij usual; kies er een.",
                f"handover_kinds.{kind.id}: '{word}' is in required and in usual; choose one.",
            )


def _check_own(document: Document, line: int | None, kind: Kind, lists: Mapping[str, Mapping[str, Any]]) -> None:
    """What a family writes itself is one text, for one purpose that is its own; there is one such kind."""
    if kind.family_purpose not in lists["purposes"]:
        document.fault(
            line,
            f"handover_kinds.{kind.id}.family_purpose: '{kind.family_purpose}' staat niet bij purposes.",
            f"handover_kinds.{kind.id}.family_purpose: '{kind.family_purpose}' is not in purposes.",
        )
    if len(kind.required) != 1:
        document.fault(
            line,
            f"handover_kinds.{kind.id}: wat een gezin zelf schrijft, heeft precies een onderdeel in required.",
            f"handover_kinds.{kind.id}: what a family writes itself has exactly one section type in required.",
        )
    if kind.consent is None:
        document.fault(
            line,
            f"handover_kinds.{kind.id}: wat een gezin zelf schrijft, heeft een langste tijd in consent.",
            f"handover_kinds.{kind.id}: what a family writes itself has a longest period in consent.",
        )
    if any(getattr(other, "family_purpose", "") and other.id < kind.id for other in lists["handover_kinds"].values()):
        document.fault(
            line,
            f"handover_kinds.{kind.id}: er is al een soort die een gezin zelf schrijft.",
            f"handover_kinds.{kind.id}: there is a kind that a family writes itself already.",
        )


def _purpose(document: Document, where: str, line: int | None, value: Any) -> str:
    if not isinstance(value, str):
        document.fault(line, f"{where}.family_purpose is geen woord.", f"{where}.family_purpose is no word.")
        return ""
    return value


def _words(document: Document, where: str, line: int | None, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        document.fault(line, f"{where} is geen lijst van woorden.", f"{where} is no list of words.")
        return ()
    if len(set(value)) != len(value):
        document.fault(line, f"{where} noemt een woord twee keer.", f"{where} names a word twice.")
    return tuple(value)


def _period(document: Document, where: str, line: int | None, value: Any) -> Period | None:
    try:
        period = Period.parse(value) if isinstance(value, str) else None
    except ValueError:
        period = None
    if period is None or not 0 < period.months * 31 + period.days <= LONGEST_CONSENT.months * 31:
        document.fault(
            line,
            f"{where} is geen periode tot een jaar, zoals P6M.",
            f"{where} is no period of at most a year, such as P6M.",
        )
        return None
    return period
