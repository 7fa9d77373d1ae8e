"""Who takes part, how each is reached, and what each may receive at most: the same for everybody who asks.

The agreement is worked out once for each digest, however many ask at once. Nothing here is about a person, so nothing is logged.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from broker.domain.overview import Named, Overview
from broker.domain.parties import Organisation
from broker.domain.receiving import ForPurpose, at_most, receiving
from broker.errors import NotFound, Words
from broker.services.house import House


@dataclass(frozen=True, slots=True)
class PartnerCard:
    """One partner, with every type of section that it may receive for some purpose."""

    partner: Organisation
    kind: Words
    at_most: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class DirectoryScreen:
    """Every partner that is not suspended, by name."""

    cards: tuple[PartnerCard, ...]


@dataclass(frozen=True, slots=True)
class KindScreen:
    """What one kind of organisation may receive, and which partners are of that kind.

    `always` are the conditions that hold for all of it, beside consent.
    """

    kind: Named
    partners: tuple[Organisation, ...]
    purposes: tuple[ForPurpose, ...]
    always: tuple[Words, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class _Given:
    overview: Overview
    by_kind: Mapping[str, tuple[ForPurpose, ...]]


class Directory:
    """The use cases of whoever wants to know who takes part."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._working = asyncio.Lock()
        self._known: _Given | None = None

    async def screen(self) -> DirectoryScreen:
        """All partners."""
        given, label = await self._given(), self._house.agreement().vocabulary.label
        return DirectoryScreen(
            tuple(
                PartnerCard(o, label(o.kind), at_most(given.by_kind.get(o.kind, ()), given.overview))
                for o in await self._partners()
            )
        )

    async def of_kind(self, kind: str) -> KindScreen:
        """One kind. Raises NotFound for one of which no partner takes part."""
        given = await self._given()
        partners = tuple(o for o in await self._partners() if o.kind == kind)
        if not partners:
            raise NotFound
        named = Named(kind, self._house.agreement().vocabulary.label(kind))
        overview = given.overview
        return KindScreen(named, partners, given.by_kind.get(kind, ()), overview.always, overview.digest)

    async def of_partner(self, oin: str) -> KindScreen:
        """What one partner may receive. Raises NotFound for one that does not take part."""
        kind = next((o.kind for o in await self._partners() if o.oin == oin), None)
        if kind is None:
            raise NotFound
        return await self.of_kind(kind)

    async def _partners(self) -> list[Organisation]:
        async with self._house.storage(writing=False) as work:
            return [o for o in await work.organisations.all() if not o.suspended]

    async def _given(self) -> _Given:
        """What the agreement in force gives; worked out by one caller while the others wait."""
        agreement = self._house.agreement()
        async with self._working:
            if self._known is None or self._known.overview.digest != agreement.digest:
                overview = await asyncio.to_thread(agreement.overview)
                kinds = agreement.vocabulary.organisation_kinds
                self._known = _Given(overview, {kind: receiving(overview, kind) for kind in kinds})
            return self._known
