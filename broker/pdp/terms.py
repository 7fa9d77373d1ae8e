"""`vocabulary.toml` becomes the Vocabulary only when every term has plain words in both languages.

- Ids are lower case with hyphens; a word stands in one list only, so that its label is never ambiguous.
- What a kind of handover should hold is read in `templates.py`.
- A section type also shows an example, because a family must see what the text may look like (AVG 4(11), 7).
"""

import re
from collections.abc import Mapping
from typing import Any

from broker.domain.calendar import Period
from broker.domain.vocabulary import Kind, Term, Vocabulary
from broker.errors import Words
from broker.pdp.documents import Document
from broker.pdp.reviews import check_signs
from broker.pdp.templates import TEMPLATE, check_templates, read_template

LISTS = ("organisation_kinds", "roles", "purposes", "section_types", "handover_kinds")
_MORE = {
    "section_types": ("sealed_only", "own_text", "family_text", "expires", "signed_off"),
    "handover_kinds": TEMPLATE,
}
"""What a term of a list may have besides."""
LONGEST_EXPIRY = 60 * 31
"""In days, months counted as long: five years."""
ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def read_vocabulary(document: Document) -> Vocabulary:
    """Every term of the file. What is wrong is noted as faults of the document; the result then must not be used."""
    document.check_keys("de woordenlijst / the vocabulary", None, document.table, LISTS)
    lists: dict[str, dict[str, Any]] = {name: _read_list(document, name) for name in LISTS}
    seen: dict[str, str] = {}
    for name, terms in lists.items():
        for term in terms:
            if term in seen:
                document.fault(
                    document.line_of(f"[{name}.{term}]"),
                    f"het woord '{term}' staat al bij {seen[term]}; kies een ander woord.",
                    f"the word '{term}' is already in {seen[term]}; choose another word.",
                )
            seen[term] = name
    check_templates(document, lists)
    return Vocabulary(**lists)


def _read_list(document: Document, name: str) -> dict[str, Any]:
    table = document.table.get(name)
    if not isinstance(table, dict) or not table:
        if name in document.table:
            document.fault(
                document.line_of(f"[{name}"),
                f"de lijst {name} is leeg; voeg een woord toe.",
                f"the list {name} is empty; add a word.",
            )
        return {}
    return {term_id: _read_term(document, name, term_id, term) for term_id, term in table.items()}


def _read_term(document: Document, name: str, term_id: str, term: Any) -> Term:
    where, line = f"{name}.{term_id}", document.line_of(f"[{name}.{term_id}]")
    if not ID.fullmatch(term_id):
        document.fault(
            line,
            f"'{term_id}' is geen geldig woord; gebruik kleine letters, cijfers en streepjes.",
            f"'{term_id}' is not a valid word; use small letters, digits and hyphens.",
        )
    if not isinstance(term, dict):
        document.fault(
            line,
            f"{where} is geen tabel; geef een label en een uitleg.",
            f"{where} is no table; give a label and an explanation.",
        )
        term = {}
    with_example = name == "section_types"
    expected = ("label", "explain", "example") if with_example else ("label", "explain")
    document.check_keys(where, line, term, expected, _MORE.get(name, ()))
    label = read_words(document, f"{where}.label", line, term.get("label"))
    explain = read_words(document, f"{where}.explain", line, term.get("explain"))
    if name == "handover_kinds":
        return Kind(term_id, label, explain, **read_template(document, where, line, term))
    return Term(
        term_id,
        label,
        explain,
        read_words(document, f"{where}.example", line, term.get("example")) if with_example else None,
        _sealed_only(document, where, line, term.get("sealed_only", False)),
        _asked_for(document, f"{where}.own_text", line, term.get("own_text", False)),
        _expires(document, where, line, term["expires"]) if "expires" in term else None,
        _asked_for(document, f"{where}.signed_off", line, term.get("signed_off", False)),
        _asked_for(document, f"{where}.family_text", line, term.get("family_text", False)),
    )


def _sealed_only(document: Document, where: str, line: int | None, value: Any) -> bool:
    """A demand that cannot be read is noted as a fault, and is a demand."""
    if not isinstance(value, bool):
        document.fault(
            line,
            f"{where}.sealed_only is true of false.",
            f"{where}.sealed_only is true or false.",
        )
    return value is not False


def _asked_for(document: Document, where: str, line: int | None, value: Any) -> bool:
    """What cannot be read is noted as a fault, and asks for nothing."""
    if not isinstance(value, bool):
        document.fault(line, f"{where} is true of false.", f"{where} is true or false.")
    return value is True


def _expires(document: Document, where: str, line: int | None, value: Any) -> Period:
    """A demand that cannot be read is noted as a fault, and is a demand for the shortest day there is."""
    try:
        period = Period.parse(value) if isinstance(value, str) else Period(0, 0)
        if 0 < period.months * 31 + period.days <= LONGEST_EXPIRY:
            return period
    except ValueError:
        pass
    document.fault(
        line,
        f"{where}.expires is geen periode tot vijf jaar, zoals P12M.",
        f"{where}.expires is no period of at most five years, such as P12M.",
    )
    return Period(0, 1)


def read_words(document: Document, where: str, line: int | None, words: Any) -> Words:
    """One text in both languages; a language that is missing, empty or no text is noted as a fault."""
    if words is None:
        return Words("", "")  # its absence was noted already
    if not isinstance(words, Mapping):
        words = {}
    document.check_keys(where, line, words, ("nl", "en"))
    for language, text in words.items():
        if not isinstance(text, str) or not text.strip():
            document.fault(
                line,
                f"{where}.{language} is leeg of geen tekst; schrijf een korte, gewone zin.",
                f"{where}.{language} is empty or no text; write a short, plain sentence.",
            )
        else:
            check_signs(document, f"{where}.{language}", line, text)
    return Words(str(words.get("nl", "")), str(words.get("en", "")))
