"""P15: whatever is sent to an operation of the API, by whomever, is answered as the description of the API says.

Every operation of `/v1/openapi.json` is called with generated input, fitting the description and not, mixed with what is
really there; by an organisation that sends, one that receives, a professional, and by nobody. What stands outside the
description is called by tests of its own, named in `ELSEWHERE`.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.agreed import agreed as agreements
from tests.support.agreed import task_of
from tests.support.api_description import ADDRESS, description
from tests.support.surface import inventory, leaks, personal
from tests.support.world import ROOT, URL, World
from tests.support.writing import ask_to_erase, write

HANDOVER, WHO = "tom-to-school", "ib-joris"
DESCRIPTION = description()
OPERATIONS = [
    f"{method.upper()} {path}" for path, item in sorted(DESCRIPTION["paths"].items()) for method in sorted(item)
]
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION, config=SchemathesisConfig())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FURTHER = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
MANY, FEW = settings().max_examples // 5, settings().max_examples // 12
"""Cases of one operation on SQLite and on PostgreSQL; each is sent by every caller. `make fuzz` makes thirty times as many."""
ELSEWHERE = {
    "GET /v1/openapi.json": (
        "tests/integration/test_api_openapi.py",
        "the description itself, which does not describe itself",
    ),
    "POST /oauth/token": (
        "tests/promises/test_p15_bad_tokens.py",
        "RFC 6749 says what it takes and answers; not in the description, for its address is not below /v1",
    ),
    "GET /.well-known/oauth-authorization-server": (
        "tests/integration/test_api_endpoints.py",
        "RFC 8414; takes no input",
    ),
    "GET /.well-known/jwks.json": ("tests/support/surface.py", "RFC 7517; takes no input"),
    "GET /.well-known/authzen-configuration": ("tests/integration/test_evaluations.py", "AuthZEN 1.0; takes no input"),
    "POST /access/v1/evaluation": ("tests/integration/test_evaluations.py", "AuthZEN 1.0 describes it"),
    "POST /access/v1/evaluations": ("tests/integration/test_evaluations.py", "AuthZEN 1.0 describes it"),
    "GET /livez": ("tests/integration/test_api_endpoints.py", "for the machine; takes no input"),
    "GET /readyz": ("tests/integration/test_api_endpoints.py", "for the machine; takes no input"),
    "GET /metrics": ("tests/integration/test_api_endpoints.py", "for the machine; takes no input"),
}
"""What the API does beside its description: which tests attack it, and why it is not described."""
PAGES = re.compile(
    r"[A-Z*]+ /((audio|check|check-in|code|console|contact|docs|exit|language|mine|one-time-code|partners|questions|receipt"
    r"|sign-out|signed-out|static|verify)(/.*)?)?"
)
"""What addresses of pages begin with: for people, attacked by `test_p15_bad_forms.py` and `test_p05_*.py`."""


# what is attacked is all there is


async def served(world: World) -> dict[str, Any]:
    response = await world.http.get("/v1/openapi.json")
    described: dict[str, Any] = json.loads(response.text.replace(URL, ADDRESS))
    return described


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_attacked_is_what_the_broker_serves(world: World) -> None:
    assert await served(world) == description()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_route_is_attacked_or_said_to_be_attacked_elsewhere(world: World) -> None:
    looks, acts = inventory(world.app)
    there = {f"GET {path}" for path in looks} | acts
    attacked = {f"{method} /v1{path}" for method, path in map(str.split, OPERATIONS)}
    api = {route.replace(":path}", "}") for route in there if not PAGES.fullmatch(route)}
    assert api == attacked | set(ELSEWHERE)
    assert not attacked & set(ELSEWHERE)
    for route, (tests, reason) in ELSEWHERE.items():
        assert route.split()[1] in await asyncio.to_thread((ROOT / tests).read_text), f"{tests} never asks for {route}"
        assert reason


# what there is to ask about


LOOKED_FOR = {"identifier": {"system": "bsn", "value": "999990019"}, "purpose": "education-support"}


@dataclass(frozen=True)
class Scene:
    """A broker in which something happened, with what it takes to ask about that."""

    world: World
    callers: dict[str, dict[str, str]]
    """Headers by who calls."""
    known: dict[str, list[str]]
    """By the name of a parameter, or for `id` by what it is the id of: values that lead to something."""
    bodies: dict[str, list[Any]]
    """By operation: bodies that are taken."""
    secrets: list[str]


@pytest.fixture
async def scene(world: World) -> Scene:
    """One handover was read, corrected and written about; another waits for answers; the family of a third stopped."""
    body = {
        **world.body(HANDOVER),
        "sections": [*world.body(HANDOVER)["sections"], agreements(world, "school", about="tom")],
    }
    first = await world.push(HANDOVER, body)
    await world.everybody_says_yes(HANDOVER)
    release = (await world.ask(HANDOVER, WHO)).json()["id"]
    wish = await write(world, HANDOVER, "tom", "status", "Het was dinsdag.")
    erasure = await ask_to_erase(world, HANDOVER, "tom")
    corrected = {**body, "consentUntil": "P5M"}
    sender, (school, claims) = world.sender(HANDOVER), world.professional(WHO)
    done = await world.as_organisation(sender, "POST", f"/v1/handovers/{first}/versions", corrected)
    assert done.status_code == 201, done.text
    waiting = {**world.body(HANDOVER), "reference": "a-second-one"}
    second = (await world.as_organisation(sender, "POST", "/v1/handovers", waiting)).json()["id"]
    told = (await world.as_organisation(school, "GET", "/v1/events")).json()["items"]
    await world.settle()
    own, theirs = await world.token(sender), await world.token(school)
    professional = await world.token(school, claims)
    agreed = "\n".join(world.broker.house.agreement().texts.values())
    wanted = {"handover": first, "purpose": "education-support"}
    return Scene(
        world,
        {
            "the sender": {"Authorization": f"Bearer {own}"},
            "the school": {"Authorization": f"Bearer {theirs}"},
            "the professional": {"Authorization": f"Bearer {professional}"},
            "nobody": {},
        },
        {
            "/handovers": [first, second],
            "/releases": [release],
            "reaction": [wish, erasure],
            "oin": [sender, school],
            "task": [task_of(body, "school")],
            "after": [told[0]["id"], first],
            "entry": ["0", "3", "99999", "999999999999999999999999"],
            "path": ["0/000.p/1", "0/x001/000", "entries/000.p/1", "0/000", "9/000", "0/000.p/257"],
        },
        {
            "POST /handovers": [{**waiting, "reference": "a-third-one"}, waiting],
            "POST /handovers/{id}/versions": [corrected],
            "POST /handovers/{id}/invitations": [{"person": "tom", "delivery": way} for way in ("paper", "message")],
            "POST /handovers/{id}/reactions/{reaction}/answer": [
                {"outcome": outcome, "explanation": "Wij spraken Tom elke week."} for outcome in ("corrected", "erased")
            ],
            "POST /releases/{id}/sign-offs": [
                {"digest": "0" * 64, "agrees": False, "text": "Wij spraken Tom elke week."},
                {"digest": "0" * 64, "agrees": True},
            ],
            "POST /handovers/{id}/tasks/{task}/status": [{"status": one} for one in ("under-way", "done", "dropped")],
            "PUT /handovers/{id}/long-watch": [{"every": "P1M", "people": ["tom"]}],
            "POST /releases": [wanted, {**wanted, "sections": ["status"]}],
            "POST /timelines": [LOOKED_FOR],
            "POST /involvements": [LOOKED_FOR],
            "POST /subjects/_search": [{"identifier": {"system": "bsn", "value": "999990019"}}],
        },
        [secret for secret in personal(world) if not leaks(agreed, [secret])],
    )


@cache
def generated(operation: str) -> st.SearchStrategy[schemathesis.Case]:
    """Cases of one operation; also such as do not fit, where there is anything that cannot fit."""
    method, path = operation.split()
    described = DESCRIPTION["paths"][path][method.lower()]
    make = partial(SCHEMA[path][method].as_strategy, feedback=NO_FEEDBACK)  # otherwise it reads words from our own code
    fits = make(GenerationMode.POSITIVE)
    told = [p for p in described.get("parameters", ()) if p["in"] == "query"]
    if not told and "requestBody" not in described:
        return fits
    return fits | make(GenerationMode.NEGATIVE)


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(["application/json", "text/html", "text/html;q=0.9, */*", "image/png", "x"]),
        "Accept-Language": st.sampled_from(["nl", "en;q=x", "tlh, *;q=0.1", "nl;q=0.9,en;q=1.0"]),
        "Content-Type": st.sampled_from(
            ["application/json", "application/json; charset=utf-8", "application/JSON", "text/plain", "a/b/c"]
        ),
    },
)


@dataclass(frozen=True)
class Sent:
    """What goes over the line."""

    case: schemathesis.Case
    request: requests.PreparedRequest
    texts: frozenset[str] = field(default=frozenset())


def sent(draw: st.DrawFn, scene: Scene, operation: str, case: schemathesis.Case) -> Sent:
    """The case, in which some of what was made up is replaced by what is there."""
    for name, made in case.path_parameters.items():
        known = scene.known["/" + case.path.split("/")[1] if name == "id" else name]
        case.path_parameters[name] = draw(st.sampled_from([*known, *known, made]))
    if "after" in (case.query or {}):
        case.query["after"] = draw(st.sampled_from([case.query["after"], *scene.known["after"]]))
    whole, made = draw(st.sampled_from(scene.bodies.get(operation, [None]))), case.body
    if whole is not None and isinstance(made, dict) and draw(st.integers(0, 2)):
        swapped = draw(st.sets(st.sampled_from(sorted(made)), max_size=2)) if made else set()
        case.body = {**whole, **{name: made[name] for name in sorted(swapped)}}
    kwargs = case.as_transport_kwargs(base_url=f"{URL}/v1")
    kwargs["headers"] = {**kwargs["headers"], **draw(HEADERS)}
    request = requests.Request(**kwargs).prepare()
    texts = {text for part in (case.path_parameters, case.query, case.body) for text in texts_in(part)}
    if operation == "POST /releases" and isinstance(case.body, dict):
        texts -= set(texts_in(case.body.get("sections")))  # withheld by the name that it was asked for by
    return Sent(case, request, frozenset(text for text in texts if len(text) > 5 and text not in WORDS))


@cache
def own_words() -> str:
    """Whatever stands in our own code: hypothesis reads it for ideas, and an answer may well hold it."""
    return "\n".join([WORDS, *(path.read_text() for path in sorted((ROOT / "broker").rglob("*.py")))])


WORDS = json.dumps(DESCRIPTION, ensure_ascii=False)


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, without the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


# what is said of an answer


def check(scene: Scene, caller: str, what: Sent, response: httpx.Response) -> None:
    """The answer is one that the description tells of, and repeats nothing about people."""
    what.case.validate_response(answer_of(what, response), checks=CHECKS)
    secured = "security" in DESCRIPTION["paths"][what.case.operation.path][what.case.method.lower()]
    if secured and caller == "nobody":
        assert response.status_code == 401
    if (what.case.operation.label, response.status_code) not in TELLS_OF_PEOPLE:
        assert leaks(response.content, scene.secrets) == []
    if response.status_code >= 400:
        said = f"{response.text} {dict(response.headers)}"
        assert [text for text in what.texts if text in said and text not in own_words()] == []


TELLS_OF_PEOPLE = {
    ("POST /releases", 200),
    ("GET /handovers/{id}/reactions", 200),
    ("GET /handovers/{id}/sign-offs", 200),
    ("POST /handovers/{id}/reactions/{reaction}/answer", 200),
}
"""Where texts about people are what was asked for."""


def answer_of(what: Sent, response: httpx.Response) -> schemathesis.Response:
    """The same answer, as the checks take it."""
    headers = {name: response.headers.get_list(name) for name in response.headers}
    return schemathesis.Response(
        response.status_code, headers, response.content, what.request, 0.0, verify=False, encoding=response.encoding
    )


async def send_as_everybody(scene: Scene, operation: str, data: st.DataObject) -> None:
    what = sent(data.draw, scene, operation, data.draw(generated(operation)))
    for caller, credentials in scene.callers.items():
        request = httpx.Request(
            str(what.request.method),
            str(what.request.url),
            headers={**what.request.headers, **credentials},
            content=what.request.body or b"",
        )
        check(scene, caller, what, await scene.world.http.send(request))


def looking(examples: int) -> settings:
    """The same cases in every run, and a failing one as it came: making it smaller costs minutes, and `make fuzz` does it."""
    return settings(
        max_examples=examples,
        derandomize=not FURTHER,
        database=None,
        phases=tuple(Phase) if FURTHER else (Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@looking(MANY)
@given(data=st.data())
async def test_every_operation_answers_as_described(scene: Scene, operation: str, data: st.DataObject) -> None:
    await send_as_everybody(scene, operation, data)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@looking(FEW)
@given(data=st.data())
async def test_every_operation_answers_as_described_on_postgresql(
    scene: Scene, operation: str, data: st.DataObject
) -> None:
    await send_as_everybody(scene, operation, data)
