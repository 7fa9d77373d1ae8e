"""Privacy officers in tests: let in without the passkey ceremony, which has tests of its own."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.domain.ports import Passkey
from broker.domain.presence import FRESH_FOR, Purpose
from broker.services.officers import fingerprint
from broker.services.officers import let_in as invited
from broker.whole import Broker
from tests.support.world import World


@dataclass(frozen=True, slots=True)
class OfficerBrowser:
    """A browser of a privacy officer, with the secret that its forms carry."""

    browser: httpx.AsyncClient
    csrf: str
    token: str
    officer: OfficerId


async def let_in(
    broker: Broker, role: OfficerRole = OfficerRole.OFFICER, organisation: str = "", *, passkeys: int = 2
) -> OfficerId:
    """Somebody who was invited and made that many passkeys: it is in the log, as it must be to count."""
    house = broker.house
    now = house.clock()
    async with house.storage() as work:
        belongs = Oin(organisation) if organisation else None
        officer, _ = await invited(work, house, "Officer", role, belongs, {"by": "operator"})
        for number in range(passkeys):
            made = Passkey(secrets.token_bytes(16), secrets.token_bytes(16), 0)
            keep = work.officers.add_passkey if number else work.officers.enrol
            assert await keep(officer, made, now)
            personal = (Personal(officer, "officer", officer), Personal(officer, "passkey", fingerprint(made)))
            await work.log.append(LogEvent(EventType.OFFICER_ENROLLED, now, personal=personal))
        await work.commit()
    house.log.kick()
    return officer


async def signed_in(
    broker: Broker, officer: OfficerId, stage: str = "signed-in", *, confirmed: bool = True
) -> tuple[str, str]:
    """(token, secret for forms) of a visit of theirs at some stage; `confirmed` just now for whatever asks that."""
    house = broker.house
    async with house.storage() as work:
        token, session = await broker.oversight._start(work, officer, stage)
        visit = await work.visits.by_token(token, house.clock())
        assert visit is not None
        if confirmed:
            until = (house.clock() + FRESH_FOR).timestamp()
            visit.state["confirmed"] = {purpose.value: until for purpose in Purpose}
            await work.visits.save(visit)
        await work.commit()
    return token, session.csrf


@contextlib.asynccontextmanager
async def officer_browser(
    world: World, stage: str = "signed-in", role: OfficerRole = OfficerRole.OFFICER, organisation: str = ""
) -> AsyncIterator[OfficerBrowser]:
    """A visit to the console at some stage, of somebody with that role."""
    officer = await let_in(world.broker, role, organisation)
    token, csrf = await signed_in(world.broker, officer, stage)
    async with world.browser() as browser:
        browser.cookies.set("rondom-console", token)
        yield OfficerBrowser(browser, csrf, token, officer)
