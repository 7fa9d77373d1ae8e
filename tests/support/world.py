"""A whole broker in the test's own process, on a fresh database, with a clock that can be moved; spoken to over HTTP only.

`world` runs each test on SQLite and on PostgreSQL (as a role without power). Everything in it is the real thing: keys,
agreement, storage, log, pages; only the network is left out, and messages go to files.
"""

import asyncio
import contextlib
import functools
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from unittest.mock import patch

import httpx
from sqlalchemy import func, select

from broker import app as composition
from broker.app import build
from broker.asgi import asgi
from broker.cli.families import NAMES, read_family
from broker.cli.keys import make_all
from broker.cli.visitor import Says, answered, form_of, forms_of
from broker.client import ClientKey
from broker.crypto.assertions import make_assertion
from broker.domain.calendar import Period, local_day
from broker.domain.parties import Oin, Organisation
from broker.pdp.policy_set import PolicySet, load
from broker.services.questionnaires import Choice, Shown
from broker.settings import Settings, read_settings
from broker.storage.tables import outbox
from broker.whole import Broker
from tests.support.rounds import first_rounds

ROOT = Path(__file__).resolve().parents[2]
URL = "http://localhost:8080"
GUARD = Path("guard", "checkpoint")
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class MovableClock:
    """Starts at the real time; `moved` is added to it."""

    def __init__(self) -> None:
        self.moved = timedelta()
        self.fixed: datetime | None = None

    def __call__(self) -> datetime:
        return self.fixed if self.fixed is not None else datetime.now(UTC) + self.moved

    def later(self, period: str) -> None:
        """Move on by a calendar period."""
        today = local_day(self())
        self.moved += Period.parse(period).after(today) - today


@dataclass
class World:
    """One broker and everybody around it."""

    broker: Broker
    app: Any
    http: httpx.AsyncClient
    clock: MovableClock
    outbox: Path
    directory: Path
    database_url: str
    keys: dict[str, ClientKey]
    families: dict[str, dict[str, Any]]
    database: str
    handovers: dict[str, str] = field(default_factory=dict)
    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    tokens: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """For hypothesis: a long one beside a generated case that fails is a warning, which hides the failure itself."""
        printer.text(f"<World on {self.database}>")

    # organisations and professionals

    def body(self, name: str) -> dict[str, Any]:
        """A copy of a family's body, as it is pushed."""
        for family in self.families.values():
            if name in family["handovers"]:
                copied: dict[str, Any] = json.loads(json.dumps(family["handovers"][name]["body"]))
                return copied
        raise KeyError(name)

    def sender(self, name: str) -> str:
        """Who pushes it."""
        return str(next(f["handovers"][name]["sender"] for f in self.families.values() if name in f["handovers"]))

    def professional(self, identity: str) -> tuple[str, dict[str, str]]:
        """(OIN, claims) of a professional of the families."""
        for family in self.families.values():
            for organisation in family["organisations"]:
                for who in organisation["professionals"]:
                    if who["id"] == identity:
                        return organisation["oin"], {"sub": identity, "name": who["name"], "role": who["role"]}
        raise KeyError(identity)

    def assertion(self, oin: str, claims: Mapping[str, Any], key: ClientKey | None = None, **more: Any) -> str:
        """A signed assertion of an organisation."""
        signing = key or self.keys[oin]
        return make_assertion(
            signing.private, signing.kid, {"iss": oin, "aud": self.broker.settings.public_url, **claims}, **more
        )

    async def token(self, oin: str, claims: Mapping[str, str] | None = None) -> str:
        """An access token: the organisation's own, or with claims a professional's."""
        cached = (oin, json.dumps(claims, sort_keys=True))
        token, ends = self.tokens.get(cached, ("", 0.0))
        if time.time() < ends:
            return token
        if claims is None:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": CLIENT_ASSERTION,
                "client_assertion": self.assertion(oin, {"sub": oin}),
            }
        else:
            form = {"grant_type": JWT_BEARER, "assertion": self.assertion(oin, claims)}
        response = await self.http.post("/oauth/token", data=form)
        assert response.status_code == 200, response.text
        self.tokens[cached] = (response.json()["access_token"], time.time() + 240)
        return self.tokens[cached][0]

    async def as_organisation(self, oin: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call with the organisation's own token."""
        return await self._call(await self.token(oin), method, path, body)

    async def as_professional(
        self, identity: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A call with a professional's token."""
        return await self._call(await self.token(*self.professional(identity)), method, path, body, headers)

    async def _call(
        self, token: str, method: str, path: str, body: Any, more: Mapping[str, str] | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", **(more or {})}
        if body is None:
            return await self.http.request(method, path, headers=headers)
        return await self.http.request(method, path, headers=headers, json=body)

    async def push(self, name: str, body: Any = None) -> str:
        """Push one of the families' handovers (or another body in its place). Returns its id."""
        response = await self.as_organisation(self.sender(name), "POST", "/v1/handovers", body or self.body(name))
        assert response.status_code == 201, response.text
        self.handovers[name] = response.json()["id"]
        return self.handovers[name]

    async def invite(self, name: str, person: str) -> str:
        """A new code for one person."""
        path = f"/v1/handovers/{self.handovers[name]}/invitations"
        response = await self.as_organisation(self.sender(name), "POST", path, {"person": person, "delivery": "paper"})
        assert response.status_code == 201, response.text
        self.codes[name, person] = response.json()["code"]
        return self.codes[name, person]

    async def ask(
        self,
        name: str,
        identity: str,
        purpose: str | None = None,
        sections: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask for a release of one of the families' handovers."""
        body: dict[str, Any] = {
            "handover": self.handovers[name],
            "purpose": self.body(name)["purpose"] if purpose is None else purpose,
        }
        if sections is not None:
            body["sections"] = sections
        return await self.as_professional(identity, "POST", "/v1/releases", body, headers=headers)

    async def gets(self, name: str, identity: str, purpose: str | None = None) -> list[str]:
        """The section types that a professional gets, sorted; empty when refused."""
        response = await self.ask(name, identity, purpose)
        if response.status_code == 200:
            return sorted(section["type"] for section in response.json()["released"])
        assert response.status_code in (403, 404), response.text
        return []

    # the family

    def browser(self, language: str = "nl") -> httpx.AsyncClient:
        """A fresh browser without scripts, of somebody who chose a language: follows redirects, keeps cookies."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        browser = httpx.AsyncClient(
            transport=transport,
            base_url=URL,
            follow_redirects=True,
            headers={"Origin": URL, "Accept-Language": language},
        )
        browser.cookies.set("rondom-language", language, domain="localhost.local")
        return browser

    async def come_in(self, browser: httpx.AsyncClient, code: str) -> httpx.Response:
        """Type a code, have a one-time code sent to the first contact, type that; returns the page after it."""
        page = await browser.post("/code", data={"code": code})
        assert page.url.path == "/contact", page.text
        address, fields, buttons = next(f for f in forms_of(page.text) if f[0] == "/contact")
        name, value = next(pair for pair in buttons if pair[0] == "contact")
        page = await browser.post(address, data={**fields, name: value})
        assert page.url.path == "/one-time-code", page.text
        one_time = await self.one_time_code()
        return await browser.post("/one-time-code", data={**form_of(page.text, "/one-time-code"), "code": one_time})

    async def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Every message that was sent, oldest first."""
        while await self._waiting():
            await self.broker.courier.step()
            await asyncio.sleep(0.01)
        found = [json.loads(path.read_text()) for path in sorted(self.outbox.glob("*.json"))]
        return [message for message in found if kind in (None, message["kind"])]

    async def _waiting(self) -> int:
        """How many messages are still in the outbox, also those that the courier holds at this moment."""
        async with self.broker.database.engine.connect() as connection:
            await connection.execution_options(writing=False)
            return int((await connection.execute(select(func.count()).select_from(outbox))).scalar_one())

    async def one_time_code(self) -> str:
        """The newest one-time code."""
        message = (await self.messages("one-time-code"))[-1]
        return str(re.findall(r"\b(\d{6})\b", message["text"])[0])

    async def answer_on_pages(self, name: str, person: str, says: Says, code: str | None = None) -> httpx.Response:
        """As `answer`, but page by page, as a person does. Returns the page of the receipt."""
        code = code or await self.invite(name, person)
        async with self.browser() as browser:
            page = await self.come_in(browser, code)
            while page.url.path.startswith("/questions/"):
                page = await browser.post(page.url.path, data=answered(page.text, page.url.path, says))
            assert page.url.path == "/check", page.text
            page = await browser.post("/check", data=form_of(page.text, "/check"))
            assert page.url.path.startswith("/receipt/"), page.text
            return page

    async def withdraw_on_pages(self, name: str, person: str, types: list[str]) -> None:
        """As `withdraw`, but on the page."""
        async with self.browser() as browser:
            await self.come_in(browser, self.codes[name, person])
            for section in types:
                page = await browser.get("/mine")
                for address, fields, buttons in forms_of(page.text):
                    if address == "/mine/stop" and ("section", section) in buttons:
                        done = await browser.post(address, data={**fields, "section": section})
                        assert done.url.path.startswith("/receipt/"), done.text

    async def visit(self, code: str) -> str:
        """The token of a visit that came in with this code and its one-time code, through the use cases behind the pages.

        Each comes from an address of its own: of one that tries many codes, no more are taken after a while.
        """
        house = self.broker.house
        token, _ = await self.broker.consents.enter(
            code, f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}", "nl"
        )
        async with house.storage() as work:
            visit = await work.visits.by_token(token, house.clock())
            assert visit is not None
            visit.stage = "verified"
            await work.visits.save(visit)
            await work.commit()
        return token

    async def answer(self, name: str, person: str, says: Says, code: str | None = None) -> str:
        """Invite a person (unless a code is given) and answer every question; unnamed ones, and recipients, with no.

        Through the use cases behind the pages, which is several times as fast. Returns the path of the receipt.
        """
        token, consents = await self.visit(code or await self.invite(name, person)), self.broker.consents
        questions = await consents.questionnaire(token, "nl")
        for question in questions.questions:
            said = says.get(question.section_type, "no")
            each = {r.key: said if isinstance(said, str) else said.get(r.key, "no") for r in question.recipients}
            shown = Shown(str(question.position), question.section_type, questions.text)
            await consents.choose(token, shown, cast(Choice, each), "nl")
        return f"/receipt/{await consents.confirm(token, 'nl')}"

    async def withdraw(self, name: str, person: str, types: list[str]) -> None:
        """Come in again with the code that was used to answer, and stop."""
        token, consents = await self.visit(self.codes[name, person]), self.broker.consents
        for group in (await consents.mine(token, "nl")).groups:
            for section in types:
                if section in group.running:
                    await consents.withdraw(token, group.id, (section,), "nl")

    async def everybody_says_yes(self, name: str) -> None:
        """Whoever must answer says yes to everything."""
        path = f"/v1/handovers/{self.handovers[name]}"
        view = (await self.as_organisation(self.sender(name), "GET", path)).json()
        every = {section["type"]: "yes" for section in view["sections"]}
        for signer in view["signers"]:
            if signer["canBeReached"]:
                await self.answer(name, signer["person"], every)

    # the log

    async def settle(self) -> None:
        """Wait until every committed entry is in the tree, covered by a checkpoint, and read by the log's followers.

        And until nobody is in the middle of writing: whoever comes from outside would wait for them in vain.
        """
        while await self.broker.ledger.step():
            pass
        while await self.broker.following.behind():
            await self.broker.following.step()
        if self.broker.database.writers is not None:
            async with self.broker.database.writers:
                pass

    async def entries(self, limit: int = 500) -> list[Any]:
        """Every log entry read back (facts and openings), newest first."""
        from broker.domain.stores import LogSearch

        async with self.broker.house.storage(writing=False) as work:
            found = await work.log.search(LogSearch(limit=limit))
            return [self.broker.ledger.read(e.leaf, await work.log.openings(e.id)) for e in found]


def today() -> date:
    """The day that ages count from."""
    return local_day(datetime.now(UTC))


@functools.cache
def _shipped() -> PolicySet:
    """The agreement of this repository, read and checked once in each process; nothing in it can be changed."""
    return load(ROOT / "policies")


PATIENT = 60.0
"""Seconds that the database of a world may take: a machine that is busy with tests stands still now and then."""


def build_broker(settings: Settings, clock: MovableClock, patience: float = PATIENT) -> Broker:
    """What `broker.app.build` makes; only the shipped agreement is not checked anew for every test."""
    with patch.object(composition, "load", lambda path: _shipped() if path == ROOT / "policies" else load(path)):
        return build(settings, clock=clock, patience=patience)


@dataclass(frozen=True)
class Furniture:
    """What a database of a world holds already: the families' organisations by their keys, and the log's guard with it."""

    keys: dict[str, ClientKey]
    guard: bytes


def furnish(directory: Path, database: str, database_url: str, keys: Path) -> Furniture:
    """Let a broker with these keys add the organisations: copies of the database are the same for every test after."""

    async def add() -> Furniture:
        async with open_world(directory, database, database_url, keys) as world:
            await world.settle()
        return Furniture(world.keys, (directory / GUARD).read_bytes())

    return asyncio.run(add())


@contextlib.asynccontextmanager
async def open_world(
    directory: Path,
    database: str,
    database_url: str,
    keys: Path,
    furniture: Furniture | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
    patience: float = PATIENT,
) -> AsyncIterator[World]:
    """Open a world; the database is migrated already, and furnished or not. `more` are settings beside the usual ones."""
    (directory / "outbox").mkdir()
    if furniture is not None:
        (directory / GUARD).parent.mkdir()
        (directory / GUARD).write_bytes(furniture.guard)
    settings = read_settings(
        {
            "BROKER_MODE": "demo",
            "BROKER_DATABASE_URL": database_url,
            "BROKER_KEYS": str(keys),
            "BROKER_POLICIES": str(ROOT / "policies"),
            "BROKER_PUBLIC_URL": URL,
            "BROKER_OUTBOX": f"file:{directory / 'outbox'}",
            "BROKER_LOG_GUARD": str(directory / GUARD),
            "BROKER_RATE_ORGANISATION": "1000000/minute",  # attacks ask more than people do
            "BROKER_RATE_ONE": "1000000/hour",
            **more,
        }
    )
    clock = MovableClock()
    broker = build_broker(settings, clock, patience)
    families = {name: read_family(name, today()) for name in NAMES}
    partners = [o for family in families.values() for o in family["organisations"]]
    client_keys = furniture.keys if furniture else {o["oin"]: ClientKey.new() for o in partners}
    app = asgi(broker)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        first_rounds() as are_over,
        broker.running(),
        httpx.AsyncClient(transport=transport, base_url=URL) as http,
    ):
        await are_over()
        for o in partners if furniture is None else ():
            await broker.partners.add(
                Organisation(Oin(o["oin"]), o["name"], o["kind"]), [client_keys[o["oin"]].public_jwk()]
            )
        yield World(
            broker, app, http, clock, directory / "outbox", directory, database_url, client_keys, families, database
        )


@contextlib.asynccontextmanager
async def started_again(world: World, **changed: Any) -> AsyncIterator[World]:
    """A broker on the same database, with the same keys and guard (unless other settings are given), beside the first."""
    broker = build_broker(replace(world.broker.settings, **changed), world.clock)
    app = asgi(broker)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with broker.running(), httpx.AsyncClient(transport=transport, base_url=URL) as http:
        yield replace(world, broker=broker, app=app, http=http)


def make_keys(directory: Path) -> Path:
    """Keys for a demonstration."""
    make_all(directory / "keys", demo=True)
    return directory / "keys"
