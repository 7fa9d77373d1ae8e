"""A client that a generator made from the description works: what a vendor's developer does in the first five minutes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_description import description
from tests.support.generator import ROOT, generated, used
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

SENDER = "00000099000000010000"


@pytest.fixture
def place(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    copied_sqlite(sqlite_template, tmp_path)
    with street(tmp_path, tmp_path / "broker.db", world_keys) as place:
        yield place


def test_a_generated_client_pushes_looks_and_asks(place: Street, tmp_path: Path) -> None:
    world, folder = place.world, tmp_path / "elsewhere"
    folder.mkdir()
    said = generated(f"{place.url}/v1/openapi.json", folder)
    assert "warning" not in said.lower()
    opened = place.do(world.push("tom-to-school", {**world.body("tom-to-school"), "reference": "opened"}))
    place.do(world.everybody_says_yes("tom-to-school"))
    body = world.body("tom-to-school")
    (folder / "body.json").write_text(json.dumps(body))
    tokens = {
        "SENDER": place.do(world.token(SENDER)),
        "READER": place.do(world.token(*world.professional("ib-joris"))),
        "OPEN": opened,
    }
    arguments = (f"{place.url}/v1", str(folder / "body.json"))
    told = json.loads(used(ROOT / "tests/generator/use.py", folder, *arguments, **tokens))
    assert told["asked"] == told["signers"] == ["father", "mother", "tom"]
    assert told["sent"] == [told["id"], opened]
    assert told["until"] > "2026"
    assert told["faults"] == ["/kind"]
    assert told["denied"][0] == 403
    assert told["denied"][1]
    assert told["released"] == [["status", body["sections"][0]["content"]]]
    assert told["acknowledged"] == 204


def test_every_operation_has_a_name_that_a_developer_would_give_it() -> None:
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            assert name.isalpha(), (method, path)
            assert name[0].islower(), (method, path)
            assert len(name) < 30, (method, path)


def test_nothing_of_a_body_is_anything() -> None:
    """What a generator cannot read becomes `Any`: `oneOf` beside properties, lists of whatever, problems without faults."""
    schemas = description()["components"]["schemas"]
    free = {("SectionBody", "content"), ("ReleasedOut", "content")}
    for name, schema in schemas.items():
        assert not ({"oneOf", "anyOf", "allOf"} & set(schema) and "properties" in schema), name
        for field, found in schema.get("properties", {}).items():
            known = {"type", "$ref", "anyOf", "oneOf", "enum", "const"} & set(found)
            assert known or (name, field) in free, (name, field)
    assert schemas["Problem"]["properties"]["errors"]["anyOf"][0]["items"] == {"$ref": "#/components/schemas/FaultOut"}
