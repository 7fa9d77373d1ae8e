"""What stands around the release: CPU of one `POST /v1/releases` whose use case answers at once, without the network.

Beside it, answering the same bytes to the same body: a bare Starlette route, and a plain FastAPI endpoint with models.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from broker.domain.handovers import Content
from broker.domain.parties import Organisation
from broker.domain.releases import ReleaseRequest
from broker.services.releases import Admission, Release
from broker.services.releasing import Released
from tests.bench.measure import Effort, Result, Way, compare_work
from tests.bench.releases import a_world
from tests.promises.attacks import READER, TOM
from tests.support.world import World

MATTER = "What stands around a release, beside a bare route"
PATH = "/v1/releases"
BODY = {"handover": "0199c6a0-0000-7000-8000-000000000000", "purpose": "support-at-school", "sections": ["status"]}
CONTENT = orjson.dumps({"text": "x" * 2000})
ANSWER = Release(
    "0199c6a0-0000-7000-8000-000000000001",
    (Released("status", Content("application/json", CONTENT)),),
    (),
    "0" * 64,
    {"leaf": "x" * 600, "signature": "y" * 88, "kid": "z" * 43},
)


class Immediately:
    """Answers every release at once, with the same."""

    async def ask(self, request: ReleaseRequest, _attempt: object, _wait: float, admit: Admission) -> Release:
        """The same as before, to whoever asks."""
        admit(Organisation(request.professional.organisation, "", "", suspended=False))
        return ANSWER


class Ask(BaseModel):
    """What a plain endpoint would take."""

    handover: str
    purpose: str
    sections: list[str] | None = None


class Section(BaseModel):
    """One section of what a plain endpoint would answer."""

    type: str
    mediaType: str  # noqa: N815 - as it is called on the wire
    content: dict[str, Any]
    disputed: bool
    reactions: list[dict[str, Any]]


class Answer(BaseModel):
    """What a plain endpoint would answer."""

    id: str
    released: list[Section]
    withheld: list[dict[str, Any]]
    policyDigest: str  # noqa: N815
    receipt: dict[str, Any]


async def run(effort: Effort) -> list[Result]:
    """In one process. How the organisation stands is asked by the release, and so not here."""
    effort = effort if effort.tiny else replace(effort, calls=300, rounds=9)
    found = []
    async with a_world("sqlite") as world:
        token = await world.token(*world.professional(READER[TOM]))
        ours = calling(edge_of(world), token)
        answer = json.loads(await ours())
        floors = {
            "starlette": ("a bare Starlette route", calling(starlette(answer), token)),
            "fastapi": ("a FastAPI endpoint with models", calling(fastapi(answer), token)),
        }
        for name, (what, floor) in floors.items():
            assert json.loads(await floor()) == answer
            ratio, a, b = (await compare_work(effort, Way(ours), Way(floor)))["cpu"]
            found.append(Result(f"edge_vs_{name}", f"beside {what}", ratio, a * 1e6, b * 1e6, "µs CPU"))
    return found


def edge_of(world: World) -> ASGIApp:
    """The application of a world, whose releases are answered at once."""
    state: Any = world.app.state
    state.api = replace(state.api, releases=Immediately())
    app: ASGIApp = world.app
    return app


def calling(app: ASGIApp, token: str) -> Callable[[], Awaitable[bytes]]:
    """One call of the application, as a server would make it. Returns the body of the answer."""
    raw = orjson.dumps(BODY)
    headers: Mapping[str, str] = {
        "host": "localhost",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "bench",
        "content-type": "application/json",
        "content-length": str(len(raw)),
        "authorization": f"Bearer {token}",
    }
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def call() -> bytes:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1", 4711),
            "scheme": "http",
            "method": "POST",
            "root_path": "",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "headers": sent,
            "state": {},
        }
        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        await app(scope, receive, send)
        assert said[0]["status"] == 200, said
        return b"".join(message.get("body", b"") for message in said)

    return call


def starlette(answer: dict[str, Any]) -> ASGIApp:
    """A bare route: the body read as JSON, the same bytes answered."""

    async def ask(request: Request) -> Response:
        await request.json()
        return Response(orjson.dumps(answer), media_type="application/json")

    return Starlette(routes=[Route(PATH, ask, methods=["POST"])])


def fastapi(answer: dict[str, Any]) -> ASGIApp:
    """What most would write: a model in, a model out."""
    app = FastAPI()

    @app.post(PATH)
    async def ask(body: Ask) -> Answer:
        return Answer.model_validate(answer)

    return app
