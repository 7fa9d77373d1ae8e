"""What every use case is given by the composition root; and the few things that all of them do alike."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from broker.domain.log_ports import DisclosureLog
from broker.domain.ports import AgreementInForce, Clock, CodeMaker, Ids, Notary, SectionVault, Tagger
from broker.domain.stores import Storage
from broker.errors import TooMany

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


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

    async def aside(self, call: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Make a call of the vault: `await house.aside(house.vault.open, place, sealed)`.

        Where a wrapping key lives elsewhere it runs in a thread, so that nobody else waits; otherwise at once. Raises
        what the call raises.
        """
        if self.vault.remote:
            return await asyncio.to_thread(call, *args, **kwargs)
        return call(*args, **kwargs)


async def guarded(house: House, bucket: str, limit: int, window: int) -> None:
    """Count one try and commit it whatever comes after. Raises TooMany past `limit` tries in `window` seconds."""
    async with house.storage() as work:
        tries = await work.guards.count(bucket, window, house.clock())
        await work.commit()
    if tries > limit:
        raise TooMany(retry_after=window)
