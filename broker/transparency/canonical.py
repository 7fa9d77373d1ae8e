"""Every value has exactly one byte string and every byte string exactly one text, so a digest can stand for it.

- JSON: RFC 8785, narrowed to strings, safe integers, booleans, null, arrays and objects. No floats: no two writings.
- Base64: RFC 4648 sections 4 and 5, with the padding and the unused bits that an encoder would write.
"""

import base64
import json

import rfc8785

from broker.errors import Tampered, Words

SAFE_INTEGER = 2**53 - 1
"""RFC 8785 section 3.2.2.3 and RFC 7493 section 2.2: the largest integer that every JSON reader holds exactly."""
_DEEPEST = 32

_NOT_CANONICAL = Words(
    "Deze bytes zijn geen canonieke JSON: ze zijn beschadigd of veranderd.",
    "These bytes are not canonical JSON: they are damaged or were changed.",
)


def canonical(value: object) -> bytes:
    """Return the RFC 8785 bytes of str, int, bool, None, list, tuple and dict with str keys.

    Raises ValueError for anything else: a float, an integer beyond ±(2**53-1), a lone surrogate, nesting beyond 32.
    """
    _check_plain(value, _DEEPEST)
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # checked just above


def parse_canonical(data: bytes) -> object:
    """Return the value that these bytes are the one encoding of (RFC 8785); arrays come back as lists.

    Raises Tampered for duplicate keys, floats, invalid UTF-8, and any bytes that `canonical` would not have written.
    """
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        same = canonical(value) == data
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
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes of canonical base64 (RFC 4648 section 4). Raises ValueError for any other writing."""
    decoded = base64.b64decode(text, validate=True)
    if to_base64(decoded) != text:
        raise ValueError("not canonical base64")
    return decoded


def to_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Return the bytes of canonical base64url without padding (RFC 4648 section 5). Raises ValueError otherwise."""
    decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if to_base64url(decoded) != text:
        raise ValueError("not canonical base64url")
    return decoded


def _check_plain(value: object, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError("an object key is not a string")
            _check_plain(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item, depth - 1)
    elif isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise ValueError("an integer is beyond ±(2**53-1)")
    elif value is not None and not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} is not in the canonical subset")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _refuse(text: str) -> object:
    raise ValueError(f"not an integer: {text[:20]}")
