"""Every value has exactly one byte string and every byte string exactly one text, so a digest can stand for it.

- JSON: RFC 8785, narrowed to strings, safe integers, booleans, null, arrays and objects. No floats: no two writings.
- Base64: RFC 4648 sections 4 and 5, with the padding and the unused bits that an encoder would write.
"""

import binascii
import json
from collections.abc import Iterable
from json.encoder import encode_basestring

from broker.errors import Tampered, Words

quoted = encode_basestring
"""A text as RFC 8785 section 3.2.2.2 writes it. Raises TypeError for anything else; a lone surrogate does not encode."""
SAFE_INTEGER = 2**53 - 1
"""RFC 8785 section 3.2.2.3 and RFC 7493 section 2.2: the largest integer that every JSON reader holds exactly."""
_DEEPEST = 32
_CONSTANTS = {None: "null", True: "true", False: "false"}
_TO_URL = bytes.maketrans(b"+/", b"-_")

_WRITER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))
_BEYOND = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""How the UTF-8 of what lies beyond U+FFFF begins (RFC 3629 section 3)."""

_NOT_CANONICAL = Words(
    "Deze bytes zijn geen canonieke JSON: ze zijn beschadigd of veranderd.",
    "These bytes are not canonical JSON: they are damaged or were changed.",
)


def canonical(value: object) -> bytes:
    """Return the RFC 8785 bytes of str, int, bool, None, list, tuple and dict with str keys.

    Raises ValueError for anything else: a float, an integer beyond ±(2**53-1), a lone surrogate, nesting beyond 32.
    """
    return _written(value, _DEEPEST).encode()


def parse_canonical(data: bytes) -> object:
    """Return the value that these bytes are the one encoding of (RFC 8785); arrays come back as lists.

    Raises Tampered for duplicate keys, floats, invalid UTF-8, and any bytes that `canonical` would not have written.
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_refuse,
            parse_int=_safe,
            parse_constant=_refuse,
        )
        same = _quickly_written(value, data) or canonical(value) == data
    except (ValueError, RecursionError) as error:
        raise Tampered(_NOT_CANONICAL) from error
    if not same:
        raise Tampered(_NOT_CANONICAL)
    return value


def parse_json(data: bytes) -> object:
    """Return the value of JSON in whatever spacing, as long as it has one meaning; arrays come back as lists.

    Raises ValueError for duplicate keys, floats, integers beyond ±(2**53-1), lone surrogates, nesting beyond 32, a byte
    order mark, and bytes that are not UTF-8.
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        canonical(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def to_base64(data: bytes) -> str:
    """Return base64 with padding (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes of canonical base64 (RFC 4648 section 4). Raises ValueError for any other writing."""
    decoded = binascii.a2b_base64(text, strict_mode=True)
    if to_base64(decoded) != text:
        raise ValueError("not canonical base64")
    return decoded


def to_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the bytes of canonical base64url without padding (RFC 4648 section 5). Raises ValueError otherwise."""
    padded = text + "=" * (-len(text) % 4)
    decoded = binascii.a2b_base64(padded.replace("-", "+").replace("_", "/"), strict_mode=True)
    if to_base64url(decoded) != text:
        raise ValueError("not canonical base64url")
    return decoded


def _written(value: object, depth: int) -> str:
    """Return the one writing: `quoted` escapes as section 3.2.2.2 says, keys are in the order of their UTF-16 (3.2.3).

    Raises ValueError for what is outside the subset; a lone surrogate in a text is found when that is encoded.
    """
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        members = [f"{quoted(key)}:{_written(value[key], depth - 1)}" for key in in_order(value)]
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join([_written(item, depth - 1) for item in value])}]"
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise ValueError("an integer is beyond ±(2**53-1)")
        return int.__repr__(value)
    raise ValueError(f"{type(value).__name__} is not in the canonical subset")


def _quickly_written(value: object, data: bytes) -> bool:
    """Whether `canonical` surely writes these bytes for what was read from them; False says nothing.

    The library's own writer differs from it in what it does not refuse (all but depth was refused while reading), and in
    the order of keys beyond U+FFFF (whose UTF-8 begins with 0xF0 or above).
    """
    if data.count(b"[") + data.count(b"{") >= _DEEPEST or any(data.count(first) for first in _BEYOND):
        return False
    return _WRITER.encode(value).encode() == data


def _safe(text: str) -> int:
    number = int(text)
    if abs(number) > SAFE_INTEGER:
        raise ValueError("an integer is beyond ±(2**53-1)")
    return number


def in_order(keys: Iterable[str]) -> list[str]:
    """Return the keys of an object in the order of their UTF-16 (RFC 8785 section 3.2.3).

    Raises ValueError for one that is no string, or a lone surrogate.
    """
    found = list(keys)
    try:
        plain = "".join(found).isascii()  # then it is the order of the strings themselves
    except TypeError:
        raise ValueError("an object key is not a string") from None
    return sorted(found) if plain else sorted(found, key=_utf_16)


def _utf_16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _refuse(text: str) -> object:
    raise ValueError(f"not an integer: {text[:20]}")
