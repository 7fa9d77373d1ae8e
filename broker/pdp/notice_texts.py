"""A notice file becomes a NoticeTemplate only when a family that reads it has been told everything.

- Every part is there, and together they name sender, recipients, section, purpose and end date (AVG 4(11), 7, 13).
- Braces hold a known placeholder and nothing else: no attribute, index or format can be smuggled in.
- The parts for a young person take the place of others; what is shown together names everything as well.
- The parts for what a family wrote itself name no sender: there is none but themselves.
"""

import re
from collections.abc import Collection, Mapping

from broker.domain.notices import OF_DAY, OF_MEETINGS, PARTS, PLACEHOLDERS, NoticeTemplate
from broker.pdp.documents import Document
from broker.pdp.reviews import check_head, read_review, read_text

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


def read_notice(document: Document, language: str) -> NoticeTemplate | None:
    """The template of one language, which the file's name gives; None, and faults of the document, when unfit."""
    table = document.table
    document.check_keys(
        "deze vraag / this notice",
        None,
        table,
        ("version", "language", "parts"),
        ("child", "family", "meeting", "review"),
    )
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
    family = _read_family(document, table.get("family", {}), (parts, child))
    meeting = _meeting(document, parts, child)
    return NoticeTemplate(version, language, _texts(parts), _texts(child), review, family, meeting)


def _read_family(document: Document, family: object, others: tuple[Mapping[str, object], ...]) -> Mapping[str, str]:
    if not isinstance(family, dict):
        document.fault(None, "[family] is geen tabel.", "[family] is no table.")
        return {}
    document.check_keys("[family]", document.line_of("[family]"), family, (), PARTS)
    if not family:
        return {}
    named = _named(document, family, sum(1 for other in others if other))
    kept = [str(text) for other in others for part, text in other.items() if part not in family]
    named |= set(_PLACEHOLDER.findall(" ".join(kept)))
    if "sender" in named:
        document.fault(
            document.line_of("[family]"),
            "wat het gezin zelf schreef, heeft geen {sender}: zeg het in [family] anders.",
            "what the family wrote itself has no {sender}: say it otherwise in [family].",
        )
    _check_named(document, "[family]", named | {"sender"})
    return _texts(family)


def _meeting(document: Document, parts: Mapping[str, object], child: Mapping[str, object]) -> dict[str, str]:
    """The parts about a meeting: none, or all of them; together they name what those name that they take the place of."""
    meeting = document.table.get("meeting")
    if meeting is None:
        return {}
    line = document.line_of("[meeting]")
    if not isinstance(meeting, dict):
        document.fault(line, "[meeting] is geen tabel.", "[meeting] is no table.")
        return {}
    document.check_keys("[meeting]", line, meeting, OF_MEETINGS)
    nth = {part: 1 + (part in child) for part in meeting}
    named = {n for part, text in meeting.items() for n in _read_part(document, part, text, nth[part], (OF_DAY,))}
    kept = " ".join(str(text) for part, text in parts.items() if part not in meeting)
    _check_named(document, "[meeting]", named | set(_PLACEHOLDER.findall(kept)), {*PLACEHOLDERS, OF_DAY})
    return _texts(meeting)


def _texts(parts: Mapping[str, object]) -> dict[str, str]:
    return {part: str(text) for part, text in parts.items()}


def _named(document: Document, parts: Mapping[str, object], nth: int) -> set[str]:
    """The placeholders that these parts name; `nth` is how many times a part stands in the file before."""
    return {name for part, text in parts.items() for name in _read_part(document, part, text, nth)}


def _check_named(document: Document, where: str, named: set[str], wanted: Collection[str] = PLACEHOLDERS) -> None:
    for name in sorted({*wanted} - named):
        document.fault(
            document.line_of(where),
            f"nergens staat {{{name}}}; wie kiest moet het weten, dus noem het.",
            f"{{{name}}} is nowhere; whoever chooses must know it, so name it.",
        )


def _read_part(document: Document, part: str, text: object, nth: int, more: Collection[str] = ()) -> set[str]:
    """The placeholders that the part names; `more` may stand in it beside those of every part."""
    known = {*PLACEHOLDERS, *more}
    line = document.line_of(f"{part} ", nth) or document.line_of(part)
    said = read_text(document, f"'{part}'", line, text)
    named = set(_PLACEHOLDER.findall(said))
    rest = _PLACEHOLDER.sub("", said)
    if named - known or "{" in rest or "}" in rest:
        allowed = ", ".join(f"{{{name}}}" for name in sorted(known))
        document.fault(
            line,
            f"'{part}' heeft accolades met iets onbekends; toegestaan zijn alleen {allowed}.",
            f"'{part}' has braces around something unknown; only {allowed} are allowed.",
        )
    return named
