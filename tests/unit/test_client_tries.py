"""The client tries again where that is safe, with the same key and the same bytes; never elsewhere, and not for ever."""

import itertools
import json
import threading
from typing import Any

import httpx
import jwt
import pytest

from broker.client import Client, ClientError, ClientKey, Refused, Unreachable, tokens, wire
from tests.factories import SENDER, a_body

URL = "https://broker.example/under"
KEY = ClientKey.new()
BROKEN = (
    httpx.ConnectError("refused"), httpx.ReadError("cut off"), httpx.ReadTimeout("too late"),
    httpx.RemoteProtocolError("nonsense"), httpx.Response(503), httpx.Response(429),
)  # fmt: skip


class Broker:
    """Gives the answers that lie ready, then says yes; remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.tokens = itertools.count(1)
        self.bad_tokens: list[httpx.Response | Exception] = []
        self.asked: list[httpx.Request] = []
        self.forms: list[dict[str, str]] = []
        self.token_requests: list[httpx.Request] = []
        self.kind = "Bearer"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/oauth/token"):
            self.token_requests.append(request)
            self.forms.append(dict(httpx.QueryParams(request.content.decode())))
            if self.bad_tokens:
                return self._given(self.bad_tokens.pop(0))
            said = {"access_token": f"t-{next(self.tokens)}", "expires_in": 300, "token_type": self.kind}
            return httpx.Response(200, json=said)
        self.asked.append(request)
        return self._given(self.answers.pop(0)) if self.answers else httpx.Response(200, json={"id": "h-1"})

    @staticmethod
    def _given(answer: httpx.Response | Exception) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **more: Any) -> Client:
        return Client(URL, SENDER, KEY, transport=httpx.MockTransport(self), **more)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, each time; it does not really."""
    waited: list[float] = []
    monkeypatch.setattr(wire.time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("broken", BROKEN, ids=repr)
def test_a_push_is_made_again_with_the_same_key_and_the_same_bytes(broken: Any, waits: list[float]) -> None:
    broker = Broker(broken, broken, broken)
    with broker.client() as client:
        assert client.push(a_body()) == {"id": "h-1"}
        assert len(broker.asked) == 4
        assert len({(r.headers["Idempotency-Key"], r.content) for r in broker.asked}) == 1
        client.push(a_body())
        assert broker.asked[-1].headers["Idempotency-Key"] != broker.asked[0].headers["Idempotency-Key"]
    assert len(waits) == 3
    for number, waited in enumerate(waits):
        assert wire.FIRST_WAIT * 2**number / 2 <= waited <= wire.FIRST_WAIT * 2**number


@pytest.mark.parametrize("broken", BROKEN, ids=repr)
def test_it_does_not_try_for_ever(broken: Any) -> None:
    for call in (lambda c: c.push({}), lambda c: c.handover("h-1"), lambda c: c.withdraw("h-1")):
        broker = Broker(*[broken] * 9)
        with broker.client(retries=2) as client, pytest.raises(ClientError) as error:
            call(client)
        assert len(broker.asked) == 3
        assert isinstance(error.value, Unreachable) == isinstance(broken, Exception)
        if isinstance(broken, Exception):
            assert str(broken) not in str(error.value)
            assert error.value.__cause__ is None
            assert error.value.__context__ is None or error.value.__suppress_context__


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 500, 502, 504])
def test_any_other_answer_is_the_answer(status: int, waits: list[float]) -> None:
    broker = Broker(httpx.Response(status, headers={"Retry-After": "1"}))
    with broker.client() as client, pytest.raises(Refused) as refused:
        client.push({})
    assert (refused.value.status, len(broker.asked), waits) == (status, 1, [])


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://x:port", ""])
def test_what_is_no_address_is_not_tried_again(url: str, waits: list[float]) -> None:
    with pytest.raises(Unreachable), Client(url, SENDER, KEY) as client:
        client.handovers()
    assert waits == []


def test_it_waits_as_long_as_the_broker_says_but_not_longer_than_the_caller_wants(waits: list[float]) -> None:
    broker = Broker(httpx.Response(429, headers={"Retry-After": "7"}))
    with broker.client() as client:
        client.handover("h-1")
    assert waits == [7]
    broker = Broker(httpx.Response(429, headers={"Retry-After": "3600"}, json={"detail": "Tried too often."}))
    with broker.client() as client, pytest.raises(Refused, match="too often") as refused:
        client.handover("h-1")
    assert (refused.value.retry_after, len(broker.asked), waits) == (3600, 1, [7])


@pytest.mark.parametrize("said", ["", "soon", "-1", "1e9", "٣", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 400])
def test_a_wait_that_is_none_is_backing_off(said: str, waits: list[float]) -> None:
    broker = Broker(httpx.Response(503, headers={"Retry-After": said.encode()}))
    with broker.client() as client:
        client.handover("h-1")
    assert 0 < waits[0] <= wire.FIRST_WAIT


def test_a_token_is_asked_for_again_with_another_assertion() -> None:
    broker = Broker()
    broker.bad_tokens = [httpx.Response(503), httpx.ReadError("cut off")]
    with broker.client() as client:
        client.push({})
    jtis = {jwt.decode(f["client_assertion"], options={"verify_signature": False})["jti"] for f in broker.forms}
    assert len(jtis) == len(broker.forms) == 3
    assert not any("Idempotency-Key" in request.headers for request in broker.token_requests)


def test_a_token_that_is_taken_no_longer_is_replaced_once() -> None:
    broker = Broker(httpx.Response(401))
    with broker.client() as client:
        client.push({})
        assert [r.headers["Authorization"] for r in broker.asked] == ["Bearer t-1", "Bearer t-2"]
        assert len({r.headers["Idempotency-Key"] for r in broker.asked}) == 1
        broker.answers = [httpx.Response(401), httpx.Response(401)]
        with pytest.raises(Refused, match="401"):
            client.push({})
    assert len(broker.asked) == 4


def test_a_first_try_that_is_still_at_work_is_waited_for_and_another_conflict_is_not(waits: list[float]) -> None:
    running = httpx.Response(409, json={"type": "urn:rondom:problem:still-running", "detail": "Wait a moment."})
    broker = Broker(httpx.ReadTimeout("too late"), running)
    with broker.client() as client:
        assert client.push({}) == {"id": "h-1"}
        assert len({r.headers["Idempotency-Key"] for r in broker.asked}) == 1
        assert len(waits) == 2
        broker.answers = [httpx.Response(409, json={"type": "urn:rondom:problem:conflict"})]
        with pytest.raises(Refused) as refused:
            client.push({})
        assert refused.value.code == "conflict"
    assert len(waits) == 2


def test_what_was_seen_is_a_condition_only_when_asked_for() -> None:
    broker = Broker(httpx.Response(200, json={"id": "h-1"}, headers={"ETag": '"abc"'}))
    with broker.client() as client:
        assert client.handover_and_tag("h-1") == ({"id": "h-1"}, '"abc"')
        client.correct("h-1", {}, if_match='"abc"')
        client.correct("h-1", {})
        broker.answers = [httpx.Response(204)]
        client.withdraw("h-1", if_match='"abc"')
    assert [r.headers.get("If-Match") for r in broker.asked] == [None, '"abc"', None, '"abc"']


def test_a_redirect_is_never_followed() -> None:
    broker = Broker(httpx.Response(307, headers={"Location": "https://evil.example/"}))
    with broker.client() as client, pytest.raises(Refused, match="307"):
        client.push({})
    assert {request.url.host for request in broker.asked} == {"broker.example"}


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_share_one_token_and_each_gets_its_own_answer() -> None:
    count, together = 16, threading.Barrier(16)
    fetches, fetching = [], threading.Lock()

    def broker(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth/token"):
            with fetching:
                fetches.append(request.read())
            return httpx.Response(200, json={"access_token": f"t-{len(fetches)}", "expires_in": 300})
        assert request.headers["Authorization"] == "Bearer t-1"
        return httpx.Response(200, json={"id": request.url.path.rpartition("/")[2]})

    got: dict[str, str] = {}

    def work(number: int) -> None:
        together.wait(20)
        got[f"h-{number}"] = client.handover(f"h-{number}")["id"]

    with Client(URL, SENDER, KEY, transport=httpx.MockTransport(broker)) as client:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert got == {f"h-{number}": f"h-{number}" for number in range(count)}
    assert len(fetches) == 1


def test_who_waits_for_a_token_that_did_not_come_asks_for_it_again() -> None:
    store, began, go = tokens.TokenStore(), threading.Event(), threading.Event()
    errors: list[Exception] = []

    def fails() -> tokens.Token:
        began.set()
        go.wait(20)
        raise Unreachable

    def first() -> None:
        try:
            store.get("a", fails)
        except Unreachable as error:
            errors.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert began.wait(20)
    assert store.get("b", lambda: tokens.Token.lasting("other", 300)) == "other"  # another identity does not wait
    go.set()
    assert store.get("a", lambda: tokens.Token.lasting("t", 300)) == "t"
    thread.join(20)
    assert len(errors) == 1


def test_a_token_that_was_replaced_meanwhile_is_not_dropped() -> None:
    store = tokens.TokenStore()
    assert store.get("a", lambda: tokens.Token.lasting("new", 300)) == "new"
    store.drop("a", "old")
    assert store.get("a", lambda: tokens.Token.lasting("newer", 300)) == "new"
    store.drop("a", "new")
    assert store.get("a", lambda: tokens.Token.lasting("newer", 300)) == "newer"


def test_professionals_with_the_same_claims_share_a_token_and_no_others_do() -> None:
    broker = Broker()
    with broker.client() as client:
        for _ in range(2):
            client.as_professional("ab-12", "A. Bakker", "family-worker").handover("h-1")
        client.as_professional("ab-12", "A. Bakker", "psychologist").handover("h-1")
        client.handover("h-1")
    assert [r.headers["Authorization"][-1] for r in broker.asked] == ["1", "1", "2", "3"]


# --- keys, and tokens bound to one ------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "PS256"])
def test_an_assertion_is_signed_as_the_key_can(algorithm: str) -> None:
    key, broker = ClientKey.new(algorithm), Broker()
    with Client(URL, SENDER, key, transport=httpx.MockTransport(broker)) as client:
        anna = client.as_professional("ab-12", "A. Bakker", "teacher", email="a@school.example", phone="+31600000001")
        anna.handover("h-1")
    [form] = broker.forms
    public = jwt.PyJWK(key.public_jwk()).key
    claims = jwt.decode(form["assertion"], public, algorithms=[algorithm], audience=URL)
    assert jwt.get_unverified_header(form["assertion"]) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    assert (claims["email"], claims["phone_number"]) == ("a@school.example", "+31600000001")


def test_a_bound_token_comes_with_a_fresh_proof_for_each_try() -> None:
    broker = Broker(httpx.Response(503))
    broker.kind = "DPoP"
    with broker.client(dpop=True) as client:
        client.dry_run({})
    requests = [*broker.token_requests, *broker.asked]
    assert len(requests) == 3
    proofs = [jwt.decode(r.headers["DPoP"], options={"verify_signature": False}) for r in requests]
    assert len({proof["jti"] for proof in proofs}) == 3
    assert [(p["htm"], p["htu"]) for p in proofs] == [
        ("POST", f"{URL}/oauth/token"), ("POST", f"{URL}/v1/handovers"), ("POST", f"{URL}/v1/handovers"),
    ]  # fmt: skip
    assert ["ath" in proof for proof in proofs] == [False, True, True]
    assert {r.headers["Authorization"] for r in broker.asked} == {"DPoP t-1"}
    keys = {json.dumps(jwt.get_unverified_header(r.headers["DPoP"])["jwk"], sort_keys=True) for r in requests}
    assert len(keys) == 1
    assert KEY.public_jwk()["x"] not in keys.pop()


@pytest.mark.parametrize(("dpop", "kind"), [(True, "Bearer"), (False, "DPoP"), (True, None), (True, 5)])
def test_a_token_that_is_not_bound_as_asked_is_not_used(dpop: bool, kind: Any) -> None:
    broker = Broker()
    broker.kind = kind
    with broker.client(dpop=dpop) as client, pytest.raises(Refused, match=r"no broker|does not bind"):
        client.push({})
    assert broker.asked == []
