"""The words of the agreement in further languages, `words/LANGUAGE.toml`: each term as a whole, and no term that is none.

- A file has the same texts as `vocabulary.toml` has for each of its terms; a term may lack, and is then shown in Dutch.
- A term that the vocabulary does not know is a fault: it would be shown nowhere, and somebody means something with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from broker.domain.notices import Review
from broker.domain.vocabulary import Term, Vocabulary
from broker.errors import Words
from broker.pdp.documents import Document
from broker.pdp.reviews import MAKERS_OWN, check_head, read_review, read_text
from broker.pdp.terms import LISTS

FOLDER = "words/"
FOR_FAMILIES = ("organisation_kinds", "roles", "purposes", "section_types")
"""The lists of which families read the terms."""


def read_word_files(documents: Iterable[Document], vocabulary: Vocabulary) -> tuple[Vocabulary, Mapping[str, Review]]:
    """The vocabulary with every further language in it, and which of them was reviewed; faults where a file is not right."""
    reviews: dict[str, Review] = {}
    for document in sorted(documents, key=lambda one: one.file):
        language = PurePosixPath(document.file).stem
        if language in MAKERS_OWN:
            document.fault(
                None,
                "Nederlands en Engels staan in vocabulary.toml; zet de woorden daar.",
                "Dutch and English are in vocabulary.toml; put the words there.",
            )
            continue
        check_head(document, language)
        reviews[language] = read_review(document, language)
        vocabulary = _with(vocabulary, document, language)
    return vocabulary, reviews


def _with(vocabulary: Vocabulary, document: Document, language: str) -> Vocabulary:
    document.check_keys("deze woorden / these words", None, document.table, ("language", "version"), ("review", *LISTS))
    lists = {name: dict(getattr(vocabulary, name)) for name in LISTS}
    for name, terms in lists.items():
        given = document.table.get(name, {})
        for term_id, texts in given.items() if isinstance(given, dict) else [("", None)]:
            line = document.line_of(f"[{name}.{term_id}]")
            if term_id not in terms:
                document.fault(
                    line,
                    f"'{name}.{term_id}' staat niet in vocabulary.toml; verbeter het of haal het weg.",
                    f"'{name}.{term_id}' is not in vocabulary.toml; correct it or take it out.",
                )
            elif isinstance(texts, dict):
                terms[term_id] = _translated(document, f"{name}.{term_id}", line, terms[term_id], texts, language)
            else:
                document.fault(line, f"{name}.{term_id} is geen tabel.", f"{name}.{term_id} is no table.")
    return Vocabulary(**lists)


def _translated(
    document: Document, where: str, line: int | None, term: Term, texts: Mapping[str, Any], language: str
) -> Term:
    parts = ("label", "explain", "example") if term.example else ("label", "explain")
    document.check_keys(where, line, texts, parts)
    said = {part: read_text(document, f"{where}.{part}", line, texts[part]) for part in parts if part in texts}
    changes: dict[str, Any] = {part: _more(getattr(term, part), language, text) for part, text in said.items()}
    return replace(term, **changes)


def _more(words: Words, language: str, text: str) -> Words:
    return replace(words, more=(*words.more, (language, text)))


def untranslated(vocabulary: Vocabulary, language: str) -> Iterator[str]:
    """The terms that families read and that a language lacks, as `list.term`."""
    for name in FOR_FAMILIES:
        for term_id, term in getattr(vocabulary, name).items():
            if term.label.said_in(language) is None:
                yield f"{name}.{term_id}"
