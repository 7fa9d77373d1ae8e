"""An application with the pages on fakes, and a client that behaves like a browser on them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from broker.web import Site, install_web
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily, openapi
from tests.unit.web.family_words import OFFICER_TOKEN, TOKEN

ORIGIN = "https://rondom.example"
Clients = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def family() -> FakeFamily:
    return FakeFamily()


@pytest.fixture
def console() -> FakeConsole:
    return FakeConsole()


@pytest.fixture
def site() -> Site:
    return Site(ORIGIN, openapi=openapi)


@pytest.fixture
def app(family: FakeFamily, console: FakeConsole, site: Site) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_web(app, family, console_services(console), site)
    return app


@asynccontextmanager
async def browsing(app: FastAPI, language: str = "nl", **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser with the cookies of both visits; `headers` replace or add to what it sends."""
    sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Accept-Language": language, **headers}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=ORIGIN,
        headers={name: value for name, value in sent.items() if value},
        cookies={"__Host-rondom": TOKEN, "__Host-rondom-console": OFFICER_TOKEN},
    ) as client:
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(app) as client:
        yield client
