"""Privacy officers with real devices, through the use cases behind the pages: they come in, confirm, propose and second."""

import csv
import io
import json
import secrets
from dataclasses import dataclass
from datetime import date

from broker.crypto.encoding import from_b64url
from broker.domain.motions import MotionKind
from broker.domain.officers import OfficerRole
from broker.domain.parties import Oin
from broker.domain.presence import Purpose
from broker.services.breach import BreachWanted
from broker.services.motion_screens import Wanted
from tests.support.authenticators import Authenticator
from tests.support.world import URL, World

ASKER = "192.0.2.1"


def new_device() -> Authenticator:
    """A device with a passkey of its own."""
    device = Authenticator()
    device.credential = secrets.token_bytes(16)
    return device


def registered(device: Authenticator, options: str) -> str:
    """What it answers when a passkey is made."""
    return device.register(from_b64url(json.loads(options)["challenge"]), origin=URL, rp="localhost")


def signed(device: Authenticator, options: str) -> str:
    """What it answers when its passkey is used."""
    return device.sign(from_b64url(json.loads(options)["challenge"]), origin=URL, rp="localhost", count=0)


def rows_of_names(content: bytes) -> list[dict[str, str]]:
    """What stands in a file of names."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@dataclass
class Who:
    """An officer who signed in: `token` is that of the visit as it is now."""

    world: World
    id: str
    token: str
    devices: list[Authenticator]

    async def confirms(self, purpose: Purpose, device: Authenticator | None = None) -> None:
        """Use a passkey again."""
        own = self.world.broker.own_access
        options = await own.confirm_options(self.token, purpose)
        self.token = await own.confirm(self.token, purpose, signed(device or self.devices[0], options))

    async def adds(self) -> Authenticator:
        """One more device."""
        own, device = self.world.broker.own_access, new_device()
        await self.confirms(Purpose.OWN_PASSKEYS)
        await own.add(self.token, registered(device, await own.adding_options(self.token)))
        self.devices.append(device)
        return device

    async def proposes(self, kind: MotionKind, **more: object) -> str:
        """A motion, confirmed just before."""
        about = kind in (MotionKind.INVITE, MotionKind.WITHDRAW)
        await self.confirms(Purpose.OFFICERS if about else Purpose.ORGANISATIONS)
        return await self.world.broker.motions.propose(self.token, Wanted(kind, "Omdat het moet.", **more))  # type: ignore[arg-type]

    async def proposes_names(self, by: str, value: str, first_day: date, last_day: date | None = None) -> str:
        """The names of those whom this search is about, confirmed just before."""
        await self.confirms(Purpose.NAMES)
        wanted = BreachWanted(by, value, first_day, last_day)
        return await self.world.broker.names.propose(self.token, wanted, "Een lek.")

    async def takes_names(self, motion: str) -> list[dict[str, str]]:
        """The rows of the file of a decision, confirmed just before."""
        await self.confirms(Purpose.NAMES)
        return rows_of_names((await self.world.broker.names.taken(self.token, motion, lambda words: words.en)).content)

    async def seconds(self, motion: str, device: Authenticator | None = None) -> None:
        """Somebody's motion."""
        motions = self.world.broker.motions
        options = await motions.second_options(self.token, motion)
        await motions.second(self.token, motion, signed(device or self.devices[0], options))

    async def signs_in(self, device: Authenticator) -> str:
        """Another visit, with that device; returns who it is then."""
        oversight = self.world.broker.oversight
        token, options = await oversight.sign_in_options(ASKER)
        _, session = await oversight.sign_in(token, signed(device, options), ASKER)
        return session.officer


async def come_in(world: World, code: str, *, passkeys: int = 2) -> Who:
    """With an invitation, and that many devices."""
    oversight, device = world.broker.oversight, new_device()
    token, _ = await oversight.enter(code, ASKER)
    made = registered(device, await oversight.registration_options(token))
    token, session = await oversight.register(token, made)
    who = Who(world, session.officer, token, [device])
    for _ in range(passkeys - 1):
        await who.adds()
    return who


async def officer(
    world: World, role: OfficerRole = OfficerRole.OFFICER, organisation: str = "", *, passkeys: int = 2
) -> Who:
    """Somebody whom the operator invited."""
    belongs = Oin(organisation) if organisation else None
    return await come_in(world, await world.broker.oversight.invite("Officer", role, belongs), passkeys=passkeys)
