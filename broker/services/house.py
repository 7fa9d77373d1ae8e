"""What every use case is given by the composition root; and the few things that all of them do alike."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from broker.domain.log_ports import DisclosureLog
from broker.domain.outbound import Outside
from broker.domain.ports import (
    AgreementInForce,
    Clock,
    CodeMaker,
    FieldSeal,
    Ids,
    Notary,
    Phrases,
    SectionVault,
    Tagger,
)
from broker.domain.rates import Rate
from broker.domain.stores import PersonClaim, Storage, UnitOfWork
from broker.errors import TooMany, Words

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class KnowsAgreement(Protocol):
    """See `broker.services.agreements.Agreements`."""

    @property
    def refused(self) -> Words | None:
        """Why the latest text was not put in force; None when nothing was wrong with it."""

    @property
    def officers(self) -> bool:
        """Whether officers decide which agreement comes in force, and not the folder."""

    async def stored(self, work: UnitOfWork, digest: str) -> AgreementInForce:
        """A text that was kept, checked whole. Raises Tampered for another one, Unavailable when it cannot be loaded."""

    async def activate(self, proposal_id: str) -> bool:
        """Put a proposal in force when all is there for it; whether it was."""

    def now(self) -> AgreementInForce:
        """The agreement in force, as this broker knows it."""

    async def within(self, work: UnitOfWork) -> AgreementInForce:
        """The agreement in force, as this unit of work sees it. Raises Tampered or Unavailable."""


@dataclass(frozen=True, slots=True)
class House:
    """The means of the use cases."""

    storage: Storage
    agreements: KnowsAgreement
    vault: SectionVault
    tags: Tagger
    codes: CodeMaker
    notary: Notary
    log: DisclosureLog
    clock: Clock
    ids: Ids
    public_url: str
    outbox_kick: Callable[[], None]
    phrases: Phrases
    outside: Outside
    fields: FieldSeal
    rate_one: Rate

    def speaks(self, stated: str) -> str:
        """The language to write to somebody in: the stated one when the agreement has a notice in it, Dutch otherwise."""
        return stated if stated in self.agreement().notices else "nl"

    def language_of(self, claim: PersonClaim | None) -> str:
        """The same, for what an organisation says of a person; Dutch when it says nothing."""
        return self.speaks(claim.language) if claim else "nl"

    def agreement(self) -> AgreementInForce:
        """The agreement in force at the moment of the call, for whatever releases nothing."""
        return self.agreements.now()

    async def aside(self, call: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Make a call of the vault: `await house.aside(house.vault.open, place, sealed)`.

        Where a wrapping key lives elsewhere it runs in a thread, so that nobody else waits; otherwise at once. Raises
        what the call raises.
        """
        if self.vault.remote:
            return await asyncio.to_thread(call, *args, **kwargs)
        return call(*args, **kwargs)


async def guarded(house: House, bucket: str, limit: int, window: int, words: Words | None = None) -> None:
    """Count one try and commit it whatever comes after. Raises TooMany past `limit` tries in `window` seconds.

    `words` are told instead of the usual ones.
    """
    async with house.storage() as work:
        tries = await work.guards.count(bucket, window, house.clock())
        await work.commit()
    if tries > limit:
        raise TooMany(words, retry_after=window)
