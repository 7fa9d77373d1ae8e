"""The hard cases about organisations, time, agreement, links and failures (6, 8, 9, 10, 12, 13).

The people act as they would, over HTTP; `docs/hard-cases.md` tells the cases, and `test_hard_cases_of_families.py` has the others.
"""

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from broker.app import build
from broker.asgi import asgi
from broker.cli.policies import app as policies_command
from broker.cli.visitor import answered, form_of, forms_of
from broker.crypto.keyring import Keyring
from broker.errors import Unavailable, Unsafe
from tests.promises import at_home as home
from tests.promises.at_home import (
    assert_not_yours,
    assert_refused,
    assert_try_again,
    at_home,
    begins,
    events,
    got,
    hand_over,
    last,
    reasons,
    signers,
    withheld,
)
from tests.promises.attacks import JACK, TOM, person
from tests.support.failures import away, refusing
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import NO_SUCH_ID, changed, count_records, dump, told
from tests.support.world import ROOT, URL, World, build_broker, today

SANDER, CHAYENNE = "sander-to-team", "start-of-foster-care"
TEAM, SCHOOL, GP = "00000099000000010000", "00000099000000020000", "00000099000000040000"
CARE, DISTRICT = "00000099000000120000", "00000099000000130000"
SECOND = timedelta(seconds=1)
JUST_BEFORE = timedelta(microseconds=1)


def alone(who: str, *types: str) -> Any:
    """Somebody of seventeen, who decides alone, and only these sections, about nobody else."""

    def change(body: dict[str, Any]) -> None:
        day = today() - timedelta(days=100)
        person(body, who)["birthDate"] = day.replace(year=day.year - 17, day=min(day.day, 28)).isoformat()
        body["sections"] = [section for section in body["sections"] if section["type"] in types]

    return change


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def test_06_a_professional_changes_employer(world: World) -> None:
    """No access through the new employer; the consent named organisation and role."""
    case = await hand_over(world, TOM, alone("tom", "status"))
    body = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    await world.answer(TOM, "tom", {"status": "yes"})
    first = await world.ask(TOM, "ib-joris")
    assert got(first) == ["status"]
    release = f"/v1/releases/{first.json()['id']}"
    identifier = person(case.body, "tom")["identifiers"][0]

    _, joris = world.professional("ib-joris")
    as_before = await world.token(GP, joris)
    as_doctor = await world.token(GP, {**joris, "role": "general-practitioner"})
    teacher = await world.token(SCHOOL, {**joris, "role": "teacher"})
    for token in (as_before, as_doctor, teacher):
        refused = await world._call(token, "POST", "/v1/releases", body)
        assert_not_yours(refused)
        unknown = await world._call(token, "POST", "/v1/releases", {**body, "handover": NO_SUCH_ID})
        assert told(refused) == told(unknown), "as if it did not exist"
        assert_not_yours(await world._call(token, "GET", f"/v1/handovers/{case.handover.id}", None))
        assert_not_yours(await world._call(token, "GET", release, None))
        assert (await world._call(token, "GET", "/v1/handovers", None)).json()["items"] == []
        found = await world._call(token, "POST", "/v1/subjects/_search", {"identifier": identifier})
        assert found.json()["items"] == []
    for token in (as_before, as_doctor):
        assert_not_yours(await world._call(token, "POST", f"{release}/acknowledgement", None))
    entry = await last(world, "release:denied")
    assert entry.facts["reason"] in ("unknown-handover", "not-a-recipient"), "each try is logged"

    successor = await world.token(SCHOOL, {"sub": "ib-anna", "name": "Anna", "role": joris["role"]})
    assert got(await world._call(successor, "POST", "/v1/releases", body)) == ["status"], "who took over the work reads"
    await hand_over(world, JACK)
    await world.everybody_says_yes(JACK)
    theirs = {"handover": world.handovers[JACK], "purpose": "health-care"}
    assert got(await world._call(as_doctor, "POST", "/v1/releases", theirs)) == ["analysis", "help-history"], (
        "the new job"
    )
    assert_not_yours(await world._call(as_before, "POST", "/v1/releases", theirs))


def last_sunday(month: int) -> date:
    """The next last Sunday of that month, on which the clocks change (Directive 2000/84/EC)."""
    for year in (today().year, today().year + 1):
        day = date(year, month, 31)
        day -= timedelta(days=(day.weekday() + 1) % 7)
        if day > today() + timedelta(days=3):
            return day
    raise AssertionError


async def test_08_expired_at_midnight(world: World) -> None:
    """Expired at 23:59:59, asked at 00:00:00: refused as expired, across clock changes too."""
    spring, autumn = last_sunday(3), last_sunday(10)
    nights = sorted(
        {today() + timedelta(days=1), *(day - timedelta(days=n) for day in (spring, autumn) for n in (0, 1))}
    )
    assert {(begins(day + timedelta(days=1)) - SECOND).astimezone(UTC).hour for day in nights} == {21, 22}
    for until in nights:
        case = await hand_over(world, SANDER, consentUntil=until.isoformat(), retainUntil="P18M")
        await world.answer(SANDER, "sander", {"education": "yes"})
        midnight = begins(until + timedelta(days=1))
        for moment in (midnight - SECOND, midnight - JUST_BEFORE):
            world.clock.fixed = moment.astimezone(UTC)
            assert got(await world.ask(SANDER, "pt-anneke")) == ["education"], moment
        for moment in (midnight, midnight + SECOND):
            world.clock.fixed = moment.astimezone(UTC)
            assert_refused(await world.ask(SANDER, "pt-anneke"), ["education"])
        [decided] = reasons(await last(world, "release:denied"))
        assert [who["stance"] for who in decided["signers"]] == ["expired"], "and the officer can see that it was time"
    async with at_home(world, SANDER, "sander") as sander:
        assert "Afgelopen: de tijd is voorbij" in (await sander.get("/mine")).text
    # Nothing renews itself: a new period is a new question.
    later = {**case.body, "reference": "RB-27-1", "consentUntil": "P3M"}
    renewed = await world.as_organisation(SCHOOL, "POST", "/v1/handovers", later)
    assert renewed.status_code == 201, renewed.text
    world.handovers[SANDER] = renewed.json()["id"]
    assert_refused(await world.ask(SANDER, "pt-anneke"), ["education"])
    await world.answer(SANDER, "sander", {"education": "yes"})
    assert got(await world.ask(SANDER, "pt-anneke")) == ["education"]


@contextlib.asynccontextmanager
async def restarted(world: World, policies: Path) -> AsyncIterator[None]:
    """The broker started again on the same database, with another agreement, where the folder decides."""
    broker = build_broker(replace(world.broker.settings, policies=policies, agreement="folder"), world.clock)
    app = asgi(broker)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with broker.running(), httpx.AsyncClient(transport=transport, base_url=URL) as http:
        with patch.multiple(world, broker=broker, app=app, http=http):
            yield


def agreement(directory: Path, old: str = "", new: str = "") -> Path:
    """The shipped agreement with one change in the school's rule."""
    shutil.copytree(ROOT / "policies", directory)
    rules = (directory / "release.cedar").read_text()
    start = rules.index('@id("school-support-coordinator")')
    end = rules.index("@id(", start + 1)
    rule = rules[start:end]
    assert old in rule
    (directory / "release.cedar").write_text(rules[:start] + rule.replace(old, new, 1) + rules[end:])
    return directory


async def test_09_the_agreement_changes(world: World, tmp_path: Path) -> None:
    """Policy stricter: applies at once; wider: still bounded by what was consented; broken or empty: refuse everything, loudly."""
    timeline = {
        "type": "timeline",
        "concerns": ["tom"],
        "mediaType": "text/markdown",
        "content": "Tom woont sinds 2019 hier.",
    }
    both, three = ["status", "voice-of-the-child"], ["status", "timeline", "voice-of-the-child"]

    def change(body: dict[str, Any]) -> None:
        alone("tom", *both)(body)
        body["sections"].append(timeline)

    await hand_over(world, TOM, change)
    await world.answer(TOM, "tom", dict.fromkeys(both, "yes"))
    first = await world.ask(TOM, "ib-joris")
    assert (got(first), withheld(first)) == (both, {})

    status = 'SectionType::"status",'
    async with restarted(world, agreement(tmp_path / "stricter", status)):
        answer = await world.ask(TOM, "ib-joris")
        assert (got(answer), withheld(answer)) == (["voice-of-the-child"], {}), "at once; no yes is asked again"
        current = (await world.as_organisation(SCHOOL, "GET", "/v1/policies/current")).json()
        assert answer.json()["policyDigest"] == current["digest"] != first.json()["policyDigest"]
    async with restarted(world, agreement(tmp_path / "wider", status, f'{status} SectionType::"timeline",')):
        answer = await world.ask(TOM, "ib-joris")
        assert (got(answer), withheld(answer)) == (both, {"timeline": home.NO_CONSENT}), "agreed, and nobody said yes"
        await world.answer(TOM, "tom", dict.fromkeys(three, "yes"))
        assert got(await world.ask(TOM, "ib-joris")) == three, "so it was his yes that was missing"
    async with restarted(world, agreement(tmp_path / "as-before")):
        assert got(await world.ask(TOM, "ib-joris")) == both, "and his yes does not widen the agreement"
    assert got(await world.ask(TOM, "ib-joris")) == both, "nor where another broker began with another folder"

    fails = '\n@id("fails") @title_nl("x") @title_en("x") @legal_basis("x") forbid (principal, action, resource)'
    fails += " when { context.evidence + 9223372036854775807 < 0 };\n"
    failing = agreement(tmp_path / "failing") / "release.cedar"
    failing.write_text(failing.read_text() + fails)
    with pytest.raises(Unsafe, match="can fail"):
        build(replace(world.broker.settings, policies=failing.parent))

    broken = agreement(tmp_path / "broken") / "release.cedar"
    whole = broken.read_text()
    for spoilt in ("", "// later\n", whole[: len(whole) // 2]):
        broken.write_text(spoilt)
        with pytest.raises(Unsafe):
            build(replace(world.broker.settings, policies=broken.parent))
        with patch.dict("os.environ", {"BROKER_POLICIES": str(broken.parent)}):
            checked = await asyncio.to_thread(CliRunner().invoke, policies_command, ["check"])
        assert (checked.exit_code, bool(checked.output.strip())) == (1, True), "and it says why"
    assert got(await world.ask(TOM, "ib-joris")) == both


async def test_10_corrected_after_release(world: World) -> None:
    """Corrected after release: new version; everybody who received the old one is told; the old one is marked."""
    types = ["safety-plan", "timeline"]
    case = await hand_over(world, CHAYENNE, alone("chayenne", *types))
    await world.answer(CHAYENNE, "chayenne", dict.fromkeys(types, "yes"))
    readers = {"hoop-eva": CARE, "wt-fatima": DISTRICT}
    first = {who: await world.ask(CHAYENNE, who) for who in readers}
    assert {tuple(got(answer)) for answer in first.values()} == {tuple(types)}

    async def status(who: str, release: httpx.Response) -> tuple[int, bool, bool]:
        found = (await world.as_professional(who, "GET", f"/v1/releases/{release.json()['id']}")).json()
        return found["version"], found["corrected"], found["withdrawn"]

    assert {await status(who, answer) for who, answer in first.items()} == {(1, False, False)}
    assert [await events(world, oin) for oin in readers.values()] == [[], []]
    text = "Chayenne belt Ruben als zij zich onveilig voelt, dag en nacht."
    body = json.loads(json.dumps(case.body))
    [plan] = [section for section in body["sections"] if section["type"] == "safety-plan"]
    old, plan["content"] = plan["content"], text
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert_not_yours(await world.as_organisation(CARE, "POST", path, body))
    corrected = await world.as_organisation(world.sender(CHAYENNE), "POST", path, body)
    assert (corrected.status_code, corrected.json()["version"]) == (201, 2)

    for who, oin in readers.items():
        [event] = await events(world, oin)
        release = first[who].json()["id"]
        assert event["type"] == "nl.rondom.handover-corrected.v1"
        assert event["data"] == {"handover": case.handover.id, "release": release, "version": 2, "sectionTypes": []}
        assert await status(who, first[who]) == (1, True, False)
    assert await events(world, "00000099000000140000") == [], "who did not receive it hears nothing"
    async with at_home(world, CHAYENNE, "chayenne") as chayenne:
        told_her = "De tekst is daarna verbeterd. Wie hem las, kreeg daarvan bericht."
        assert (await chayenne.get("/mine")).text.count(told_her) == len(readers)
        second = await world.ask(CHAYENNE, "hoop-eva")
        assert (got(second), text in second.text, old in second.text) == (types, True, False), "nobody is asked anew"
        assert await status("hoop-eva", second) == (2, False, False)
        assert (await chayenne.get("/mine")).text.count(told_her) == len(readers), "the new one is not marked"
    late = await world.ask(CHAYENNE, "hoop-sem")
    assert (text in late.text, await status("hoop-sem", late)) == (True, (2, False, False))
    assert len(await events(world, CARE)) == 1


async def test_12_a_link_forwarded_used_twice_and_scanned(world: World) -> None:
    """Link forwarded, used twice, opened by a mail scanner: opening never consents; a second use is refused."""
    await hand_over(world, TOM, alone("tom", "status"))
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    invited = await world.as_organisation(TEAM, "POST", path, {"person": "tom", "delivery": "message"})
    assert (invited.status_code, "code" in invited.json()) == (201, False), "the sender never sees it"
    text = (await world.messages("invitation"))[-1]["text"]
    [link] = re.findall(r"https?://\S+", text)
    code = link.rpartition("#")[2]
    assert code in text.replace(link, "")

    before = await dump(world)
    async with world.browser() as scanner:
        seen = {link, f"{URL}/{code}", f"{URL}/?code={code}", f"{URL}/code?code={code}", f"{URL}/code"}
        seen |= {
            f"{URL}{page}" for page in ("/contact", "/one-time-code", "/questions/1", "/check", "/mine", "/mine/stop")
        }
        for address in list(seen):
            seen |= {f"{URL}{found}" for found in re.findall(r'href="(/[^"]*)"', (await scanner.get(address)).text)}
        for address in seen:
            for method in ("GET", "HEAD"):
                assert (await scanner.request(method, address)).status_code < 500, address
    assert changed(before, await dump(world)) == set(), "opening changes nothing at all"
    assert_refused(await world.ask(TOM, "ib-joris"), ["status"])

    async with world.browser() as friend:
        page = await friend.post("/code", data={"code": code})
        assert page.url.path == "/contact", "whoever has the link gets no further than who can prove to be Tom"
        csrf = form_of(page.text, "/contact")["csrf"]
        answer = {"csrf": csrf, "section": "status", "answer": "yes", "shown": "nl"}
        for path in ("/questions/1", "/check"):
            assert (await friend.post(path, data=answer)).url.path == "/contact"
        guess = await friend.post("/one-time-code", data={"csrf": csrf, "code": "123456"})
        assert guess.status_code in (400, 403, 429)
    assert await count_records(world) == 0

    async with world.browser() as tom, world.browser() as second:
        for browser in (tom, second):
            page = await world.come_in(browser, code)
            page = await browser.post(page.url.path, data=answered(page.text, page.url.path, {"status": "yes"}))
            assert page.url.path == "/check"
        forms = [form_of((await browser.get("/check")).text, "/check") for browser in (tom, second)]
        assert await count_records(world) == 0, "choosing is no answer yet"
        receipt = await tom.post("/check", data=forms[0])
        assert receipt.url.path.startswith("/receipt/")
        for browser, form in ((tom, forms[0]), (second, forms[1])):
            again = await browser.post("/check", data=form)
            assert again.status_code == 409
            assert "Je hebt deze vragen al beantwoord." in again.text
    async with world.browser() as later:
        page = await world.come_in(later, code)
        assert page.url.path == "/mine", "a used link only looks back, and stops"
        assert not any(address.startswith("/questions") for address, _, _ in forms_of(page.text))
    assert await count_records(world) == 1
    assert await signers(world, TOM) == {"tom": "answered"}
    assert got(await world.ask(TOM, "ib-joris")) == ["status"]


@contextlib.contextmanager
def no_keys() -> Any:
    """The key store does not answer."""

    def unavailable(*_: object) -> None:
        raise Unavailable

    with patch.multiple(Keyring, get=unavailable, current=unavailable, all=unavailable):
        yield


async def test_13_log_keys_or_database_unavailable(world: World, intruder: Intruder) -> None:
    """Log, key store or database unavailable: refused, with "try again"; nothing is half done."""
    await hand_over(world, SANDER)
    await world.answer(SANDER, "sander", {"education": "yes"})
    assert got(await world.ask(SANDER, "pt-anneke")) == ["education"]
    new = {**world.body(SANDER), "reference": "RB-26-10"}
    async with world.browser() as no, at_home(world, SANDER, "sander") as stopping:
        page = await world.come_in(no, await world.invite(SANDER, "sander"))
        await no.post(page.url.path, data=answered(page.text, page.url.path, {}))
        refusing_it = form_of((await no.get("/check")).text, "/check")
        stop = await home.stop_form(stopping, "education")
        before = await dump(world)
        for failure in (refusing(world, "log_entry"), no_keys(), away(world, intruder)):
            with capture_logs() as lines:
                async with contextlib.AsyncExitStack() as stack:
                    if isinstance(failure, contextlib.AbstractAsyncContextManager):
                        await stack.enter_async_context(failure)
                    else:
                        stack.enter_context(failure)
                    assert_try_again(await world.ask(SANDER, "pt-anneke"))
                    assert_try_again(await world.as_organisation(SCHOOL, "POST", "/v1/handovers", new))
                    for browser, path, form in ((no, "/check", refusing_it), (stopping, "/mine/stop", stop)):
                        page = await browser.post(path, data=form)
                        assert page.status_code == 503
                        assert "Er is niets opgeslagen. Probeer het straks opnieuw." in page.text
            assert [line for line in lines if line["log_level"] == "error"], "loudly"
            assert changed(before, await dump(world)) == set(), "nothing is half done"
            assert got(await world.ask(SANDER, "pt-anneke")) == ["education"], "and afterwards it goes on"
            before = await dump(world)

        assert (await stopping.post("/mine/stop", data=stop)).url.path.startswith("/receipt/"), (
            "what was refused can be done"
        )
        assert_refused(await world.ask(SANDER, "pt-anneke"), ["education"])
        assert (await no.post("/check", data=refusing_it)).url.path.startswith("/receipt/")
        assert await count_records(world) == 3, "once each"
    assert (await world.as_organisation(SCHOOL, "POST", "/v1/handovers", new)).status_code == 201
