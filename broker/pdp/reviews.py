"""What every text in a further language has in common: its language is that of its file, and it says who reviewed it.

- No text of an agreement holds a sign that turns the direction of what follows, nor another invisible control.
- Not reviewed is said, never left out by accident: without a word about it a translation is not reviewed.
"""

import re
import unicodedata
from datetime import date

from broker.domain.directions import TURNING
from broker.domain.notices import Review
from broker.pdp.documents import Document

LANGUAGE = re.compile(r"[a-z]{2,3}")
MAKERS_OWN = ("nl", "en")
"""The languages that the makers of an agreement write themselves."""


def check_head(document: Document, language: str) -> str:
    """The version, once language and version are as they should be; faults of the document where they are not."""
    table = document.table
    if not LANGUAGE.fullmatch(language):
        document.fault(
            None,
            f"'{language}' is geen taal; noem het bestand naar de code van de taal, bijvoorbeeld 'tr'.",
            f"'{language}' is no language; name the file after the code of the language, such as 'tr'.",
        )
    if "language" in table and table["language"] != language:
        document.fault(
            document.line_of("language"),
            f"de taal moet '{language}' zijn, zoals de naam van het bestand; verbeter een van beide.",
            f"the language must be '{language}', as the file is named; correct one of the two.",
        )
    version = table.get("version")
    if version is not None and (not isinstance(version, str) or not version.strip()):
        document.fault(
            document.line_of("version"),
            'schrijf de versie als tekst, bijvoorbeeld "1".',
            'write the version as text, such as "1".',
        )
    return str(version)


def read_review(document: Document, language: str) -> Review:
    """The table `[review]`. Without one, what the makers write themselves counts as reviewed, a translation does not."""
    given = document.table.get("review")
    if given is None:
        return Review(language in MAKERS_OWN)
    line = document.line_of("[review]")
    if not isinstance(given, dict):
        given = {}
    reviewed = given.get("reviewed")
    if not isinstance(reviewed, bool):
        document.fault(
            line,
            "reviewed is true of false: is deze tekst nagekeken?",
            "reviewed is true or false: was this text checked?",
        )
        return Review()
    document.check_keys("[review]", line, given, ("reviewed", "by", "on") if reviewed else ("reviewed",))
    by, on = given.get("by", ""), given.get("on")
    if reviewed and not (isinstance(by, str) and by.strip() and type(on) is date):
        document.fault(
            line,
            "noem bij [review] de organisatie die nakeek (by, geen naam van iemand) en de dag (on = 2026-11-22).",
            "name in [review] the organisation that checked (by, nobody's name) and the day (on = 2026-11-22).",
        )
        return Review()
    return Review(reviewed, str(by), on if type(on) is date else None)


def read_text(document: Document, where: str, line: int | None, text: object) -> str:
    """A text that people read; a fault when it is empty, is none, or holds a sign that nobody sees."""
    if not isinstance(text, str) or not text.strip():
        document.fault(line, f"{where} is leeg; schrijf de tekst.", f"{where} is empty; write the text.")
        return ""
    check_signs(document, where, line, text)
    return text


def check_signs(document: Document, where: str, line: int | None, text: str) -> None:
    """Note a fault for a sign that turns the direction of a text, or is a control."""
    strange = sorted({f"U+{ord(sign):04X}" for sign in text if sign in TURNING or unicodedata.category(sign) == "Cc"})
    if strange:
        document.fault(
            line,
            f"{where} bevat een teken dat niemand ziet ({', '.join(strange)}); haal het weg.",
            f"{where} holds a sign that nobody sees ({', '.join(strange)}); take it out.",
        )
