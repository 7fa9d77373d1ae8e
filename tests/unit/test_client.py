"""The client fetches a token when it needs one, keeps it while it is good, and passes refusals on whole."""

import json

import httpx
import jwt
import pytest

from broker.client import Client, ClientError, ClientKey, Refused, tokens, wire
from tests.factories import SENDER, a_body

URL = "https://broker.example"
KEY = ClientKey.new()


class Broker:
    """Answers as a broker does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.forms: list[dict[str, str]] = []
        self.answer = httpx.Response(200, json={"id": "h-1"})
        self.answers: list[httpx.Response | Exception] = []
        self.token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path == "/oauth/token":
            self.forms.append(dict(httpx.QueryParams(request.content.decode())))
            return self.token
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """How long the client waited, each time; it does not really."""
    waited: list[float] = []
    monkeypatch.setattr(wire.time, "sleep", waited.append)
    return waited


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
    monkeypatch.setattr(tokens.time, "monotonic", lambda: clock[0])
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


def test_a_release_is_asked_for_without_waiting_for_its_proof_unless_that_is_said(client, broker):
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    anna.ask("h-1", "coordination")
    anna.ask("h-1", "coordination", proof=True)
    assert [request.headers.get("Prefer") for request in broker.asked] == [None, "wait=1"]


def test_each_page_is_asked_for_after_the_one_before_and_their_end_is_the_end(client, broker):
    pages = [{"items": [{"id": "a"}, {"id": "b"}], "next": "b"}, {"items": [{"id": "c"}]}]
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    for every, path, box, start in (
        (lambda: client.every_handover("sent"), "/v1/handovers", "sent", ""),
        (client.every_handover, "/v1/handovers", "received", ""),
        (anna.every_received, "/v1/handovers", "received", ""),
        (lambda: client.every_event("z"), "/v1/events", None, "z"),
    ):
        broker.asked.clear()
        broker.answers = [httpx.Response(200, json=page) for page in pages]
        assert [item["id"] for item in every()] == ["a", "b", "c"]
        assert [request.url.path for request in broker.asked] == [path, path]
        assert [request.url.params["after"] for request in broker.asked] == [start, "b"]
        assert [request.url.params.get("box") for request in broker.asked] == [box, box]


def test_pages_that_go_round_end(client, broker):
    broker.answer = httpx.Response(200, json={"items": [], "next": "b"})
    with pytest.raises(Refused, match="go round"):
        list(client.every_handover())
    assert len(broker.asked) == 2


def test_whatever_an_id_holds_it_stays_one_step_of_the_path(client, broker):
    for odd in ("../organisations", "a/b", "x?box=sent", "..", "#", "", "é %2F"):
        client.handover(odd)
        raw = broker.asked[-1].url.raw_path.decode()
        assert raw.startswith("/v1/handovers/")
        step = raw.removeprefix("/v1/handovers/")
        assert not set(step) & set("/?#."), raw


def test_a_refusal_carries_status_and_problem(client, broker):
    problem = {"title": "Invalid", "detail": "The input is not right.", "errors": [{"pointer": "/kind", "detail": "x"}]}
    broker.answer = httpx.Response(400, json=problem, headers={"Content-Type": "application/problem+json"})
    with pytest.raises(Refused, match="400 Invalid: The input is not right") as refused:
        client.push({})
    assert (refused.value.status, refused.value.problem) == (400, problem)
    assert refused.value.faults == ({"pointer": "/kind", "detail": "x"},)
    assert (refused.value.retry_after, refused.value.withheld) == (None, ())


def test_a_denied_release_tells_what_was_withheld_and_its_code(client, broker):
    withheld = [
        {"type": "*", "reasons": [{"code": "no-consent", "message": "m", "nextStep": "n", "useOtherChannel": []}]}
    ]
    problem = {"type": "urn:rondom:problem:release-denied", "status": 403, "detail": "Nothing.", "withheld": withheld}
    broker.answer = httpx.Response(403, json=problem)
    with pytest.raises(ClientError) as refused:
        client.as_professional("ab-12", "A. Bakker", "family-worker").ask("h-1", "coordination")
    assert refused.value.code == "release-denied"
    assert list(refused.value.withheld) == withheld


@pytest.mark.parametrize(
    "problem", [{"errors": 5, "withheld": "x"}, {"errors": [5, None], "withheld": [[]]}, {"type": 5}]
)
def test_a_problem_of_another_shape_breaks_nothing(problem):
    refused = Refused(400, problem)
    assert (refused.faults, refused.withheld, refused.code) == ((), (), "")


def test_a_refused_token_is_a_refusal_and_nothing_else_is_asked(client, broker):
    broker.token = httpx.Response(401, json={"error": "invalid_client"})
    with pytest.raises(Refused, match="401 invalid_client") as refused:
        client.push({})
    assert refused.value.code == "invalid_client"
    assert broker.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>"),
        httpx.Response(500),
        httpx.Response(503, json=["x"], headers={"Retry-After": "3600"}),
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
    assert client.as_professional("ab-12", "A. Bakker", "family-worker").acknowledge("r-1") is None


@pytest.mark.parametrize("answer", [httpx.Response(200, html="<html>welcome"), httpx.Response(200, json=["x"])])
def test_a_yes_of_something_that_is_no_broker_is_no_yes(client, broker, answer):
    broker.answer = answer
    calls = (
        lambda: client.push({}), lambda: client.withdraw("h-1"), client.organisations, lambda: client.reactions("h-1"),
        lambda: list(client.every_event()),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(Refused, match="no broker at this address"):
            call()
    broker.answer = httpx.Response(200, json={"items": 5})
    with pytest.raises(Refused, match="no broker at this address"):
        client.organisations()


def test_a_token_and_a_key_never_print(client, broker):
    client.push({})
    anna = client.as_professional("ab-12", "A. Bakker", "family-worker")
    anna.ask("h", "p")
    for printed in (repr(client), repr(anna)):
        assert "t-1" not in printed
    store = client.home.tokens
    assert "t-1" not in f"{store!r}{store._places!r}{client.home!r}"


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
