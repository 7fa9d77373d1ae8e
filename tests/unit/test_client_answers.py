"""The client is whole: every operation of the API is one of its methods, and its types say what the API says."""

import re
from collections.abc import Callable
from typing import Any, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import httpx
import pytest
from pydantic import BaseModel

from broker.api import schemas
from broker.client import Client, ClientKey, answers, lifelines
from tests.factories import SENDER, a_body
from tests.support.api_description import description

OTHERWISE = {
    "Event": "PartnerEventOut",
    "EventData": "PartnerEventData",
    "EventPage": "PartnerEventPage",
    "Agreement": "PolicyOut",
}
"""Types whose name in the client is another one than in the description."""
OF_ERRORS = {"Fault"}
OPENED = {"OpenedPart", "OpenedTimeline", "OpenedInvolvements"}
"""What the client makes of an answer when it opens what is sealed."""
FOR_ANYBODY = ("/v1/log/", "/v1/contexts/")
"""Read without a token, by whoever checks the log: not by an organisation in its work."""
ANSWERED = {"/v1/sealing-keys": {"keys": []}, "/v1/webhook-keys": {"keys": []}}


ALL = {**vars(answers), **vars(lifelines)}


def types() -> list[str]:
    found = {name for name, kind in ALL.items() if is_typeddict(kind) and not name.startswith("_")}
    return sorted(found - OF_ERRORS - OPENED)


def model(name: str) -> type[BaseModel]:
    for candidate in (OTHERWISE.get(name, ""), f"{name}Out", name):
        if hasattr(schemas, candidate):
            return getattr(schemas, candidate)
    raise LookupError(name)


def told(model: type[BaseModel]) -> dict[str, Any]:
    """The description of an answer, by name: its type in plain words, and whether it is always there."""
    schema = model.model_json_schema()
    optional = {field.alias for field in model.model_fields.values() if not field.is_required()}
    return {name: (of_schema(found), name not in optional) for name, found in schema["properties"].items()}


def of_schema(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        kinds = [of_schema(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return kinds[0]
    words = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if words:
        return type(words[0]).__name__
    if schema.get("type") == "array":
        return [of_schema(schema["items"])]
    return {"string": "str", "boolean": "bool", "integer": "int", "object": "dict"}.get(schema.get("type", ""), "Any")


def of_hint(hint: Any) -> Any:
    if get_origin(hint) is NotRequired:
        return of_hint(get_args(hint)[0])
    if is_typeddict(hint):
        return model(hint.__name__).__name__
    if get_origin(hint) is list:
        return [of_hint(get_args(hint)[0])]
    if get_origin(hint) is dict:
        return "dict"
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0]).__name__
    if hint is Any:
        return "Any"
    if args := [arg for arg in get_args(hint) if arg is not type(None)]:
        return of_hint(args[0])
    return hint.__name__


@pytest.mark.parametrize("name", types())
def test_a_type_says_what_the_description_says(name: str) -> None:
    kind = ALL[name]
    hints = get_type_hints(kind, include_extras=True)
    mine = {field: (of_hint(hint), field in kind.__required_keys__) for field, hint in hints.items()}
    theirs = told(model(name))
    assert set(mine) == set(theirs)
    for field, (hint, always) in mine.items():
        assert hint == theirs[field][0], field
        assert always == theirs[field][1], field


def test_every_answer_has_its_type() -> None:
    out = {name for name in schemas.__all__ if not name.endswith("Body") and name != "Body"}
    assert out - {model(name).__name__ for name in types()} == set()


class Everything:
    """Says yes to everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        self.asked.append(request)
        if request.method == "DELETE" or path.endswith("/acknowledgement"):
            return httpx.Response(204)
        return httpx.Response(200, json=ANSWERED.get(path, {"items": []}))


def test_every_operation_of_the_api_is_a_method() -> None:
    broker = Everything()
    with Client("https://broker.example", SENDER, ClientKey.new(), transport=httpx.MockTransport(broker)) as client:
        anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
        answer = "/v1/handovers/{id}/reactions/{reaction}/answer"
        calls: dict[Callable[[], Any], tuple[str, str]] = {
            lambda: client.push(a_body()): ("POST", "/v1/handovers"),
            lambda: client.dry_run(a_body()): ("POST", "/v1/handovers"),
            lambda: client.handovers("sent", "h-9"): ("GET", "/v1/handovers"),
            lambda: list(client.every_handover()): ("GET", "/v1/handovers"),
            lambda: client.handover("h-1"): ("GET", "/v1/handovers/{id}"),
            lambda: client.correct("h-1", a_body()): ("POST", "/v1/handovers/{id}/versions"),
            lambda: client.withdraw("h-1"): ("DELETE", "/v1/handovers/{id}"),
            lambda: client.invite("h-1", "mother"): ("POST", "/v1/handovers/{id}/invitations"),
            lambda: client.sheet("h-1", "mother"): ("POST", "/v1/handovers/{id}/invitations"),
            lambda: client.watch("h-1", "P1M", ["mother"]): ("PUT", "/v1/handovers/{id}/long-watch"),
            lambda: client.long_watch("h-1"): ("GET", "/v1/handovers/{id}/long-watch"),
            lambda: client.end_watch("h-1"): ("DELETE", "/v1/handovers/{id}/long-watch"),
            lambda: client.reactions("h-1"): ("GET", "/v1/handovers/{id}/reactions"),
            lambda: client.answer("h-1", "x-1", "corrected", "Het staat er nu goed."): ("POST", answer),
            lambda: client.events("e-1"): ("GET", "/v1/events"),
            lambda: list(client.every_event()): ("GET", "/v1/events"),
            client.webhook: ("GET", "/v1/webhook"),
            lambda: client.register_webhook("https://youth.example/rondom"): ("PUT", "/v1/webhook"),
            client.remove_webhook: ("DELETE", "/v1/webhook"),
            client.webhook_keys: ("GET", "/v1/webhook-keys"),
            lambda: client.handover_and_tag("h-1"): ("GET", "/v1/handovers/{id}"),
            client.organisations: ("GET", "/v1/organisations"),
            lambda: client.receives("o-1"): ("GET", "/v1/organisations/{oin}/receives"),
            client.indicators: ("GET", "/v1/indicators"),
            client.vocabulary: ("GET", "/v1/vocabulary"),
            client.agreement: ("GET", "/v1/policies/current"),
            client.sealing_keys: ("GET", "/v1/sealing-keys"),
            lambda: client.status("r-1"): ("GET", "/v1/releases/{id}"),
            lambda: anna.status("r-1"): ("GET", "/v1/releases/{id}"),
            lambda: anna.ask("h-1", "coordination", ["status"]): ("POST", "/v1/releases"),
            lambda: anna.acknowledge("r-1"): ("POST", "/v1/releases/{id}/acknowledgement"),
            lambda: client.sign_offs("h-1"): ("GET", "/v1/handovers/{id}/sign-offs"),
            lambda: anna.agree("r-1", "0" * 64): ("POST", "/v1/releases/{id}/sign-offs"),
            lambda: anna.see_differently("r-1", "0" * 64, "Anders."): ("POST", "/v1/releases/{id}/sign-offs"),
            lambda: anna.set_task("h-1", "t-1", "done"): ("POST", "/v1/handovers/{id}/tasks/{task}/status"),
            lambda: anna.search("999990019"): ("POST", "/v1/subjects/_search"),
            lambda: anna.timeline("999990019", "coordination"): ("POST", "/v1/timelines"),
            lambda: anna.involvements("999990019", "coordination"): ("POST", "/v1/involvements"),
            lambda: list(anna.every_received()): ("GET", "/v1/handovers"),
        }
        for call, (method, path) in calls.items():
            call()
            request = broker.asked[-1]
            assert request.method == method
            assert re.fullmatch(re.sub(r"{\w+}", "[a-z]-1", path), request.url.path), request.url
            assert ("Idempotency-Key" in request.headers) == (method == "POST")
            assert "999990019" not in str(request.url)
    documented = {(method.upper(), f"/v1{path}") for path, item in description()["paths"].items() for method in item}
    reached = set(calls.values())
    assert reached <= documented
    missing = {(method, path) for method, path in documented - reached if not path.startswith(FOR_ANYBODY)}
    assert not missing, f"no method of the client reaches {sorted(missing)}"
