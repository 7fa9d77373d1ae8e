"""The description of the API (OpenAPI 3.1), as the NL API Design Rules want it: one document, without login."""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from broker import __version__
from broker.api.answers import Problem
from broker.api.operations import name_operations
from broker.api.schemas import (
    AcknowledgementBody,
    HandoverBody,
    InvitationBody,
    LifelineBody,
    ReactionAnswerBody,
    ReleaseBody,
    SearchBody,
    SignOffBody,
    TaskStatusBody,
    WatchBody,
    WebhookBody,
)

PREFIX = "/v1"
SHOWN: tuple[type[BaseModel], ...] = (
    AcknowledgementBody,
    HandoverBody,
    InvitationBody,
    LifelineBody,
    ReactionAnswerBody,
    ReleaseBody,
    SearchBody,
    SignOffBody,
    TaskStatusBody,
    WatchBody,
    WebhookBody,
    Problem,
)
_VERSION = {"API-Version": {"description": "The full version of this API", "schema": {"type": "string"}}}
_LIMITED = {
    "RateLimit": {"description": "What is left, and for how many seconds", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "How many calls in how many seconds", "schema": {"type": "string"}},
}
_LATER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
_OTHER = {
    "/contexts/consent-record-1.jsonld": ("application/ld+json", "object"),
    "/log/checkpoint": ("text/plain", "string"),
    "/log/cosigned-checkpoint": ("text/plain", "string"),
    "/log/cosigned-proofs/{entry}": ("text/plain", "string"),
    "/log/keys": ("text/plain", "string"),
    "/log/proofs/{entry}": ("text/plain", "string"),
    "/log/tile/{path}": ("application/octet-stream", "string"),
}
"""Answers that are not `application/json`: of which media type, and what that holds."""


def describe(app: FastAPI, public_url: str) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title="Rondom",
        version=__version__,
        summary="Consent-aware information sharing for Dutch youth care",
        description="Push handovers, let the family answer, and release what consent and agreement allow.",
        routes=app.routes,
        contact={"name": "Rondom", "url": f"{public_url}/docs", "email": "privacy@rondom.example"},
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        tags=[{"name": name} for name in ("handovers", "releases", "events", "directory", "log")],
        servers=[{"url": f"{public_url}{PREFIX}"}],
    )
    document["paths"] = {
        _short(path): item for path, item in document["paths"].items() if path.startswith(f"{PREFIX}/")
    }
    _add_schemas(document)
    for path, item in document["paths"].items():
        for operation in item.values():
            _finish(path, operation)
    name_operations(document)
    app.openapi_schema = document
    return document


def _short(path: str) -> str:
    return path.removeprefix(PREFIX).replace("{path:path}", "{path}")


def _add_schemas(document: dict[str, Any]) -> None:
    template = "#/components/schemas/{model}"
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in SHOWN]
    _, definitions = models_json_schema(wanted, ref_template=template)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions.get("$defs", {}))
    for left_over in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left_over, None)


def _finish(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if responses.get("422", {}).get("description") == "Validation Error":  # the framework's own; ours is 400
        responses.pop("422")
    if operation.get("parameters") and "400" not in responses:
        responses["400"] = {"description": "A problem"}
    if "requestBody" not in operation and operation["operationId"].endswith("_post"):
        responses.setdefault("400", {"description": "A problem"})
    limited = _LIMITED if operation.get("security") else {}
    if limited:
        responses["429"] = {"description": "A problem"}
    for status, response in responses.items():
        later = _LATER if status in ("429", "503") else {}
        response["headers"] = {
            **_VERSION,
            **response.get("headers", {}),
            **(limited if status != "401" else {}),
            **later,
        }
        if status >= "400":
            schema = {"$ref": "#/components/schemas/Problem"}
            response["content"] = {"application/problem+json": {"schema": schema}}
        elif path in _OTHER:
            media_type, kind = _OTHER[path]
            response["content"] = {media_type: {"schema": {"type": kind}}}
