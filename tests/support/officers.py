"""Privacy officers in tests: let in without the passkey ceremony, which has tests of its own."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx

from broker.app import Broker
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.domain.ports import Passkey
from tests.support.world import World


@dataclass(frozen=True, slots=True)
class OfficerBrowser:
    """A browser of a privacy officer, with the secret that its forms carry."""

    browser: httpx.AsyncClient
    csrf: str
    token: str
    officer: OfficerId


async def let_in(broker: Broker, role: OfficerRole = OfficerRole.OFFICER, organisation: str = "") -> OfficerId:
    """Somebody who was invited and made a passkey; nothing of it is in the log."""
    house = broker.house
    officer, now = OfficerId(house.ids()), house.clock()
    async with house.storage() as work:
        code = house.codes.normal(house.codes.invitation())
        belongs = Oin(organisation) if organisation else None
        until = now + timedelta(days=7)
        await work.officers.invite(officer, "Officer", code, until, now, role=role, organisation=belongs)
        await work.officers.enrol(officer, Passkey(secrets.token_bytes(16), b"", 0), now)
        await work.commit()
    return officer


async def signed_in(broker: Broker, officer: OfficerId, stage: str = "signed-in") -> tuple[str, str]:
    """(token, secret for forms) of a visit of theirs at some stage."""
    async with broker.house.storage() as work:
        token, session = await broker.oversight._start(work, officer, stage)
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
