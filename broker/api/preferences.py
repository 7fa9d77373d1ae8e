"""`Prefer: wait=1`: whoever wants the log's proof within the receipt says for how long they wait (RFC 7240 section 4.3).

- A preference and no condition: what cannot be read, or is not known here, is passed over (section 2).
- Longer than MOST seconds nobody waits; `Preference-Applied` says for how long we did (section 3).
"""

import re
from typing import Any

from fastapi import Request

MOST = 1
_WAIT = re.compile(r'wait\s*=\s*(?:([0-9]{1,9})|"([0-9]{1,9})")\s*(?:;.*)?', re.ASCII | re.IGNORECASE)
_NAMED = re.compile(r"wait\s*(?:[=;].*)?", re.ASCII | re.IGNORECASE)

PARAMETER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=1`: answer when the log's proof is there, or after a second (RFC 7240)",
    "schema": {"type": "string"},
}
APPLIED = "for how many seconds at most we waited, when that was asked for (RFC 7240)"


def wait_of(request: Request) -> int:
    """For how many seconds to wait, at most MOST; 0 when nothing is asked. The first `wait` counts (section 2)."""
    for value in request.headers.getlist("Prefer"):
        for preference in value.split(","):
            if _NAMED.fullmatch(preference.strip()):
                found = _WAIT.fullmatch(preference.strip())
                return min(int(found[1] or found[2]), MOST) if found else 0
    return 0


def applied(wait: int) -> dict[str, str]:
    """The header that says so."""
    return {"Preference-Applied": f"wait={wait}"} if wait else {}
