"""The description of the API (OpenAPI 3.1), as the NL API Design Rules want it: one document, without login."""

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from broker import __version__
from broker.api.answers import Problem
from broker.api.schemas import HandoverBody, InvitationBody, ReactionAnswerBody, ReleaseBody, SearchBody, WebhookBody

PREFIX = "/v1"
SHOWN: tuple[type[BaseModel], ...] = (
    HandoverBody,
    InvitationBody,
    ReactionAnswerBody,
    ReleaseBody,
    SearchBody,
    WebhookBody,
    Problem,
)
_VERSION = {"API-Version": {"description": "The full version of this API", "schema": {"type": "string"}}}
_TEXT = {
    "/contexts/consent-record-1.jsonld": "application/ld+json",
    "/log/checkpoint": "text/plain",
    "/log/cosigned-checkpoint": "text/plain",
    "/log/cosigned-proofs/{entry}": "text/plain",
    "/log/keys": "text/plain",
    "/log/proofs/{entry}": "text/plain",
    "/log/tile/{path}": "application/octet-stream",
}


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
    for status, response in responses.items():
        response["headers"] = {**_VERSION, **response.get("headers", {})}
        if status >= "400":
            schema = {"$ref": "#/components/schemas/Problem"}
            response["content"] = {"application/problem+json": {"schema": schema}}
        elif path in _TEXT:
            response["content"] = {_TEXT[path]: {"schema": {"type": "string"}}}
