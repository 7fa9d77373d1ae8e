"""How answers are written and described, alike for every endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from broker.api.preferences import APPLIED, PARAMETER
from broker.api.schemas import WithheldOut

NO_STORE = {"Cache-Control": "no-store"}


def answer(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer about people: never cached; absent values are left out."""
    content = orjson.dumps(body.model_dump(mode="json", by_alias=True, exclude_none=True))
    return Response(content, status, {**NO_STORE, **(headers or {})}, "application/json")


class FaultOut(BaseModel):
    """One thing that is wrong with what was sent: where (RFC 6901), and what."""

    pointer: str
    detail: str


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Deprecated:
    """An operation that will go: since when it is deprecated (RFC 9745), when it goes (RFC 8594), what to read about it."""

    since: datetime
    sunset: datetime
    link: str

    async def note(self, request: Request) -> None:
        """Say so on this request's answer, whatever it will be (`broker.api.headers`)."""
        request.state.deprecated = self

    def headers(self) -> dict[str, str]:
        """RFC 9745 section 2 and RFC 8594 section 3."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset.astimezone(UTC), usegmt=True),
            "Link": f'<{self.link}>; rel="deprecation"; type="text/html"',
        }


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FaultOut] | None = None
    withheld: list[WithheldOut] | None = None


def documented(
    summary: str,
    model: type[BaseModel] | None,
    status: int,
    *,
    body: type[BaseModel] | None = None,
    needs_body: bool = True,
    errors: tuple[int, ...] = (),
    also: Mapping[int, tuple[str, type[BaseModel]]] | None = None,
    or_else: str = "",
    tagged: bool = False,
    waits: bool = False,
    deprecated: Deprecated | None = None,
) -> dict[str, Any]:
    """What OpenAPI says of an endpoint that reads its body and writes its answer by hand.

    `also` holds other good answers: what each means, and its body. `or_else` is another media type of the answer, as text.
    Without `needs_body` the body may be left out. `tagged` says that it has an `ETag`; `waits` that it heeds `Prefer: wait`; `deprecated` that it will go, on every answer.
    """
    refused = {code: {"description": "A problem"} for code in {*errors, 400 if body else 500, 500, 503}}
    told: dict[str, Any] = {
        "summary": summary,
        "status_code": status,
        "response_model": None,
        "responses": {
            status: {"description": "Done", "model": model} if model else {"description": "Done"},
            **{code: {"description": said, "model": body} for code, (said, body) in (also or {}).items()},
            **refused,
        },
    }
    if tagged:
        told["responses"][status]["headers"] = {"ETag": _header("stands for all that this answer says (RFC 9110)")}
        if status == 200:
            told["responses"][304] = {"description": "Nothing changed since", "headers": {"ETag": _header("the same")}}
    if deprecated is not None:
        told |= {"deprecated": True, "dependencies": [Depends(deprecated.note)]}
    if or_else:
        told["responses"][status]["content"] = {or_else: {"schema": {"type": "string"}}}
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        content = {"application/json": {"schema": schema}}
        told["openapi_extra"] = {"requestBody": {"required": needs_body, "content": content}}
    if waits:
        told["responses"][status]["headers"] = {"Preference-Applied": _header(APPLIED)}
        told.setdefault("openapi_extra", {})["parameters"] = [PARAMETER]
    return told
