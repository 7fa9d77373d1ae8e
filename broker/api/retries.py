"""`Idempotency-Key`: the same request with the same key is done once (draft-ietf-httpapi-idempotency-key-header-07).

- A key is known to its caller alone, for one operation at one address, for 24 hours; what was refused leaves no key behind.
- The draft's form is a quoted text (RFC 9651 section 3.3.3); the bare text that many send means the same.
"""

import json
import re
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from broker.domain.parties import Organisation, Professional
from broker.domain.retries import Attempt
from broker.errors import Invalid

NAME = "Idempotency-Key"
_FORM = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


def key_of(request: Request) -> str:
    """The key; empty when there is none. Raises Invalid for one that is none, and for two."""
    values = request.headers.getlist(NAME)
    if not values:
        return ""
    found = _FORM.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        raise Invalid.at(
            f"/{NAME}",
            "Stuur één sleutel van hoogstens 255 tekens, zonder spaties, zoals een UUID. Er is niets gedaan.",
            "Send one key of at most 255 signs, without spaces, such as a UUID. Nothing was done.",
        )
    return found[1] or found[2]


async def as_key(
    request: Request,
    given: Annotated[
        str | None, Header(alias=NAME, description="a fresh random text: sent again with it, this is done once")
    ] = None,
) -> str:
    """See `key_of`; the header is named for the description."""
    return key_of(request)


RetryKey = Annotated[str, Depends(as_key)]


def attempt_of(key: str, who: Organisation | Professional, operation: str, *asked: Any) -> Attempt | None:
    """A request under its caller's key: `asked` is all of it, ids and body; None without a key."""
    if not key:
        return None
    caller = [who.oin] if isinstance(who, Organisation) else [who.organisation, who.id, who.role]
    request = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return Attempt(json.dumps(caller), operation, key, request)
