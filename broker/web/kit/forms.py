"""A form that came in is small, is ours, and says each thing once; otherwise it is refused and changes nothing.

1. It was sent from our own pages: `Origin` and `Sec-Fetch-Site` agree, and one of them is there.
2. It is not longer than a form of ours can be.
3. It is a form in UTF-8, without control characters, with every field once.
4. In a visit, it carries the secret of that visit.
"""

import secrets
import unicodedata
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from broker.errors import Invalid, NotAllowed, Words
from broker.web.kit.site import Site

FORM_LIMIT = 4_096
TEXT_LIMIT = 65_536
"""A form with a long text in it: each of 4,000 signs may take twelve bytes."""
JSON_LIMIT = 32_768
_NOT_TEXT = frozenset({"Cc", "Cn", "Co", "Cs"})  # controls, unassigned, private, surrogates (Unicode 4.5)
_ELSEWHERE = Words(
    "Dit formulier kwam niet van onze eigen pagina. Er is niets veranderd.",
    "This form did not come from our own page. Nothing was changed.",
)
_STALE = Words(
    "Deze pagina stond te lang open. Er is niets veranderd. Ga terug en probeer het nog een keer.",
    "This page was open for too long. Nothing was changed. Go back and try again.",
)


def check_same_origin(request: Request, site: Site) -> None:
    """Step 1. Raises NotAllowed when another site made the browser send this, or when nothing says who did.

    A browser that hides its `Origin` writes `null`; then `Sec-Fetch-Site`, which no page can set, must speak.
    """
    origin = request.headers.get("origin", "null").lower()
    fetched_from = request.headers.get("sec-fetch-site")
    if origin not in {"null", site.origin}:
        raise NotAllowed(_ELSEWHERE, code="other-origin")
    if fetched_from != "same-origin" and (fetched_from is not None or origin == "null"):
        raise NotAllowed(_ELSEWHERE, code="other-origin")


def check_secret(given: str, expected: str) -> None:
    """Step 4. Raises NotAllowed when the form is not of this visit."""
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        raise NotAllowed(_STALE, code="stale-form")


async def read_body(request: Request, limit: int) -> bytes:
    """Step 2. The body; reading stops as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Invalid.at("", "Dit is te lang.", "This is too long.")
    return bytes(body)


async def read_form(request: Request, site: Site, *, lines: str = "") -> Mapping[str, str]:
    """Steps 1 to 3. The fields by name.

    `lines` names the one field that holds a long text in lines; which signs may be in that is for the use case to
    say, so that what was typed is not lost.
    """
    check_same_origin(request, site)
    body = await read_body(request, TEXT_LIMIT if lines else FORM_LIMIT)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Invalid.at("", "Dit is geen formulier van ons.", "This is not a form of ours.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise Invalid.at("", "Dit formulier is niet te lezen.", "This form cannot be read.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise Invalid.at("", "Een veld komt twee keer voor.", "A field is there twice.")
        if any(unicodedata.category(sign) in _NOT_TEXT for sign in name + ("" if name == lines else value)):
            raise Invalid.at("", "Een veld bevat een vreemd teken.", "A field holds a strange character.")
        fields[name] = value.strip()
    return fields


async def read_json(request: Request, site: Site) -> str:
    """Steps 1 and 2 for a script of ours; what it means is for the service to judge."""
    check_same_origin(request, site)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Invalid.at("", "Dit is geen JSON.", "This is not JSON.")
    body = await read_body(request, JSON_LIMIT)
    try:
        return body.decode("utf-8")
    except ValueError:
        raise Invalid.at("", "Dit is niet te lezen.", "This cannot be read.") from None
