"""Whether somebody of the family agrees with what was written together with them: two choices of the same size.

1. Who says it came in as for an answer, at a contact that nobody doubts, signs now for somebody whom the section concerns,
   and is not shielded from it. What somebody is shielded from does not exist for them.
2. It is said of one version, the one whose digest was on the page: when another came, nothing is kept and the page says so.
3. What is said is signed, sealed, logged and committed together.
4. Of the others a person hears which organisations agree, and of no other person anything: one parent never learns the
   other's answer. What organisations wrote leaves with the section only.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.domain.handovers import Handover, Section
from broker.domain.parties import Authority, Oin, PersonId
from broker.domain.reactions import speaks_as
from broker.domain.sign_offs import FAMILY, SignOff, SignOffId, digest_of_version, latest, own_words
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, NotFound, Words
from broker.services.house import guarded
from broker.services.reactions import Reacting
from broker.services.screens import OthersSignOff, OwnSignOff, SignOffScreen
from broker.services.sign_offs import keep, said_before

AN_HOUR = 3600
MOST_IN_AN_HOUR = 20
"""How often one person can say whether they agree."""
SHOWN_OF_DIGEST = 8
"""How many signs of a digest people compare by eye."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A section of which the person can say whether they agree, for those of whom they sign."""

    id: str
    handover: Handover
    section: Section
    persons: tuple[PersonId, ...]
    authorities: tuple[Authority, ...]


class SigningOff(Reacting):
    """The use cases of a family member who agrees with what was written, or sees it differently."""

    async def sign_offs(self, token: str) -> tuple[SignOffScreen, ...]:
        """The parts of this sender of which the person can say whether they agree; newest handover first."""
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            found = [one async for one in self._written(work, signer, invitation.sender, self._house.clock())]
            return await self._screens(work, signer, invitation.sender, found)

    async def sign_off(self, token: str, part_id: str) -> SignOffScreen:
        """One of them. Raises NotFound for any other."""
        for screen in await self.sign_offs(token):
            if screen.id == part_id:
                return screen
        raise NotFound

    async def sign(self, token: str, part_id: str, digest: str, text: str, *, agrees: bool) -> None:
        """Keep what the person says of the version of that digest; the same said again is kept once.

        Raises Invalid with every fault, NotFound for a part that is not there for them (any more), Conflict when another
        version is in force, TooMany past twenty in an hour.
        """
        house, words = self._house, own_words(text, agrees=agrees)
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"sign-off:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            named = await self._named(work, signer, invitation.sender, part_id, now)
            await work.handovers.get(named.handover.id, lock="shared")  # whoever corrects it waits, or went first
            await work.authorities.hold({signer}, exclusively=True)
            found = await self._named(work, signer, invitation.sender, part_id, now)  # 1
            if await _digest(work, found) != digest:
                raise newer_version()  # 2
            said = self._said(found, signer, digest, words, now, agrees=agrees)
            every = await work.sign_offs.of_handover(found.handover.id)
            if said_before(every, said) is not None:
                return
            await keep(work, found.handover, said, every)
            await work.commit()  # 3
        house.log.kick()

    def _said(
        self, found: _Written, signer: PersonId, digest: str, words: str, now: datetime, *, agrees: bool
    ) -> SignOff:
        handover, section = found.handover, found.section
        return SignOff(
            id=SignOffId(self._house.ids()),
            handover=handover.id,
            section=section.id,
            section_type=section.type,
            version=handover.version,
            digest=digest,
            persons=section.concerns,
            signer=signer,
            organisation=FAMILY,
            role=speaks_as(signer, found.persons, handover.subject, found.authorities, now),
            agrees=agrees,
            text=words,
            at=now,
        )

    async def _named(self, work: UnitOfWork, signer: PersonId, sender: Oin, part_id: str, now: datetime) -> _Written:
        async for one in self._written(work, signer, sender, now):
            if one.id == part_id:
                return one
        raise NotFound

    async def _written(self, work: UnitOfWork, signer: PersonId, sender: Oin, now: datetime) -> AsyncIterator[_Written]:
        """Each section of this sender of which they can say whether they agree."""
        words = self._house.agreement().vocabulary
        if await work.matters.doubted({signer}):  # 1
            return
        async for part in self._parts(work, signer, sender, now):
            if part.whole or part.asked.section_type not in words.signed_off:
                continue
            alike = [one for one in part.handover.sections if one.type == part.asked.section_type]
            for place, section in enumerate(alike):
                persons = tuple(person for person in part.asked.persons if person in section.concerns)
                over = section.over_at(now, must_expire=section.type in words.expiring)
                if persons and signer not in section.shielded_from and not over:
                    tag = self._house.tags.tag("sign-off", part.handover.id, section.type, str(place))
                    yield _Written(tag[:32], part.handover, section, persons, part.authorities)

    async def _screens(
        self, work: UnitOfWork, signer: PersonId, sender: Oin, found: Iterable[_Written]
    ) -> tuple[SignOffScreen, ...]:
        found = tuple(found)
        partners = {o.oin: o.name for o in await work.organisations.all()}
        names = await work.persons.names({person for one in found for person in one.persons}, sender)
        screens = []
        for one in found:
            every = await work.sign_offs.of_handover(one.handover.id)
            digest = await _digest(work, one)
            screens.append(self._shown(one, digest, signer, every, partners.get(sender, ""), partners, names))
        return tuple(screens)

    def _shown(
        self,
        found: _Written,
        digest: str,
        signer: PersonId,
        every: tuple[SignOff, ...],
        sender: str,
        partners: Mapping[Oin, str],
        names: Mapping[PersonId, str],
    ) -> SignOffScreen:
        label, section = self._house.agreement().vocabulary.label, found.section
        alike = [one for one in found.handover.sections if one.type == section.type]
        hidden = any(signer in one.shielded_from for one in alike)  # then what was said before may be about that one
        others = {one.id for one in alike} - {section.id}
        mine = [
            one
            for one in every
            if one.party == (FAMILY, signer)
            and (one.section == section.id or not hidden)
            and one.section_type == section.type
            and one.section not in others
        ]
        mine.sort(key=lambda one: one.serial, reverse=True)
        now = mine[0] if mine and mine[0].section == section.id else None

        def organisation(one: SignOff) -> OthersSignOff:
            name = partners.get(Oin(one.organisation), "")
            return OthersSignOff(label(one.role).each(lambda role: f"{name} ({role})"), one.agrees, one.at)

        return SignOffScreen(
            id=found.id,
            label=label(section.type),
            persons=tuple(names.get(person, "") for person in found.persons),
            sender=sender,
            version=found.handover.version,
            digest=digest,
            code=" ".join(digest[place : place + 4] for place in range(0, SHOWN_OF_DIGEST, 4)),
            said=_own(now) if now else None,
            before=tuple(_own(one) for one in mine if one is not now),
            others=tuple(
                organisation(one) for one in latest(every) if one.section == section.id and not one.by_family
            ),  # 4
        )


async def _digest(work: UnitOfWork, found: _Written) -> str:
    """Of the version in force; the handover is locked, or this unit of work sees one moment."""
    boxes = await work.handovers.sealed([found.section])
    return digest_of_version(boxes[found.section.id].ciphertext)


def newer_version() -> Conflict:
    """What is told to whom another version came under the eyes."""
    return Conflict(_ANOTHER, code="another-version")


def _own(said: SignOff) -> OwnSignOff:
    return OwnSignOff(said.agrees, said.text, said.version, said.at)


_ANOTHER = Words(
    "Er is een nieuwe versie van deze tekst. Er is niets bewaard. Lees eerst de nieuwe, en kies dan.",
    "There is a new version of this text. Nothing was kept. Read the new one first, then choose.",
)
