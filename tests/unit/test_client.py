"""The client fetches a token when it needs one, keeps it while it is good, and passes refusals on whole."""

import json

import httpx
import jwt
import pytest

from broker import client as module
from broker.client import Client, ClientKey, Refused
from tests.factories import SENDER, a_body

URL = "https://broker.example"
KEY = ClientKey.new()


class Broker:
    """Answers as a broker does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.forms: list[dict[str, str]] = []
        self.answer = httpx.Response(200, json={"id": "h-1"})
        self.token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path == "/oauth/token":
            self.forms.append(dict(httpx.QueryParams(request.content.decode())))
            return self.token
        self.asked.append(request)
        return self.answer


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def client(broker):
    with Client(URL + "/", SENDER, KEY, language="en", transport=httpx.MockTransport(broker)) as client:
        yield client


def claims(assertion: str) -> dict:
    assert jwt.get_unverified_header(assertion)["kid"] == KEY.kid
    return jwt.decode(assertion, KEY.private.public_key(), algorithms=["EdDSA"], audience=URL)


def test_a_push_carries_a_token_the_body_and_the_language(client, broker):
    assert client.push(a_body()) == {"id": "h-1"}
    (request,) = broker.asked
    assert (request.method, request.url.path) == ("POST", "/v1/handovers")
    assert request.headers["Authorization"] == "Bearer t-1"
    assert request.headers["Accept-Language"] == "en"
    assert json.loads(request.content) == a_body()
    (form,) = broker.forms
    assert form["grant_type"] == "client_credentials"
    proof = claims(form["client_assertion"])
    assert (proof["iss"], proof["sub"]) == (SENDER, SENDER)


def test_a_token_is_used_until_shortly_before_its_end(client, broker, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "time", lambda: clock[0])
    client.handovers()
    clock[0] += 269
    client.handovers()
    assert len(broker.forms) == 1
    clock[0] += 2
    client.handovers()
    assert len(broker.forms) == 2
    jtis = {jwt.decode(form["client_assertion"], options={"verify_signature": False})["jti"] for form in broker.forms}
    assert len(jtis) == 2


def test_each_professional_has_a_token_of_their_own_and_is_vouched_for_by_name_and_role(client, broker):
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    anna.ask("h-1", "coordination")
    anna.search("123456782")
    client.as_professional("cd-34", "C. de Boer", "family-worker").received()
    assert len(broker.forms) == 2
    proof = claims(broker.forms[0]["assertion"])
    assert broker.forms[0]["grant_type"].endswith("jwt-bearer")
    assert (proof["iss"], proof["sub"], proof["name"], proof["role"]) == (
        SENDER, "ab-12", "A. Bakker", "family-worker",
    )  # fmt: skip


def test_each_call_goes_where_it_belongs(client, broker):
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    calls = [
        (lambda: client.handover("h-1"), "GET", "/v1/handovers/h-1", None),
        (lambda: client.handovers("sent", "h-9"), "GET", "/v1/handovers", None),
        (lambda: client.withdraw("h-1"), "DELETE", "/v1/handovers/h-1", None),
        (
            lambda: client.invite("h-1", "mother"), "POST", "/v1/handovers/h-1/invitations",
            {"person": "mother", "delivery": "paper"},
        ),
        (lambda: anna.ask("h-1", "p"), "POST", "/v1/releases", {"handover": "h-1", "purpose": "p"}),
        (
            lambda: anna.ask("h-1", "p", ["status"]), "POST", "/v1/releases",
            {"handover": "h-1", "purpose": "p", "sections": ["status"]},
        ),
        (lambda: anna.acknowledge("r-1"), "POST", "/v1/releases/r-1/acknowledgement", None),
        (
            lambda: anna.search("123456782"), "POST", "/v1/subjects/_search",
            {"identifier": {"system": "bsn", "value": "123456782"}},
        ),
    ]  # fmt: skip
    for call, method, path, body in calls:
        call()
        request = broker.asked[-1]
        assert (request.method, request.url.path) == (method, path)
        assert (json.loads(request.content) if request.content else None) == body
        assert "123456782" not in str(request.url)


def test_a_refusal_carries_status_and_problem(client, broker):
    problem = {"title": "Invalid", "detail": "The input is not right.", "errors": [{"pointer": "/kind", "detail": "x"}]}
    broker.answer = httpx.Response(400, json=problem, headers={"Content-Type": "application/problem+json"})
    with pytest.raises(Refused, match="400 Invalid: The input is not right") as refused:
        client.push({})
    assert (refused.value.status, refused.value.problem) == (400, problem)


def test_a_refused_token_is_a_refusal_and_nothing_else_is_asked(client, broker):
    broker.token = httpx.Response(401, json={"error": "invalid_client"})
    with pytest.raises(Refused, match="401 invalid_client"):
        client.push({})
    assert broker.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>"),
        httpx.Response(500),
        httpx.Response(503, json=["x"]),
        httpx.Response(404, json="x"),
        httpx.Response(302, headers={"Location": "https://evil.example"}),
    ],
)
def test_an_answer_that_is_no_problem_document_is_a_refusal_too(client, broker, answer):
    broker.answer = answer
    with pytest.raises(Refused) as refused:
        client.push({})
    assert (refused.value.status, refused.value.problem) == (answer.status_code, {})


@pytest.mark.parametrize("token", [{}, {"access_token": "x"}, {"access_token": "x", "expires_in": "y"}, []])
def test_what_is_no_token_endpoint_is_a_refusal(client, broker, token):
    broker.token = httpx.Response(200, json=token)
    with pytest.raises(Refused, match="no broker"):
        client.push({})


def test_no_content_is_nothing(client, broker):
    broker.answer = httpx.Response(204)
    assert client.withdraw("h-1") is None


def test_a_token_and_a_key_never_print(client, broker):
    client.push({})
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    anna.ask("h", "p")
    for printed in (repr(client), repr(anna), repr(client._token), repr(anna._token)):
        assert "t-1" not in printed


def test_a_dry_run_is_asked_for_as_such(client, broker):
    broker.answer = httpx.Response(200, json={"dryRun": True})
    assert client.dry_run(a_body()) == {"dryRun": True}
    assert (broker.asked[-1].method, str(broker.asked[-1].url)) == ("POST", f"{URL}/v1/handovers?dryRun=true")


def test_a_sheet_is_asked_for_as_a_page_and_a_refusal_is_passed_on(client, broker):
    broker.answer = httpx.Response(201, html="<h1>K7QD</h1>")
    assert client.sheet("h-1", "mother") == "<h1>K7QD</h1>"
    (request,) = broker.asked
    assert (request.method, request.url.path) == ("POST", "/v1/handovers/h-1/invitations")
    assert request.headers["Accept"] == "text/html"
    assert json.loads(request.content) == {"person": "mother", "delivery": "paper"}
    broker.answer = httpx.Response(409, json={"title": "Conflict", "detail": "There is nothing to ask."})
    with pytest.raises(Refused, match="nothing to ask"):
        client.sheet("h-1", "mother")
