"""Sizes, languages and what will go: small rules that hold for every operation."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from broker.api.answers import Deprecated, documented
from broker.api.bodies import LARGEST
from broker.api.deps import Api
from broker.api.headers import MOST_HEADERS
from broker.api.openapi import describe
from broker.api.routes import install_api
from broker.errors import NotFound
from broker.services.alarms import Alarms
from tests.promises.attacks import TOM
from tests.support.surface import rows_of
from tests.support.world import URL, World

SENDER = "00000099000000010000"
GOES = Deprecated(
    since=datetime(2027, 1, 1, tzinfo=UTC), sunset=datetime(2027, 12, 31, 12, tzinfo=UTC), link=f"{URL}/docs#old"
)


@pytest.fixture
def old() -> FastAPI:
    """The API with an operation that will go."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    nobody = cast(Api, SimpleNamespace(alarms=Alarms(), public_url=URL))
    install_api(app, nobody, lambda _request, error: (_ for _ in ()).throw(error))

    @app.get("/v1/old", **documented("Go another way", None, 204, errors=(404,), deprecated=GOES))
    async def _old(wrong: bool = False) -> Response:
        if wrong:
            raise NotFound
        return Response(status_code=204)

    return app


async def test_what_will_go_says_so_on_every_answer_and_in_the_description(old: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=old), base_url=URL) as http:
        for query, status in (("", 204), ("?wrong=true", 404), ("?wrong=perhaps", 400)):
            response = await http.get(f"/v1/old{query}")
            assert response.status_code == status
            assert response.headers["deprecation"] == "@1798761600"
            assert response.headers["sunset"] == "Fri, 31 Dec 2027 12:00:00 GMT"
            assert response.headers["link"] == f'<{URL}/docs#old>; rel="deprecation"; type="text/html"'
        assert "deprecation" not in (await http.get("/livez")).headers
    assert describe(old, URL)["paths"]["/old"]["get"]["deprecated"] is True


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_goes_now(world: World) -> None:
    document = (await world.http.get("/v1/openapi.json")).json()
    assert not [path for path, item in document["paths"].items() for one in item.values() if one.get("deprecated")]


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 4096):
        yield b" " * 4096


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_body_without_a_length_is_not_read_to_its_end(world: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        async for piece in _pieces(4 * LARGEST):
            read += len(piece)
            yield piece

    headers = {"Authorization": f"Bearer {await world.token(SENDER)}", "Content-Type": "application/json"}
    response = await world.http.post("/v1/handovers", headers=headers, content=endless())
    assert (response.status_code, response.json()["type"]) == (413, "urn:rondom:problem:too-large")
    assert "content-length" not in response.request.headers
    assert await rows_of(world, "handover") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_headers_and_address_have_a_bound(world: World) -> None:
    token = await world.token(SENDER)
    bearer = {"Authorization": f"Bearer {token}"}
    fits = MOST_HEADERS - 2000
    assert (await world.http.get("/v1/organisations", headers={**bearer, "X-A": "a" * fits})).status_code == 200
    many = {f"X-{number}": "a" * 100 for number in range(400)}
    for path, headers in (
        ("/v1/organisations", {**bearer, "X-A": "a" * MOST_HEADERS}),
        ("/v1/organisations", {**bearer, **many}),
        ("/v1/organisations?x=" + "a" * MOST_HEADERS, bearer),
        ("/v1/" + "a" * MOST_HEADERS, bearer),
    ):
        response = await world.http.get(path, headers=headers)
        assert (response.status_code, response.json()["type"]) == (431, "urn:rondom:problem:headers-too-large")
        assert response.headers["api-version"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("nl", "nl"),
        ("nl-NL", "nl"),
        ("NL", "nl"),
        ("en, nl", "en"),
        ("en;q=0.5, nl;q=0.6", "nl"),
        ("en ; q=0.5 , nl ; Q=0.6", "nl"),
        ("fr, nl;q=0.1", "nl"),
        ("nl;q=0", "en"),
        ("nl;q=1.5", "en"),
        ("nl;q=inf", "en"),
        ("nl;q=nan", "en"),
        ("nlx", "en"),
        ("*", "en"),
        ("", "en"),
    ],
)
async def test_a_refusal_is_in_the_language_that_is_preferred(world: World, asked: str, answered: str) -> None:
    response = await world.http.get("/v1/organisations", headers={"Accept-Language": asked})
    assert response.headers["content-language"] == answered
    assert response.json()["title"] == {"nl": "Niet aangemeld", "en": "Not authenticated"}[answered]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_description_names_every_rule(world: World) -> None:
    document: dict[str, Any] = (await world.http.get("/v1/openapi.json")).json()
    keyed = {
        path
        for path, item in document["paths"].items()
        for one in item.values()
        if any(parameter["name"] == "Idempotency-Key" for parameter in one.get("parameters", ()))
    }
    posts = {path for path, item in document["paths"].items() if "post" in item}
    assert keyed == posts - {"/subjects/_search", "/timelines", "/involvements"}, (
        "whatever changes something can be sent again"
    )
    one = document["paths"]["/handovers/{id}"]
    assert {p["name"] for p in one["get"]["parameters"]} == {"id", "If-None-Match"}
    assert {p["name"] for p in one["delete"]["parameters"]} == {"id", "If-Match"}
    assert {"200", "304"} <= {s for s, a in one["get"]["responses"].items() if "ETag" in a["headers"]}
    for item in document["paths"].values():
        for operation in item.values():
            limited = {s for s, a in operation["responses"].items() if "RateLimit" in a["headers"]}
            assert ("429" in operation["responses"]) == bool(operation.get("security"))
            assert bool(limited) == bool(operation.get("security"))
    assert TOM not in str(document)
