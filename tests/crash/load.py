"""Several clients at once that push, ask, acknowledge and withdraw, try again until they are answered, and write it down."""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from broker.crypto.assertions import make_assertion
from tests.crash.family import STOPPED, Parent, Standing
from tests.crash.notes import LONGEST, Notes
from tests.crash.site import DOCTOR, SENDER, Site

CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
READER = {"sub": "ha-vdberg", "name": "Dr. M. van den Berg", "role": "general-practitioner"}
BREATH = 0.1
AGAIN = 0.3


@dataclass
class Caller:
    """An organisation, or a professional of it, at one of the site's brokers after the other."""

    site: Site
    notes: Notes
    oin: str
    claims: dict[str, str] | None = None
    language: str = "en"
    token_life: float = 200.0
    _token: tuple[str, float] = ("", 0.0)
    _turn: Any = field(default_factory=itertools.count)
    _http: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def _send(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        url = self.site.stages[next(self._turn) % len(self.site.stages)].url
        http = self._http.setdefault(url, httpx.AsyncClient(base_url=url, timeout=LONGEST))
        began = time.monotonic()
        try:
            response = await http.request(method, path, **more)
        except httpx.TimeoutException:
            self.notes.faults.append(f"{method} {path.split('/')[1:3]}: no answer in {LONGEST} seconds")
            return None
        except httpx.TransportError:
            self.notes.cut += 1
            await asyncio.sleep(AGAIN)
            return None
        self.notes.heard(response, began)
        if response.status_code == 503:
            await asyncio.sleep(AGAIN)
        return response

    async def _bearer(self) -> str | None:
        token, until = self._token
        if time.monotonic() < until:
            return token
        who = {"iss": self.oin, "aud": self.site.public_url, **(self.claims or {"sub": self.oin})}
        key = self.site.keys[self.oin]
        assertion = make_assertion(key.private, key.kid, who)
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
        if self.claims is None:
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": CLIENT_ASSERTION,
                "client_assertion": assertion,
            }
        response = await self._send("POST", "/oauth/token", data=form)
        if response is None or response.status_code != 200:
            return None
        self._token = (response.json()["access_token"], time.monotonic() + self.token_life)
        return self._token[0]

    async def call(self, method: str, path: str, body: Any = None, key: str = "") -> httpx.Response | None:
        """One try; None when nobody answered, or nobody could."""
        token = await self._bearer()
        if token is None:
            return None
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": self.language}
        if key:
            headers["Idempotency-Key"] = key
        response = await self._send(method, path, headers=headers, **({} if body is None else {"json": body}))
        return None if response is None or response.status_code == 503 else response

    async def until_answered(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The same request under the same key, until it is answered."""
        key = secrets.token_urlsafe(12)
        while True:
            response = await self.call(method, path, body, key)
            said = response.json().get("type", "") if response is not None and response.status_code == 409 else ""
            if response is not None and not said.endswith(":still-running"):
                return response
            await asyncio.sleep(AGAIN)

    async def close(self) -> None:
        """Close the connections."""
        for http in self._http.values():
            await http.aclose()


@dataclass
class Load:
    """Everybody at one site."""

    site: Site
    notes: Notes
    parent: Parent
    handover: str
    body: dict[str, Any]
    standing: Standing
    callers: list[Caller] = field(default_factory=list)
    token_life: float = 200.0
    breath: float = BREATH

    def caller(self, oin: str, claims: dict[str, str] | None = None) -> Caller:
        """A new one."""
        language = ("en", "nl")[len(self.callers) % 2]
        made = Caller(self.site, self.notes, oin, claims, language, self.token_life)
        self.callers.append(made)
        return made

    async def push(self, name: str) -> None:
        """Push, and push, each under a reference of its own; now and then withdraw one."""
        sender = self.caller(SENDER)
        for number in itertools.count():
            reference = f"{name}-{number}"
            answer = await sender.until_answered("POST", "/v1/handovers", {**self.body, "reference": reference})
            if answer.status_code not in (200, 201):
                self.notes.faults.append(f"push: {answer.status_code} {answer.text[:200]}")
                continue
            identity = answer.json()["id"]
            self.notes.pushed[reference] = identity
            self.notes.worked()
            if number % 3 == 2:
                await self._withdraw(sender, identity)
            await asyncio.sleep(self.breath)

    async def _withdraw(self, sender: Caller, handover: str) -> None:
        self.notes.ending.add(handover)
        answer = await sender.until_answered("DELETE", f"/v1/handovers/{handover}")
        if answer.status_code not in (204, 404, 409):
            self.notes.faults.append(f"withdrawal: {answer.status_code} {answer.text[:200]}")
        elif answer.status_code == 204:
            self.notes.withdrawn.add(handover)
            self.notes.worked()

    async def ask(self) -> None:
        """Ask for the family's handover, and for others; acknowledge what came."""
        reader = self.caller(DOCTOR, READER)
        for number in itertools.count():
            others = list(self.notes.pushed.values()) if number % 2 else []
            handover = secrets.choice(others) if others else self.handover
            stopped, turn = self.standing.now()
            over = handover in self.notes.withdrawn
            answer = await reader.call("POST", "/v1/releases", {"handover": handover, "purpose": self.body["purpose"]})
            if answer is not None and answer.status_code == 200:
                said = answer.json()
                types = {part["type"] for part in said["released"]}
                self.notes.receipts.append(said["receipt"])
                self.notes.released.add(said["id"])
                self.notes.worked()
                if over or (stopped and self.standing.now() == (stopped, turn) and STOPPED in types):
                    self.notes.faults.append("released after a withdrawal that was acknowledged")
                if number % 4 == 0:
                    await self._acknowledge(reader, said["id"])
            await asyncio.sleep(self.breath)

    async def _acknowledge(self, reader: Caller, release: str) -> None:
        answer = await reader.until_answered("POST", f"/v1/releases/{release}/acknowledgement")
        if answer.status_code == 204:
            self.notes.acknowledged.add(release)
            self.notes.worked()
        else:
            self.notes.faults.append(f"acknowledgement: {answer.status_code} {answer.text[:200]}")

    async def close(self) -> None:
        """Close the connections."""
        for caller in self.callers:
            await caller.close()


@contextlib.asynccontextmanager
async def under_load(
    site: Site, notes: Notes, *, askers: int = 3, pushers: int = 2, token_life: float = 200.0, breath: float = BREATH
) -> AsyncIterator[Load]:
    """Brokers run already. Everybody is at it until the end of the block; who waits for an answer then, gives up."""
    body = json.loads(json.dumps(site.family["handovers"]["jack-to-gp"]["body"]))
    first = Caller(site, notes, SENDER)
    pushed = (await first.until_answered("POST", "/v1/handovers", body)).json()["id"]
    await first.close()
    ours = (SENDER, site.keys[SENDER])
    father = Parent(site.public_url, site.stages[0].outbox, ours, pushed, "father", notes)
    await asyncio.to_thread(father.says_yes)
    mother = Parent(site.public_url, site.stages[0].outbox, ours, pushed, "mother", notes)
    load = Load(site, notes, mother, pushed, body, mother.standing, token_life=token_life, breath=breath)
    run = secrets.token_hex(4)
    tasks = [asyncio.create_task(load.push(f"{run}-{number}")) for number in range(pushers)]
    tasks += [asyncio.create_task(load.ask()) for _ in range(askers)]
    life = asyncio.create_task(asyncio.to_thread(mother.go_on))
    try:
        yield load
    finally:
        mother.over.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(life, 60)
        await load.close()
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError
