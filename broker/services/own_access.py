"""An officer's own way in: their passkeys and visits, and showing once more that it is them.

1. A passkey is added or removed by who signed in, and used one of theirs again just now; never the last one removed.
2. Each is logged with its fingerprint; it counts from then on, or no more (`standing.py`).
3. Who removes one, lost it perhaps: every other visit of theirs ends.
4. What is confirmed is confirmed in this visit and for one purpose, with a nonce that is good once and for five minutes;
   the visit then goes on under a new token.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.parties import OfficerId
from broker.domain.ports import Passkey, Passkeys
from broker.domain.presence import FRESH_FOR, MOST, Purpose, challenge
from broker.domain.stores import UnitOfWork, Visit
from broker.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, Words
from broker.services.house import House, guarded
from broker.services.officers import IDLE, LONGEST, Officers, check_fresh, fingerprint

MOST_IN_TEN_MINUTES = 20


@dataclass(frozen=True, slots=True)
class OwnPasskeyRow:
    """A passkey of the officer, for their own page. `id` is its fingerprint, as the log has it."""

    id: str
    made: datetime
    used: datetime | None


@dataclass(frozen=True, slots=True)
class OwnVisitRow:
    """A visit of the officer: when it began, when it was last used (about), and whether it is this one."""

    began: datetime
    used: datetime
    this: bool


@dataclass(frozen=True, slots=True)
class OwnScreen:
    """All of an officer's own way in."""

    passkeys: tuple[OwnPasskeyRow, ...]
    visits: tuple[OwnVisitRow, ...]

    @property
    def room(self) -> bool:
        """Whether one more passkey can be made."""
        return len(self.passkeys) < MOST


class OwnAccess:
    """The use cases of `/console/own` and `/console/confirm`."""

    def __init__(self, house: House, officers: Officers, passkeys: Passkeys) -> None:
        self._house = house
        self._officers = officers
        self._passkeys = passkeys

    async def own(self, token: str) -> OwnScreen:
        """Their passkeys and their visits. Changes nothing."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            visit, acting = await self._officers.visiting(work, token)
            known = await self._officers.own_passkeys(work, acting.officer)
            rows = [
                OwnPasskeyRow(fingerprint(one.passkey), one.made, one.used)
                for one in await work.officers.passkeys(acting.officer)
            ]
            visits = await work.visits.of("officer", acting.officer, now)
        own = [
            OwnVisitRow(
                datetime.fromtimestamp(one.state["latest"], now.tzinfo) - LONGEST,
                one.expires - IDLE,
                one.id == visit.id,
            )
            for one in visits
            if one.stage == "signed-in"
        ]
        return OwnScreen(tuple(row for row in rows if row.id in known), tuple(own))

    # one more, and one less

    async def adding_options(self, token: str) -> str:
        """JSON for `navigator.credentials.create`. Raises ConfirmFirst, and Conflict past five."""
        async with self._house.storage() as work:
            visit, officer = await self._present(work, token)
            mine = await work.officers.passkeys(officer)
            if len(mine) >= MOST:
                raise Conflict(_TOO_MANY, code="too-many-passkeys")
            nonce = self._asks(visit, "adding", {})
            await work.visits.save(visit)
            await work.commit()
        return self._passkeys.creation(officer, "Rondom", nonce, tuple(one.passkey.credential for one in mine))

    async def add(self, token: str, credential_json: str) -> None:
        """Keep the new passkey, logged. Raises ConfirmFirst; NotAllowed when the answer does not hold, or it is somebody's."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            visit, officer = await self._present(work, token)  # 1
            asked = _taken(visit, "adding", now)
            await work.visits.save(visit)
            if len(await work.officers.passkeys(officer)) >= MOST:
                raise Conflict(_TOO_MANY, code="too-many-passkeys")
            made = self._passkeys.created(credential_json, _raw(asked["nonce"]))
            if not await work.officers.add_passkey(officer, made, now):
                raise NotAllowed(_KNOWN_ALREADY, code="passkey-known")
            await self._log(work, EventType.OFFICER_ENROLLED, officer, made, now)  # 2
            await self._officers.believed(work, officer, anew=True)
            await work.commit()
        house.log.kick()

    async def remove(self, token: str, passkey_id: str) -> None:
        """They use it no more, logged; their other visits end. Raises ConfirmFirst, NotFound, and Conflict for the last one."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            visit, officer = await self._present(work, token)  # 1
            known = await self._officers.own_passkeys(work, officer)
            mine = {fingerprint(one.passkey): one.passkey for one in await work.officers.passkeys(officer)}
            if passkey_id not in mine:
                raise NotFound
            if not known - {passkey_id}:
                raise Conflict(_LAST, code="last-passkey")
            await work.officers.remove_passkey(officer, mine[passkey_id].credential)
            await self._log(work, EventType.OFFICER_PASSKEY_REMOVED, officer, mine[passkey_id], now)  # 2
            await self._end_others(work, visit)  # 3
            await self._officers.believed(work, officer, anew=True)
            await work.commit()
        house.log.kick()

    async def end_others(self, token: str) -> None:
        """Every visit of theirs ends but this one."""
        async with self._house.storage() as work:
            visit, _ = await self._officers.visiting(work, token, lock=True)
            await self._end_others(work, visit)
            await work.commit()

    async def _end_others(self, work: UnitOfWork, visit: Visit) -> None:
        for one in await work.visits.of("officer", visit.owner, self._house.clock()):
            if one.id != visit.id:
                await work.visits.end(one.id)

    async def _present(self, work: UnitOfWork, token: str) -> tuple[Visit, OfficerId]:
        """Their visit and who they are, held until the commit, if they confirmed it for this."""
        visit, acting = await self._officers.visiting(work, token, lock=True, anew=True)
        if not await work.officers.active(acting.officer, lock=True):
            raise NotAuthenticated
        check_fresh(visit, Purpose.OWN_PASSKEYS, self._house.clock())
        return visit, acting.officer

    async def _log(
        self, work: UnitOfWork, event: EventType, officer: OfficerId, passkey: Passkey, now: datetime
    ) -> None:
        personal = (Personal(officer, "officer", officer), Personal(officer, "passkey", fingerprint(passkey)))
        await work.log.append(LogEvent(event, now, personal=personal))

    # showing once more that it is them

    async def confirm_options(self, token: str, purpose: Purpose) -> str:
        """JSON for `navigator.credentials.get`, with one of their own passkeys."""
        async with self._house.storage() as work:
            visit, acting = await self._officers.visiting(work, token, lock=True)
            nonce = self._asks(visit, "confirming", {"for": purpose.value})
            mine = await work.officers.passkeys(acting.officer)
            await work.visits.save(visit)
            await work.commit()
        asked = challenge(visit.id, purpose, acting.officer, nonce)
        return self._passkeys.request(asked, tuple(one.passkey.credential for one in mine))

    async def confirm(self, token: str, purpose: Purpose, credential_json: str) -> str:
        """For five minutes this visit is confirmed for that; returns its new token. Raises NotAllowed, TooMany."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            _, acting = await self._officers.visiting(work, token)
        await guarded(house, f"confirm:{acting.officer}", MOST_IN_TEN_MINUTES, 600)
        async with house.storage() as work:
            visit, acting = await self._officers.visiting(work, token, lock=True, anew=True)
            asked = _taken(visit, "confirming", now)  # 4
            await work.visits.save(visit)
            await work.commit()  # good once, whatever comes of it
        if asked["for"] != purpose.value:
            raise NotAllowed(_TOO_LATE, code="confirmation-not-asked")
        async with house.storage() as work:
            visit, acting = await self._officers.visiting(work, token, lock=True, anew=True)
            passkey = await self._own(work, acting.officer, credential_json)
            wanted = challenge(visit.id, purpose, acting.officer, _raw(asked["nonce"]))
            await work.officers.used(self._passkeys.signed(credential_json, wanted, passkey), now)
            until = (now + FRESH_FOR).timestamp()
            visit.state["confirmed"] = {**visit.state.get("confirmed", {}), purpose.value: until}
            await work.visits.save(visit)
            fresh = house.codes.token()
            await work.visits.renew(visit.id, fresh)
            await work.commit()
        return fresh

    async def _own(self, work: UnitOfWork, officer: OfficerId, credential_json: str) -> Passkey:
        known = await work.officers.passkey(self._passkeys.credential_id(credential_json))
        if (
            known is None
            or known[0] != officer
            or fingerprint(known[1]) not in await self._officers.own_passkeys(work, officer)
        ):
            raise NotAllowed(_NOT_YOURS, code="unknown-passkey")
        return known[1]

    def _asks(self, visit: Visit, what: str, more: dict[str, Any]) -> bytes:
        nonce = secrets.token_bytes(32)
        ends = (self._house.clock() + FRESH_FOR).timestamp()
        visit.state[what] = {"nonce": base64.b64encode(nonce).decode(), "ends": ends, **more}
        return nonce


def _taken(visit: Visit, what: str, now: datetime) -> dict[str, Any]:
    """What was asked of a device in this visit; not there a second time. Raises NotAllowed when it is too late."""
    asked: dict[str, Any] | None = visit.state.pop(what, None)
    if asked is None or now.timestamp() >= asked["ends"]:
        raise NotAllowed(_TOO_LATE, code="confirmation-not-asked")
    return asked


def _raw(text: str) -> bytes:
    return base64.b64decode(text)


_TOO_LATE = Words(
    "Dit duurde te lang, of het was voor iets anders. Er is niets veranderd. Druk opnieuw op de knop.",
    "This took too long, or it was for something else. Nothing was changed. Press the button again.",
)
_NOT_YOURS = Words(
    "Dit is niet uw eigen passkey. Er is niets veranderd.", "This is not your own passkey. Nothing was changed."
)
_KNOWN_ALREADY = Words(
    "Deze passkey is al bekend. Gebruik een ander toestel.", "This passkey is known already. Use another device."
)
_TOO_MANY = Words(
    f"U hebt al {MOST} passkeys. Haal er eerst een weg.", f"You have {MOST} passkeys already. First remove one."
)
_LAST = Words(
    "Dit is uw laatste passkey. Voeg eerst een andere toe, anders komt u er niet meer in.",
    "This is your last passkey. First add another, or you cannot come in any more.",
)
