"""A family with a report that only leaves for a yes by passkey; and its members, with a browser and a device each.

They go over HTTP, page by page and script by script, as a phone does.
"""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from broker.crypto.encoding import from_b64url
from tests.support.authenticators import Authenticator
from tests.support.world import URL, World

REPORT = "report-to-gp"
MAKER, DOCTOR = "00000099000000120000", "ha-vdberg"
SCRIPT = {"Content-Type": "application/json"}
YES = {"diagnostic-report": "yes", "help-history": "yes"}


async def push_report(world: World, **changed: Any) -> str:
    """A mental-health team informs the family doctor of Jack, who is nine; his parents decide."""
    body = world.body("jack-to-gp")
    body["reference"] = f"HO-{secrets.token_hex(4)}"
    body["sections"][0] |= {"type": "diagnostic-report", "content": "Jack is onderzocht. Er is meer rust nodig."}
    body |= changed
    world.families["visser-de-bruin"]["handovers"][REPORT] = {"sender": MAKER, "body": body}
    return await world.push(REPORT)


@dataclass
class Member:
    """One family member in a visit, after their answers."""

    world: World
    browser: httpx.AsyncClient
    device: Authenticator
    who: str
    receipt: str = ""
    count: int = 0
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id in the receipt's path."""
        return self.receipt.rpartition("/")[2]

    async def page(self, path: str = "") -> str:
        """A page as it stands."""
        return (await self.browser.get(path or self.receipt)).text

    async def csrf(self) -> str:
        """The secret of the visit."""
        return (await self.page("/mine")).partition('name="csrf" value="')[2].partition('"')[0]

    async def script(self, path: str, content: str = "{}", **more: str) -> httpx.Response:
        """What the page's script sends."""
        headers = {**SCRIPT, "X-CSRF-Token": await self.csrf(), **more}
        return await self.browser.post(path, content=content, headers=headers)

    async def options(self, what: str) -> dict[str, Any]:
        """What the device is asked."""
        answer = await self.script(f"{self.receipt}/{what}-options")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def made(self, asked: dict[str, Any], **otherwise: Any) -> str:
        """What a device answers that makes a passkey."""
        return self.device.register(from_b64url(asked["challenge"]), **{"origin": URL, "rp": "localhost", **otherwise})

    def signed(self, asked: dict[str, Any], **otherwise: Any) -> str:
        """What a device answers that signs; it counts, as a device of its own does."""
        self.count += 1
        given = {"origin": URL, "rp": "localhost", "count": self.count, **otherwise}
        return self.device.sign(from_b64url(asked["challenge"]), **given)

    async def enrol(self) -> None:
        """Add the device."""
        done = await self.script(f"{self.receipt}/device", self.made(await self.options("device")))
        assert done.status_code == 200, done.text

    async def confirm(self) -> str:
        """Confirm the answers of the receipt; goes on to the new one."""
        done = await self.script(f"{self.receipt}/confirmation", self.signed(await self.options("confirmation")))
        assert done.status_code == 200, done.text
        self.receipt = done.json()["next"].partition("#")[0]
        return self.receipt

    async def records(self) -> list[dict[str, Any]]:
        """The records of the receipt, as documents, from the file that the person saves."""
        document = (await self.browser.get(f"{self.receipt}/file")).json()
        receipt = json.loads(from_b64url(document["receipt"].split(".")[1]))
        return [json.loads(from_b64url(statement.split(".")[1])) for statement in receipt["records"]]


@contextlib.asynccontextmanager
async def member(world: World, who: str, name: str = REPORT, says: Any = None) -> AsyncIterator[Member]:
    """Somebody who answered by code, back in with the same code, with a fresh device."""
    device = Authenticator()
    device.credential = secrets.token_bytes(16)
    receipt = await world.answer(name, who, YES if says is None else says)
    async with world.browser() as browser:
        browser.cookies.set("rondom", await world.visit(world.codes[name, who]))
        yield Member(world, browser, device, who, receipt)
