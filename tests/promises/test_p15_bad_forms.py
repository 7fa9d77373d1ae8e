"""P15: garbage in the forms of the family's and the officer's pages comes back as a page that says so, and changes nothing."""

from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.cli.visitor import answered, form_of
from tests.support.intruder import Intruder, Rows, changed_tables, intruder_in
from tests.support.officers import officer_browser
from tests.support.own_plans import days, filled
from tests.support.review import an_item
from tests.support.surface import doubt
from tests.support.world import URL, World
from tests.support.writing import ways

FORM = "application/x-www-form-urlencoded"
HANDOVER = "tom-to-school"
NOT_COUNTED = ("guard_count", "guard_once", "rate_count", "visit")
"""Tries are counted, and a visit keeps where somebody was: neither is an answer."""


@pytest.fixture
async def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    await world.push(HANDOVER)
    await world.invite(HANDOVER, "tom")
    return intruder_in(world, request)


async def stored(world: World, intruder: Intruder) -> dict[str, Rows]:
    await world.messages()
    await world.settle()
    return intruder.contents(leave_out=NOT_COUNTED)


def actions(world: World) -> Iterator[str]:
    """Every address of the pages that a form or a script is sent to."""
    for route in iter_route_contexts(world.app.routes):
        path = str(route.path)
        if "POST" in (route.methods or ()) and not path.startswith(("/v1", "/oauth", "/access")):
            filled = path.replace("{position}", "1").replace("{entry_id}", "x")
            yield filled.replace("{part}", "0" * 32).replace("{kind}", "reaction")


def garbage() -> dict[str, tuple[bytes, str]]:
    return {
        "nothing": (b"", FORM),
        "no fields": (b"&&&===", FORM),
        "a NUL": (b"code=%00&answer=%00&csrf=%00&contact=%00", FORM),
        "a raw NUL": (b"code=\x00", FORM),
        "control signs": (b"code=%0A%1B%07", FORM),
        "half a sign": (b"code=%ED%A0%80", FORM),
        "broken UTF-8": (b"code=%FF%FE", FORM),
        "raw bytes": (bytes(range(256)), FORM),
        "UTF-16": ("code=ABCD".encode("utf-16"), FORM),
        "a megabyte": (b"code=" + b"A" * 1_048_576, FORM),
        "just too long": (b"code=" + b"A" * 4_096, FORM),
        "a field twice": (b"code=AAAA&code=BBBB", FORM),
        "the secret twice": (b"csrf=x&csrf=x&answer=yes", FORM),
        "an answer twice": (b"answer=no&answer=yes", FORM),
        "a thousand fields": (b"&".join(b"f%d=x" % n for n in range(1000)), FORM),
        "broken percent signs": (b"code=%ZZ%", FORM),
        "a script": (urlencode({"code": "<script>alert(1)</script>", "back": "javascript:x"}).encode(), FORM),
        "a template": (urlencode({"code": "{{7*7}}${7*7}"}).encode(), FORM),
        "odd letters": (urlencode({"code": "\u202e\u0000\ufffe", "language": "\u0660"}).encode(), FORM),
        "JSON": (b'{"code": "x"}', "application/json"),
        "JSON that is none": (b"{", "application/json"),
        "JSON nested deeply": (b"[" * 20_000, "application/json"),
        "JSON with half a sign": (b'"\\ud800\\u0000"', "application/json"),
        "multipart": (
            b'--x\r\nContent-Disposition: form-data; name="code"\r\n\r\nx\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        "text": (b"code=x", "text/plain"),
        "no media type": (b"code=x", ""),
    }


def check_page(page: httpx.Response) -> None:
    """A refusal that a person can read (or a script, in JSON), that repeats nothing and is kept nowhere."""
    assert 300 <= page.status_code < 500, page.text[:300]
    assert page.headers["cache-control"] == "no-store"
    if page.status_code < 400:
        assert page.status_code == 303
        assert page.headers["location"].startswith("/")
        return
    assert page.headers["content-type"] in ("text/html; charset=utf-8", "application/json")
    assert "Traceback" not in page.text
    assert "<script>alert" not in page.text
    assert ">49<" not in page.text


async def test_garbage_from_a_stranger(world: World, intruder: Intruder, subtests: pytest.Subtests) -> None:
    before = await stored(world, intruder)
    addresses = list(actions(world))
    family = {"/code", "/contact", "/one-time-code", "/questions/1", "/questions/1/recipients", "/check", "/mine/stop"}
    assert family <= set(addresses)
    async with world.browser() as browser:
        for address in addresses:
            for attack, (content, media) in garbage().items():
                if address == "/console/passkeys/sign-in-options" and media == "application/json":
                    continue  # reads nothing of what is sent
                with subtests.test(address, attack=attack):
                    headers = {"Content-Type": media}
                    check_page(await browser.post(address, content=content, headers=headers, follow_redirects=False))
    assert changed_tables(before, await stored(world, intruder)) == []


async def test_garbage_from_somebody_who_was_let_in(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    async with world.browser() as browser:
        page = await world.come_in(browser, world.codes[HANDOVER, "tom"])
        secret = form_of(page.text, page.url.path)["csrf"]
        writing = ways(world, (await browser.get("/mine")).text)["status", "correction-request"]
        known = f"&csrf={quote(secret)}".encode()
        before = await stored(world, intruder)
        questions = ("/questions/1", "/questions/99", "/questions/0", "/questions/1/recipients")
        plans = ("/mine/plan", "/mine/plan/keep", *(f"/mine/plans/{'0' * 32}{way}" for way in ("", "/text", "/stop")))
        for address in (
            *questions,
            "/check",
            "/mine/stop",
            "/mine/messages",
            "/mine/check-ins",
            "/language",
            writing,
            *plans,
        ):
            for attack, (content, media) in garbage().items():
                with subtests.test(address, attack=attack):
                    sent = content + known if media == FORM else content
                    headers = {"Content-Type": media}
                    check_page(await browser.post(address, content=sent, headers=headers, follow_redirects=False))
        assert changed_tables(before, await stored(world, intruder)) == []
        page = await browser.get("/questions/1")
        assert page.status_code == 200, "the visit survives it"


SPOILT = {
    "the answer twice": "&answer=yes",
    "the same answer twice": "&answer=no",
    "the secret twice": "&csrf=x",
    "far too long": "&x=" + "x" * 5000,
    "a NUL in a field that nobody reads": "&x=%00",
    "half a sign in a field that nobody reads": "&x=%ED%A0%80",
    "a direction mark turned private": "&x=%EE%80%80",
    "too many fields": "".join(f"&f{n}=x" for n in range(64)),
}


async def test_a_good_answer_with_something_wrong_beside_it_is_no_answer(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    async with world.browser() as browser:
        page = await world.come_in(browser, world.codes[HANDOVER, "tom"])
        good = urlencode({**form_of(page.text, "/questions/1"), "answer": "no"})
        headers = {"Content-Type": FORM}
        before = intruder.rows("SELECT * FROM visit")
        for attack, more in SPOILT.items():
            with subtests.test(attack):
                page = await browser.post("/questions/1", content=good + more, headers=headers, follow_redirects=False)
                assert page.status_code == 400
                check_page(page)
                assert intruder.rows("SELECT * FROM visit") == before
        page = await browser.post("/questions/1", content=good, headers=headers, follow_redirects=False)
        assert page.status_code == 303, "without it, it counts"
        assert intruder.rows("SELECT * FROM visit") != before


SEVERAL, PSYCHOLOGIST = "start-of-foster-care", "00000099000000120000/psychologist"
FORGED: dict[str, Callable[[dict[str, str]], str]] = {
    "one is missing": lambda good: urlencode({name: good[name] for name in good if name != PSYCHOLOGIST}),
    "none is there": lambda good: urlencode({name: good[name] for name in good if "/" not in name}),
    "one twice": lambda good: urlencode(good) + "&" + urlencode({PSYCHOLOGIST: "yes"}),
    "the same one twice, written otherwise": lambda good: urlencode(good) + f"&{PSYCHOLOGIST}=yes",
    "somebody who is no recipient": lambda good: urlencode({**good, "00000099000000140000/support-coordinator": "yes"}),
    "another role of a recipient": lambda good: urlencode({**good, "00000099000000120000/family-worker": "yes"}),
    "a stranger instead of one": lambda good: urlencode({n.replace("psycho", "bio"): v for n, v in good.items()}),
    "places instead of names": lambda good: urlencode(
        {"section": good["section"], "shown": "nl", "csrf": good["csrf"], "1": "yes", "2": "yes", "3": "yes"}
    ),
    "a place that is not there": lambda good: urlencode({**good, "/99": "yes"}),
    "neither yes nor no": lambda good: urlencode({**good, PSYCHOLOGIST: "maybe"}),
    "nothing": lambda good: urlencode({**good, PSYCHOLOGIST: ""}),
    "another question": lambda good: urlencode({**good, "section": "safety-plan"}),
    "no language": lambda good: urlencode({**good, "shown": "xx"}),
    "one answer for all": lambda good: urlencode({"answer": "yes", **{n: good[n] for n in good if "/" not in n}}),
}


async def test_a_forged_choice_per_recipient_is_no_choice(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    await world.push(SEVERAL)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(SEVERAL, "chayenne"))
        page = await browser.get("/questions/1/recipients")
        good = answered(page.text, "/questions/1/recipients", {"timeline": {PSYCHOLOGIST: "yes"}})
        assert sum("/" in name for name in good) == 3
        headers, before, visits = {"Content-Type": FORM}, await stored(world, intruder), "SELECT * FROM visit"
        visit = intruder.rows(visits)
        for attack, forge in FORGED.items():
            with subtests.test(attack):
                page = await browser.post("/questions/1/recipients", content=forge(good), headers=headers)
                assert page.status_code in (400, 409), page.status_code
                check_page(page)
                assert intruder.rows(visits) == visit
        assert changed_tables(before, await stored(world, intruder)) == []
        page = await browser.post("/questions/1/recipients", data=good)
        assert page.url.path == "/questions/2", "without it, it counts"
        assert intruder.rows(visits) != visit


async def test_a_forged_recipient_stops_nothing(world: World, intruder: Intruder, subtests: pytest.Subtests) -> None:
    await world.push(SEVERAL)
    await world.answer(SEVERAL, "chayenne", {"timeline": "yes", "safety-plan": "yes"})
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[SEVERAL, "chayenne"])
        page = await browser.get("/mine/1/recipients")
        good = {**form_of(page.text, "/mine/stop"), "all": "yes"}
        before = await stored(world, intruder)
        for recipient in ("", "x", "0" * 16, PSYCHOLOGIST, good["recipient"][:-1], "1", "-1", "../x"):
            for more in ({}, {"all": ""}, {"section": "timeline"}, {"group": good["recipient"]}):
                with subtests.test(recipient, more=str(more)):
                    page = await browser.post("/mine/stop", data={**good, "recipient": recipient, **more})
                    assert page.status_code in (400, 404)
                    check_page(page)
        for section in ("parent-health", "x", ""):
            page = await browser.post("/mine/stop", data={**good, "all": "", "section": section})
            assert page.status_code in (400, 404, 409), section
        twice = urlencode(good) + f"&recipient={good['recipient']}"
        assert (await browser.post("/mine/stop", content=twice, headers={"Content-Type": FORM})).status_code == 400
        assert changed_tables(before, await stored(world, intruder)) == []
        assert (await browser.post("/mine/stop", data=good)).url.path.startswith("/receipt/"), "without it, it stops"


FORGED_PLANS: dict[str, Callable[[dict[str, str]], str]] = {
    "nothing": lambda _: "",
    "no text": lambda good: urlencode({**good, "text": ""}),
    "blanks for a text": lambda good: urlencode({**good, "text": " \r\n\t "}),
    "one sign too many": lambda good: urlencode({**good, "text": "x" * 4_001}),
    "a NUL in it": lambda good: urlencode({**good, "text": "Opa\0"}),
    "half a sign": lambda good: urlencode(good) + "%ED%A0%80",
    "a control sign": lambda good: urlencode({**good, "text": "Opa\x07"}),
    "the text twice": lambda good: urlencode(good) + "&text=Oma",
    "the day twice": lambda good: urlencode(good) + f"&until={good['until']}",
    "no day": lambda good: urlencode({**good, "until": ""}),
    "another day": lambda good: urlencode({**good, "until": "2199-01-01"}),
    "no reader": lambda good: urlencode({n: v for n, v in good.items() if not n.startswith("reader ")}),
    "a reader nobody offered": lambda good: urlencode(
        {**good, "reader 00000099000000030000/addiction-counsellor": "yes"}
    ),
    "another role of a reader": lambda good: urlencode({**good, "reader 00000099000000020000/teacher": "yes"}),
    "nobody": lambda good: urlencode({n: v for n, v in good.items() if not n.startswith("person ")}),
    "a person nobody offered": lambda good: urlencode({**good, f"person {'0' * 16}": "yes"}),
    "a person without a name": lambda good: urlencode({**good, "person ": "yes"}),
    "no secret": lambda good: urlencode({n: v for n, v in good.items() if n != "csrf"}),
    "far too long": lambda good: urlencode({**good, "x": "x" * 70_000}),
    "far too many": lambda good: urlencode({**good, **{f"person {n}": "yes" for n in range(64)}}),
}


async def test_a_forged_plan_is_no_plan(
    world: World, intruder: Intruder, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.services.own_plan.MOST_IN_A_DAY", 1000)  # each try is counted
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(HANDOVER, "mother"))
        form = (await browser.get("/mine/plan")).text
        good = filled(form, "Opa haalt hem op.", ["Tom"], ["Basisschool"], days(form)[0])
        shown = form_of((await browser.post("/mine/plan", data=good)).text, "/mine/plan/keep")
        headers, before = {"Content-Type": FORM}, await stored(world, intruder)
        for address, whole in (("/mine/plan", good), ("/mine/plan/keep", shown)):
            for attack, forge in FORGED_PLANS.items():
                with subtests.test(attack, address=address):
                    page = await browser.post(address, content=forge(whole), headers=headers)
                    assert page.status_code in (400, 403, 413), page.status_code
                    check_page(page)
        for digest in ("", "0" * 64, shown["digest"][:-1]):
            page = await browser.post("/mine/plan/keep", data={**shown, "digest": digest})
            assert page.status_code == 409
        assert changed_tables(before, await stored(world, intruder)) == []
        kept = await browser.post("/mine/plan/keep", data=shown)
        assert kept.url.path.startswith("/receipt/"), "without it, it is kept"


async def test_a_doubt_is_not_settled_by_a_form_with_something_wrong_in_it(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    await doubt(world)
    [(matter,)] = intruder.rows("SELECT id FROM matter")
    async with officer_browser(world) as officer:
        good = urlencode({"csrf": officer.csrf, "outcome": "confirmed", "note": "Gebeld."})
        headers = {"Content-Type": FORM}
        before = await stored(world, intruder)
        spoilt = {attack: more for attack, more in SPOILT.items() if not more.startswith("&answer")}
        twice = {"the outcome twice": "&outcome=accepted", "the same outcome twice": "&outcome=confirmed"}
        for attack, more in {**spoilt, **twice, "the note twice": "&note=x"}.items():
            with subtests.test(attack):
                page = await officer.browser.post(f"/console/queue/{matter}", content=good + more, headers=headers)
                assert page.status_code == 400
                check_page(page)
        for odd in ODD:
            with subtests.test(odd[:30]):
                for method in ("GET", "POST"):
                    page = await officer.browser.request(
                        method, f"/console/queue/{odd}", content=good, headers=headers, follow_redirects=False
                    )
                    assert page.status_code in (400, 404), page.status_code
        assert changed_tables(before, await stored(world, intruder)) == []
        page = await officer.browser.post(f"/console/queue/{matter}", content=good, headers=headers)
        assert page.status_code == 200, "without it, it settles"
    assert intruder.rows("SELECT state FROM matter") == [("confirmed",)]


async def test_odd_officers_name_nobody(world: World, subtests: pytest.Subtests) -> None:
    async with officer_browser(world) as officer:
        for odd in (*ODD, "x' OR '1'='1", "\x00", "é", officer.officer.upper()):
            for name in ("officer", "before"):
                with subtests.test(odd[:30], field=name):
                    page = await officer.browser.post("/console/watchers", data={"csrf": officer.csrf, name: odd})
                    assert page.status_code in (200, 400), page.status_code
        page = await officer.browser.post("/console/watchers", data={"csrf": officer.csrf, "officer": officer.officer})
        assert officer.officer in page.text, "and one who is there, somebody"


NO_WORDS = {
    "no text": b"",
    "an empty text": b"&text=",
    "blanks and breaks": b"&text=+%0D%0A%09+",
    "too long": b"&text=" + b"x" * 2001,
    "longer than the form": b"&text=" + b"x" * 40_000,
    "a NUL": b"&text=a%00b",
    "a bell": b"&text=a%07b",
    "half a sign": b"&text=%ED%A0%80",
    "broken UTF-8": b"&text=%FF",
    "the text twice": b"&text=een&text=twee",
    "a NUL beside a good text": b"&text=Het+was+dinsdag.&x=%00",
    "a break in another field": b"&text=Het+was+dinsdag.&x=%0A",
    "a file": b"&text[]=x",
}


async def test_words_that_are_none_are_refused_and_kept_nowhere(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[HANDOVER, "tom"])
        address = ways(world, (await browser.get("/mine")).text)["status", "correction-request"]
        secret = form_of((await browser.get(address)).text, address)["csrf"]
        before = await stored(world, intruder)
        for attack, text in NO_WORDS.items():
            with subtests.test(attack):
                content = b"csrf=" + secret.encode() + text
                page = await browser.post(address, content=content, headers={"Content-Type": FORM})
                check_page(page)
                assert page.status_code == 400
        for odd in ("praise", "reaction%00", "REACTION", "reaction/", "corrected"):
            with subtests.test(odd):
                form = {"csrf": secret, "text": "Het was dinsdag."}
                assert (await browser.post(f"{address.rpartition('/')[0]}/{odd}", data=form)).status_code in (404, 405)
        assert changed_tables(before, await stored(world, intruder)) == []
        page = await browser.post(address, data={"csrf": secret, "text": "Het was dinsdag."})
        assert page.url.path.startswith("/mine/reactions/"), "the form itself was good"


ODD = ("%00", "%FF", "x" * 5000, "\u0661", "-1", "1e3", "999999999999999999999", "..%2f", "{}")
COOKIES = ("", "x", "\u00c3\u00a9", "x" * 6000, "%00", '"', "a=b; rondom=c", "{}")


async def test_odd_addresses_of_pages(world: World, intruder: Intruder, subtests: pytest.Subtests) -> None:
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[HANDOVER, "tom"])
        before = await stored(world, intruder)
        for start in (
            "/",
            "/questions/",
            "/receipt/",
            "/static/",
            "/console/disclosures/",
            "/console/queue/",
            "/console/review/items/",
            "/console/pictures/",
            "/console/indicators/",
            "/console/",
        ):
            for path in ODD:
                with subtests.test(start + path[:30]):
                    page = await browser.get(start + path, follow_redirects=False)
                    assert page.status_code in (303, 400, 401, 404), page.status_code
        assert changed_tables(before, await stored(world, intruder)) == []


async def test_odd_cookies(world: World, subtests: pytest.Subtests) -> None:
    for cookie in COOKIES:
        sent = f"rondom={cookie}; rondom-language={cookie}; rondom-console={cookie}".encode("latin-1")
        headers = [(b"cookie", sent), (b"origin", URL.encode())]
        for path in ("/", "/contact", "/questions/1", "/check", "/mine", "/console", "/console/log"):
            with subtests.test(path, cookie=cookie[:20]):
                page = await world.http.get(path, headers=headers, follow_redirects=False)
                assert page.status_code in (200, 303, 401), page.status_code


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(["code", "contact", "answer", "section", "csrf", "language", "back"]) | st.text(max_size=5),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
        ),
        max_size=5,
    ),
    raw=st.none() | st.binary(max_size=80),
    address=st.sampled_from(["/code", "/language", "/contact", "/one-time-code", "/sign-out", "/console/invitation"]),
)
async def test_any_form_at_all(world: World, fields: list[tuple[str, str]], raw: bytes | None, address: str) -> None:
    async with world.browser() as browser:
        content = urlencode(fields).encode() if raw is None else raw
        page = await browser.post(address, content=content, headers={"Content-Type": FORM}, follow_redirects=False)
    check_page(page)


async def test_nothing_is_signed_off_by_a_form_with_something_wrong_in_it(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    item = await an_item(world)
    async with officer_browser(world) as officer:
        good, path = urlencode({"csrf": officer.csrf, "note": "Gebeld."}), f"/console/review/items/{item}"
        headers = {"Content-Type": FORM}
        before = intruder.rows("SELECT * FROM review_sign_off")
        spoilt = {attack: more for attack, more in SPOILT.items() if not more.startswith("&answer")}
        for attack, more in {**spoilt, "the note twice": "&note=x"}.items():
            with subtests.test(attack):
                page = await officer.browser.post(path, content=good + more, headers=headers)
                assert page.status_code == 400
                check_page(page)
        for odd in ODD:
            with subtests.test(odd[:30]):
                for method in ("GET", "POST"):
                    page = await officer.browser.request(
                        method, f"/console/review/items/{odd}", content=good, headers=headers, follow_redirects=False
                    )
                    assert page.status_code in (400, 404), page.status_code
        assert before == intruder.rows("SELECT * FROM review_sign_off") == []
        page = await officer.browser.post(path, content=good, headers=headers)
        assert page.status_code == 200, "without it, it is signed off"
    assert len(intruder.rows("SELECT * FROM review_sign_off")) == 1
