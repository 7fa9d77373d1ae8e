"""P08: nothing leaks sideways: not by addresses, logs, metrics, errors, messages or caches, nor by how a refusal looks."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from broker.cli.visitor import form_of, forms_of
from broker.errors import Tampered
from broker.services.access import Access
from broker.services.boxes import Boxes
from broker.services.checks import Checks
from broker.services.consents import Consents
from broker.services.handovers import Handovers
from broker.services.hearing import Hearing
from broker.services.lifelines import Lifelines
from broker.services.partner_events import PartnerEvents
from broker.services.pictures import Pictures
from broker.services.releases import Releases
from broker.services.viewing import Viewing
from broker.services.watchers import Watchers
from tests.support.officers import officer_browser
from tests.support.surface import (
    ACTS,
    LOOKS,
    NO_SUCH_ID,
    Exchange,
    Recorder,
    leaks,
    operational_log,
    personal,
    play,
    rows_of,
    told,
)
from tests.support.world import URL, World
from tests.support.writing import answer as answer_it
from tests.support.writing import read, send, write

SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"
TOM = "tom-to-school"
YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}
PUBLIC = ("/v1/contexts", "/v1/log", "/v1/openapi.json", "/.well-known", "/static", "/livez", "/readyz", "/metrics")
"""What is about nobody, and may be kept by caches."""


def keys_of(world: World, messages: list[dict[str, Any]]) -> list[str]:
    """Every code, one-time code and token that was handed out: also secret, and never to be seen in a log."""
    found = {token for token, _ in world.tokens.values()}
    for code in world.codes.values():
        found |= {code, code.replace("-", "")}
    found |= {code for m in messages for code in re.findall(r"\b\d{6}\b", m["text"]) if m["kind"] == "one-time-code"}
    found |= {code for m in messages for code in re.findall(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", m["text"])}
    return sorted(found)


def cookies_of(heard: list[Exchange]) -> list[str]:
    """The values of every cookie that was set for a visit."""
    cookies = [value for e in heard for name, value in e.headers if name == "set-cookie"]
    return sorted({found[1] for c in cookies if (found := re.match(r'rondom[\w-]*="?([\w-]{20,})', c))})


async def look_around(world: World) -> None:
    """What the families' stories leave out: the officer, the lists, refusals of all kinds, and faulty requests."""
    async with officer_browser(world) as officer:
        await officer.browser.get("/console/disclosures")
        fields = {"csrf": officer.csrf, "identifier": "999990019"}
        found = await officer.browser.post("/console/disclosures", data=fields)
        for entry in sorted(set(re.findall(r"/console/disclosures/[0-9a-f-]{36}", found.text)))[:3]:
            await officer.browser.get(entry)
            await officer.browser.get(f"{entry}/rules")
        for path in ("/console/report", "/console/breach", "/console/breach/notice", "/console/breach/file"):
            asked = {"for": "own", "by": "organisation", "organisation": SCHOOL, "first_day": "2020-01-01"}
            await officer.browser.post(path, data={**fields, **asked})
        await officer.browser.get("/console/overview")
        await officer.browser.post("/console/log/check", data={"csrf": officer.csrf})
        await officer.browser.get("/console/watchers")
        await officer.browser.post("/console/watchers", data={"csrf": officer.csrf, "officer": officer.officer})
        await officer.browser.get("/console/pictures/weeks")
        await officer.browser.get("/console/indicators")
    for identity in ("ib-joris", "nov-sara", "pt-anneke", "ha-vdberg", "hoop-eva"):
        await world.as_professional(identity, "GET", "/v1/handovers")
        body = {"identifier": {"system": "bsn", "value": "999990019"}}
        await world.as_professional(identity, "POST", "/v1/subjects/_search", body)
        for what in ("timelines", "involvements"):
            await world.as_professional(identity, "POST", f"/v1/{what}", {**body, "purpose": "education-support"})
    for handover in world.handovers.values():
        for oin in world.keys:
            await world.as_organisation(oin, "GET", f"/v1/handovers/{handover}")
    wrong = {
        "Linh de Bruin": "+31600000011",
        "people": [{"name": 1, "birthDate": "Tom Visser"}],
        "subject": "999990019",
    }
    await world.as_organisation(SENDER, "POST", "/v1/handovers", wrong)
    await world.http.post("/oauth/token", data={"grant_type": "Tom Visser", "assertion": "999990019"})
    for path in ("/v1/nowhere", "/nowhere", f"/v1/handovers/{NO_SUCH_ID}", "/v1/log/checkpoint", "/docs"):
        await world.http.get(path)


@pytest.mark.parametrize("family", ["visser-de-bruin", "chayenne"])
async def test_a_whole_familys_story_leaves_no_trace_beside_the_answers_themselves(world: World, family: str) -> None:
    recorder = Recorder()
    recorder.listen_to(world)
    with operational_log() as stream:
        await play(world, family)
        if family == "visser-de-bruin":
            await look_around(world)
        metrics = (await world.http.get("/metrics")).text
    messages = await world.messages()
    names, keys = personal(world), keys_of(world, messages)
    cookies, partners = (
        cookies_of(recorder.heard),
        [p["name"] for f in world.families.values() for p in f["organisations"]],
    )
    assert len(names) > 50
    assert len(keys) > 10
    assert len(cookies) > 3
    secrets = names + keys + cookies

    # The operational log: one JSON object a line, route templates, nothing else.
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len([line for line in lines if line["event"] == "request"]) >= len(recorder.heard) > 50
    assert {line["route"] for line in lines if "route" in line} <= LOOKS | {a.split()[1] for a in ACTS} | {"unknown"}
    assert leaks(stream.getvalue(), [*secrets, *partners, *world.handovers.values(), *world.keys]) == []

    # Metrics: route templates and statuses as labels.
    assert 'route="/check"' in metrics
    assert leaks(metrics, [*secrets, *partners, *world.handovers.values(), *world.keys]) == []
    assert set(re.findall(r'(\w+)="', metrics)) == {"method", "route", "status", "le", "kind"}
    assert set(re.findall(r'kind="([^"]*)"', metrics)) == {
        "tampered",
        "key-missing",
        "policy-error",
        "agreement-refused",
    }

    for exchange in recorder.heard:
        # Addresses and headers hold nothing about people, and no secret but the visit's own cookie.
        headers = "\n".join(f"{name}: {value}" for name, value in exchange.headers if name != "set-cookie")
        assert leaks(f"{exchange.url}\n{headers}", secrets) == [], exchange.route
        cookie = exchange.header("set-cookie")
        assert leaks(cookie, names + keys) == [], exchange.route
        if cookie and "rondom-language" not in cookie:
            assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; ")), exchange.route
        assert "referrer-policy" in dict(exchange.headers) or exchange.path == "/metrics", exchange.route
        if not exchange.path.startswith(PUBLIC):
            assert exchange.header("cache-control") == "no-store", exchange.route
        # No refusal names anybody, or what was typed.
        if exchange.status >= 400:
            assert leaks(exchange.body, [*names, *keys, *cookies]) == [], exchange.route

    # Messages: the code or the link, in words that are the same for everybody.
    fixed = set()
    for message in messages:
        rest = re.sub(r"\b\d{6}\b|[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", "…", message["text"])
        assert leaks(rest, [*secrets, *partners]) == []
        assert set(message) == {"to", "channel", "kind", "language", "text"}
        fixed.add((message["kind"], message["language"], message["channel"], rest))
    assert len(fixed) == len({found[:3] for found in fixed}), "a text differs by whom it goes to"


async def test_a_message_with_an_invitation_is_the_same_for_everybody(world: World) -> None:
    texts = set()
    for name, person in ((TOM, "tom"), (TOM, "father"), ("start-of-foster-care", "mother")):
        if name not in world.handovers:
            await world.push(name)
        path = f"/v1/handovers/{world.handovers[name]}/invitations"
        body = {"person": person, "delivery": "message"}
        assert (await world.as_organisation(world.sender(name), "POST", path, body)).status_code == 201
    for message in await world.messages("invitation"):
        texts.add(re.sub(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", "…", message["text"]))
    assert len(texts) == 1
    assert leaks(texts.pop(), personal(world)) == []


async def test_what_was_read_and_what_is_to_come_is_told_without_a_word_about_anybody(world: World) -> None:
    """Same words for everybody: no person, partner, part, handover, day or code; only an address, and an age."""
    for name, reader in ((TOM, "ib-joris"), ("start-of-foster-care", "hoop-eva")):
        await world.push(name)
        await world.everybody_says_yes(name)
        assert await world.gets(name, reader)
    with operational_log() as stream:
        world.clock.later("P175D")  # Tom's half year is nearly over, and Chayenne nearly 16
        await world.broker.reminders.remind()
        messages = [m for m in await world.messages() if m["kind"] not in ("one-time-code", "answer-kept")]
    assert {m["kind"] for m in messages} == {"was-read", "consent-ends", "birthday-soon"}
    vocabulary = world.broker.house.agreement().vocabulary
    labels = [t.label for t in (*vocabulary.section_types.values(), *vocabulary.roles.values())]
    partners = [p["name"] for f in world.families.values() for p in f["organisations"]]
    secrets = [*personal(world), *partners, *world.handovers.values(), *world.keys, *world.codes.values()]
    texts = {(m["kind"], m["language"], m["text"]) for m in messages}
    for kind, _, text in texts:
        assert leaks(text, [*secrets, *(label.nl for label in labels), *(label.en for label in labels)]) == []
        rest = text.replace(URL, "")
        assert re.findall(r"\d+", rest) in ([], *([age] for age in ("12", "16") if kind == "birthday-soon"))
    assert leaks(stream.getvalue(), secrets) == []
    assert len({text for kind, _, text in texts if kind != "birthday-soon"}) <= 4


WORDS = ("Linh vertelt het anders.", "Mark dronk die dag niet.", "Sanne sprak de buren.", "Te laat, Mark.")
SAY_WORDS = {
    "GET /mine",
    "GET /mine/reactions/{reaction}",
    "GET /v1/handovers/{id}/reactions",
    "POST /v1/handovers/{id}/reactions/{reaction}/answer",
    "POST /v1/releases",
}
"""Who wrote, who must answer, and who may read the section."""


async def test_a_familys_own_words_are_said_where_they_must_be_and_nowhere_else(world: World) -> None:
    recorder = Recorder()
    recorder.listen_to(world)
    with operational_log() as stream:
        await world.push(TOM)
        await world.everybody_says_yes(TOM)
        for person, words in (("mother", WORDS[0]), ("father", WORDS[1])):
            request = await write(world, TOM, person, "status", words)
        await read(world, TOM)
        await world.ask(TOM, "ib-joris")
        assert (await answer_it(world, TOM, request, explanation=WORDS[2])).status_code == 200
        refused = await answer_it(world, TOM, request, explanation=WORDS[3])
        assert refused.status_code == 409
        async with world.browser() as father:
            await world.come_in(father, world.codes[TOM, "father"])
            await father.get("/mine")
            too_long = await send(world, father, "status", "reaction", WORDS[3] + "x" * 2000)
            assert too_long.status_code == 400
        await world.ask(TOM, "ib-joris")
        await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}")
        await world.as_professional("ib-joris", "GET", "/v1/handovers")
        metrics = (await world.http.get("/metrics")).text
    messages = json.dumps(await world.messages())
    for text in (stream.getvalue().decode(), metrics, messages):
        assert not [words for words in WORDS if words in text]
    said = {e.route for e in recorder.heard if any(w in e.body.decode("utf-8", "replace") for w in WORDS[:3])}
    assert said == SAY_WORDS
    typed = {e.route for e in recorder.heard if WORDS[3] in e.body.decode("utf-8", "replace")}
    assert typed == {"POST /mine/sections/{part}/{kind}"}, "back in its own field, for who typed it"
    for exchange in recorder.heard:
        assert leaks(exchange.around, [w.split()[0] for w in WORDS[:3]]) == [], exchange.route
        if exchange.route in SAY_WORDS:
            assert exchange.header("cache-control") == "no-store"
    assert len({m["text"] for m in await world.messages("reaction-answered")}) == 1


# faults of our own


PERSONAL = "Linh de Bruin, 999990019, +31600000011, Tom wil dat de juf vraagt hoe het gaat"


def _raises(error: Callable[[], Exception]) -> Any:
    async def broken(*_: Any, **__: Any) -> None:
        name = PERSONAL  # a local that a careless traceback would print
        try:
            raise KeyError(name)
        except KeyError as cause:
            raise error() from cause

    return broken


@pytest.mark.parametrize(
    "error",
    [
        lambda: RuntimeError(PERSONAL),
        lambda: ValueError({"name": PERSONAL}),
        Tampered,
        lambda: OSError(2, PERSONAL),
    ],
    ids=["RuntimeError", "ValueError", "Tampered", "OSError"],
)
async def test_a_fault_of_ours_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]
) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    tokens = [await world.token(SENDER), await world.token(*world.professional("ib-joris"))]
    async with world.browser() as family, officer_browser(world) as officer:
        await world.come_in(family, world.codes[TOM, "mother"])
        for service, methods in (
            (Handovers, ("push", "correct")),
            (Boxes, ("received_one", "sent_one", "received", "search")),
            (PartnerEvents, ("after", "release")),
            (Releases, ("ask",)),
            (Lifelines, ("timeline", "involvements")),
            (Consents, ("mine", "receipt", "reaction")),
            (Hearing, ("read",)),
            (Checks, ("screen",)),
            (Watchers, ("page",)),
            (Pictures, ("screen",)),
            (Viewing, ("lines", "days", "organisations")),
            (Access, ("for_organisation",)),
        ):
            for method in methods:
                monkeypatch.setattr(service, method, _raises(error))
        with operational_log() as stream:
            answers = [
                await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}"),
                await world.as_organisation(SENDER, "GET", "/v1/handovers"),
                await world.as_organisation(SENDER, "POST", "/v1/handovers", {**world.body(TOM), "reference": "x"}),
                await world.ask(TOM, "ib-joris"),
                await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}/reactions"),
                await family.get("/mine"),
                await family.get(f"/mine/reactions/{NO_SUCH_ID}"),
                await family.get(f"/receipt/{NO_SUCH_ID}/file"),
                await officer.browser.get("/console/disclosures"),
                await officer.browser.get("/console/days"),
                await officer.browser.get("/console/organisations"),
                await officer.browser.get("/console/log"),
                await officer.browser.get("/console/watchers"),
                await officer.browser.get("/console/pictures"),
            ]
            try:
                await _served(world, tokens[0])
            except (RuntimeError, ValueError, OSError):  # uvicorn's own logger hears of it like this
                logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
                logging.getLogger("asyncio").exception("Task exception was never retrieved: %s", PERSONAL)
    secrets = [*personal(world), *PERSONAL.split(", "), *world.codes.values(), *tokens]
    for answer in answers:
        assert answer.status_code == 500, answer.url
        assert leaks(answer.text, secrets) == [], answer.url
        assert "Traceback" not in answer.text
        assert "RuntimeError" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store", answer.url
        assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.url
        if answer.url.path.startswith("/v1"):
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert "API-Version" in answer.headers, answer.url
            assert set(answer.json()) == {"type", "title", "status", "detail"}
    written = stream.getvalue().decode()
    assert leaks(written, secrets) == []
    assert "Linh" not in written
    assert len([line for line in written.splitlines() if json.loads(line)["level"] == "error"]) >= len(answers)


async def _served(world: World, token: str) -> httpx.Response:
    """As a server calls the application: what it raises arrives."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        return await client.get("/v1/handovers", headers={"Authorization": f"Bearer {token}"})


async def test_a_field_that_somebody_adds_to_the_log_later_is_dropped(world: World) -> None:
    import structlog

    with operational_log() as stream:
        log = structlog.get_logger("broker.later")
        log.info("page:shown", name="Tom", bsn="999990019", path="/mine", body=PERSONAL, message="tom@x.nl +316")
        log.warning("odd", code='{"name": "Tom"}', kind=["Tom"], error={"Tom": 1}, trace="Tom Visser", route="/x?bsn=1")
        log.warning("Tom Visser", message="Tom Visser")
        logging.getLogger("somewhere").warning("Tom Visser %s", PERSONAL, extra={"name_of": "Tom"})
    assert leaks(stream.getvalue(), ["Tom", "999990019", "Linh", "+316", "bsn"]) == []
    assert len(stream.getvalue().splitlines()) == 4


# not yours, not there


async def test_not_yours_and_not_there_look_the_same(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    release = (await world.ask(TOM, "ib-joris")).json()["id"]
    here = world.handovers[TOM]
    invited = {"person": "tom", "delivery": "paper"}
    request = await write(world, TOM, "mother", "status", "Het was dinsdag.")
    answer = {"outcome": "corrected", "explanation": "Aangepast."}
    requests: list[tuple[str, str, str, Any]] = []
    for oin in (SCHOOL, STRANGER, "00000099000000110000"):
        requests += [
            (oin, "DELETE", "/v1/handovers/{}", None),
            (oin, "POST", "/v1/handovers/{}/invitations", invited),
            (oin, "POST", "/v1/handovers/{}/invitations", {"person": "nobody", "delivery": "paper"}),
            (oin, "POST", "/v1/handovers/{}/invitations", {"person": "tom"}),
            (oin, "GET", "/v1/handovers/{}/reactions", None),
            (oin, "GET", "/v1/handovers/{}/sign-offs", None),
            (oin, "POST", f"/v1/handovers/{{}}/reactions/{request}/answer", answer),
            (oin, "POST", f"/v1/handovers/{{}}/reactions/{NO_SUCH_ID}/answer", answer),
            (oin, "POST", f"/v1/handovers/{{}}/reactions/{request}/answer", {"outcome": "corrected"}),
        ]
    for oin in (STRANGER, "00000099000000110000"):
        requests.append((oin, "GET", "/v1/handovers/{}", None))
    for who in ("nov-sara", "hoop-eva", "pt-anneke"):
        requests += [(who, "GET", "/v1/handovers/{}", None), (who, "POST", "/v1/releases", "education-support")]
        requests += [(who, "POST", "/v1/releases", "nonsense"), (who, "POST", "/v1/releases", "health-care")]
    another_role = await world.token(SCHOOL, {"sub": "t-1", "name": "Juf", "role": "teacher"})
    for who, method, path, body in requests:
        pair = []
        for id_ in (here, NO_SUCH_ID):
            sent = {"handover": id_, "purpose": body} if isinstance(body, str) else body
            call = world.as_organisation if who in world.keys else world.as_professional
            pair.append(told(await call(who, method, path.format(id_), sent), but=id_))
        assert pair[0] == pair[1], (who, method, path, body)
        assert pair[0][0] in (400, 404), (who, method, path, body)
    for path, body in (("/v1/handovers/{}", None), ("/v1/releases", {"purpose": "education-support"})):
        pair = []
        for id_ in (here, NO_SUCH_ID):
            sent = {**body, "handover": id_} if body else None
            pair.append(
                told(await world._call(another_role, "POST" if body else "GET", path.format(id_), sent), but=id_)
            )
        assert pair[0] == pair[1], "a colleague in another role"
        assert pair[0][0] == 404
    # Somebody else's release, also of a colleague in the same role.
    colleague = await world.token(SCHOOL, {"sub": "ib-2", "name": "Ander", "role": "support-coordinator"})
    for token in (colleague, await world.token(*world.professional("nov-sara"))):
        pair = []
        for id_ in (release, NO_SUCH_ID):
            pair.append(told(await world._call(token, "POST", f"/v1/releases/{id_}/acknowledgement", None), but=id_))
        assert pair[0] == pair[1]
        assert pair[0][0] == 404
    assert (
        await world.as_professional("ib-joris", "POST", f"/v1/releases/{release}/acknowledgement")
    ).status_code == 204
    assert (await world.as_organisation(SENDER, "GET", f"/v1/handovers/{here}")).json()["state"] != "withdrawn"


async def test_addressed_but_not_open_lists_nothing(world: World) -> None:
    """Before anybody answered, the recipient's lists and views are as if there were nothing."""
    body = {"identifier": {"system": "bsn", "value": "999990019"}}
    unknown = {"identifier": {"system": "bsn", "value": "111222333"}}
    empty = told(await world.as_professional("ib-joris", "GET", "/v1/handovers"))
    nobody = told(await world.as_professional("ib-joris", "POST", "/v1/subjects/_search", unknown))
    await world.push(TOM)
    here = world.handovers[TOM]
    for call, who in ((world.as_professional, "ib-joris"), (world.as_organisation, SCHOOL)):
        gone = told(await call(who, "GET", f"/v1/handovers/{NO_SUCH_ID}"), but=NO_SUCH_ID)
        assert told(await call(who, "GET", f"/v1/handovers/{here}"), but=here) == gone
        assert told(await call(who, "GET", "/v1/handovers")) == empty
    for who in ("ib-joris", "nov-sara", "pt-anneke"):
        assert told(await world.as_professional(who, "POST", "/v1/subjects/_search", body)) == nobody
    await world.everybody_says_yes(TOM)
    assert len((await world.as_professional("ib-joris", "POST", "/v1/subjects/_search", body)).json()["items"]) == 1
    for who in ("nov-sara", "pt-anneke"):
        assert told(await world.as_professional(who, "POST", "/v1/subjects/_search", body)) == nobody


async def test_somebody_elses_receipt_looks_like_one_that_is_not_there(world: World) -> None:
    await world.push(TOM)
    hers = (await world.answer(TOM, "mother", YES)).removeprefix("/receipt/")
    await world.answer(TOM, "father", {})
    async with world.browser() as father:
        await world.come_in(father, world.codes[TOM, "father"])
        for path in ("/receipt/{}", "/receipt/{}/file", "/receipt/{}/fhir"):
            pair = [told(await father.get(path.format(id_)), but=id_) for id_ in (hers, NO_SUCH_ID)]
            assert pair[0] == pair[1]
            assert pair[0][0] == 404
        fields = next(fields for _, fields, _ in forms_of((await father.get("/mine")).text) if "csrf" in fields)
        for group in ("0" * 16, "x", hers):
            answer = await father.post("/mine/stop", data={**fields, "group": group, "section": "status"})
            assert answer.status_code == 404
    async with world.browser() as nobody:
        pair = [told(await nobody.get(f"/receipt/{id_}"), but=id_) for id_ in (hers, NO_SUCH_ID)]
        assert pair[0] == pair[1], "without a visit both lead to the first page"


async def test_a_log_line_is_not_there_for_who_is_no_officer(world: World) -> None:
    await world.push(TOM)
    entry = (await rows_of(world, "log_entry"))[0].entry_id
    async with officer_browser(world, "invited") as invited, world.browser() as nobody:
        for browser in (invited.browser, nobody):
            browser.follow_redirects = False
            pair = [told(await browser.get(f"/console/disclosures/{id_}"), but=id_) for id_ in (entry, NO_SUCH_ID)]
            assert pair[0] == pair[1]
            assert pair[0][0] == 303


async def test_used_expired_and_unknown_invitations_of_an_officer_look_the_same(world: World) -> None:
    code = await world.broker.oversight.invite("Officer")
    world.clock.later("P8D")
    async with world.browser() as browser:
        old = told(await browser.post("/console/invitation", data={"code": code}), but=code)
        unknown = told(await browser.post("/console/invitation", data={"code": "AAAA-BBBB-CCCC"}), but="AAAA-BBBB-CCCC")
    assert old == unknown
    assert old[0] == 404


async def test_every_token_that_is_not_good_is_refused_alike(world: World) -> None:
    token = await world.token(SENDER)
    head, body, signature = token.split(".")
    bad = ["x", "", f"{head}.{body}.", f"{head}.{body}.{signature[::-1]}", token[:-2], "Linh de Bruin".replace(" ", "")]
    answers = [await world._call(value or "-", "GET", "/v1/handovers", None) for value in bad]
    await world.broker.partners.suspend(SENDER, suspended=True)
    answers.append(await world._call(token, "GET", "/v1/handovers", None))
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {401}


# what was typed


MARK = "Xq7-Zz Linh"


def faulty(world: World) -> list[tuple[str, str, str, Any]]:
    """(who, method, address, body) of requests that are wrong in every place where something can be written."""
    body, here = world.body(TOM), world.handovers[TOM]
    person, section = body["people"][0], body["sections"][0]
    bodies: list[tuple[str, str, Any]] = [
        (SENDER, "/v1/handovers", sent)
        for sent in (
            MARK,
            {MARK: MARK},
            {**body, MARK: 1},
            {**body, "kind": MARK, "purpose": MARK, "language": MARK, "subject": MARK},
            {**body, "consentUntil": MARK, "retainUntil": MARK},
            {**body, "people": [{**person, "birthDate": MARK, "identifiers": [{"system": MARK, "value": MARK}]}]},
            {**body, "people": [{**person, "contacts": [{"channel": MARK, "value": MARK}]}]},
            {**body, "recipients": [{"organisation": MARK, "role": MARK}]},
            {**body, "sections": [{**section, "type": MARK, "concerns": [MARK], "mediaType": MARK}]},
            {**body, "authorities": [{**body["authorities"][0], "holder": MARK, "kind": MARK, "since": MARK}]},
            {**body, "legalBasis": {MARK: MARK}},
        )
    ]
    bodies += [
        (SENDER, f"/v1/handovers/{here}/invitations", sent)
        for sent in ({"person": MARK, "delivery": "paper"}, {"person": "tom", "delivery": MARK}, {MARK: MARK})
    ]
    bodies += [
        ("ib-joris", "/v1/releases", sent)
        for sent in (
            {"handover": MARK, "purpose": MARK},
            {"handover": here, "purpose": MARK},
            {"handover": here, "purpose": "education-support", MARK: 1},
            {"handover": here, "purpose": 7, "sections": [MARK, 1]},
        )
    ]
    bodies += [
        ("ib-joris", "/v1/subjects/_search", sent)
        for sent in ({"identifier": {"system": MARK, "value": MARK}}, {"identifier": MARK}, {MARK: MARK})
    ]
    bodies += [
        ("ib-joris", f"/v1/{what}", sent)
        for what in ("timelines", "involvements")
        for sent in (
            {"identifier": {"system": MARK, "value": MARK}, "purpose": MARK},
            {"identifier": {"system": "bsn", "value": "999990019"}, "purpose": MARK},
            {MARK: MARK},
        )
    ]
    addresses = [f"/v1/handovers?{query}" for query in (f"box={MARK}", f"after={MARK}", f"{MARK}=1&box=x")]
    addresses += [f"/v1/{path}/{MARK}" for path in ("handovers", "log/tile", "log/proofs", "organisations")]
    return [
        *((who, "POST", address, sent) for who, address, sent in bodies),
        *((SENDER, "GET", address, None) for address in addresses),
        ("ib-joris", "POST", f"/v1/releases/{MARK}/acknowledgement", None),
        ("ib-joris", "POST", f"/v1/releases/{NO_SUCH_ID}/sign-offs", {"digest": MARK, "agrees": MARK, "text": MARK}),
        (SENDER, "DELETE", f"/v1/handovers/{MARK}", None),
    ]


async def test_no_refusal_of_the_api_repeats_what_was_sent(world: World) -> None:
    await world.push(TOM)
    answers = []
    for who, method, address, sent in faulty(world):
        call = world.as_organisation if who in world.keys else world.as_professional
        answers.append(await call(who, method, address, sent))
    answers += [
        await world.http.post("/oauth/token", data=form)
        for form in (
            {"grant_type": MARK},
            {"grant_type": "client_credentials", "client_assertion_type": MARK, "client_assertion": MARK},
            {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": MARK},
            {MARK: MARK},
        )
    ]
    raw = {"Authorization": f"Bearer {await world.token(SENDER)}", "Content-Type": "application/json"}
    answers += [
        await world.http.post("/v1/handovers", content=content, headers=raw)
        for content in (f'{{"{MARK}": {MARK}}}', f'"{MARK}', f'{{"a": 1, "a": "{MARK}"}}')
    ]
    answers.append(await world.http.post("/v1/handovers", content=MARK, headers={**raw, "Content-Type": f"x/{MARK}"}))
    for answer in answers:
        nothing = answer.url.path in ("/v1/timelines", "/v1/involvements") and answer.status_code == 200
        assert nothing or answer.status_code in (400, 401, 403, 404, 415), (answer.url, answer.status_code)
        for part in (MARK, "Xq7", "Linh"):
            assert part not in f"{answer.text}\n{answer.headers}", (answer.url, answer.text)


async def test_no_page_that_refuses_repeats_what_was_typed_but_in_its_own_field(world: World) -> None:
    """The code that was typed stands in its field again, to be mended; nothing else comes back, and never as markup."""
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    evil = '"><script>Xq7Zzzzz</script>'
    async with world.browser() as browser, officer_browser(world) as officer:
        page = await browser.post("/code", data={"code": evil})
        assert evil not in page.text
        assert page.text.count("Xq7Zzzzz") == 1
        answers = [
            await browser.get(f"/{evil}"),
            await browser.get(f"/receipt/{evil}"),
            await browser.get(f"/?code={evil}"),
            await browser.post("/language", data={"language": evil, "back": evil}),
            await browser.post("/language", data={"language": "en", "back": "//evil.example/Xq7Zzzzz"}),
        ]
        await browser.post("/code", data={"code": code})
        form = form_of((await browser.get("/contact")).text, "/contact")
        answers.append(await browser.post("/contact", data={**form, "contact": evil}))
        answers.append(await browser.post("/one-time-code", data={**form, "code": evil}))
        signed = {"csrf": officer.csrf}
        answers += [
            await officer.browser.post("/console/disclosures", data={**signed, "identifier": evil}),
            await officer.browser.post("/console/disclosures", data={**signed, "outcome": evil}),
            await officer.browser.post("/console/disclosures", data={**signed, "before": evil}),
            await officer.browser.get(f"/console/disclosures/{evil}"),
            await officer.browser.get(f"/console/disclosures/{evil}/rules"),
            await officer.browser.post("/console/passkeys/sign-in", json={"rawId": evil}),
        ]
    for answer in answers:
        visible = re.sub(r'<input type="hidden" name="(back|subject|before|outcome)" value="[^"]*">', "", answer.text)
        assert "Xq7Zzzzz" not in visible, answer.url
        assert evil not in answer.text, answer.url
        assert "evil.example" not in str(answer.url)
    identifier = answers[7]
    assert "Xq7Zzzzz" not in identifier.text, "an identifier is shown to nobody again"


async def test_a_filled_search_never_shows_the_identifier_again(world: World) -> None:
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    async with officer_browser(world) as officer:
        found = await officer.browser.post(
            "/console/disclosures", data={"csrf": officer.csrf, "identifier": "999990019", "first_day": "2026-13-40"}
        )
        assert "999990019" not in found.text
        found = await officer.browser.post(
            "/console/disclosures", data={"csrf": officer.csrf, "identifier": "9999 90019"}
        )
        assert found.status_code == 200
        assert "999990019" not in f"{found.text}{found.url}"
        assert leaks(found.text, personal(world)) == [], "pseudonyms only"
        for address in sorted(set(re.findall(r"/console/disclosures/[0-9a-f-]{36}", found.text))):
            assert leaks((await officer.browser.get(address)).text, personal(world)) == []
