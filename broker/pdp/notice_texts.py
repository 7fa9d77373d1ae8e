"""A notice file becomes a NoticeTemplate only when a family that reads it has been told everything.

- Every part is there, and together they name sender, recipients, section, purpose and end date (AVG 4(11), 7, 13).
- Braces hold a known placeholder and nothing else: no attribute, index or format can be smuggled in.
"""

import re

from broker.domain.notices import PARTS, PLACEHOLDERS, NoticeTemplate
from broker.pdp.documents import Document

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def read_notice(document: Document, language: str) -> NoticeTemplate | None:
    """The template of one language, which the file's name gives; None, and faults of the document, when unfit."""
    table = document.table
    document.check_keys("deze vraag / this notice", None, table, ("version", "language", "parts"))
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
    parts = table.get("parts")
    if not isinstance(parts, dict):
        return None
    document.check_keys("[parts]", document.line_of("[parts]"), parts, PARTS)
    named = {name for part, text in parts.items() for name in _read_part(document, part, text)}
    for name in sorted(PLACEHOLDERS - named):
        document.fault(
            document.line_of("[parts]"),
            f"nergens staat {{{name}}}; wie kiest moet het weten, dus noem het.",
            f"{{{name}}} is nowhere; whoever chooses must know it, so name it.",
        )
    return NoticeTemplate(str(version), language, {part: str(text) for part, text in parts.items()})


def _read_part(document: Document, part: str, text: object) -> set[str]:
    """The placeholders that the part names."""
    line = document.line_of(part)
    if not isinstance(text, str) or not text.strip():
        document.fault(line, f"'{part}' is leeg; schrijf de tekst.", f"'{part}' is empty; write the text.")
        return set()
    named = set(_PLACEHOLDER.findall(text))
    rest = _PLACEHOLDER.sub("", text)
    if named - PLACEHOLDERS or "{" in rest or "}" in rest:
        allowed = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        document.fault(
            line,
            f"'{part}' heeft accolades met iets onbekends; toegestaan zijn alleen {allowed}.",
            f"'{part}' has braces around something unknown; only {allowed} are allowed.",
        )
    return named
