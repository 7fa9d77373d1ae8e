"""The client seals what it sends, opens what it gets, and gives out nothing of a section that does not open whole."""

import json
from contextlib import suppress
from hashlib import sha256
from typing import Any

import httpx
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from broker.client import Client, ClientKey, ClientSealingKey, NotOpened, Refused, open_release, seal_body
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.sealing import (
    FORMAT,
    About,
    SealingKey,
    intake_info,
    mark_of,
    open_content,
    release_info,
    seal_content,
)
from tests.factories import SCHOOL, SENDER

URL = "https://broker.example"
KEY, INTAKE, MINE = ClientKey.new(), SealingKey(b"\1" * 32), ClientSealingKey(b"\2" * 32)
CONTENT_KEY = b"\3" * 32
BODY = {
    "reference": "Zoë-1",
    "other": ["stays"],
    "sections": [
        {"type": "status", "mediaType": "text/plain", "content": "Het gaat beter.", "concerns": ["noor"]},
        {"type": "voice", "mediaType": "application/json", "content": {"b": 1.0, "a": ["é"]}, "concerns": ["noor"]},
    ],
}


def opened(section: dict[str, Any], reference: str = "Zoë-1") -> bytes:
    sealed = section["sealed"]
    ciphertext = from_b64url(sealed["ciphertext"])
    info = intake_info(sealed["kid"], SENDER, reference, section["type"], section["mediaType"], ciphertext)
    key = INTAKE.open(from_b64url(sealed["key"]), info)
    return open_content(key, About(SENDER, section["type"], section["mediaType"], mark_of(key, reference)), ciphertext)


def released(clear: bytes = b"Het gaat beter.", media_type: str = "text/plain") -> dict[str, Any]:
    about = About(SENDER, "status", media_type, mark_of(CONTENT_KEY, "Zoë-1"))
    ciphertext = seal_content(CONTENT_KEY, about, clear)
    key = MINE.public.seal(CONTENT_KEY, release_info(MINE.kid, SCHOOL, "r-1", about, ciphertext))
    sealed = {
        "format": FORMAT,
        "kid": MINE.kid,
        "key": b64url(key),
        "ciphertext": b64url(ciphertext),
        "sender": SENDER,
        "reference": b64url(about.mark),
    }
    section = {"type": "status", "mediaType": media_type, "sealed": sealed, "disputed": False, "reactions": []}
    return {"id": "r-1", "released": [section], "withheld": [], "policyDigest": "p", "receipt": {"entry": "x"}}


def test_what_others_agree_with_is_this_very_text():
    release = released()
    [section] = release["released"]
    digest = sha256(from_b64url(section["sealed"]["ciphertext"])).hexdigest()
    section["signOff"] = {"version": 1, "digest": digest, "said": []}
    [opened_section] = open_release(release, SCHOOL, [MINE])["released"]
    assert (opened_section["content"], opened_section["signOff"]["digest"]) == ("Het gaat beter.", digest)
    for other in ({"digest": "0" * 64}, {}, None):
        section["signOff"] = other
        with pytest.raises(NotOpened):
            open_release(release, SCHOOL, [MINE])


# --- sending ----------------------------------------------------------------------------------------------------------


def test_every_section_in_clear_is_sealed_and_nothing_else_changes():
    body = seal_body(BODY, SENDER, INTAKE.public.jwk())
    assert [opened(section) for section in body["sections"]] == [b"Het gaat beter.", '{"a":["é"],"b":1}'.encode()]
    assert "content" not in json.dumps(body)
    assert {name: value for name, value in body.items() if name != "sections"} == {
        "reference": "Zoë-1",
        "other": ["stays"],
    }
    assert [section["concerns"] for section in body["sections"]] == [["noor"], ["noor"]]
    assert "content" in BODY["sections"][0]


def test_what_is_sealed_already_stays_as_it_is():
    body = seal_body(BODY, SENDER, INTAKE.public.jwk())
    assert seal_body(body, SENDER, INTAKE.public.jwk()) == body


def test_sealing_again_is_another_body():
    first, second = (seal_body(BODY, SENDER, INTAKE.public.jwk()) for _ in range(2))
    for name in ("key", "ciphertext"):
        assert first["sections"][0]["sealed"][name] != second["sections"][0]["sealed"][name]


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/plain", 5), ("text/plain", None), ("text/markdown", {"a": 1}), ("text/plain", b"x"),
        ("application/json", "text"), ("application/json", 5), ("application/json", None),
    ],
)  # fmt: skip
def test_what_does_not_go_with_its_media_type_is_not_sealed(media_type, content):
    section = {"type": "status", "mediaType": media_type, "content": content}
    with pytest.raises(TypeError, match="needs"):
        seal_body({"reference": "r", "sections": [section]}, SENDER, INTAKE.public.jwk())


@pytest.mark.parametrize("content", [[float("nan")], [float("inf")], [2**60], {1: 2}, ["\ud800"]])
def test_what_json_cannot_write_the_same_everywhere_is_not_sealed(content):
    section = {"type": "status", "mediaType": "application/json", "content": content}
    with pytest.raises(ValueError):
        seal_body({"reference": "r", "sections": [section]}, SENDER, INTAKE.public.jwk())


@pytest.mark.parametrize("intake", [{}, None, 5, {"kty": "OKP"}, {**INTAKE.public.jwk(), "kid": "x"}])
def test_nothing_is_sealed_to_what_is_no_key(intake):
    with pytest.raises(ValueError, match=r"no ML-KEM-768|does not belong"):
        seal_body(BODY, SENDER, intake)


class Broker:
    """Answers by path, and remembers what was posted."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.posted: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name == "token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        if request.method == "POST":
            self.posted.append(json.loads(request.read()))
        return httpx.Response(200, json=self.answers[name.replace("-", "_")])

    def client(self, **more: Any) -> Client:
        return Client(URL, SENDER, KEY, transport=httpx.MockTransport(self), **more)


def test_a_sealed_push_asks_for_the_key_and_sends_nothing_in_clear():
    broker = Broker(sealing_keys={"keys": [INTAKE.public.jwk(), MINE.public_jwk()]}, handovers={"id": "h-1"})
    with broker.client() as client:
        assert client.push(BODY, sealed=True) == {"id": "h-1"}
    [body] = broker.posted
    assert opened(body["sections"][0]) == b"Het gaat beter."
    assert "Het gaat" not in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("answer", [{}, {"keys": []}, {"keys": None}, {"keys": {}}, {"keys": 5}])
def test_a_broker_that_names_no_key_is_a_refusal_and_nothing_is_sent(answer):
    broker = Broker(sealing_keys=answer, handovers={"id": "h-1"})
    with broker.client() as client, pytest.raises(Refused, match="no key to seal to"):
        client.push(BODY, sealed=True)
    assert broker.posted == []


def test_a_broker_that_names_another_kind_of_key_gets_nothing():
    broker = Broker(sealing_keys={"keys": [KEY.public_jwk()]}, handovers={"id": "h-1"})
    with broker.client() as client, pytest.raises(ValueError, match="no ML-KEM-768"):
        client.push(BODY, sealed=True)
    assert broker.posted == []


# --- getting ----------------------------------------------------------------------------------------------------------


def test_a_release_opens_and_nothing_else_of_it_changes():
    release = released()
    section = open_release(release, SCHOOL, [MINE])["released"][0]
    assert section == {
        "type": "status",
        "mediaType": "text/plain",
        "disputed": False,
        "reactions": [],
        "content": "Het gaat beter.",
    }
    assert {n: v for n, v in open_release(release, SCHOOL, [MINE]).items() if n != "released"} == {
        n: v for n, v in release.items() if n != "released"
    }


def test_json_comes_back_as_what_it_was():
    release = released(rfc8785.dumps({"a": [1, "é"]}), "application/json")
    assert open_release(release, SCHOOL, [MINE])["released"][0]["content"] == {"a": [1, "é"]}


def test_the_client_opens_what_it_has_keys_for_and_leaves_the_rest_as_it_came():
    release, clear = released(), {"id": "r-2", "released": [{"type": "x", "mediaType": "text/plain", "content": "y"}]}
    for answer, keys, section in (
        (release, [MINE], open_release(release, SCHOOL, [MINE])["released"][0]),
        (release, [], release["released"][0]),
        (clear, [MINE], clear["released"][0]),
        (clear, [], clear["released"][0]),
    ):
        broker = Broker(releases=answer)
        with Client(URL, SCHOOL, KEY, opens_with=keys, transport=httpx.MockTransport(broker)) as client:
            asked = client.as_professional("ab-12", "A. Bakker", "teacher").ask("h-1", "coordination")
        assert asked["released"] == [section]


@pytest.mark.parametrize(
    ("clear", "media_type"),
    [
        (b"\xff\xfe", "text/plain"), (b"\xff", "application/json"), (b"{", "application/json"),
        (b'"text"', "application/json"), (b"5", "application/json"), (b"[NaN]", "application/json"),
        (b"[-Infinity]", "application/json"), (b"[" * 100_000, "application/json"), (b"", "application/json"),
    ],
)  # fmt: skip
def test_what_is_not_what_its_media_type_says_is_not_opened(clear, media_type):
    with pytest.raises(NotOpened, match="status"):
        open_release(released(clear, media_type), SCHOOL, [MINE])


def test_nothing_of_a_release_is_given_out_when_one_section_does_not_open():
    release = released()
    release["released"].append(json.loads(json.dumps(release["released"][0])))
    release["released"][1]["sealed"]["sender"] = SCHOOL
    with pytest.raises(NotOpened) as broken:
        open_release(release, SCHOOL, [MINE])
    assert broken.value.__suppress_context__
    assert "beter" not in str(broken.value)


RELEASE = released()
SEALED = RELEASE["released"][0]["sealed"]


def with_sealed(**changes: Any) -> dict[str, Any]:
    return {**RELEASE, "released": [{**RELEASE["released"][0], "sealed": {**SEALED, **changes}}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(SEALED)), json_values)
def test_a_member_of_another_value_or_type_is_not_opened(name, value):
    with pytest.raises(NotOpened):
        open_release(with_sealed(**{name: value}), SCHOOL, [MINE])


@given(st.sampled_from(["type", "mediaType"]), json_values)
def test_a_section_that_says_something_else_of_itself_is_not_opened(name, value):
    with pytest.raises(NotOpened):
        open_release({**RELEASE, "released": [{**RELEASE["released"][0], name: value}]}, SCHOOL, [MINE])


@given(json_values, st.sampled_from(["id", "recipient"]))
def test_another_release_or_recipient_is_not_opened(value, which):
    with pytest.raises(NotOpened):
        open_release(
            {**RELEASE, **({"id": value} if which == "id" else {})}, SCHOOL if which == "id" else value, [MINE]
        )


@pytest.mark.parametrize("name", sorted(SEALED))
def test_a_missing_member_is_not_opened(name):
    release = with_sealed()
    del release["released"][0]["sealed"][name]
    with pytest.raises(NotOpened):
        open_release(release, SCHOOL, [MINE])


@given(st.sampled_from(["key", "ciphertext", "reference"]), st.integers(min_value=0), st.booleans())
def test_a_flipped_bit_or_a_truncation_is_not_opened(name, where, cut):
    raw = from_b64url(SEALED[name])
    position = where % (len(raw) * 8)
    flipped = raw[: position // 8] + bytes([raw[position // 8] ^ 1 << position % 8]) + raw[position // 8 + 1 :]
    with pytest.raises(NotOpened):
        open_release(with_sealed(**{name: b64url(raw[: position // 8] if cut else flipped)}), SCHOOL, [MINE])


@pytest.mark.parametrize("name", ["key", "ciphertext", "reference"])
@pytest.mark.parametrize("suffix", ["=", "==", "\n", " ", "é", "A"])
def test_another_writing_of_the_same_bytes_is_not_opened(name, suffix):
    with pytest.raises(NotOpened):
        open_release(with_sealed(**{name: SEALED[name] + suffix}), SCHOOL, [MINE])


@given(json_values)
def test_any_json_at_all_for_a_release_is_not_opened_or_passed_through(anything):
    with suppress(NotOpened):
        assert open_release(anything, SCHOOL, [MINE])["released"] == list(anything["released"])


@pytest.mark.parametrize(
    "release",
    [
        None, 5, "x", [], {}, {"id": "r-1"}, {"released": []}, {"id": "r-1", "released": 5},
        {"id": "r-1", "released": None}, {"id": "r-1", "released": [5]}, {"id": "r-1", "released": ["sealed"]},
        {"id": "r-1", "released": [None]}, {"id": "r-1", "released": [{"sealed": 5}]},
        {"id": "r-1", "released": [{"sealed": []}]}, {"id": "r-1", "released": [{"sealed": "x"}]},
        {"id": "r-1", "released": [{"sealed": False}]}, {"id": "r-1", "released": {"a": 1}},
    ],
)  # fmt: skip
def test_what_is_no_release_is_not_opened(release):
    with pytest.raises(NotOpened):
        open_release(release, SCHOOL, [MINE])


def test_only_a_key_of_mine_opens_it():
    for keys in ([], [ClientSealingKey.new()]):
        with pytest.raises(NotOpened):
            open_release(RELEASE, SCHOOL, keys)
    assert open_release(RELEASE, SCHOOL, [ClientSealingKey.new(), MINE])
