"""Operations that FastAPI does not run: nothing that it would have seen to is left out."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.applications import Starlette

from broker.api import releases
from broker.api.by_hand import ByHand, ShortWay
from broker.api.deps import AsProfessional, Use
from broker.domain.parties import Professional
from tests.support.calling import call
from tests.support.surface import NO_SUCH_ID
from tests.support.world import World

SENDER, READER = "00000099000000010000", "ib-joris"
PATH = "/v1/releases"
ASKED = {"handover": NO_SUCH_ID, "purpose": "support-at-school"}


def scope(method: str, path: str, kind: str = "http") -> dict[str, object]:
    return {"type": kind, "method": method, "path": path}


def test_only_the_very_method_and_address_go_the_short_way() -> None:
    way = ShortWay(Starlette(), releases.router.routes, {})
    found = way.at(scope("POST", PATH))
    assert found is not None
    assert found.path == PATH, "counted and logged by its template"
    for other in (
        scope("GET", PATH),
        scope("POST", PATH + "/"),
        scope("POST", "/V1/releases"),
        scope("POST", "//v1/releases"),
        scope("POST", "/v1/releases/{id}/acknowledgement"),
        scope("POST", "/elsewhere" + PATH),
        {"type": "websocket", "path": PATH},
        {**scope("POST", PATH), "root_path": "/v1"},
    ):
        assert way.at(other) is None, other


def test_what_cannot_be_had_by_hand_is_refused_when_the_broker_starts() -> None:
    """Above all a caller: nobody is let in because a parameter was passed over."""

    async def somebody() -> Professional:
        raise AssertionError("never called")

    async def query(request: Request, most: Annotated[int, Query()] = 3) -> Response:
        raise AssertionError("never called")

    async def other(who: Annotated[Professional, Depends(somebody)]) -> Response:
        raise AssertionError("never called")

    async def bare(who: Professional) -> Response:
        raise AssertionError("never called")

    for endpoint in (query, other, bare):
        with pytest.raises(TypeError, match="by hand"):
            ByHand("/x", endpoint)

    async def good(request: Request, api: Use, who: AsProfessional) -> Response:
        raise AssertionError("never called")

    assert isinstance(ByHand("/x", good), APIRoute)
    with pytest.raises(TypeError, match="beside the signature"):
        ByHand("/x", good, dependencies=[Depends(somebody)])


def test_every_release_operation_says_who_may_call() -> None:
    """Closed by default also here: each asks for the professional before anything else of the request."""
    for route in releases.router.routes:
        assert isinstance(route, ByHand)
        names = list(route.endpoint.__annotations__)
        assert min(names.index(n) for n in ("professional", "holder") if n in names) < names.index("key")


def test_another_class_of_routes_is_left_alone() -> None:
    router = APIRouter()

    @router.get("/y")
    async def y() -> Response:
        raise AssertionError("never called")

    assert ShortWay(Starlette(), router.routes, {}).at(scope("GET", "/y")) is None


async def test_who_calls_comes_before_everything_else(world: World) -> None:
    """Without a token nobody hears of a body, a key or an id; as an organisation neither."""
    wrong = {"Idempotency-Key": "two words", "Content-Type": "text/plain", "Content-Length": "4000000"}
    for address in (PATH, f"{PATH}/nothing/acknowledgement"):
        nobody = await world.http.post(address, headers=wrong, content=b"{")
        assert nobody.status_code == 401
        assert "ratelimit" not in nobody.headers
        itself = await call(world, SENDER, "POST", address, None, Idempotency_Key="two words")
        assert itself.status_code == 403
        assert itself.headers["ratelimit"].startswith('"organisation";r=')


async def test_then_the_key_then_the_form_then_the_body(world: World) -> None:
    found = await call(world, READER, "POST", PATH, None, Idempotency_Key="two words")
    assert (found.status_code, found.json()["errors"][0]["pointer"]) == (400, "/Idempotency-Key")
    assert (await call(world, READER, "POST", PATH, None)).status_code == 415
    found = await call(world, READER, "POST", PATH, {"purpose": 3, "more": 1})
    assert found.status_code == 400
    assert {fault["pointer"] for fault in found.json()["errors"]} == {"/handover", "/purpose", "/more"}
    found = await call(world, READER, "POST", PATH, ASKED, Accept_Language="nl")
    assert (found.status_code, found.json()["title"]) == (404, "Niet gevonden")
    assert found.headers["content-language"] == "nl"
    assert found.headers["api-version"]
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["ratelimit"].startswith('"organisation";r=')


async def test_other_methods_at_the_address_are_named(world: World) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        found = await call(world, READER, method, PATH)
        assert (found.status_code, found.headers["allow"]) == (405, "POST")
