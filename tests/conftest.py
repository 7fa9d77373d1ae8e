"""What every test may ask for: a PostgreSQL server, a browser, pictures; and how hard hypothesis looks."""

import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page

from broker.storage import migrate
from tests.support.browser import running_browser
from tests.support.pictures import keep_picture
from tests.support.postgres import DatabaseUrls, PostgresServer, own_server, shared_server
from tests.support.roomy import keep_files_in_memory
from tests.support.sqlite import copied_sqlite, migrated_sqlite
from tests.support.surface import forget_loggers
from tests.support.world import Furniture, World, furnish, make_keys, open_world


def pytest_configure() -> None:
    """Before anything makes a file, in the run and in each of its workers."""
    keep_files_in_memory()


# One run in CI finds what another one finds; `make fuzz` looks further, and elsewhere each time.
settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.register_profile(
    "fuzz", deadline=None, max_examples=3000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "default")

# A traceback in colours, with every variable in it, costs seconds of computing each: a plain one tells the same.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


_USUAL = structlog.get_config()


@pytest.fixture(autouse=True)
def operational_log_as_usual() -> Iterator[None]:
    """A command that runs in a test's own process sets the log up, and loggers remember it: each test starts anew."""
    _log_as_usual()
    yield
    _log_as_usual()


def _log_as_usual() -> None:
    if structlog.get_config() != _USUAL:
        structlog.configure(**_USUAL)
        logging.getLogger().handlers = [
            h for h in logging.getLogger().handlers if type(h).__module__ != "broker.observability"
        ]
        forget_loggers()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's PostgreSQL, shared by all workers: make databases in it, do not stop it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)
    with shared_server(run[:16]) as server:
        yield server


@pytest.fixture(scope="session")
def world_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Broker keys, made once for the run of one worker."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database at the newest version."""
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


def _migrate(urls: DatabaseUrls) -> None:
    migrate.upgrade(urls.owner_url, application=urls.app_url)


class Furnished:
    """Databases of worlds to copy, furnished when the first test of a worker asks."""

    def __init__(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
        self._request = request
        self._folder = tmp_path_factory.mktemp("furnished")
        self._furniture: dict[str, Furniture] = {}

    def sqlite(self) -> Path:
        """A file; it has no write-ahead log."""
        path = self._folder / "broker.db"
        if "sqlite" not in self._furniture:
            copied_sqlite(self._request.getfixturevalue("sqlite_template"), self._folder)
            self._furnish("sqlite", f"sqlite:///{path}")
        return path

    def postgresql(self, server: PostgresServer) -> str:
        """The name of a template. Each worker has its own, because it has its own keys."""

        def add(urls: DatabaseUrls) -> None:
            _migrate(urls)
            self._furnish("postgresql", urls.app_url)

        return server.make_template(f"furnished-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}", add)

    def furniture(self, kind: str) -> Furniture:
        """What is in it."""
        return self._furniture[kind]

    def _furnish(self, kind: str, url: str) -> None:
        folder = self._folder / kind
        folder.mkdir()
        self._furniture[kind] = furnish(folder, kind, url, self._request.getfixturevalue("world_keys"))


@pytest.fixture(scope="session")
def furnished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Databases in which the families' organisations are known already."""
    return Furnished(request, tmp_path_factory)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database, as the broker's role; each test runs on both kinds.

    It is furnished for a test that asks for that, as every test with the `world` below does.
    """
    asked = "furnished" in request.fixturenames
    furnished: Furnished | None = request.getfixturevalue("furnished") if asked else None
    if request.param == "sqlite":
        template = furnished.sqlite() if furnished else request.getfixturevalue("sqlite_template")
        yield copied_sqlite(template, tmp_path)
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = furnished.postgresql(server) if furnished else server.make_template("migrated", _migrate)
    urls = server.create_database(template=name)
    try:
        yield urls.app_url
    finally:
        server.drop(urls)


@pytest.fixture
async def world(tmp_path: Path, database_url: str, world_keys: Path, furnished: Furnished) -> AsyncIterator[World]:
    """A whole broker on a fresh database (see `tests.support.world`)."""
    kind = database_url.partition(":")[0].partition("+")[0]
    async with open_world(tmp_path, kind, database_url, world_keys, furnished.furniture(kind)) as world:
        yield world


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for one test alone, that it may crash and start again. Takes some seconds."""
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the tests of one module, which are plain functions (see `running_browser`)."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh context: no cookies, Dutch, the size of a small phone."""
    context = browser.new_context(
        locale="nl-NL", timezone_id="Europe/Amsterdam", viewport={"width": 360, "height": 740}
    )
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`picture(page, "name")` keeps a picture of the whole page when `make screenshots` asks for them."""
    folder = os.environ.get("SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            keep_picture(page, Path(folder) / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png")

    return keep
