"""The API describes itself: without login, whole, and as the NL API Design Rules want it.

The rules are those of `tests/adr/linter.yaml`, written out here so that they are checked without Node.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from broker import __version__
from tests.support.world import ROOT, URL, World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the document knows no database
METHODS = {"get", "put", "post", "delete", "patch"}
KEBAB = re.compile(
    r"^(\/|(\/_[a-z0-9]+|\/(([a-z0-9\-]+|{[^}]+})(\/([a-z0-9\-\.]+|{[^}]+}))*)(\/_[a-z]+)?)\/?)$"
)  # nlgov:paths-kebab-case, as it stands there
CAMEL = re.compile(r"^\$?[a-z][a-z\d]*([A-Z][a-z\d]*)*$")  # nlgov:query-keys-camel-case
SEMVER = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9a-zA-Z.-]+)?(?:\+[0-9a-zA-Z.-]+)?$")
DATE_NAMED = re.compile(r"((\w+D)|(_[dD]))((ate)|(atum))|^(date|datum)$")


@pytest.fixture
async def document(world: World) -> dict[str, Any]:
    response = await world.http.get("/v1/openapi.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["api-version"] == __version__
    found: dict[str, Any] = response.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        place: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        schema = place
    return schema


def every(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == key:
                yield item
            yield from every(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from every(item, key)


async def test_every_operation_is_documented_and_every_documented_one_is_there(
    world: World, document: dict[str, Any]
) -> None:
    documented = {(method.upper(), f"/v1{path}") for path, method, _ in operations(document)}
    routed = {
        (method, str(route.path).replace(":path", ""))
        for route in iter_route_contexts(world.app.routes)
        for method in route.methods or ()
        if str(route.path).startswith("/v1/") and route.path != "/v1/openapi.json"
    }
    assert documented == routed
    assert len(documented) >= 14
    for method, path in documented:
        response = await world.http.request(method, re.sub(r"{\w+}", "x", path))
        assert response.status_code != 405, (method, path)


async def test_the_document_is_one_openapi_document(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3(.\d+){1,2}", document["openapi"])
    assert SEMVER.match(document["info"]["version"])
    assert {"name", "url", "email"} <= set(document["info"]["contact"])
    assert document["info"]["contact"]["url"].startswith(URL)
    assert [server["url"] for server in document["servers"]] == [f"{URL}/v1"]
    names = [tag["name"] for tag in document["tags"]]
    assert len(set(names)) == len(names)
    assert {tag for _, _, operation in operations(document) for tag in operation["tags"]} <= set(names)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for reference in every(document, "$ref"):
        assert resolved(document, {"$ref": reference}), reference
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) for name in document["components"]["schemas"])


async def test_addresses_methods_and_parameters_follow_the_rules(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        assert KEBAB.match(path), path
        assert not path.endswith("/")
        assert not path.startswith("/v1")
        assert set(item) <= METHODS
    for path, method, operation in operations(document):
        said = operation.get("parameters", [])
        assert {p["name"] for p in said if p["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), path
        assert all(p["required"] for p in said if p["in"] == "path")
        assert all(CAMEL.match(p["name"]) for p in said if p["in"] == "query"), path
        assert operation["summary"], (method, path)


async def test_every_answer_names_its_version_and_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), where
        keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        assert ("422" in statuses) == keyed, where
        if operation.get("parameters") or method not in ("get", "delete"):
            assert "400" in statuses, where
        if operation.get("security"):
            assert "401" in statuses, where
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= statuses, where
        for status, answer in operation["responses"].items():
            assert answer["headers"]["API-Version"]["schema"], where
            if status[0] in "45":
                problem = resolved(document, answer["content"]["application/problem+json"]["schema"])
                assert {"status", "title", "detail", "type"} <= set(problem["properties"]), where
            elif status not in ("204", "304"):
                assert answer["content"], where


async def test_dates_say_that_they_are_dates(document: dict[str, Any]) -> None:
    found = 0
    for properties in every(document["components"], "properties"):
        for name, schema in properties.items():
            assert schema.get("format") not in ("time", "date-time-local")
            if DATE_NAMED.search(name):
                found += 1
                assert schema.get("format") == "date", name
    assert found >= 1


async def test_a_body_of_the_document_is_what_the_api_takes(world: World, document: dict[str, Any]) -> None:
    body = document["paths"]["/handovers"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = resolved(document, body)
    assert set(schema["required"]) <= set(world.body("tom-to-school"))
    assert schema["additionalProperties"] is False


async def test_it_needs_no_login_and_is_the_same_for_everybody(world: World, document: dict[str, Any]) -> None:
    token = await world.token(world.sender("tom-to-school"))
    again = await world.http.get("/v1/openapi.json", headers={"Authorization": f"Bearer {token}"})
    assert again.json() == document


async def test_the_ruleset_lies_here_with_its_licence(document: dict[str, Any]) -> None:
    folder = ROOT / "tests" / "adr"
    rules = await asyncio.to_thread((folder / "linter.yaml").read_text)
    assert "nlgov:missing-version-header" in rules
    note = await asyncio.to_thread((folder / "README.md").read_text)
    assert "CC-BY 4.0" in note
    assert "Logius" in note
