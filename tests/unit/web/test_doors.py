"""What holds for every page: looking changes nothing, only our own forms act, and the headers are always there."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from broker.errors import NotFound, TooMany, Unavailable, Uncertain, Words
from broker.services.waiting import LATEST, SOONEST
from broker.web import Site, install_web, page_for
from tests.unit.web.conftest import ORIGIN, browsing
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import ASKED, CODE, CSRF, DIGEST

FORMS = (
    ("/code", {"code": CODE}),
    ("/contact", {"contact": "c1"}),
    ("/one-time-code", {"code": "482913"}),
    ("/questions/1", {"section": "timeline", "shown": "nl", "answer": "yes"}),
    ("/questions/1/recipients", {"section": "timeline", "shown": "nl", **{r.key: "no" for r in ASKED}}),
    ("/check", {"shown": "nl"}),
    ("/check-in", {"how": "well"}),
    ("/check-in/stop", {}),
    ("/receipt/r1/send", {"contact": "c1"}),
    ("/mine/stop", {"group": "g1", "section": "timeline"}),
    ("/mine/messages", {"messages": "no"}),
    ("/mine/check-ins", {}),
    ("/mine/report", {}),
    ("/mine/devices/stop", {"device": "d1"}),
    ("/mine/sections/part-timeline/reaction", {"text": "Het was dinsdag."}),
    ("/mine/sign-offs/part-timeline", {"version": DIGEST, "said": "agree"}),
    ("/questions/1/text", {}),
    ("/mine/texts/text-timeline", {}),
    ("/mine/lifeline", {}),
    ("/mine/lifeline/correction", {"part": "part-timeline", "quote": "2018: verhuisd."}),
    ("/mine/plan", {"text": "Opa helpt."}),
    ("/mine/plan/keep", {"text": "Opa helpt.", "digest": "d", "shown": "nl"}),
    ("/mine/plans/plan1", {"text": "Oma helpt."}),
    ("/mine/plans/plan1/text", {}),
    ("/mine/plans/plan1/stop", {}),
    ("/mine/tasks/task-1", {"status": "done"}),
    ("/language", {"language": "en"}),
    ("/exit", {}),
    ("/sign-out", {}),
    ("/console/invitation", {"code": CODE}),
    ("/console/login/waterdijk", {}),
    ("/console/disclosures", {"outcome": "denied"}),
    ("/console/days", {"before": "2026-09-20"}),
    ("/console/organisations", {"after": "00000099000000110000"}),
    ("/console/queue/m1", {"outcome": "accepted", "note": "Gebeld"}),
    ("/console/review", {"signal": "sample"}),
    ("/console/review/items/i1", {"note": "Gebeld"}),
    ("/console/files", {"format": "csv", "first_day": "2026-09-01", "last_day": "2026-09-30"}),
    ("/console/report", {"identifier": "999990044", "for": "own"}),
    ("/console/breach", {"by": "client", "client": "k1", "first_day": "2026-09-01"}),
    ("/console/breach/notice", {"by": "client", "client": "k1", "first_day": "2026-09-01"}),
    ("/console/breach/file", {"by": "client", "client": "k1", "first_day": "2026-09-01"}),
    ("/console/breach/names", {"by": "client", "client": "k1", "first_day": "2026-09-01", "reason": "Een lek"}),
    ("/console/motions/motion1/names", {}),
    ("/console/log/check", {}),
    ("/console/watchers", {"before": "e1"}),
    ("/console/language", {"language": "en"}),
    ("/console/sign-out", {}),
    ("/console/own/remove", {"passkey": "x"}),
    ("/console/own/visits", {}),
    ("/console/officers", {"kind": "withdraw-officer", "officer": "o2", "reason": "Weg"}),
    ("/console/partners", {"kind": "suspend", "organisation": "1", "reason": "Lek"}),
)
OPEN = {
    "/code",
    "/console/invitation",
    "/console/login/waterdijk",
    "/exit",
}  # the code is the secret; who leaves in a hurry needs none
BY_SIGNERS = tuple(
    f"/receipt/r1/{what}" for what in ("device-options", "device", "confirmation-options", "confirmation")
)
SCRIPTS = {
    "/console/passkeys/registration-options": "invited",
    "/console/passkeys/registration": "invited",
    "/console/passkeys/sign-in-options": "",
    "/console/passkeys/sign-in": "",
    "/console/agreement/p1/approval-options": "signed-in",
    "/console/agreement/p1/approval": "signed-in",
    "/console/own/passkey-options": "signed-in",
    "/console/own/passkey": "signed-in",
    "/console/confirm/take-away/files/options": "signed-in",
    "/console/confirm/take-away/files/result": "signed-in",
    "/console/motions/motion1/second-options": "signed-in",
    "/console/motions/motion1/second": "signed-in",
    **dict.fromkeys(BY_SIGNERS, "signed-in"),
}
"""What our script asks, and which stage of a visit it belongs to."""


def routes(app: FastAPI, method: str) -> Iterator[str]:
    """Every address of the pages that takes the method, with something in each hole."""
    filled = {
        "position": "1",
        "receipt_id": "r1",
        "entry_id": "e3",
        "matter_id": "m1",
        "item_id": "i1",
        "proposal_id": "p1",
        "motion_id": "motion1",
        "purpose": "take-away",
        "back": "files",
        "name": "x.css",
        "period": "weeks",
    } | {
        "part": "part-timeline",
        "kind": "reaction",
        "reaction": "w1",
        "text_id": "text-timeline",
        "plan": "plan1",
        "organisation_kind": "school",
        "task": "task-1",
        "quarter": "2026-Q2",
        "language": "nl",
        "provider": "waterdijk",
        "reason": "login-unknown",
    }
    for route in iter_route_contexts(app.routes):
        if method in (route.methods or ()):
            yield re.sub(r"\{(\w+)\}", lambda hole: filled[hole[1]], route.path or "")


async def filled(family: FakeFamily) -> FakeFamily:
    """A family that answered, with a receipt."""
    family.visit()
    family.answers = dict.fromkeys(family.types, "yes")
    await family.confirm("family-token", "nl")
    family.calls.clear()
    return family


def at_stage_of(path: str, family: FakeFamily, console: FakeConsole) -> None:
    """Bring the visits to where the form of this address is."""
    family.how = ("", "") if path.startswith("/check-in") else None
    family.visit("code" if path in {"/contact", "/one-time-code"} else "verified")
    if path == "/mine/stop":
        family.said = {"timeline": "given"}  # type: ignore[dict-item]
    if path == "/receipt/r1/send":
        family.said = dict.fromkeys(family.types, "given")  # type: ignore[arg-type]
        family._receipt(family.types)
    if path == "/check":
        family.answers = dict.fromkeys(family.types, "yes")
    console.visit("invited" if "registration" in path else "signed-in")


def test_every_form_of_the_pages_is_tested_here(app: FastAPI) -> None:
    assert set(routes(app, "POST")) == {path for path, _ in FORMS} | set(SCRIPTS)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("stage", ["none", "code", "sent", "verified", "answered"])
async def test_looking_changes_nothing(
    app: FastAPI, family: FakeFamily, console: FakeConsole, client: httpx.AsyncClient, method: str, stage: str
) -> None:
    if stage == "answered":
        await filled(family)
    elif stage != "none":
        family.visit(stage)
    console.visit()
    before = (family.current, dict(family.answers), dict(family.said), dict(family.receipts))
    for path in routes(app, "GET"):
        answer = await client.request(method, path)
        assert answer.status_code < 500, path
    assert family.calls == []
    assert (family.current, family.answers, family.said, family.receipts) == before
    assert {call[0] for call in console.calls} <= {"lines", "days", "organisations"}


async def test_only_post_acts(app: FastAPI, client: httpx.AsyncClient) -> None:
    get = set(routes(app, "GET"))
    for path, _ in FORMS:
        if path not in get:
            assert (await client.get(path)).status_code == 405, path
    assert {method for route in iter_route_contexts(app.routes) for method in route.methods or ()} == {
        "GET",
        "HEAD",
        "POST",
    }


@pytest.mark.parametrize(("path", "fields"), FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
        {"Origin": "http://rondom.example", "Sec-Fetch-Site": ""},
        {"Origin": "https://rondom.example.evil.example", "Sec-Fetch-Site": ""},
    ],
)
async def test_a_form_of_another_site_is_refused(
    app: FastAPI, family: FakeFamily, console: FakeConsole, path: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    at_stage_of(path, family, console)
    async with browsing(app, **headers) as client:
        answer = await client.post(path, data={**fields, "csrf": CSRF})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert family.calls == []
    assert console.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": ""},
        {"Origin": ORIGIN.upper(), "Sec-Fetch-Site": ""},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize(("path", "fields"), FORMS)
async def test_our_own_form_is_taken(
    app: FastAPI, family: FakeFamily, console: FakeConsole, path: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    at_stage_of(path, family, console)
    async with browsing(app, **headers) as client:
        answer = await client.post(path, data={**fields, "csrf": CSRF, "something-else": "ignored"})
    assert answer.status_code in {200, 303}, answer.text


@pytest.mark.parametrize(("path", "fields"), [form for form in FORMS if form[0] not in OPEN])
@pytest.mark.parametrize("csrf", [None, "", "of-another-visit", "é"])
async def test_a_form_without_the_secret_of_the_visit_is_refused(
    client: httpx.AsyncClient,
    family: FakeFamily,
    console: FakeConsole,
    path: str,
    fields: dict[str, str],
    csrf: str | None,
) -> None:
    at_stage_of(path, family, console)
    answer = await client.post(path, data={**fields, "x": "1"} if csrf is None else {**fields, "csrf": csrf})
    assert answer.status_code == 403
    assert family.calls == []
    assert console.calls == []


@pytest.mark.parametrize(("path", "fields"), FORMS)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"csrf=%s&csrf=%s", "application/x-www-form-urlencoded"),
        (b"csrf=%s&a=" + b"x" * 5000, "application/x-www-form-urlencoded"),
        (b"csrf=%s&a=%%ff", "application/x-www-form-urlencoded"),
        (b"csrf=%s&a=%%00", "application/x-www-form-urlencoded"),
        (b"csrf=%s&a=%%0a", "application/x-www-form-urlencoded"),
        (b"csrf=%s&a=\xff", "application/x-www-form-urlencoded"),
        (
            b"csrf=%s&" + b"&".join(b"f%d=1" % n for n in range(40)).replace(b"%", b"%%"),
            "application/x-www-form-urlencoded",
        ),
        (b"csrf=%s", "text/plain"),
        (b'{"csrf": "%s"}', "application/json"),
    ],
)
async def test_a_strange_form_is_refused_and_changes_nothing(
    client: httpx.AsyncClient,
    family: FakeFamily,
    console: FakeConsole,
    path: str,
    fields: dict[str, str],
    body: bytes,
    kind: str,
) -> None:
    at_stage_of(path, family, console)
    content = body.replace(b"%s", CSRF.encode()).replace(b"%%", b"%")
    answer = await client.post(path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400, path
    assert family.calls == []
    assert console.calls == []


async def test_scripts_speak_json_from_our_own_pages_only(
    app: FastAPI, console: FakeConsole, family: FakeFamily
) -> None:
    await filled(family)
    for path, stage in SCRIPTS.items():
        console.visit(stage or "invited")
        async with browsing(app) as client:
            form = await client.post(path, data={"a": "1"}, headers={"X-CSRF-Token": CSRF})
            big = await client.post(path, content=b"x" * 40_000, headers=_json())
            bytes_ = await client.post(path, content=b"\xff", headers=_json())
        async with browsing(app, Origin="https://evil.example") as client:
            foreign = await client.post(path, json={}, headers=_json())
        assert [form.status_code, big.status_code, bytes_.status_code, foreign.status_code] == [400, 400, 400, 403]
        assert foreign.json()["message"]
    for path in (path for path, stage in SCRIPTS.items() if stage):
        console.visit(SCRIPTS[path])
        async with browsing(app) as client:
            assert (await client.post(path, json={})).status_code == 403
    assert console.calls == []
    assert family.calls == []
    for stage in ("code", "sent"):
        family.visit(stage)
        for path in BY_SIGNERS:
            async with browsing(app) as client:
                assert (await client.post(path, json={}, headers=_json())).status_code == 401
    assert family.calls == []


def _json() -> dict[str, str]:
    return {"Content-Type": "application/json", "X-CSRF-Token": CSRF}


async def test_every_answer_is_guarded(
    app: FastAPI, family: FakeFamily, console: FakeConsole, client: httpx.AsyncClient
) -> None:
    await filled(family)
    console.visit()
    answers = [await client.get(path) for path in routes(app, "GET") if not path.startswith("/static")]
    answers += [await client.post(path, data={"x": "1"}) for path, _ in FORMS]
    answers += [await client.post(path, json={}) for path in SCRIPTS]
    assert {answer.status_code for answer in answers} >= {200, 303, 403}
    for answer in answers:
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        path = answer.request.url.path
        asks = answer.request.method == "GET" and path == "/receipt/r1"
        alone = path in ("/docs", "/verify") or path.startswith("/audio/")
        assert ("connect-src 'self'" in policy) == (not alone), path
        passkeys = "publickey-credentials-get=(self)" in headers["permissions-policy"]
        assert passkeys == (path.startswith("/console") or asks), path
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["strict-transport-security"]


async def test_nothing_personal_is_in_an_address(
    app: FastAPI, family: FakeFamily, console: FakeConsole, client: httpx.AsyncClient
) -> None:
    await filled(family)
    console.visit()
    for path in routes(app, "GET"):
        html = (await client.get(path)).text
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', html)
        for address in addresses:
            assert "?" not in address
            assert CODE not in address
            assert family.person not in address
            assert CSRF not in address
        assert 'method="get"' not in html
        assert html.count("<form") == html.count('method="post"')


async def test_the_cookie_is_bound_to_the_host_and_hidden_from_scripts(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    family_cookie = (await client.post("/code", data={"code": CODE})).headers["set-cookie"]
    officer_cookie = (await client.post("/console/invitation", data={"code": CODE})).headers["set-cookie"]
    for cookie, name in ((family_cookie, "__Host-rondom="), (officer_cookie, "__Host-rondom-console=")):
        assert cookie.startswith(name)
        assert "HttpOnly" in cookie
        assert "Secure" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie


async def test_without_https_the_cookie_has_another_name(family: FakeFamily, console: FakeConsole) -> None:
    app = FastAPI()
    install_web(app, family, console_services(console), Site("http://localhost:8000", secure=False))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        answer = await client.post("/code", data={"code": CODE}, headers={"Origin": "http://localhost:8000"})
        assert answer.headers["set-cookie"].startswith("rondom=")
        assert "Secure" not in answer.headers["set-cookie"]
        assert "strict-transport-security" not in answer.headers
        assert (await client.get("/docs")).status_code == 200  # FastAPI's own: the site describes no API


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TooMany(retry_after=130), 429),
        (Unavailable(), 503),
        (Uncertain(), 503),
        (RuntimeError("Chayenne de Vries, 999990044"), 500),
        (KeyError("secret"), 500),
    ],
)
async def test_what_goes_wrong_is_a_page_that_tells_no_secret(
    client: httpx.AsyncClient, family: FakeFamily, capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    family.visit()
    family.fail = error
    answer = await client.get("/mine")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1" in answer.text
    told = answer.text + "".join(capsys.readouterr())
    for secret in ("Chayenne", "999990044", "secret", "Traceback"):
        assert secret not in told.replace(CSRF, "")
    if status == 503:
        assert SOONEST <= int(answer.headers["retry-after"]) <= LATEST
    if status == 429:
        assert answer.headers["retry-after"] == "130"
        assert "3 minuten" in answer.text


async def test_the_app_can_show_a_page_for_an_unknown_address(site: Site) -> None:
    def scope(path: str) -> dict[str, Any]:
        return {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "scheme": "https"}

    page = page_for(Request(scope("/nowhere")), NotFound(), site)
    assert page.status_code == 404
    assert b'href="/"' in page.body
    assert b'href="/console"' in page_for(Request(scope("/console/x")), NotFound(Words("a", "b")), site).body
