"""An officer in Chromium signs in at another site, their organisation's own, and comes back: with every cookie's rules."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from tests.e2e.acting import DESK, LOCALES, check_page, press
from tests.support.identity_provider import IdentityProvider
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

AT_PROVIDER = "h1:text('Waterdijk')"


@contextmanager
def provided() -> Iterator[IdentityProvider]:
    """A provider on a port of 127.0.0.1: another site than localhost, as a browser sees it."""
    listener = socket.create_server(("127.0.0.1", 0))
    idp = IdentityProvider(f"http://127.0.0.1:{listener.getsockname()[1]}/idp", patient=True)
    server = uvicorn.Server(uvicorn.Config(idp.app, log_config=None, access_log=False, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield idp
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    with provided() as idp:
        yield idp


@pytest.fixture(scope="module")
def lived_in(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path, idp: IdentityProvider
) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    copied_sqlite(sqlite_template, folder)
    more = {"BROKER_OIDC": str(idp.settings(folder))}
    with street(folder, folder / "broker.db", world_keys, more) as opened:
        yield opened


@contextmanager
def desk(browser: Browser, language: str, **options: Any) -> Iterator[Page]:
    context = browser.new_context(locale=LOCALES[language], viewport=DESK, **options)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_officer_binds_a_login_and_signs_in_with_it(
    lived_in: Street, browser: Browser, idp: IdentityProvider, language: str
) -> None:
    idp.who = f"officer-{language}"
    code = lived_in.do(lived_in.world.broker.oversight.invite("Privacy officer"))
    with desk(browser, language) as page:
        page.goto(f"{lived_in.url}/console")
        check_page(page, "sign-in", language)
        press(page, "form[action='/console/login/waterdijk'] button")
        page.wait_for_selector(AT_PROVIDER)
        page.click("#go")
        page.wait_for_url("**/console/login-refused/login-unknown")
        check_page(page, "login-refused", language)

        page.goto(f"{lived_in.url}/console/invitation#{code}")
        press(page, "main .rd-wide")
        check_page(page, "passkey", language)
        press(page, "form[action='/console/login/waterdijk'] button")
        page.wait_for_selector(AT_PROVIDER)
        page.click("#go")
        page.wait_for_url("**/console/start")
        press(page, "footer button")

        press(page, "form[action='/console/login/waterdijk'] button")
        page.wait_for_selector(AT_PROVIDER)
        assert page.evaluate("document.referrer") == "", "the provider hears from nobody where one comes from"
        page.click("#go")
        page.wait_for_url("**/console/start")
        check_page(page, "disclosures", language)
        kept = {cookie["name"]: cookie["sameSite"] for cookie in page.context.cookies(lived_in.url)}
        assert kept["rondom-console"] == "Strict"
        assert "rondom-login" not in kept
        page.go_back()
        assert "code=" not in page.url, "no page of this browser's history holds the code"


def test_it_needs_no_script(lived_in: Street, browser: Browser, idp: IdentityProvider) -> None:
    idp.who = "officer-without-scripts"
    code = lived_in.do(lived_in.world.broker.oversight.invite("Privacy officer"))
    with desk(browser, "nl", java_script_enabled=False) as page:
        page.goto(f"{lived_in.url}/console/invitation")
        page.fill("#code", code)
        press(page, "main .rd-wide")
        press(page, "form[action='/console/login/waterdijk'] button")
        page.wait_for_selector(AT_PROVIDER)
        page.click("#go")
        page.wait_for_url("**/console/start")
