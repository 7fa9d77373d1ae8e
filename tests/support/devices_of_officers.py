"""A second device of an officer, kept without its ceremony, which has tests of its own."""

import secrets

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.parties import OfficerId
from broker.domain.ports import Passkey
from broker.services.officers import fingerprint
from tests.support.world import World


async def second_device(world: World, officer: str) -> None:
    """One more passkey of theirs, logged as every one is; no device answers with it (its key is no key)."""
    house, owner = world.broker.house, OfficerId(officer)
    made = Passkey(secrets.token_bytes(16), secrets.token_bytes(16), 0)
    async with house.storage() as work:
        assert await work.officers.add_passkey(owner, made, house.clock())
        personal = (Personal(owner, "officer", owner), Personal(owner, "passkey", fingerprint(made)))
        await work.log.append(LogEvent(EventType.OFFICER_ENROLLED, house.clock(), personal=personal))
        await work.commit()
    house.log.kick()
