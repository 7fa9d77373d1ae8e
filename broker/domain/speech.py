"""What is read aloud: a text sentence by sentence, and which sentences are the same for everybody.

- A recording is named by the SHA-256 of the very sentence that it speaks (UTF-8): it can never stand for another text.
- A sentence with a name, a date or an organisation in it is nobody's to record; a voice of the device reads it.
"""

import hashlib
import re
from collections.abc import Iterator

from broker.domain.notices import PLACEHOLDERS, NoticeTemplate, compose
from broker.domain.vocabulary import Vocabulary

_END = re.compile(r"(?<=[.!?…؟።])\s+")
_SOMEBODYS = "\0"
_EVERYBODYS = frozenset({"section", "explanation", "example", "purpose"})
"""The placeholders that only ever hold words of the agreement."""


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text in order; put together with one space between them they are the text again."""
    return tuple(sentence for sentence in _END.split(" ".join(text.split())) if sentence)


def digest_of(sentence: str) -> str:
    """By which name a recording of it is found: 64 hexadecimal digits."""
    return hashlib.sha256(sentence.encode()).hexdigest()


def worth_recording(template: NoticeTemplate, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Every sentence of the family's questions in one language that says nothing about anybody, each once, in order."""
    found = (one for text in _texts(template, vocabulary) for one in sentences(text) if _SOMEBODYS not in one)
    return tuple(dict.fromkeys(found))


def _texts(template: NoticeTemplate, vocabulary: Vocabulary) -> Iterator[str]:
    language, nobody = template.language, dict.fromkeys(PLACEHOLDERS - _EVERYBODYS, _SOMEBODYS)
    purposes = [term.label.in_language(language) for term in vocabulary.purposes.values()]
    for name, term in vocabulary.section_types.items():
        label = term.label.in_language(language)
        yield label
        values = {
            **nobody,
            "section": label,
            "explanation": term.explain.in_language(language),
            "example": term.example.in_language(language) if term.example else "",
        }
        for purpose in purposes:
            [question] = compose(template, [(name, {**values, "purpose": purpose})]).questions
            yield from question.parts.values()
