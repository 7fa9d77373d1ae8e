"""P15: whatever comes in, the answer is a clear problem with all faults at once, in the caller's language, and nothing changed.

Every operation of the OpenAPI document is attacked; one that is added and not named here fails the first test.
"""

import copy
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.promises.at_home import hand_over
from tests.promises.attacks import JACK
from tests.support.agreed import ANNEKE, consultation, task_of
from tests.support.agreeing import signed
from tests.support.intruder import Intruder, Rows, changed_tables, intruder_in
from tests.support.world import World
from tests.support.writing import write

HANDOVER, WHO = "tom-to-school", "ib-joris"
NOT_COUNTED = ("guard_count", "guard_once", "rate_count")
"""Brakes on guessing count tries on purpose."""
MEBIBYTE = 1_048_576
BODIES = {
    "POST /handovers": "push",
    "POST /handovers/{id}/versions": "correct",
    "POST /handovers/{id}/invitations": "invite",
    "POST /handovers/{id}/reactions/{reaction}/answer": "answer",
    "POST /handovers/{id}/tasks/{task}/status": "task",
    "POST /releases": "ask",
    "POST /releases/{id}/sign-offs": "sign-off",
    "POST /releases/{id}/acknowledgement": "acknowledge",
    "POST /subjects/_search": "search",
    "POST /timelines": "timeline",
    "POST /involvements": "involvements",
}
ELSEWHERE = {"PUT /webhook", "PUT /handovers/{id}/long-watch"}
"""One asks the address itself before it answers (`test_p08_webhooks.py`), the other needs a handover of a kind of its own
(`test_p06_what_only_a_family_says.py`); made-up input is sent to both in P15."""


@dataclass(frozen=True)
class Door:
    """One operation that reads a body: where it is, whose token it wants, a body that it takes, and what a yes is."""

    path: str
    token: str
    body: dict[str, Any]
    yes: int

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **more}


@dataclass(frozen=True)
class Scene:
    world: World
    intruder: Intruder
    doors: Mapping[str, Door]

    async def send(self, door: Door, content: Any, **headers: str) -> httpx.Response:
        return await self.world.http.post(door.path, content=content, headers=door.headers(**headers))

    async def put(self, door: Door, body: Any) -> httpx.Response:
        return await self.send(door, json.dumps(body).encode())

    def stored(self) -> dict[str, Rows]:
        return self.intruder.contents(leave_out=NOT_COUNTED)


@pytest.fixture
async def scene(world: World, request: pytest.FixtureRequest) -> Scene:
    pushed = await world.push(HANDOVER)
    request_ = await write(world, HANDOVER, "tom", "status", "Het was dinsdag.")
    table = consultation(world)
    await world.push(JACK, table)
    task, worker = task_of(table, "team"), await world.token(*world.professional(ANNEKE))
    organisation = await world.token(world.sender(HANDOVER))
    professional = await world.token(*world.professional(WHO))
    other = {**world.body("jack-to-gp"), "reference": "another-one"}
    bsn = {"system": "bsn", "value": "999990019"}
    read = await hand_over(world, "jack-to-gp")
    await read.everybody_says_yes()
    release = (await read.ask()).json()
    digest, doctor = signed(release, "analysis")["digest"], await world.token(*world.professional("ha-vdberg"))
    doors = {
        "push": Door("/v1/handovers", organisation, other, 201),
        "correct": Door(
            f"/v1/handovers/{pushed}/versions", organisation, {**world.body(HANDOVER), "discussedWithFamily": True}, 201
        ),
        "invite": Door(
            f"/v1/handovers/{pushed}/invitations", organisation, {"person": "tom", "delivery": "paper"}, 201
        ),
        "ask": Door(
            "/v1/releases",
            professional,
            {"handover": pushed, "purpose": "education-support", "sections": ["status"]},
            403,
        ),
        "answer": Door(
            f"/v1/handovers/{pushed}/reactions/{request_}/answer",
            organisation,
            {"outcome": "not-corrected", "explanation": "Wij spraken Tom elke week."},
            200,
        ),
        "sign-off": Door(
            f"/v1/releases/{release['id']}/sign-offs",
            doctor,
            {"digest": digest, "agrees": False, "text": "Anders."},
            201,
        ),
        "acknowledge": Door(f"/v1/releases/{release['id']}/acknowledgement", doctor, {"state": "read"}, 204),
        "task": Door(f"/v1/handovers/{world.handovers[JACK]}/tasks/{task}/status", worker, {"status": "done"}, 200),
        "search": Door("/v1/subjects/_search", professional, {"identifier": bsn}, 200),
        "timeline": Door("/v1/timelines", professional, {"identifier": bsn, "purpose": "education-support"}, 200),
        "involvements": Door(
            "/v1/involvements", professional, {"identifier": bsn, "purpose": "education-support"}, 200
        ),
    }
    await world.messages()
    await world.settle()
    return Scene(world, intruder_in(world, request), doors)


def check_problem(response: httpx.Response, status: int, language: str = "en") -> dict[str, Any]:
    """A problem document as the contract promises it (RFC 9457)."""
    assert response.status_code == status, response.text[:300]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["api-version"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-language"] == language
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert re.fullmatch(r"urn:rondom:problem:[a-z-]+", problem["type"])
    assert problem["title"]
    assert problem["detail"].endswith(".")
    return problem


def check_invalid(response: httpx.Response, body: Any = None) -> set[str]:
    """400 with faults; each pointer (RFC 6901) leads to a place in the body, or to a field that misses there."""
    problem = check_problem(response, 400)
    pointers = [fault["pointer"] for fault in problem["errors"]]
    assert pointers
    assert all(fault["detail"].endswith(".") for fault in problem["errors"])
    for pointer in pointers:
        assert re.fullmatch(r"(/([^~/]|~0|~1)+)*", pointer), pointer
        if body is not None:
            steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
            place = body
            for step in steps[:-1]:
                place = place[int(step) if isinstance(place, list) else step]
    return set(pointers)


def test_every_operation_with_a_body_is_attacked(scene_document: dict[str, Any]) -> None:
    found = {
        f"{method.upper()} {path}"
        for path, item in scene_document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation
    }
    assert found == set(BODIES) | ELSEWHERE


@pytest.fixture
async def scene_document(world: World) -> dict[str, Any]:
    document: dict[str, Any] = (await world.http.get("/v1/openapi.json")).json()
    return document


# bytes that are no JSON, or JSON that is no body


def no_bodies(valid: dict[str, Any]) -> dict[str, bytes]:
    text = json.dumps(valid)
    first = next(iter(valid))
    twice = text[:-1] + f", {json.dumps(first)}: {json.dumps(valid[first])}}}"
    return {
        "nothing": b"",
        "blank": b"  \n ",
        "null": b"null",
        "a list": b"[]",
        "a number": b"7",
        "a text": b'"hello"',
        "true": b"true",
        "half": text[:-2].encode(),
        "a comma too many": (text[:-1] + ",}").encode(),
        "single quotes": text.replace('"', "'").encode(),
        "a comment": (text + "// hello").encode(),
        "two bodies": (text + text).encode(),
        "a key twice": twice.encode(),
        "not a number": text.replace("{", '{"x": NaN, ', 1).encode(),
        "infinity": text.replace("{", '{"x": Infinity, ', 1).encode(),
        "minus infinity": text.replace("{", '{"x": -Infinity, ', 1).encode(),
        "a float past the largest": text.replace("{", '{"x": 1e999, ', 1).encode(),
        "a number of a hundred thousand digits": text.replace("{", f'{{"x": {"9" * 100_000}, ', 1).encode(),
        "33 deep": text.replace("{", '{"x": ' + "[" * 32 + "]" * 32 + ", ", 1).encode(),
        "a hundred thousand deep": b"[" * 100_000,
        "a hundred thousand objects deep": b'{"a":' * 100_000,
        "a text that never ends": b'"' + b'\\"' * 500_000,
        "a text that never ends, with a last stroke": b'{"a": "' + b'\\"' * 400_000 + b"\\",
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16 with a mark": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32"),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + text.encode(),
        "Latin-1": text.replace(first, "caf\u00e9", 1).encode("latin-1"),
        "broken UTF-8": text.replace(first, "x", 1).encode() + b"\xff",
        "overlong UTF-8": b'{"\xc0\x80": 1}',
        "surrogates in UTF-8": b'{"\xed\xa0\x80": 1}',
        "a NUL in the raw": text.replace("{", "{\x00", 1).encode(),
        "gzip": gzip.compress(text.encode()),
        "a form": b"reference=x&kind=y",
    }


async def test_what_is_no_body_at_all(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for name, door in scene.doors.items():
        for attack, raw in no_bodies(door.body).items():
            with subtests.test(name, attack=attack):
                if not (raw == b"" and name == "acknowledge"):  # without a body it is read and taken over
                    check_invalid(await scene.send(door, raw))
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def test_too_large_or_of_another_type(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for name, door in scene.doors.items():
        with subtests.test(name):
            await too_large_or_of_another_type(scene, door)
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def too_large_or_of_another_type(scene: Scene, door: Door) -> None:
    valid = json.dumps({**door.body, "x": 1}).encode()

    async def drops() -> Any:
        for _ in range(40):
            yield b" " * 32_768

    check_problem(await scene.send(door, valid + b" " * (MEBIBYTE + 1 - len(valid))), 413)
    check_problem(await scene.send(door, drops()), 413)
    check_invalid(await scene.send(door, valid + b" " * (MEBIBYTE - len(valid))))
    others = [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ]
    others += ["application/jsonp", "application/json-patch+json", "json", ";", "application/json,text/plain"]
    for media in others:
        check_problem(await scene.send(door, json.dumps(door.body).encode(), **{"Content-Type": media}), 415)
    for media in ("application/json;charset=utf-8", "Application/JSON ; charset=x"):
        check_invalid(await scene.send(door, valid, **{"Content-Type": media}))


# every field, with what does not belong there


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a body; of a list only the first item. What an organisation puts into JSON content is its own."""
    yield at
    if isinstance(value, dict):
        for name, item in value.items():
            yield from [(*at, name)] if name == "content" else places(item, (*at, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*at, 0))


def changed(body: Any, at: tuple[str | int, ...], change: Callable[[Any, Any], None]) -> Any:
    body = copy.deepcopy(body)
    place = body
    for step in at[:-1]:
        place = place[step]
    change(place, at[-1])
    return body


def with_value(body: Any, at: tuple[str | int, ...], value: Any) -> Any:
    return changed(body, at, lambda place, step: place.__setitem__(step, value))


WRONG: tuple[Any, ...] = (None, True, 0, 1.5, "", [], {"x": 1}, [[]], "x" * 70_000)
NEVER_IN_A_TEXT = {
    "NUL": "a\u0000b",
    "a high surrogate": "a\ud800b",
    "a low surrogate": "\udfff",
    "surrogates the wrong way round": "\udc00\ud800",
}


def kind(value: Any) -> str:
    return type(value).__name__


async def test_every_field_with_another_type(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for name in scene.doors:
        with subtests.test(name):
            await every_field_with_another_type(scene, name)
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def every_field_with_another_type(scene: Scene, name: str) -> None:
    door, tried = scene.doors[name], 0
    optional = {("sections",)} if name == "ask" else {("consentUntil",)}  # the kind says how long
    for at in places(door.body):
        if not at:
            continue
        held = door.body
        for step in at:
            held = held[step]
        for wrong in WRONG:
            fits = kind(wrong) == kind(held) or (wrong is None and at in optional)
            empty_list = wrong == [] and isinstance(held, list)
            if fits and not (isinstance(wrong, str) or (empty_list and at[-1] in ("sections", "people"))):
                continue
            if at[-1] == "content" and isinstance(wrong, str):
                continue  # any text is a text
            body = with_value(door.body, at, wrong)
            response = await scene.put(door, body)
            assert response.status_code == 400, (name, at, wrong)
            pointers = check_invalid(response, body)
            here = "/" + "/".join(map(str, at))
            assert any(p == here or p.startswith(f"{here}/") or here.startswith(p) for p in pointers), (here, pointers)
            tried += 1
    assert tried >= (len(WRONG) if name in ("acknowledge", "task") else 15), (name, tried)


async def test_a_field_missing_or_made_up(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for name in scene.doors:
        with subtests.test(name):
            await a_field_missing_or_made_up(scene, name)
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def a_field_missing_or_made_up(scene: Scene, name: str) -> None:
    door = scene.doors[name]
    optional = {"sections", "identifiers", "contacts", "authorities", "shieldedFrom", "consentUntil"}
    for at in places(door.body):
        needed = at and isinstance(at[-1], str) and at[-1] not in optional
        if needed or (name, at) == ("push", ("sections",)):
            body = changed(door.body, at, lambda place, step: place.__delitem__(step))
            assert "/" + "/".join(map(str, at)) in check_invalid(await scene.put(door, body))
        held = door.body
        for step in at:
            held = held[step]
        if isinstance(held, dict):
            for made_up in ("extra", "__proto__", "a~b/c", "na\u00efef", "x" * 5000):
                body = changed(
                    {"all": door.body}, ("all", *at), lambda p, s, name=made_up: p[s].__setitem__(name, "Tom Visser")
                )["all"]
                response = await scene.put(door, body)
                check_invalid(response)
                assert "Tom Visser" not in response.text
                assert len(response.text) < 4000


async def test_signs_that_no_database_or_reader_takes(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for name, door in scene.doors.items():
        for what, text in NEVER_IN_A_TEXT.items():
            for at in places(door.body):
                held = door.body
                for step in at:
                    held = held[step]
                if isinstance(held, str):
                    with subtests.test(name, what=what, at=at):
                        body = with_value(door.body, at, text)
                        assert "/" + "/".join(map(str, at)) in check_invalid(await scene.put(door, body))
            with subtests.test(name, what=what, at="a name"):
                check_invalid(await scene.put(door, {**door.body, text: 1}))
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


JSON_CONTENT: tuple[tuple[Any, str], ...] = (
    ({"a": "\u0000"}, "/a"),
    ({"a": {"b": ["x", "\ud800"]}}, "/a/b/1"),
    ({"a": 2**53}, "/a"),
    ({"a": -(2**53)}, "/a"),
    ({"a": 10**300}, "/a"),
    ({"\udfff": 1}, ""),
    ({"\u0000": 1}, ""),
)


async def test_json_content_that_cannot_be_kept_as_it_is(scene: Scene, subtests: pytest.Subtests) -> None:
    before = scene.stored()
    for content, place in JSON_CONTENT:
        with subtests.test(content=ascii(content)[:40]):
            body = copy.deepcopy(scene.doors["push"].body)
            body["sections"][1] |= {"mediaType": "application/json", "content": content}
            pointers = check_invalid(await scene.put(scene.doors["push"], body))
            assert any(p.startswith(f"/sections/1/content{place}") for p in pointers), pointers
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


# what has the right form and does not fit


def misfits() -> dict[str, tuple[dict[str, Any], str]]:
    """What to put where ('/'-separated), and the fault that must be named."""
    found: dict[str, tuple[dict[str, Any], str]] = {
        "an unknown kind": ({"kind": "gossip"}, "/kind"),
        "an unknown purpose": ({"purpose": "curiosity"}, "/purpose"),
        "an unknown section": ({"sections/0/type": "secrets"}, "/sections/0/type"),
        "an unknown role": ({"recipients/0/role": "neighbour"}, "/recipients/0/role"),
        "an unknown partner": ({"recipients/0/organisation": "0" * 20}, "/recipients/0/organisation"),
        "a partner in other digits": (
            {"recipients/0/organisation": "\u0660" * 20},
            "/recipients/0/organisation",
        ),
        "a partner with a line end": ({"recipients/0/organisation": "0" * 20 + "\n"}, "/recipients/0/organisation"),
        "an unknown subject": ({"subject": "somebody"}, "/subject"),
        "a section about nobody": ({"sections/0/concerns": []}, "/sections/0/concerns"),
        "a section about somebody unknown": ({"sections/0/concerns/0": "somebody"}, "/sections/0/concerns/0"),
        "shielded from somebody unknown": ({"sections/0/shieldedFrom": ["somebody"]}, "/sections/0/shieldedFrom/0"),
        "authority of somebody unknown": ({"authorities/0/holder": "somebody"}, "/authorities/0/holder"),
        "authority over oneself": ({"authorities/0/holder": "jack"}, "/authorities/0/holder"),
        "authority that ends before it begins": ({"authorities/0/until": "1999-01-01"}, "/authorities/0/until"),
        "authority of another kind": ({"authorities/0/kind": "royal"}, "/authorities/0/kind"),
        "a key twice": ({"people/1/key": "jack"}, "/people/1/key"),
        "a reference twice": ({"people/1/reference": "PT-P-4"}, "/people/1/reference"),
        "a date that does not exist": ({"people/0/birthDate": "2019-02-30"}, "/people/0/birthDate"),
        "a moment for a date": ({"people/0/birthDate": "2019-02-03T00:00:00Z"}, "/people/0/birthDate"),
        "a date in other digits": ({"people/0/birthDate": "\u0662\u0660\u0661\u0669-02-03"}, "/people/0/birthDate"),
        "a date without dashes": ({"people/0/birthDate": "20190203"}, "/people/0/birthDate"),
        "born tomorrow": ({"people/0/birthDate": "2999-01-01"}, "/people/0/birthDate"),
        "born long ago": ({"people/0/birthDate": "1899-12-31"}, "/people/0/birthDate"),
        "a BSN too short": ({"people/0/identifiers/0/value": "99999001"}, "/people/0/identifiers/0/value"),
        "a BSN in other digits": ({"people/0/identifiers/0/value": "\uff19" * 9}, "/people/0/identifiers/0/value"),
        "another register": ({"people/0/identifiers/0/system": "passport"}, "/people/0/identifiers/0/system"),
        "a phone number inside the country": (
            {"people/1/contacts/0/value": "0612345678"},
            "/people/1/contacts/0/value",
        ),
        "a phone number in other digits": (
            {"people/1/contacts/0/value": "+\u0663\u0661600000011"},
            "/people/1/contacts/0",
        ),
        "another channel": ({"people/1/contacts/0/channel": "pigeon"}, "/people/1/contacts/0"),
        "an address that is two": (
            {"people/1/contacts/0": {"channel": "email", "value": "a@b.example,c@d.example"}},
            "/people/1/contacts/0",
        ),
        "an address with a header behind it": (
            {"people/1/contacts/0": {"channel": "email", "value": "a@b.example\nBcc: x@y.example"}},
            "/people/1/contacts/0",
        ),
        "a language that is none": ({"language": "../../etc"}, "/language"),
        "text that is an object": ({"sections/0/content": {"a": 1}}, "/sections/0/content"),
        "an object that is text": ({"sections/0/mediaType": "application/json"}, "/sections/0/content"),
        "another media type": ({"sections/0/mediaType": "text/html"}, "/sections/0/mediaType"),
        "a blank reference": ({"reference": "   "}, "/reference"),
        "kept shorter than consent": ({"retainUntil": "P1M"}, "/retainUntil"),
    }
    for until in ("P", "p3m", "P-3M", "P3M\n", "3 months", "PT1H", "P13M", "P9999M", "P99999D", "1999-01-01", "\u0660"):
        found[f"consent until {until!r}"] = ({"consentUntil": until}, "/consentUntil")
    for until in ("20290131", "2029-W01-1", "2029-1-1", "9999-12-31", "0000-00-00", "P300Y", "2029-01-31T00:00"):
        found[f"kept until {until!r}"] = ({"retainUntil": until}, "/retainUntil")
    return found


def put_into(body: Any, values: Mapping[str, Any]) -> Any:
    for path, value in values.items():
        steps = tuple(int(step) if step.isdigit() else step for step in path.split("/"))
        body = with_value(body, steps, value)
    return body


async def test_what_does_not_fit_the_agreement_or_itself(scene: Scene, subtests: pytest.Subtests) -> None:
    door, before = scene.doors["push"], scene.stored()
    for attack, (values, pointer) in misfits().items():
        with subtests.test(attack):
            body = put_into(door.body, values)
            pointers = check_invalid(await scene.put(door, body), body)
            assert any(p == pointer or p.startswith(f"{pointer}/") for p in pointers), pointers
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def test_all_faults_come_at_once_in_the_callers_language(scene: Scene) -> None:
    door = scene.doors["push"]
    wrong = {
        "kind": "gossip",
        "purpose": 7,
        "language": None,
        "discussedWithFamily": "yes",
        "subject": "somebody",
        "people/0/birthDate": "2019-02-30",
        "people/1/contacts/0/value": "x",
        "authorities/0/holder": "somebody",
        "recipients/0/organisation": "1" * 20,
        "recipients/0/role": "neighbour",
        "sections/0/type": "secrets",
        "sections/1/content": 7,
        "consentUntil": "soon",
        "retainUntil": 12,
    }
    body = put_into(door.body, wrong) | {"extra": 1}
    raw = json.dumps(body).encode()
    found = check_invalid(await scene.send(door, raw))
    missed = {f"/{path}" for path in [*wrong, "extra"] if not any(pointer.startswith(f"/{path}") for pointer in found)}
    assert missed == set()

    dutch = {"nl": "nl", "nl-NL,nl;q=0.9,en;q=0.8": "nl", "de, nl;q=0.5, en;q=0.4": "nl"}
    english = {"en-GB": "en", "fr": "en", "": "en", "nl;q=0.1, en;q=0.2": "en", "\x7f;q=x,,": "en"}
    for wanted, language in (dutch | english).items():
        problem = check_problem(await scene.send(door, raw, **{"Accept-Language": wanted}), 400, language)
        assert ("klopt niet" in problem["title"]) == (language == "nl")
        by_place = {fault["pointer"]: fault["detail"] for fault in problem["errors"]}
        assert by_place["/kind"].startswith("De afspraken" if language == "nl" else "The agreement")
        assert by_place["/extra"] == ("Dit veld bestaat niet." if language == "nl" else "There is no such field.")


async def test_all_faults_of_an_answer_come_at_once(scene: Scene) -> None:
    door, before = scene.doors["answer"], scene.stored()
    assert check_invalid(await scene.put(door, {})) == {"/outcome", "/explanation"}
    wrong = {"outcome": "deleted", "explanation": "  \n ", "text": "Nieuw.", "state": "kept"}
    assert check_invalid(await scene.put(door, wrong)) == {"/outcome", "/explanation", "/text", "/state"}
    long = {**door.body, "explanation": "x" * 2001}
    assert check_invalid(await scene.put(door, long)) == {"/explanation"}
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def test_two_people_who_are_one(scene: Scene) -> None:
    door, before = scene.doors["push"], scene.stored()
    same = {"people/1/identifiers": [{"system": "bsn", "value": "999990020"}]}
    check_invalid(await scene.put(door, put_into(door.body, same)))
    spaced = {"people/1/reference": "PT-P-4 "}
    check_invalid(await scene.put(door, put_into(door.body, spaced)))
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


# whatever hypothesis comes up with

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
GENERATED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@GENERATED
@given(data=st.data())
async def test_any_json_at_all(scene: Scene, data: st.DataObject) -> None:
    door = scene.doors[data.draw(st.sampled_from(sorted(BODIES.values())))]
    names = st.sampled_from([*door.body, "x"]) | st.text(max_size=10)
    body = data.draw(anything | st.dictionaries(names, anything, max_size=6))
    check_invalid(await scene.put(door, body))


@GENERATED
@given(data=st.data())
async def test_any_bytes_at_all(scene: Scene, data: st.DataObject) -> None:
    door = scene.doors[data.draw(st.sampled_from(sorted(BODIES.values())))]
    check_invalid(await scene.send(door, data.draw(st.binary(min_size=1, max_size=200))))


@GENERATED
@given(data=st.data())
async def test_a_good_body_with_something_else_somewhere(scene: Scene, data: st.DataObject) -> None:
    door = scene.doors[data.draw(st.sampled_from(sorted(BODIES.values())))]
    at = data.draw(st.sampled_from([place for place in places(door.body) if place]))
    response = await scene.put(door, with_value(door.body, at, data.draw(anything)))
    assert response.status_code in (200, 201, 204, 400, 403, 404, 409), response.text
    if response.status_code >= 400:
        problem = check_problem(response, response.status_code)
        assert (response.status_code == 400) == ("errors" in problem)


# addresses, methods, tokens: for every operation of the document

ODD = [
    "%00",
    "a%00b",
    "%0A",
    "%FF",
    "%ED%A0%80",
    "%F0%9F%98%80",
    "x" * 5000,
    "..",
    "%2e%2e",
    "%2F",
    "'; DROP TABLE handover; --",
    "007",
    "-1",
    "1e9",
    "\u0661",
    "9" * 30,
    "00000000-0000-0000-0000-000000000000",
    "None",
    "%25",
    "{id}",
]


GOOD = {
    "/invitations": {"person": "tom", "delivery": "paper"},
    "/sign-offs": {"digest": "0" * 64, "agrees": True},
    "/long-watch": {"every": "P1M", "people": ["tom"]},
    "/answer": {"outcome": "corrected", "explanation": "Aangepast."},
    "/acknowledgement": {"state": "read"},
    "/status": {"status": "done"},
}
"""A body without a fault for what has an id in its address."""


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), f"/v1{path}", operation


def filled(path: str, value: str = "x") -> str:
    return re.sub(r"\{[a-z]+\}", lambda _: value, path)


async def tokens(scene: Scene) -> tuple[str, str]:
    return scene.doors["push"].token, scene.doors["ask"].token


async def test_odd_addresses_are_not_there(
    scene: Scene, scene_document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    before, good = scene.stored(), {**GOOD, "/versions": scene.doors["correct"].body}
    for method, path, _ in operations(scene_document):
        if "{" not in path:
            continue
        for odd in ODD:
            for token in await tokens(scene):
                with subtests.test(f"{method} {path}", odd=odd[:40]):
                    response = await scene.world.http.request(
                        method,
                        filled(path, odd),
                        headers={"Authorization": f"Bearer {token}"},
                        json=next((body for end, body in good.items() if path.endswith(end)), None),
                    )
                    assert response.status_code in (403, 404, 405), response.text
                    check_problem(response, response.status_code)
    await scene.world.settle()
    assert changed_tables(before, scene.stored()) == []


async def test_a_slash_at_the_end_is_another_address(
    scene: Scene, scene_document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for method, path, _ in operations(scene_document):
        for token in await tokens(scene):
            with subtests.test(f"{method} {path}/"):
                headers = {"Authorization": f"Bearer {token}"}
                check_problem(await scene.world.http.request(method, filled(path) + "/", headers=headers), 404)
    for path in ("/v1", "/v1/", "/v1/openapi.json/", "/v1//handovers", "/v1/nothing", "/oauth", "/oauth/token/"):
        check_problem(await scene.world.http.get(path), 404)


async def test_another_method_is_405_and_says_which_there_are(
    scene: Scene, scene_document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "FOO"]
    before = scene.stored()
    for path, item in scene_document["paths"].items():
        there = {method.upper() for method in item}
        for method in methods:
            if method in there or (method == "HEAD" and "GET" in there):
                continue
            with subtests.test(f"{method} {path}"):
                headers = {"Authorization": f"Bearer {scene.doors['push'].token}"}
                request = scene.world.http.build_request(method, f"/v1{filled(path)}", headers=headers)
                request.method = method
                response = await scene.world.http.send(request)
                if method != "HEAD":
                    check_problem(response, 405)
                assert response.status_code == 405
                assert {allowed.strip() for allowed in response.headers["allow"].split(",")} >= there
    assert changed_tables(before, scene.stored()) == []


async def test_without_a_token_or_with_one_that_is_none(
    scene: Scene, scene_document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    good = scene.doors["push"].token
    head, payload, signature = good.split(".")
    broken = {
        "none": "",
        "another scheme": f"Basic {good}",
        "the scheme alone": "Bearer",
        "no scheme": good,
        "no token": "Bearer x",
        "half of one": f"Bearer {good[:-20]}",
        "no signature": f"Bearer {head}.{payload}.",
        "another signature": f"Bearer {head}.{payload}.{signature[::-1]}",
        "another payload": f"Bearer {head}.{payload[:-4]}AAAA.{signature}",
        "far too long": "Bearer " + "a" * 20_000,
        "two of them": f"Bearer {good} {good}",
        "other letters": "Bearer \u00e9\u00e9\u00e9",
    }
    before = scene.stored()
    for method, path, operation in operations(scene_document):
        for attack, header in broken.items():
            with subtests.test(f"{method} {path}", token=attack):
                headers = [(b"authorization", header.encode("latin-1"))] if header else []
                response = await scene.world.http.request(method, filled(path), headers=headers)
                if operation.get("security"):
                    check_problem(response, 401)
                    assert response.headers["www-authenticate"].startswith("Bearer")
                else:
                    assert path.startswith(("/v1/log/", "/v1/contexts/", "/v1/webhook-keys"))
                    assert response.status_code in (200, 404)
    assert changed_tables(before, scene.stored()) == []


async def test_queries_that_are_not_understood(scene: Scene, subtests: pytest.Subtests) -> None:
    headers = {"Authorization": f"Bearer {scene.doors['push'].token}"}
    bad = {
        "box=": "/box",
        "box=SENT": "/box",
        "box=sent%00": "/box",
        "box=all": "/box",
        "after=x&box=sent": "/after",
        "after=%00": "/after",
        "after=" + "0" * 37: "/after",
        "after='--": "/after",
        "after=%D9%A0": "/after",
        "box=sent&box=x": "/box",
    }
    for query, pointer in bad.items():
        with subtests.test(query):
            response = await scene.world.http.get(f"/v1/handovers?{query}", headers=headers)
            assert pointer in check_invalid(response)
    for query in ("box=%FF&after=%FF", "box[]=sent&box=" + "x" * 9000):
        check_problem(await scene.world.http.get(f"/v1/handovers?{query}", headers=headers), 400)
