"""A signer's own passkeys: made in a visit in which the one-time code was right, and stopped as easily; never needed to stop sharing.

1. Making and stopping are logged with the passkey's fingerprint, and every contact known of the person hears of it.
2. What is known of the person is checked before it is sealed anew with the new row: nothing slips in or out.
3. What a device was asked is good for ten minutes, in that visit, once.
"""

import base64
import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.domain.basis import digest_of
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.parties import Oin, PersonId
from broker.domain.passkeys import CONFIRM_WITHIN, MOST, OwnPasskey, fingerprint_of
from broker.domain.ports import Passkeys
from broker.domain.stores import Invitation, Message, UnitOfWork, Visit
from broker.errors import Conflict, NotAllowed, NotFound, Words
from broker.services.consents import Consents
from broker.services.house import House, guarded

AN_HOUR = 3600
MOST_IN_AN_HOUR = 40
"""How often one person can begin or end a ceremony."""


@dataclass(frozen=True, slots=True)
class PasskeyLine:
    """A passkey of the person, for their own pages. It has no name: nobody asked whose phone it is."""

    id: str
    since: datetime


class OwnPasskeys(Consents):
    """The use cases around the passkeys themselves."""

    def __init__(self, house: House, passkeys: Passkeys) -> None:
        super().__init__(house)
        self._passkeys = passkeys

    async def passkeys(self, token: str) -> tuple[PasskeyLine, ...]:
        """The person's passkeys that are in use."""
        async with self._house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
            return tuple(PasskeyLine(one.id, one.since) for one in await in_use(work, signer))

    # making one, and stopping

    async def enrolment_options(self, token: str, receipt_id: str) -> str:
        """JSON for `navigator.credentials.create`. Raises NotFound for anybody else's receipt, Conflict past five."""
        await self.checked_tries(token)
        async with self._house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)
            await self._kept(work, receipt_id, signer, invitation.sender)
            every = await work.passkeys.of(signer)
            _check_room(every)
            handle = every[0].handle if every else secrets.token_bytes(32)
            nonce = secrets.token_bytes(32)
            visit.state["enrolling"] = {"nonce": b64(nonce), "handle": b64(handle), "ends": self.ends()}
            await work.visits.save(visit)
            await work.commit()
        known = tuple(one.credential for one in every if one.until is None)
        return self._passkeys.creation_for_signer(handle, nonce, known)

    async def enrol(self, token: str, credential_json: str) -> None:
        """Keep a new passkey; logged, and announced to every contact. Raises NotAllowed when the answer does not hold."""
        house, now = self._house, self._house.clock()
        await self.checked_tries(token)
        async with house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)  # 3
            asked = taken(visit, "enrolling", now)
            await work.visits.save(visit)
            with answering():
                made = self._passkeys.created(credential_json, raw(asked["nonce"]))
            await self._hold_known(work, signer)
            _check_room(await work.passkeys.of(signer))
            if not await work.passkeys.enrol(signer, made, raw(asked["handle"]), now):
                raise NotAllowed(_KNOWN_ALREADY, code="passkey-known")
            fingerprint = fingerprint_of(made.credential, made.public_key)
            await self._changed(work, EventType.PASSKEY_ENROLLED, signer, invitation, fingerprint, now)
            await work.commit()
        house.log.kick()
        house.outbox_kick()

    async def stop_passkey(self, token: str, passkey_id: str) -> None:
        """Use one no more; records made with it stay what they are. Raises NotFound for anybody else's."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token, lock=True)
            await self._hold_known(work, signer)
            mine = [one for one in await work.passkeys.of(signer) if one.id == passkey_id]
            if not mine:
                raise NotFound
            if mine[0].until is not None or not await work.passkeys.stop(signer, mine[0], now):
                return
            await self._changed(work, EventType.PASSKEY_STOPPED, signer, invitation, mine[0].fingerprint, now)
            await work.commit()
        house.log.kick()
        house.outbox_kick()

    async def _hold_known(self, work: UnitOfWork, signer: PersonId) -> None:
        """Hold the person, and check that what is known of them is what was sealed, before it is sealed anew."""
        await work.authorities.hold({signer}, exclusively=True)
        await work.authorities.known({signer})

    async def _changed(
        self,
        work: UnitOfWork,
        event: EventType,
        signer: PersonId,
        invitation: Invitation,
        fingerprint: str,
        now: datetime,
    ) -> None:
        stated = await work.authorities.seal({signer})
        personal = (
            Personal(signer, "signer", signer),
            Personal(signer, "facts", json.dumps(digest_of(stated), sort_keys=True)),
        )
        facts = {"passkey": fingerprint}
        await work.log.append(LogEvent(event, now, invitation.sender, facts=facts, personal=personal))
        await _announce(work, self._house, signer, invitation.sender, event, now)

    async def checked_tries(self, token: str) -> PersonId:
        """Who is visiting; each try is counted. Raises TooMany."""
        async with self._house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(self._house, f"passkey:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        return signer

    def ends(self) -> float:
        """Until when a device may answer what it is asked now."""
        return (self._house.clock() + CONFIRM_WITHIN).timestamp()


async def in_use(work: UnitOfWork, signer: PersonId) -> list[OwnPasskey]:
    """In use, and known not to be put in or changed by somebody else."""
    enrolled = (await work.authorities.known({signer})).passkeys.get(signer, ())
    known = {one.fingerprint for one in enrolled if one.until is None}
    return [one for one in await work.passkeys.of(signer) if one.until is None and one.fingerprint in known]


def _check_room(passkeys: Iterable[OwnPasskey]) -> None:
    if sum(one.until is None for one in passkeys) >= MOST:
        raise Conflict(_TOO_MANY, code="too-many-passkeys")


def taken(visit: Visit, what: str, now: datetime) -> dict[str, Any]:
    """What was asked of a device in this visit; it is not there a second time. Raises NotAllowed when it is too late."""
    asked: dict[str, Any] | None = visit.state.pop(what, None)
    if asked is None or now.timestamp() >= asked["ends"]:
        raise NotAllowed(TOO_LATE, code="confirmation-not-asked")
    return asked


async def _announce(
    work: UnitOfWork, house: House, person: PersonId, sender: Oin, event: EventType, now: datetime
) -> None:
    """Tell every contact that anybody ever stated of this person, without saying who it is."""
    claim, _ = await work.persons.claims(person, sender)
    language = house.language_of(claim)
    words = _ENROLLED if event is EventType.PASSKEY_ENROLLED else _STOPPED
    text = house.phrases.fill(words, language, address=house.public_url)
    kind = event.value.replace(":", "-")
    for contact in await work.persons.contacts(person):
        await work.outbox.add(Message(contact.value, contact.channel, kind, language, text), house.ids(), now)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """A device's answer that does not hold is refused in words for a family."""
    try:
        yield
    except NotAllowed as error:
        if error.code != "passkey-not-verified":
            raise
        raise NotAllowed(_NOT_VERIFIED, code=error.code) from None


def b64(raw: bytes) -> str:
    """Bytes in a visit's state."""
    return base64.b64encode(raw).decode()


def raw(text: str) -> bytes:
    """The inverse."""
    return base64.b64decode(text)


_ENROLLED = Words(
    "Er is een telefoon of ander toestel toegevoegd om antwoorden mee te bevestigen. Was jij dit niet? "
    "Ga naar {address} met je code en haal het weg, of bel degene van wie je de code kreeg.",
    "A phone or other device was added to confirm answers with. Was this not you? "
    "Go to {address} with your code and remove it, or call the person who gave you the code.",
)
_STOPPED = Words(
    "Een telefoon of ander toestel is weggehaald. Je kunt er geen antwoorden meer mee bevestigen. Je antwoorden "
    "blijven zoals ze zijn. Was jij dit niet? Bel degene van wie je de code kreeg.",
    "A phone or other device was removed. You can no longer confirm answers with it. Your answers stay as they are. "
    "Was this not you? Call the person who gave you the code.",
)
TOO_LATE = Words(
    "Dit duurde te lang. Er is niets veranderd. Druk opnieuw op de knop.",
    "This took too long. Nothing was changed. Press the button again.",
)
_NOT_VERIFIED = Words(
    "Je toestel gaf geen goed antwoord. Er is niets veranderd. Probeer het opnieuw, of haal dit toestel weg bij wat je "
    "hebt gezegd en voeg het opnieuw toe.",
    "Your device did not give a good answer. Nothing was changed. Try again, or remove this device at what you said and "
    "add it again.",
)
_KNOWN_ALREADY = Words(
    "Dit toestel kan niet nog een keer worden toegevoegd. Gebruik een ander toestel.",
    "This device cannot be added again. Use another device.",
)
_TOO_MANY = Words(
    "Je hebt al vijf toestellen toegevoegd. Haal er eerst een weg.",
    "You have added five devices already. First remove one.",
)
