"""`ETag`, `If-None-Match` and `If-Match` (RFC 9110 sections 8.8.3 and 13.1): whether somebody still sees what they saw.

- Tags are strong: they change with anything that the answer says, and another caller's answer has another tag.
- `If-Match` is never needed: withdrawing must not wait for looking first.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from broker.errors import Invalid

_TAG = r'(W/)?"([\x21\x23-\x7e]*)"'
_LIST = re.compile(rf"[ \t]*{_TAG}[ \t]*(?:,[ \t]*{_TAG}[ \t]*)*")
_EACH = re.compile(_TAG)
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Condition:
    """The tags that a caller named; `anything` stands for `*`."""

    strong: frozenset[str]
    weak: frozenset[str]
    anything: bool = False

    def matches(self, tag: str) -> bool:
        """Strong comparison (RFC 9110 section 8.8.3.2), as `If-Match` wants."""
        return self.anything or tag in self.strong

    def matches_weakly(self, tag: str) -> bool:
        """Weak comparison, as `If-None-Match` wants."""
        return self.anything or tag in self.strong | self.weak


def _condition(request: Request, name: str) -> Condition | None:
    """Raises Invalid for what is no list of tags: a condition that nobody can read must not be passed over."""
    values = request.headers.getlist(name)
    if not values:
        return None
    value = ",".join(values)
    if value.strip() == "*":
        return Condition(frozenset(), frozenset(), anything=True)
    if len(value) > _LONGEST or not _LIST.fullmatch(value):
        raise Invalid.at(
            f"/{name}",
            "Stuur de ETag zoals u hem kreeg, met de aanhalingstekens. Er is niets gedaan.",
            "Send the ETag as you got it, with its quotes. Nothing was done.",
        )
    found = _EACH.findall(value)
    return Condition(frozenset(tag for weak, tag in found if not weak), frozenset(tag for weak, tag in found if weak))


async def if_match(
    request: Request,
    given: Annotated[
        str | None,
        Header(alias="If-Match", description="the ETag of what you saw: refused (412) when it changed since"),
    ] = None,
) -> Condition | None:
    """What must still be so; None when nothing must."""
    return _condition(request, "If-Match")


async def if_none_match(
    request: Request,
    given: Annotated[
        str | None, Header(alias="If-None-Match", description="the ETag that you have: 304 when nothing changed since")
    ] = None,
) -> Condition | None:
    """What the caller has; None when it says nothing of it."""
    return _condition(request, "If-None-Match")


IfMatch = Annotated[Condition | None, Depends(if_match)]
IfNoneMatch = Annotated[Condition | None, Depends(if_none_match)]


def etag(tag: str) -> dict[str, str]:
    """The header."""
    return {"ETag": f'"{tag}"'}
