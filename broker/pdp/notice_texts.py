"""A notice file becomes a NoticeTemplate only when a family that reads it has been told everything.

- Every part is there, and together they name sender, recipients, section, purpose and end date (AVG 4(11), 7, 13).
- Braces hold a known placeholder and nothing else: no attribute, index or format can be smuggled in.
- The parts for a young person take the place of others; what is shown together names everything as well.
"""

import re
from collections.abc import Mapping

from broker.domain.notices import PARTS, PLACEHOLDERS, NoticeTemplate
from broker.pdp.documents import Document
from broker.pdp.reviews import check_head, read_review, read_text

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def read_notice(document: Document, language: str) -> NoticeTemplate | None:
    """The template of one language, which the file's name gives; None, and faults of the document, when unfit."""
    table = document.table
    document.check_keys("deze vraag / this notice", None, table, ("version", "language", "parts"), ("child", "review"))
    version, review = check_head(document, language), read_review(document, language)
    parts, child = table.get("parts"), table.get("child", {})
    if not isinstance(parts, dict):
        return None
    if not isinstance(child, dict):
        child = {}
        document.fault(None, "[child] is geen tabel.", "[child] is no table.")
    document.check_keys("[parts]", document.line_of("[parts]"), parts, PARTS)
    document.check_keys("[child]", document.line_of("[child]"), child, (), PARTS)
    _check_named(document, "[parts]", _named(document, parts, 0))
    if child:
        named = _named(document, child, 1)
        kept = {part: text for part, text in parts.items() if part not in child and isinstance(text, str)}
        _check_named(document, "[child]", named | set(_PLACEHOLDER.findall(" ".join(kept.values()))))
    return NoticeTemplate(version, language, _texts(parts), _texts(child), review)


def _texts(parts: Mapping[str, object]) -> dict[str, str]:
    return {part: str(text) for part, text in parts.items()}


def _named(document: Document, parts: Mapping[str, object], nth: int) -> set[str]:
    """The placeholders that these parts name; `nth` is how many times a part stands in the file before."""
    return {name for part, text in parts.items() for name in _read_part(document, part, text, nth)}


def _check_named(document: Document, where: str, named: set[str]) -> None:
    for name in sorted(PLACEHOLDERS - named):
        document.fault(
            document.line_of(where),
            f"nergens staat {{{name}}}; wie kiest moet het weten, dus noem het.",
            f"{{{name}}} is nowhere; whoever chooses must know it, so name it.",
        )


def _read_part(document: Document, part: str, text: object, nth: int) -> set[str]:
    """The placeholders that the part names."""
    line = document.line_of(f"{part} ", nth) or document.line_of(part)
    said = read_text(document, f"'{part}'", line, text)
    named = set(_PLACEHOLDER.findall(said))
    rest = _PLACEHOLDER.sub("", said)
    if named - PLACEHOLDERS or "{" in rest or "}" in rest:
        allowed = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        document.fault(
            line,
            f"'{part}' heeft accolades met iets onbekends; toegestaan zijn alleen {allowed}.",
            f"'{part}' has braces around something unknown; only {allowed} are allowed.",
        )
    return named
