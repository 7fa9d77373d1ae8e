"""The description of the API as one plain page: no script, nothing from elsewhere, readable in print."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter, a field or an answer: its name, its type and what it means."""

    name: str
    type: str
    required: bool
    text: Markup


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that one can ask."""

    id: str
    method: str
    path: str
    title: str
    text: Markup
    parameters: tuple[Row, ...]
    body: str
    fields: tuple[Row, ...]
    responses: tuple[Row, ...]


def reference_router(site: Site) -> APIRouter:
    """The page `/docs`, when the site can describe its API."""
    pages = Pages(site, "reference")
    router = PageRouter(pages)
    if site.openapi is None:
        return router
    describe = site.openapi

    async def reference(request: Request) -> Response:
        document = describe()
        return pages.show(
            request,
            "kit/reference.html",
            info=document.get("info", {}),
            about=prose(document.get("info", {}).get("description", "")),
            chapters=chapters(document),
        )

    router.looks("/docs", reference)
    return router


def chapters(document: Mapping[str, Any]) -> list[tuple[str, Markup, list[Operation]]]:
    """The operations by tag, in the order of the document."""
    texts = {tag["name"]: prose(tag.get("description", "")) for tag in document.get("tags", [])}
    found: dict[str, list[Operation]] = {name: [] for name in texts}
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or [""])[0]
                shared = item.get("parameters", [])
                found.setdefault(tag, []).append(_operation(document, path, method, operation, shared))
    return [(tag, texts.get(tag, Markup()), operations) for tag, operations in found.items() if operations]


def prose(text: str) -> Markup:
    """Paragraphs and `code` of a description; everything else is shown as it is written."""
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text))
    return Markup().join(
        Markup('<p class="utrecht-paragraph">{}</p>').format(_with_code(paragraph))
        for paragraph in paragraphs
        if paragraph
    )


def _with_code(text: str) -> Markup:
    """Every second piece between backticks is code."""
    pieces = (
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(text.split("`"))
    )
    return Markup().join(pieces)


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], shared: Sequence[Any]
) -> Operation:
    body = _resolved(document, operation.get("requestBody", {}))
    contents: Mapping[str, Any] = body.get("content", {})
    media = next(iter(contents), "")
    schema = _resolved(document, contents.get(media, {}).get("schema", {}))
    required = schema.get("required", ())
    parameters = [_resolved(document, parameter) for parameter in (*shared, *operation.get("parameters", ()))]
    responses = {code: _resolved(document, answer) for code, answer in operation.get("responses", {}).items()}
    return Operation(
        id=operation.get("operationId") or re.sub(r"\W+", "-", f"{method}{path}").strip("-"),
        method=method.upper(),
        path=path,
        title=operation.get("summary", ""),
        text=prose(operation.get("description", "")),
        parameters=tuple(
            Row(
                f"{p.get('name', '')}",
                f"{_type(document, p.get('schema', {}))} ({p.get('in', '')})",
                bool(p.get("required")),
                prose(p.get("description", "")),
            )
            for p in parameters
        ),
        body=media,
        fields=tuple(
            Row(name, _type(document, field), name in required, prose(field.get("description", "")))
            for name, field in schema.get("properties", {}).items()
        ),
        responses=tuple(
            Row(code, _media(document, answer), False, prose(answer.get("description", "")))
            for code, answer in responses.items()
        ),
    )


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local `$ref` (RFC 6901); anything else stands for itself."""
    for _ in range(8):
        pointer = node.get("$ref", "")
        if not pointer.startswith("#/"):
            break
        target: Any = document
        for step in pointer[2:].split("/"):
            target = target.get(step.replace("~1", "/").replace("~0", "~"), {})
        node = target
    return node


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A short name for a type: `string`, `date`, `list of Section`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for combined in ("anyOf", "oneOf", "allOf"):
        if combined in schema:
            return " | ".join(dict.fromkeys(_type(document, option) for option in schema[combined]))
    if schema.get("type") == "array":
        return f"[{_type(document, schema.get('items', {}))}]"
    kind = schema.get("type", "any")
    named = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return str(schema.get("format") or named)


def _media(document: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    for media, content in answer.get("content", {}).items():
        schema = content.get("schema")
        return f"{media}: {_type(document, schema)}" if schema else str(media)
    return ""
