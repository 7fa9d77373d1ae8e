"""The way to an organisation's own identity provider and back: nothing of it stays on a page or in an address."""

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.logins import refused
from broker.errors import TooMany
from broker.web import Site, install_web
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fake_logins import AWAY, FakeLogins
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, OFFICER_TOKEN

START, BACK = "/console/login/waterdijk", "/console/login/waterdijk/return?code=secret-code&state=secret-state&iss=i"
LOGIN = "__Host-rondom-login"


@pytest.fixture
def logins() -> FakeLogins:
    return FakeLogins()


@pytest.fixture
def app(console: FakeConsole, logins: FakeLogins, site: Site) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_web(app, FakeFamily(), console_services(console, logins), site)
    return app


async def test_the_button_names_the_provider_and_leads_there_over_a_page_of_ours(client: httpx.AsyncClient) -> None:
    page = await client.get("/console")
    assert "Aanmelden met Waterdijk &lt;&amp;&gt;" in page.text
    answer = await client.post(START, data={"x": ""})
    assert f'content="0; url={AWAY.replace("&", "&amp;")}"' in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{LOGIN}=login-token;")
    assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))


async def test_what_comes_back_is_taken_and_left_at_once(app: FastAPI, logins: FakeLogins) -> None:
    async with browsing(app, **{"Origin": "", "Sec-Fetch-Site": "cross-site"}) as client:
        client.cookies.set(LOGIN, "login-token", domain="rondom.example")
        head = await client.head(BACK)
        assert (head.headers["location"], logins.calls) == ("/console", [])
        answer = await client.get(BACK)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, "/console/signed-in", b"")
    assert answer.headers["cache-control"] == "no-store"
    cookies = answer.headers.get_list("set-cookie")
    visit = next(cookie for cookie in cookies if cookie.startswith(f"__Host-rondom-console={OFFICER_TOKEN}"))
    assert "SameSite=strict" in visit
    assert any(cookie.startswith(f'{LOGIN}=""') for cookie in cookies)
    assert "secret" not in str(answer.headers)


@pytest.mark.parametrize(
    ("query", "token"), [("", "login-token"), ("?code=a&code=b", "login-token"), (f"?x={'y' * 9000}", "login-token")]
)
async def test_an_address_that_says_nothing_or_too_much_says_nothing(
    client: httpx.AsyncClient, logins: FakeLogins, query: str, token: str
) -> None:
    client.cookies.set(LOGIN, token, domain="rondom.example")
    await client.get(f"{START}/return{query}")
    (call,) = logins.calls
    said = call[2]
    assert (said.code, said.state, said.issuer, said.error) == ("", "", "", "")  # type: ignore[attr-defined]


async def test_every_refusal_is_told_on_a_page_of_its_own(client: httpx.AsyncClient, logins: FakeLogins) -> None:
    answer = await client.get(BACK)
    assert answer.headers["location"] == "/console/login-refused/login-over", "without the cookie of this sign-in"
    for error, reason in ((refused("login-taken"), "login-taken"), (TooMany(retry_after=9), "too-many")):
        logins.refuses = error
        answer = await client.get(BACK)
        assert answer.headers["location"] == f"/console/login-refused/{reason}"
        page = await client.get(answer.headers["location"])
        assert page.status_code == 200
        assert error.words.nl in page.text
        assert "secret" not in page.text
    assert (await client.get("/console/login-refused/anything")).status_code == 404


async def test_only_an_invited_visit_with_its_secret_binds(
    client: httpx.AsyncClient, console: FakeConsole, logins: FakeLogins
) -> None:
    console.visit("invited")
    page = await client.get("/console/passkey")
    assert f'action="{START}"' in page.text
    assert "passkey" in page.text
    assert (await client.post(START, data={"csrf": "x"})).status_code == 403
    await client.post(START, data={"csrf": CSRF})
    await client.post(START, data={"x": ""})
    console.visit()
    await client.post(START, data={"csrf": CSRF})
    assert [call[1] for call in logins.calls] == [OFFICER_TOKEN, "", ""]
