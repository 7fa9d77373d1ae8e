"""Reading a body: bounded, strict JSON, and every fault at once.

- At most 1 MiB and 32 levels deep; UTF-8; no duplicate keys, no NaN (RFC 8259, RFC 7493).
- A fault names its place (RFC 6901) and says what is wrong, never what was sent.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from broker.errors import BrokerError, Fault, Invalid, Words

LARGEST = 1_048_576
DEEPEST = 32
_Model = TypeVar("_Model", bound=BaseModel)
_DEPTH = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)
"""Texts, also one that never ends, are passed over in one go: no body makes this look at a byte twice."""
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_SAFE_INTEGER = 2**53 - 1

_TEXTS: dict[str, Words] = {
    "missing": Words("Dit veld ontbreekt.", "This field is missing."),
    "extra_forbidden": Words("Dit veld bestaat niet.", "There is no such field."),
    "string_type": Words("Dit moet tekst zijn.", "This must be text."),
    "string_too_short": Words("Dit is te kort.", "This is too short."),
    "string_too_long": Words("Dit is te lang.", "This is too long."),
    "too_short": Words("Hier hoort minstens één ding.", "At least one is needed here."),
    "too_long": Words("Dit zijn er te veel.", "These are too many."),
    "bool_type": Words("Dit moet true of false zijn.", "This must be true or false."),
    "bool_parsing": Words("Dit moet true of false zijn.", "This must be true or false."),
    "list_type": Words("Dit moet een lijst zijn.", "This must be a list."),
    "model_type": Words("Dit moet een object zijn.", "This must be an object."),
    "model_attributes_type": Words("Dit moet een object zijn.", "This must be an object."),
    "date_type": Words("Dit moet een datum zijn (2027-01-31).", "This must be a date (2027-01-31)."),
    "date_from_datetime_parsing": Words("Dit moet een datum zijn (2027-01-31).", "This must be a date (2027-01-31)."),
    "literal_error": Words("Deze waarde kan hier niet.", "This value is not possible here."),
    "value_error": Words("Dit moet een datum zijn (2027-01-31).", "This must be a date (2027-01-31)."),
    "union_tag_not_found": Words("Dit veld ontbreekt.", "This field is missing."),
    "union_tag_invalid": Words("Deze waarde kan hier niet.", "This value is not possible here."),
    "string_pattern_mismatch": Words("Dit heeft niet de juiste vorm.", "This does not have the right form."),
}
_OTHERWISE = Words("Dit klopt niet.", "This is not right.")
_SIGN = Words("Hier staat een teken dat geen tekst is.", "This holds a sign that is no text.")
_NUMBER = Words("Dit getal is te groot.", "This number is too large.")


class TooLarge(BrokerError):
    """The body is larger than LARGEST."""

    code = "too-large"
    words = Words("De inhoud is te groot: hoogstens 1 MiB.", "The body is too large: 1 MiB at most.")


class OtherForm(BrokerError):
    """The body is of a media type that is not read here."""

    code = "other-form"
    words = Words("Stuur application/json.", "Send application/json.")


async def read_bytes(request: Request) -> bytes:
    """The body. Raises TooLarge before reading more than LARGEST bytes."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > LARGEST:
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


async def read_json(request: Request) -> Any:
    """The body as JSON. Raises OtherForm, TooLarge, or Invalid."""
    _check_form(request)
    return parse_json(await read_bytes(request))


async def read_json_if_any(request: Request) -> Any:
    """The same; None when nothing was sent, and Invalid when that nothing was sent as `null`."""
    raw = await read_bytes(request)
    if not raw:
        return None
    _check_form(request)
    body = parse_json(raw)
    if body is None:
        raise Invalid.at("", "Stuur een object, of niets.", "Send an object, or nothing.")
    return body


def _check_form(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise OtherForm


def parse_json(raw: bytes) -> Any:
    """Strict JSON. Raises Invalid."""
    _check_depth(raw)
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Invalid.at("", "Dit is geen geldige JSON.", "This is no valid JSON.") from None


def _check_depth(raw: bytes) -> None:
    depth = 0
    for match in _DEPTH.finditer(raw):
        depth += bool(match[1]) - bool(match[2])
        if depth > DEEPEST:
            raise Invalid.at("", "Dit is te diep genest.", "This is nested too deeply.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(_: str) -> Any:
    raise ValueError("not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("too large a number")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)


def validated(model: type[_Model], body: Any) -> tuple[_Model | None, list[Fault]]:
    """The body as a model, and its faults of form; without faults there is a model."""
    faults = list(_unreadable(body, ()))
    try:
        return model.model_validate(body), faults
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        places = {fault.pointer for fault in faults}
        more = [Fault(_pointer((*_place(e["loc"], body), *_tag(e))), _TEXTS.get(e["type"], _OTHERWISE)) for e in found]
        return None, faults + [fault for fault in more if fault.pointer not in places]


def _tag(error: Mapping[str, Any]) -> tuple[str, ...]:
    """The field that should tell which variant it is, when that is what misses."""
    return (str(error["ctx"]["discriminator"]).strip("'"),) if error["type"] == "union_tag_not_found" else ()


def _unreadable(value: Any, at: tuple[int | str, ...]) -> Iterator[Fault]:
    """What no other reader takes: NUL, half a surrogate pair, an integer that is not exact (RFC 7493 section 2)."""
    if isinstance(value, str) and _NOT_TEXT.search(value):
        yield Fault(_pointer(at), _SIGN)
    elif isinstance(value, int) and abs(value) > _SAFE_INTEGER:
        yield Fault(_pointer(at), _NUMBER)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unreadable(item, (*at, position))
    elif isinstance(value, dict):
        if any(_NOT_TEXT.search(key) for key in value):
            yield Fault(_pointer(at), _SIGN)
        for key, item in value.items():
            yield from _unreadable(item, (*at, key))


def _place(location: tuple[int | str, ...], body: Any) -> Iterator[int | str]:
    """The way to a fault in the body itself: the name of a variant that was tried is no part of it."""
    for position, step in enumerate(location):
        if isinstance(body, dict) and step not in body and position + 1 < len(location):
            continue
        yield step
        inside = (isinstance(body, dict) and step in body) or (isinstance(body, list) and isinstance(step, int))
        body = body[step] if inside else None


def _pointer(location: Iterable[int | str]) -> str:
    """RFC 6901; a key of the sender's own making is cut off where our names end."""
    return "".join("/" + _plain(part) for part in location)


def _plain(part: int | str) -> str:
    if isinstance(part, int):
        return str(part)
    return part.replace("~", "~0").replace("/", "~1") if re.fullmatch(r"[A-Za-z]{1,40}", part) else "?"


def read_as(model: type[_Model], body: Any) -> _Model:
    """The body as a model. Raises Invalid with every fault."""
    found, faults = validated(model, body)
    if found is None or faults:
        raise Invalid(faults)
    return found
