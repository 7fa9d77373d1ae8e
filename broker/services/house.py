"""What every use case is given by the composition root; and the few things that all of them do alike."""

from collections.abc import Callable
from dataclasses import dataclass

from broker.domain.ports import (
    AgreementInForce,
    Clock,
    CodeMaker,
    DisclosureLog,
    Ids,
    Notary,
    SectionVault,
    Tagger,
)
from broker.domain.stores import Storage
from broker.errors import TooMany


@dataclass(frozen=True, slots=True)
class House:
    """The means of the use cases. `agreement` is the one in force at the moment of the call."""

    storage: Storage
    agreement: Callable[[], AgreementInForce]
    vault: SectionVault
    tags: Tagger
    codes: CodeMaker
    notary: Notary
    log: DisclosureLog
    clock: Clock
    ids: Ids
    public_url: str
    outbox_kick: Callable[[], None]


async def guarded(house: House, bucket: str, limit: int, window: int) -> None:
    """Count one try and commit it whatever comes after. Raises TooMany past `limit` tries in `window` seconds."""
    async with house.storage() as work:
        tries = await work.guards.count(bucket, window, house.clock())
        await work.commit()
    if tries > limit:
        raise TooMany(retry_after=window)
