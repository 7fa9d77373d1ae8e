"""The surface that an attack sees: every route by name, every row of the database, all that was said over HTTP and in
the operational log, and an officer's browser.

- `LOOKS` and `ACTS` together are the inventory: a new route fails the tests until somebody decides what it may do.
"""

import contextlib
import io
import logging
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

import httpx
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from broker import observability
from broker.storage import tables
from tests.support.world import World

LOOKS = {
    "/.well-known/authzen-configuration",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/v1/contexts/consent-record-1.jsonld",
    "/v1/handovers",
    "/v1/indicators",
    "/v1/handovers/{id}",
    "/v1/events",
    "/v1/webhook",
    "/v1/webhook-keys",
    "/v1/releases/{id}",
    "/v1/handovers/{id}/sign-offs",
    "/v1/handovers/{id}/reactions",
    "/v1/handovers/{id}/long-watch",
    "/v1/log/checkpoint",
    "/v1/log/cosigned-checkpoint",
    "/v1/log/cosigned-proofs/{entry}",
    "/v1/log/keys",
    "/v1/log/proofs/{entry}",
    "/v1/log/tile/{path:path}",
    "/v1/openapi.json",
    "/v1/organisations",
    "/v1/organisations/{oin}/receives",
    "/v1/policies/current",
    "/v1/sealing-keys",
    "/v1/vocabulary",
    "/livez",
    "/metrics",
    "/readyz",
    "/static/{name}",
    "/audio/{language}/{name}",
    "/docs",
    "/partners",
    "/partners/{organisation_kind}",
    "/verify",
    "/",
    "/contact",
    "/exit",
    "/one-time-code",
    "/questions/{position}",
    "/questions/{position}/recipients",
    "/questions/{position}/text",
    "/check",
    "/check-in",
    "/check-in/stopped",
    "/receipt/{receipt_id}",
    "/receipt/{receipt_id}/fhir",
    "/receipt/{receipt_id}/file",
    "/mine",
    "/mine/proof",
    "/mine/report",
    "/mine/texts/{text_id}",
    "/mine/lifeline",
    "/mine/lifeline/correction",
    "/mine/plan",
    "/mine/plan/keep",
    "/mine/plans/{plan}",
    "/mine/plans/{plan}/stop",
    "/mine/plans/{plan}/text",
    "/mine/{position}/recipients",
    "/mine/sections/{part}/{kind}",
    "/mine/reactions/{reaction}",
    "/mine/sign-offs/{part}",
    "/signed-out",
    "/console",
    "/console/invitation",
    "/console/passkey",
    "/console/disclosures",
    "/console/disclosures/{entry_id}",
    "/console/disclosures/{entry_id}/rules",
    "/console/days",
    "/console/organisations",
    "/console/overview",
    "/console/start",
    "/console/review",
    "/console/review/items/{item_id}",
    "/console/queue",
    "/console/queue/{matter_id}",
    "/console/urgent",
    "/console/files",
    "/console/report",
    "/console/breach",
    "/console/breach/notice",
    "/console/agreement",
    "/console/agreement/{proposal_id}",
    "/console/agreement/{proposal_id}/effect",
    "/console/log",
    "/console/login/{provider}/return",
    "/console/signed-in",
    "/console/login-refused/{reason}",
    "/console/watchers",
    "/console/pictures",
    "/console/pictures/{period}",
    "/console/indicators",
    "/console/indicators/{quarter}",
    "/console/indicators/{quarter}/file",
    "/console/own",
    "/console/confirm/{purpose}/{back}",
    "/console/officers",
    "/console/partners",
    "/console/motions",
    "/console/motions/{motion_id}",
}
"""What GET and HEAD may ask for: nothing of it changes anything."""

ACTS = {
    "POST /oauth/token": "anybody",
    "POST /v1/handovers": "organisation",
    "POST /v1/handovers/{id}/versions": "organisation",
    "DELETE /v1/handovers/{id}": "organisation",
    "POST /v1/handovers/{id}/invitations": "organisation",
    "POST /v1/handovers/{id}/reactions/{reaction}/answer": "organisation",
    "POST /v1/handovers/{id}/tasks/{task}/status": "professional",
    "PUT /v1/handovers/{id}/long-watch": "organisation",
    "DELETE /v1/handovers/{id}/long-watch": "organisation",
    "PUT /v1/webhook": "organisation",
    "DELETE /v1/webhook": "organisation",
    "POST /access/v1/evaluation": "organisation",
    "POST /access/v1/evaluations": "organisation",
    "POST /v1/subjects/_search": "professional",
    "POST /v1/releases": "professional",
    "POST /v1/timelines": "professional",
    "POST /v1/involvements": "professional",
    "POST /v1/releases/{id}/acknowledgement": "professional",
    "POST /v1/releases/{id}/sign-offs": "professional",
    "POST /code": "family",
    "POST /contact": "family",
    "POST /exit": "family",
    "POST /one-time-code": "family",
    "POST /language": "family",
    "POST /questions/{position}": "family",
    "POST /questions/{position}/recipients": "family",
    "POST /questions/{position}/text": "family",
    "POST /check": "family",
    "POST /check-in": "family",
    "POST /check-in/stop": "family",
    "POST /receipt/{receipt_id}/send": "family",
    "POST /mine/stop": "family",
    "POST /mine/report": "family",
    "POST /mine/texts/{text_id}": "family",
    "POST /mine/lifeline": "family",
    "POST /mine/lifeline/correction": "family",
    "POST /mine/plan": "family",
    "POST /mine/plan/keep": "family",
    "POST /mine/plans/{plan}": "family",
    "POST /mine/plans/{plan}/text": "family",
    "POST /mine/plans/{plan}/stop": "family",
    "POST /mine/messages": "family",
    "POST /mine/check-ins": "family",
    "POST /mine/devices/stop": "family",
    "POST /receipt/{receipt_id}/device-options": "family",
    "POST /receipt/{receipt_id}/device": "family",
    "POST /receipt/{receipt_id}/confirmation-options": "family",
    "POST /receipt/{receipt_id}/confirmation": "family",
    "POST /mine/sections/{part}/{kind}": "family",
    "POST /mine/sign-offs/{part}": "family",
    "POST /mine/tasks/{task}": "family",
    "POST /sign-out": "family",
    "POST /console/invitation": "officer",
    "POST /console/passkeys/registration-options": "officer",
    "POST /console/passkeys/registration": "officer",
    "POST /console/passkeys/sign-in-options": "officer",
    "POST /console/passkeys/sign-in": "officer",
    "POST /console/language": "officer",
    "POST /console/login/{provider}": "officer",
    "POST /console/disclosures": "officer",
    "POST /console/days": "officer",
    "POST /console/organisations": "officer",
    "POST /console/review": "officer",
    "POST /console/review/items/{item_id}": "officer",
    "POST /console/queue/{matter_id}": "officer",
    "POST /console/files": "officer",
    "POST /console/report": "officer",
    "POST /console/breach": "officer",
    "POST /console/breach/notice": "officer",
    "POST /console/breach/file": "officer",
    "POST /console/breach/names": "officer",
    "POST /console/log/check": "officer",
    "POST /console/watchers": "officer",
    "POST /console/agreement/{proposal_id}/approval-options": "officer",
    "POST /console/agreement/{proposal_id}/approval": "officer",
    "POST /console/sign-out": "officer",
    "POST /console/own/passkey-options": "officer",
    "POST /console/own/passkey": "officer",
    "POST /console/own/remove": "officer",
    "POST /console/own/visits": "officer",
    "POST /console/confirm/{purpose}/{back}/options": "officer",
    "POST /console/confirm/{purpose}/{back}/result": "officer",
    "POST /console/officers": "officer",
    "POST /console/partners": "officer",
    "POST /console/motions/{motion_id}/second-options": "officer",
    "POST /console/motions/{motion_id}/second": "officer",
    "POST /console/motions/{motion_id}/names": "officer",
}
"""What changes something, and who it is for."""

MAKES_RECORDS = {"POST /check", "POST /mine/stop", "POST /receipt/{receipt_id}/confirmation"}
"""The only three that make consent records: all pressed by the person, after a one-time code."""

MAKES_PASSKEYS = {"POST /receipt/{receipt_id}/device", "POST /mine/devices/stop"}
"""The only two that add or remove a signer's device: pressed by the person, after a one-time code."""

WRITES_REACTIONS = {"POST /mine/sections/{part}/{kind}"}
"""The only one that writes words of the family: sent by the person, after a one-time code."""

NO_SUCH_ID = "019a0000-0000-7000-8000-000000000000"

Dump = Mapping[str, Counter[str]]


def inventory(app: FastAPI) -> tuple[set[str], set[str]]:
    """(paths that GET answers, every other method with its path) of the application as it is."""
    looks: set[str] = set()
    acts: set[str] = set()
    for context in iter_route_contexts(app.routes):
        for method in context.methods or {"*"}:
            if method in ("GET", "HEAD"):
                looks.add(str(context.path))
            else:
                acts.add(f"{method} {context.path}")
    return looks, acts


def filled(template: str, ids: Mapping[str, str]) -> str:
    """An address: each parameter of a template replaced. Raises KeyError for one that is not given."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ids[found[1]], template)


def template_of(path: str) -> str:
    """The template that an address was made from; `unknown` when there is none."""
    plain = {template for template in LOOKS | {act.partition(" ")[2] for act in ACTS} if "{" not in template}
    if path in plain:
        return path
    for template in LOOKS | {act.partition(" ")[2] for act in ACTS}:
        pattern = re.sub(r"\\\{\w+:path\\\}", ".+", re.escape(template))
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern), path):
            return template
    return "unknown"


# the database


async def settled(world: World) -> None:
    """Wait until nothing is under way: every message went out, every entry is in the tree and under a checkpoint."""
    await world.messages()
    await world.settle()


async def dump(world: World) -> Dump:
    """Every row of every table, once the background has settled."""
    await settled(world)
    found = {}
    async with world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=False)
        for table in tables.metadata.sorted_tables:
            if table is tables.rate_count:
                continue  # how often somebody called, whatever came of it
            rows = (await connection.execute(sa.select(table))).all()
            found[table.name] = Counter(repr(tuple(row)) for row in rows)
    return found


def changed(before: Dump, after: Dump) -> set[str]:
    """The tables that are not the same."""
    return {name for name in before if before[name] != after[name]}


async def rows_of(world: World, table: str) -> list[Any]:
    """The rows of one table."""
    async with world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=False)
        return list((await connection.execute(sa.select(tables.metadata.tables[table]))).all())


async def count_records(world: World) -> int:
    """How many consent records there are."""
    return len(await rows_of(world, "consent_record"))


@contextlib.asynccontextmanager
async def nobody_writes(world: World) -> AsyncIterator[None]:
    """The broker's writers wait meanwhile: on SQLite there is one at a time, and an intruder would wait for them."""
    writers = world.broker.database.writers
    if writers is not None:
        await writers.acquire()
    try:
        yield
    finally:
        if writers is not None:
            writers.release()


# people


async def play(world: World, family: str) -> None:
    """Everything that a family's file tells, in its order."""
    for step in world.families[family]["steps"]:
        if "push" in step:
            await world.push(step["push"])
        elif "answer" in step:
            await world.answer_on_pages(step["answer"]["handover"], step["answer"]["who"], step["answer"]["says"])
        elif "withdraw" in step:
            await world.withdraw_on_pages(
                step["withdraw"]["handover"], step["withdraw"]["who"], step["withdraw"]["types"]
            )
        elif "later" in step:
            world.clock.later(step["later"])
        else:
            await world.ask(step["ask"]["handover"], step["ask"]["by"], step["ask"]["purpose"])


async def doubt(world: World, name: str = "tom-to-school", who: str = "ib-joris") -> None:
    """A professional turns out to have the contact of a father whom this handover speaks of."""
    father = next(person for person in world.body(name)["people"] if person["key"] == "father")
    oin, claims = world.professional(who)
    stated = {"email": next(c["value"] for c in father["contacts"] if c["channel"] == "email")}
    await world.token(oin, {**claims, **stated})


# what was said


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    method: str
    url: str
    path: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def route(self) -> str:
        """Method and template."""
        return f"{self.method} {template_of(self.path)}"

    @property
    def around(self) -> str:
        """Its address and the headers of its answer, as who reads along would read them."""
        return unquote_plus(f"{self.url}\n{self.headers}")

    def header(self, name: str) -> str:
        """One header, empty when it is not there."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(slots=True)
class Recorder:
    """Hears every answer of the clients that it listens to."""

    heard: list[Exchange] = field(default_factory=list)

    def listen(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        """Listen to one client."""
        client.event_hooks["response"].append(self._hear)
        return client

    def listen_to(self, world: World) -> None:
        """Listen to everybody: the organisations' client, and every browser that is opened from now on."""
        self.listen(world.http)
        make = world.browser

        def browser(language: str = "nl") -> httpx.AsyncClient:
            return self.listen(make(language))

        world.browser = browser  # type: ignore[method-assign] # an ear at every door

    async def _hear(self, response: httpx.Response) -> None:
        body = await response.aread()
        request = response.request
        headers = [(name.lower(), value) for name, value in response.headers.multi_items()]
        self.heard.append(
            Exchange(request.method, str(request.url), request.url.path, response.status_code, headers, body)
        )


def told(response: httpx.Response, *, but: str = "") -> tuple[int, bytes, list[tuple[str, str]]]:
    """All that an answer tells: status, body and headers. `but` is the id asked for, which an address may repeat.

    What the caller may still call says only how often it called.
    """
    content = response.content.replace(but.encode(), b"") if but else response.content
    return response.status_code, content, sorted(h for h in response.headers.multi_items() if h[0] != "ratelimit")


# secrets


def personal(world: World) -> list[str]:
    """Whatever in the families' files says who somebody is, or what was written about them."""
    found: set[str] = set()
    for family in world.families.values():
        for handover in family["handovers"].values():
            body = handover["body"]
            for person in body["people"]:
                found |= {person["name"], person["birthDate"], person["reference"]}
                found |= {part for part in person["name"].split() if part[0].isupper()}
                found |= {stated["value"] for stated in (*person.get("identifiers", ()), *person.get("contacts", ()))}
            found |= {sentence for section in body["sections"] for sentence in _sentences(section["content"])}
            found |= {body["reference"], *(authority["evidence"] for authority in body["authorities"])}
        for organisation in family["organisations"]:
            found |= {professional["name"] for professional in organisation["professionals"]}
    return sorted(found)


def _sentences(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield from (part.strip() for part in content.split(".") if len(part.strip()) > 6)
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _sentences(value)


def leaks(text: str | bytes, secrets: Iterable[str]) -> list[str]:
    """Which of the secrets stand in a text, as words of their own."""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return [s for s in secrets if s in text and re.search(rf"(?<!\w){re.escape(s)}(?!\w)", text)]


# the operational log


@contextlib.contextmanager
def operational_log() -> Iterator[io.BytesIO]:
    """The operational log exactly as `broker serve` sets it up, written to memory."""
    root, stream = logging.getLogger(), io.BytesIO()
    handlers, level = root.handlers, root.level
    forget_loggers()
    observability.set_up(stream=stream)
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield stream
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
        forget_loggers()


def forget_loggers() -> None:
    """A logger that was used before keeps the stream it had then; make each look again."""
    for name, module in list(sys.modules.items()):
        if name.startswith("broker.") and hasattr(module, "_log"):
            vars(module._log).pop("bind", None)
