"""The partners in the agreement and its words: who takes part, what may be said, which text is in force."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from broker.domain.events import EventType, Fact, LogEvent
from broker.domain.parties import MAIL, PHONE, Organisation, is_region
from broker.domain.ports import AgreementInForce
from broker.domain.reachability import Reachability, faults_of_reachability
from broker.domain.stores import AfterHours, UnitOfWork
from broker.errors import Fault, Invalid, NotFound, Words
from broker.services.house import House


class Partners:
    """The directory, and its upkeep by the operator."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def all(self) -> Sequence[Organisation]:
        """Every partner, by name."""
        async with self._house.storage(writing=False) as work:
            return await work.organisations.all()

    def agreement(self) -> AgreementInForce:
        """The agreement in force."""
        return self._house.agreement()

    @property
    def agreement_refused(self) -> bool:
        """Whether a changed agreement could not be put in force."""
        return self._house.agreements.refused is not None

    def intake_keys(self) -> tuple[Mapping[str, Any], ...]:
        """The public keys that senders seal to, the one to use first."""
        return self._house.vault.intake_keys()

    async def add(
        self,
        organisation: Organisation,
        jwks: Sequence[Mapping[str, Any]],
        *,
        unsealed: bool = False,
        unbound: bool = False,
    ) -> Organisation:
        """Add or replace a partner, with keys that were checked or the address of keys. Raises Invalid.

        A sealing key that is there stays, unless another is given or `unsealed` says that it goes: what a partner gets
        does not begin to leave in clear by an omission. Neither do its tokens stop being bound, unless `unbound` says so;
        and one that is suspended stays so. How it is reached stays too, unless something of that is given. Returns the
        partner as it is now.
        """
        self._check(organisation, jwks)
        async with self._house.storage() as work:
            before = await work.organisations.get(organisation.oin, lock=True)
            if organisation.sealing_key is None and not unsealed:
                organisation = replace(organisation, sealing_key=before.sealing_key if before else None)
            if before is not None and before.bound_tokens and not unbound:
                organisation = replace(organisation, bound_tokens=True)
            if before is not None and before.suspended:
                organisation = replace(organisation, suspended=True)
            if before is not None and not organisation.reachability:
                organisation = replace(organisation, reachability=before.reachability)
            if before is not None and not organisation.region:
                organisation = replace(organisation, region=before.region)
            how = {"by": "operator"}
            if before is not None and before.suspended == organisation.suspended:
                how["change"] = "registered"  # who was stopped stays so by that earlier change, not by this one
            await change_partner(work, organisation, jwks, self._house.clock(), how)
            await work.commit()
        self._house.log.kick()
        return organisation

    def _check(self, organisation: Organisation, jwks: Sequence[Mapping[str, Any]]) -> None:
        """Every fault at once. Raises Invalid."""
        faults = []
        if not (organisation.oin.isascii() and organisation.oin.isdigit() and len(organisation.oin) == 20):
            faults.append(Fault("/oin", Words("Een OIN heeft twintig cijfers.", "An OIN has twenty digits.")))
        if organisation.kind not in self._house.agreement().vocabulary.organisation_kinds:
            words = Words("De afspraken kennen deze soort niet.", "The agreement does not know this kind.")
            faults.append(Fault("/kind", words))
        if not is_region(organisation.region):
            faults.append(Fault("/region", _REGION))
        if organisation.jwks_url is not None and (jwks or not self._house.outside.accepts(organisation.jwks_url)):
            faults.append(Fault("/jwks-url", _ADDRESS))
        faults += faults_of_reachability(organisation.reachability)
        if faults:
            raise Invalid(faults)

    async def reach(self, oin: str, change: Callable[[Reachability], Reachability]) -> Organisation:
        """Another way to reach a partner; nothing else of it changes. Raises NotFound and Invalid."""
        async with self._house.storage() as work:
            before = await work.organisations.get(oin, lock=True)
            if before is None:
                raise NotFound
            organisation = replace(before, reachability=change(before.reachability))
            if faults := [*faults_of_reachability(organisation.reachability)]:
                raise Invalid(faults)
            how = {"by": "operator", "change": "registered"}
            jwks = await work.organisations.jwks(oin)
            await change_partner(work, organisation, jwks, self._house.clock(), how)
            await work.commit()
        self._house.log.kick()
        return organisation

    async def suspend(self, oin: str, *, suspended: bool) -> None:
        """Stop a partner at once, or let it take part again: the operator, alone. Raises NotFound."""
        async with self._house.storage() as work:
            await suspend_partner(work, oin, self._house.clock(), {"by": "operator"}, suspended=suspended)
            await work.commit()
        self._house.log.kick()

    async def call_after_hours(self, oin: str, phone: str, mail: str | None) -> None:
        """Keep whom to call at this partner when an urgent handover does not come through; an empty phone: nobody.

        Raises Invalid with every fault, and NotFound.
        """
        wanted = AfterHours(phone, mail) if phone else None
        faults = [] if not phone or re.fullmatch(PHONE, phone) else [Fault("/phone", _PHONE)]
        if mail is not None and not (phone and re.fullmatch(MAIL, mail)):
            faults.append(Fault("/mail", _MAIL))
        if faults:
            raise Invalid(faults)
        async with self._house.storage() as work:
            organisation = await work.organisations.get(oin, lock=True)
            if organisation is None:
                raise NotFound
            await work.urgency.put_contact(organisation.oin, wanted)
            facts: dict[str, Fact] = {"by": "operator", "change": "after-hours" if wanted else "no-after-hours"}
            event = LogEvent(EventType.ORGANISATION_CHANGED, self._house.clock(), organisation.oin, facts=facts)
            await work.log.append(event)
            await work.commit()
        self._house.log.kick()


async def suspend_partner(
    work: UnitOfWork, oin: str, now: datetime, how: Mapping[str, Fact], *, suspended: bool
) -> None:
    """Stop a partner or let it take part again, logged with `how` that came about; the caller commits. Raises NotFound."""
    organisation = await work.organisations.get(oin, lock=True)
    if organisation is None:
        raise NotFound
    jwks = await work.organisations.jwks(oin)
    await change_partner(work, replace(organisation, suspended=suspended), jwks, now, how)


async def change_partner(
    work: UnitOfWork,
    organisation: Organisation,
    jwks: Sequence[Mapping[str, Any]],
    now: datetime,
    how: Mapping[str, Fact],
) -> None:
    """Keep a partner as it is now, and log it; the caller commits."""
    await work.organisations.add(organisation, jwks)
    state = "suspended" if organisation.suspended else "active"
    kid = json.loads(organisation.sealing_key)["kid"] if organisation.sealing_key else "none"
    facts: dict[str, Fact] = {"state": state, "sealing": kid, **how}
    if organisation.region:
        facts["region"] = organisation.region
    await work.log.append(LogEvent(EventType.ORGANISATION_CHANGED, now, organisation.oin, facts=facts))


_PHONE = Words("Schrijf een nummer met landcode, zoals +31612345678.", "Write a number such as +31612345678.")
_MAIL = Words("Geef een e-mailadres, en ook een telefoonnummer.", "Give a mail address, and a phone number as well.")
_REGION = Words(
    "Een regio is een naam van hooguit 80 tekens, op één regel.",
    "A region is a name of at most 80 characters, on one line.",
)
_ADDRESS = Words(
    "Geef een openbaar adres dat met https:// begint, en dan geen sleutels.",
    "Give a public address that begins with https://, and then no keys.",
)
