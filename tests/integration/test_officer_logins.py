"""An officer signs in with the login of their organisation: invited first, bound once, and only for whom it is."""

import asyncio
import contextlib
import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from broker.cli.visitor import forms_of
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin
from tests.support.identity_provider import SUBJECT, IdentityProvider
from tests.support.intruder import intruder_in
from tests.support.officers import officer_browser
from tests.support.surface import changed, dump, leaks, operational_log, rows_of
from tests.support.world import World, started_again

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
START = "/console/login/waterdijk"
COOKIE = "rondom-login"
Opened = Callable[..., contextlib.AbstractAsyncContextManager[World]]


@pytest.fixture
def idp() -> IdentityProvider:
    return IdentityProvider()


@pytest.fixture
def with_logins(world: World, idp: IdentityProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setattr("broker.adapters.fetch", idp.fetch)

    def opened(**more: str) -> contextlib.AbstractAsyncContextManager[World]:
        return started_again(world, oidc=idp.settings(tmp_path, **more))

    return opened


async def press(
    browser: httpx.AsyncClient, start: str = START, fields: Mapping[str, str] = MappingProxyType({}), **headers: str
) -> httpx.Response:
    """Send the form as a browser does, also when there is no field in it."""
    kind = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return await browser.post(start, content=urlencode(fields), headers=kind)


@dataclass(frozen=True)
class Desk:
    """A browser, and the provider that it goes to."""

    world: World
    browser: httpx.AsyncClient
    idp: IdentityProvider

    async def leave(self, start: str = START, **fields: str) -> str:
        """Press the button; the address at the provider."""
        page = await press(self.browser, start, fields)
        assert page.status_code == 200, page.text
        return refreshed(page)

    async def come_back(self, address: str) -> httpx.Response:
        """The answer to the address that the provider sends the browser to, before anything is followed."""
        return await self.browser.get(address, follow_redirects=False)

    async def sign_in(self, **fields: str) -> httpx.Response:
        """There and back, to the page after it."""
        page = await self.browser.get(self.idp.back(await self.leave(**fields)))
        if page.url.path == "/console/signed-in":
            assert refreshed(page) == "/console"
            return await self.browser.get("/console")
        return page

    async def enrol(self, code: str) -> httpx.Response:
        """Come in with an invitation, and bind the login."""
        page = await self.browser.post("/console/invitation", data={"code": code})
        assert page.url.path == "/console/passkey", page.text
        form = next(fields for action, fields, _ in forms_of(page.text) if action == START)
        return await self.sign_in(**form)


def refreshed(page: httpx.Response) -> str:
    found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]*)">', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


@contextlib.asynccontextmanager
async def desk(world: World, idp: IdentityProvider) -> AsyncIterator[Desk]:
    async with world.browser("en") as browser:
        yield Desk(world, browser, idp)


async def invited(world: World, role: OfficerRole = OfficerRole.OFFICER, organisation: str = "") -> str:
    return await world.broker.oversight.invite("Officer", role, Oin(organisation) if organisation else None)


async def entries(world: World, kind: str) -> list[dict[str, object]]:
    return [entry.facts for entry in await world.entries() if entry.type == kind]


async def test_an_invitation_binds_a_login_and_the_login_signs_in_after_that(
    with_logins: Opened, idp: IdentityProvider
) -> None:
    async with with_logins() as world:
        async with desk(world, idp) as first:
            page = await first.enrol(await invited(world))
            assert page.url.path == "/console/start"
            assert await rows_of(world, "passkey") == []
        async with desk(world, idp) as later:
            page = await later.sign_in()
            assert page.url.path == "/console/start"
            form = next(fields for action, fields, _ in forms_of(page.text) if action == "/console/sign-out")
            await later.browser.post("/console/sign-out", data=form)
            assert (await later.browser.get("/console/disclosures")).url.path == "/console"
        await world.settle()
        assert await entries(world, "officer:enrolled") == [{"by": "login"}]
        assert await entries(world, "officer:signed-in") == [{"by": "login"}]
        (login,) = await rows_of(world, "officer_login")
        (officer,) = await rows_of(world, "officer")
        assert login.officer == officer.id
        assert [row for row in await rows_of(world, "visit") if row.kind == "login"] == []


async def test_a_login_never_makes_an_officer(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        await invited(world)
        before = await dump(world)
        page = await desk_.sign_in()
        assert page.url.path == "/console/login-refused/login-unknown"
        assert "This login belongs to no officer" in page.text
        assert changed(before, await dump(world)) <= {"guard_count", "visit"}
        assert (await desk_.browser.get("/console/disclosures")).url.path == "/console"


async def test_an_invitation_and_a_login_each_count_once(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as one, desk(world, idp) as two, desk(world, idp) as three:
        code = await invited(world)
        await one.browser.post("/console/invitation", data={"code": code})
        form = next(f for a, f, _ in forms_of((await one.browser.get("/console/passkey")).text) if a == START)
        address = await one.leave(**form)
        assert (await two.enrol(code)).url.path == "/console/start"
        idp.who = "somebody.else@waterdijk.example"
        page = await one.browser.get(idp.back(address))
        assert page.url.path == "/console/login-refused/login-taken", "the invitation was used meanwhile"
        idp.who = SUBJECT
        page = await three.enrol(await invited(world))
        assert page.url.path == "/console/login-refused/login-taken", "the login is somebody's already"
        assert len(await rows_of(world, "officer_login")) == 1
        assert sum(row.enrolled_at is not None for row in await rows_of(world, "officer")) == 1


async def test_a_login_is_for_officers_of_exactly_its_organisation(with_logins: Opened, idp: IdentityProvider) -> None:
    of = OfficerRole.OF_ORGANISATION
    async with with_logins(officers="", organisation=f'"{SENDER}"') as world:
        for role, organisation in ((OfficerRole.OFFICER, ""), (of, SCHOOL), (OfficerRole.KEEPER, "")):
            async with desk(world, idp) as other:
                code = await invited(world, role, organisation)
                page = await other.browser.post("/console/invitation", data={"code": code})
                assert START not in page.text, "it is not offered"
                csrf = re.search(r'data-csrf="([^"]+)"', page.text)
                assert csrf is not None
                page = await other.sign_in(csrf=csrf[1])
                assert page.url.path == "/console/login-refused/login-elsewhere", role
        assert await rows_of(world, "officer_login") == []
        async with desk(world, idp) as own:
            assert (await own.enrol(await invited(world, of, SENDER))).url.path == "/console/start"
    async with with_logins() as world, desk(world, idp) as desk_:
        page = await desk_.sign_in()
        assert page.url.path == "/console/login-refused/login-elsewhere", "the provider is for the whole now"


async def test_who_is_no_officer_any_more_cannot_sign_in_and_may_be_invited_anew(
    with_logins: Opened, idp: IdentityProvider
) -> None:
    async with with_logins() as world:
        async with desk(world, idp) as desk_:
            await desk_.enrol(await invited(world))
            (officer,) = await rows_of(world, "officer")
            address = await desk_.leave()
            async with world.broker.house.storage() as work:
                await work.officers.withdraw(OfficerId(officer.id), world.clock())
                await work.commit()
            page = await desk_.browser.get(idp.back(address))
            assert page.url.path == "/console/login-refused/login-unknown"
            assert (await desk_.browser.get("/console/disclosures")).url.path == "/console"
        assert await rows_of(world, "officer_login") == [], "nothing of the login is kept"
        async with desk(world, idp) as again:
            assert (await again.enrol(await invited(world))).url.path == "/console/start"


Lie = Callable[[Desk, str], Awaitable[str]]


async def another_state(desk_: Desk, address: str) -> str:
    back = desk_.idp.back(address)
    state = parse_qs(urlsplit(back).query)["state"][0]
    return back.replace(state, "s" * len(state))


async def no_state(desk_: Desk, address: str) -> str:
    return re.sub(r"&state=[^&]*", "", desk_.idp.back(address))


async def another_issuer(desk_: Desk, address: str) -> str:
    return re.sub(r"&iss=[^&]*", "&iss=https%3A%2F%2Fevil.example", desk_.idp.back(address))


async def no_issuer(desk_: Desk, address: str) -> str:
    return re.sub(r"&iss=[^&]*", "", desk_.idp.back(address))


async def everything_twice(desk_: Desk, address: str) -> str:
    back = desk_.idp.back(address)
    return f"{back}&{urlsplit(back).query}"


async def an_error(desk_: Desk, address: str) -> str:
    return re.sub(r"code=[^&]*", "error=access_denied", desk_.idp.back(address))


async def a_code_of_another_sign_in(desk_: Desk, address: str) -> str:
    async with desk_.world.browser() as browser:
        theirs = desk_.idp.back(await Desk(desk_.world, browser, desk_.idp).leave())
    code = parse_qs(urlsplit(theirs).query)["code"][0]
    return re.sub(r"code=[^&]*", f"code={code}", desk_.idp.back(address))


async def a_cookie_of_another_sign_in(desk_: Desk, address: str) -> str:
    async with desk_.world.browser() as browser:
        await Desk(desk_.world, browser, desk_.idp).leave()
        swapped = browser.cookies[COOKIE]
    desk_.browser.cookies.delete(COOKIE)
    desk_.browser.cookies.set(COOKIE, swapped, domain="localhost.local", path="/")
    return desk_.idp.back(address)


async def no_cookie(desk_: Desk, address: str) -> str:
    desk_.browser.cookies.delete(COOKIE)
    return desk_.idp.back(address)


async def an_officers_cookie(desk_: Desk, address: str) -> str:
    async with officer_browser(desk_.world) as officer:
        desk_.browser.cookies.delete(COOKIE)
        desk_.browser.cookies.set(COOKIE, officer.token, domain="localhost.local", path="/")
    return desk_.idp.back(address)


async def too_late(desk_: Desk, address: str) -> str:
    back = desk_.idp.back(address)
    desk_.world.clock.later("P1D")
    return back


async def garbage(desk_: Desk, address: str) -> str:
    return f"{START}/return?code=%ff%00&state={'x' * 9000}"


LIES: dict[str, tuple[Lie, str]] = {
    each.__name__.replace("_", " "): (each, reason)
    for each, reason in (
        (another_state, "login-not-verified"),
        (no_state, "login-not-verified"),
        (another_issuer, "login-not-verified"),
        (no_issuer, "login-not-verified"),
        (everything_twice, "login-not-verified"),
        (an_error, "login-stopped"),
        (a_code_of_another_sign_in, "login-not-verified"),
        (a_cookie_of_another_sign_in, "login-not-verified"),
        (no_cookie, "login-over"),
        (an_officers_cookie, "login-over"),
        (too_late, "login-over"),
        (garbage, "login-not-verified"),
    )
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_is_not_of_this_sign_in_signs_in_nobody(
    with_logins: Opened, idp: IdentityProvider, lie: str
) -> None:
    attack, reason = LIES[lie]
    async with with_logins() as world, desk(world, idp) as desk_:
        async with desk(world, idp) as first:
            await first.enrol(await invited(world))
        back = await attack(desk_, await desk_.leave())
        answer = await desk_.come_back(back)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/login-refused/{reason}")
        assert "rondom-console=" not in "".join(answer.headers.get_list("set-cookie"))
        assert answer.content == b""
        before = len(idp.asked)
        answer = await desk_.come_back(back)
        assert answer.headers["location"] == "/console/login-refused/login-over", "nothing is taken twice"
        assert len(idp.asked) == before
        page = await desk_.browser.get(answer.headers["location"])
        assert page.status_code == 200
        assert (await desk_.browser.get("/console/disclosures")).url.path == "/console"


async def test_a_good_answer_is_taken_once(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        await desk_.enrol(await invited(world))
        back = idp.back(await desk_.leave())
        kept = desk_.browser.cookies[COOKIE]
        for method in ("HEAD", "OPTIONS"):
            await desk_.browser.request(method, back, follow_redirects=False)
        assert (await desk_.come_back(back)).headers["location"] == "/console/signed-in"
        assert COOKIE not in desk_.browser.cookies
        desk_.browser.cookies.set(COOKIE, kept, domain="localhost.local", path="/")
        assert (await desk_.come_back(back)).headers["location"] == "/console/login-refused/login-over"


async def test_one_providers_answer_does_not_pass_at_another(
    with_logins: Opened, idp: IdentityProvider, tmp_path: Path
) -> None:
    other = idp.settings(tmp_path)
    text = other.read_text()
    async with with_logins() as world:
        assert world.broker.settings.oidc == other
    (tmp_path / "two.pem").write_bytes((tmp_path / "client.pem").read_bytes())
    (tmp_path / "two.pem").chmod(0o600)
    second = text.replace("waterdijk]", "polder]").replace("client.pem", "two.pem").replace("/idp", "/polder")
    other.write_text(text + second)
    async with started_again(world, oidc=other) as both, desk(both, idp) as desk_:
        await desk_.enrol(await invited(both))
        back = idp.back(await desk_.leave())
        answer = await desk_.come_back(back.replace("/login/waterdijk/", "/login/polder/"))
        assert answer.headers["location"] == "/console/login-refused/login-not-verified"
        assert "token" not in idp.asked[-1:], "the code went nowhere"
        nowhere = await desk_.come_back(back.replace("/login/waterdijk/", "/login/nowhere/"))
        assert nowhere.headers["location"].startswith("/console/login-refused/")


async def test_the_way_back_brings_its_own_cookie_and_no_other_comes_along(
    with_logins: Opened, idp: IdentityProvider
) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        await desk_.browser.post("/console/invitation", data={"code": await invited(world)})
        form = next(f for a, f, _ in forms_of((await desk_.browser.get("/console/passkey")).text) if a == START)
        page = await desk_.browser.post(START, data=form)
        cookie = page.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
        assert "form-action 'self'" in page.headers["content-security-policy"]
        login = desk_.browser.cookies[COOKIE]
        for name in list(desk_.browser.cookies):
            desk_.browser.cookies.delete(name)
        desk_.browser.cookies.set(COOKIE, login, domain="localhost.local", path="/")
        answer = await desk_.come_back(idp.back(refreshed(page)))
        assert answer.headers["location"] == "/console/signed-in"
        visit = next(each for each in answer.headers.get_list("set-cookie") if "rondom-console" in each)
        assert "SameSite=strict" in visit
        assert [row.stage for row in await rows_of(world, "visit")] == ["signed-in"], "the invited visit is over"


async def test_a_login_is_bound_only_by_who_holds_the_invited_visit(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        await desk_.browser.post("/console/invitation", data={"code": await invited(world)})
        answer = await desk_.browser.post(START, data={"csrf": "x" * 64})
        assert answer.status_code == 403
        page = await desk_.sign_in()
        assert page.url.path == "/console/login-refused/login-unknown", "without the visit's secret nothing is bound"
        assert (await press(desk_.browser, Origin="https://evil.example")).status_code == 403


async def test_nothing_of_a_sign_in_is_in_a_log_or_on_a_page(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        with operational_log() as stream:
            address = await desk_.leave()
            good = idp.back(address)
            refused = await desk_.browser.get(re.sub(r"state=[^&]*", "state=wrong", good))
            await desk_.enrol(await invited(world))
            second = idp.back(await desk_.leave())
            page = await desk_.browser.get(second)
            idp.claims = lambda claims: {**claims, "acr": None, "amr": ["pwd"], "exp": 1}
            weak = await desk_.browser.get(idp.back(await desk_.leave()))
            metrics = (await world.http.get("/metrics")).text
        secrets = [
            SUBJECT,
            idp.issuer,
            "an-access-token-of-nobody",
            *asked_of(address),
            *asked_of(good),
            *asked_of(second),
        ]
        text = stream.getvalue().decode()
        lines = [json.loads(line) for line in text.splitlines()]
        assert {"login:refused"} <= {line["event"] for line in lines}
        assert f"{START.replace('waterdijk', '{provider}')}/return" in {line.get("route") for line in lines}
        assert [s for s in secrets if s in text] == []
        assert leaks(metrics, secrets) == []
        for shown in (refused, page, weak):
            assert [s for s in secrets if s in f"{shown.text}{shown.url}{shown.headers}"] == []
        assert [s for s in secrets if s in repr(await dump(world))] == [], "nobody is named in the database"


def asked_of(address: str) -> list[str]:
    """Code, state, nonce and challenge in an address."""
    asked = parse_qs(urlsplit(address).query)
    return [asked[name][0] for name in ("code", "state", "nonce", "code_challenge") if name in asked]


async def test_tries_are_counted(with_logins: Opened, idp: IdentityProvider) -> None:
    async with with_logins() as world, desk(world, idp) as desk_:
        for _ in range(60):
            await desk_.come_back(f"{START}/return?code=x&state=y")
        page = await press(desk_.browser)
        assert page.url.path == "/console/login-refused/too-many"
        page = await desk_.browser.get(f"{START}/return?code=x&state=y")
        assert page.url.path == "/console/login-refused/too-many"


async def test_a_provider_that_is_away_is_told_and_passkeys_still_work(
    with_logins: Opened, idp: IdentityProvider
) -> None:
    idp.description = {"issuer": "https://evil.example"}
    async with with_logins() as world, desk(world, idp) as desk_:
        page = await press(desk_.browser)
        assert page.url.path == "/console/login-refused/login-unavailable"
        assert 'data-passkey="get"' in (await desk_.browser.get("/console")).text


async def test_without_providers_there_is_no_such_way(world: World) -> None:
    async with world.browser("en") as browser:
        assert "/console/login/" not in (await browser.get("/console")).text
        assert (await press(browser)).status_code == 404
        assert (await browser.get("/console/login-refused/anything")).status_code == 404


async def test_a_login_whose_row_was_moved_to_another_officer_lets_nobody_in(
    with_logins: Opened, idp: IdentityProvider, request: pytest.FixtureRequest
) -> None:
    """With the database in hand: a keeper does not come in as an officer of the whole."""
    async with with_logins() as world:
        async with desk(world, idp) as visitor:
            await visitor.enrol(await invited(world, OfficerRole.KEEPER))
        [keeper] = await rows_of(world, "officer")
        idp.who = "another"
        async with desk(world, idp) as visitor:
            await visitor.enrol(await invited(world))
        whole = next(one.id for one in await rows_of(world, "officer") if one.id != keeper.id)
        await world.settle()
        intruder = intruder_in(world, request)
        await asyncio.to_thread(
            intruder.change, "UPDATE officer_login SET officer = ? WHERE officer = ?", whole, keeper.id
        )
        idp.who = SUBJECT
        async with desk(world, idp) as visitor:
            await visitor.sign_in()
            assert (await visitor.browser.get("/console/officers")).url.path == "/console"
        assert len(await entries(world, "officer:signed-in")) == 0
        await asyncio.to_thread(
            intruder.change, "DELETE FROM officer_login WHERE created_at > (SELECT MIN(created_at) FROM officer_login)"
        )
        await asyncio.to_thread(intruder.change, "UPDATE officer_login SET officer = ?", keeper.id)
        async with desk(world, idp) as visitor:
            assert (await visitor.sign_in()).url.path.startswith("/console")
        assert len(await entries(world, "officer:signed-in")) == 1, "their own login still is"
