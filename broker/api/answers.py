"""How answers are written and described, alike for every endpoint."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi.responses import Response
from pydantic import BaseModel

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
    errors: tuple[int, ...] = (),
    also: Mapping[int, tuple[str, type[BaseModel]]] | None = None,
    or_else: str = "",
) -> dict[str, Any]:
    """What OpenAPI says of an endpoint that reads its body and writes its answer by hand.

    `also` holds other good answers: what each means, and its body. `or_else` is another media type of the answer, as text.
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
    if or_else:
        told["responses"][status]["content"] = {or_else: {"schema": {"type": "string"}}}
    if body is not None:
        schema = {"$ref": f"#/components/schemas/{body.__name__}"}
        told["openapi_extra"] = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    return told
