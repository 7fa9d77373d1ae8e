"""How a privacy officer comes in: once by invitation to register a passkey, after that only by passkey.

- An invitation works once and for seven days; a session ends thirty minutes after its last use, or after eight hours.
- Every enrolment and sign-in is a log entry.
- A new token is made whenever what the session may do grows.
"""

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.officers import Acting, OfficerRole, Right
from broker.domain.parties import OfficerId, Oin
from broker.domain.passkeys import fingerprint_of
from broker.domain.ports import Passkey, Passkeys
from broker.domain.stores import UnitOfWork, Visit
from broker.errors import Fault, Invalid, NotAllowed, NotAuthenticated, NotFound, Words
from broker.services.house import House, guarded
from broker.services.screens import OfficerSession

INVITED = timedelta(days=7)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)


class Officers:
    """Invitations, passkeys and sessions of privacy officers."""

    def __init__(self, house: House, passkeys: Passkeys) -> None:
        self._house = house
        self._passkeys = passkeys

    async def invite(self, name: str, role: OfficerRole = OfficerRole.OFFICER, organisation: Oin | None = None) -> str:
        """A new officer; returns the one-time code. For the operator's command line only.

        Raises Invalid when the role asks for an organisation that is not given or not known, or has none.
        """
        house, now = self._house, self._house.clock()
        officer, code = OfficerId(house.ids()), house.codes.invitation()
        async with house.storage() as work:
            partners = {partner.oin for partner in await work.organisations.all()}
            if (organisation is not None) != (role is OfficerRole.OF_ORGANISATION):
                raise Invalid([Fault("/organisation", _WHICH)])
            if organisation is not None and organisation not in partners:
                raise Invalid([Fault("/organisation", _NO_PARTNER)])
            await work.officers.invite(
                officer, name, house.codes.normal(code), now + INVITED, now, role=role, organisation=organisation
            )
            facts: dict[str, Fact] = {"role": role.value, "for": organisation or ""}
            await work.log.append(_about(EventType.OFFICER_INVITED, officer, now, facts=facts))
            await work.commit()
        house.log.kick()
        return code

    async def enter(self, invitation_code: str, client: str) -> tuple[str, OfficerSession]:
        """Begin with an invitation. Raises NotFound for an unknown, used or old one, TooMany past twenty tries."""
        house = self._house
        await guarded(house, f"officer:{client}", 20, 600)
        async with house.storage() as work:
            officer = await work.officers.enter(house.codes.normal(invitation_code), house.clock())
            if officer is None:
                raise NotFound(_NO_INVITATION)
            started = await self._start(work, officer, "invited")
            await work.commit()
        return started

    async def _start(self, work: UnitOfWork, officer: str, stage: str) -> tuple[str, OfficerSession]:
        house, now = self._house, self._house.clock()
        token = house.codes.token()
        life = IDLE if stage == "signed-in" else timedelta(minutes=15)
        state = {"challenge": _b64(secrets.token_bytes(32)), "latest": (now + LONGEST).timestamp()}
        visit = Visit(house.ids(), "officer", officer, "", stage, "nl", now + life, state)
        await work.visits.add(visit, token)
        acting = await work.officers.acting(OfficerId(officer)) if stage == "signed-in" else None
        return token, self._session(visit, acting)

    async def begin(self, work: UnitOfWork, officer: OfficerId) -> tuple[str, OfficerSession]:
        """A signed-in visit for whom another way in has recognised, in that unit of work, which logs how."""
        return await self._start(work, officer, "signed-in")

    def _session(
        self, visit: Visit, acting: Acting | None = None, waiting: tuple[int, int] = (0, 0), of: str = ""
    ) -> OfficerSession:
        """`waiting` are doubts and things that stand out."""
        csrf = self._house.tags.code_tag("csrf", visit.id)
        if acting is None:
            return OfficerSession(visit.id, csrf, visit.owner, "invited", rights=frozenset())
        refused = Right.AGREEMENT in acting.rights and self._house.agreements.refused is not None
        doubts, items = waiting
        return OfficerSession(visit.id, csrf, visit.owner, "signed-in", doubts, refused, acting.rights, of, items)

    async def session(self, token: str) -> OfficerSession | None:
        """The live session with that token; using it keeps it alive, at most eight hours."""
        now = self._house.clock()
        async with self._house.storage() as work:
            visit = await work.visits.by_token(token, now)
            if visit is None or visit.kind != "officer" or visit.stage == "ceremony":
                return None
            if visit.stage != "signed-in":
                return self._session(visit)
            acting = await work.officers.acting(OfficerId(visit.owner))
            if acting is None:
                return None
            waiting = await _waiting(work, acting)
            own = await work.organisations.get(acting.organisation) if acting.organisation else None
            latest = datetime.fromtimestamp(visit.state["latest"], now.tzinfo)
            visit.expires = min(now + IDLE, latest)
            await work.visits.save(visit)
            await work.commit()
        return self._session(visit, acting, waiting, own.name if own else "")

    async def acting(self, work: UnitOfWork, token: str, right: Right) -> Acting:
        """Who is signed in with this token, and has that right. Raises NotAuthenticated, NotAllowed."""
        visit = await work.visits.by_token(token, self._house.clock())
        if visit is None or visit.kind != "officer" or visit.stage != "signed-in":
            raise NotAuthenticated(_SIGN_IN)
        acting = await work.officers.acting(OfficerId(visit.owner))
        if acting is None:
            raise NotAuthenticated(_SIGN_IN)
        acting.need(right)
        return acting

    async def registration_options(self, token: str) -> str:
        """Options for `navigator.credentials.create`, for somebody who was invited."""
        async with self._house.storage(writing=False) as work:
            visit = await self._at(work, token, "invited")
        return self._passkeys.creation(visit.owner, "Rondom", _raw(visit.state["challenge"]), ())

    async def register(self, token: str, credential_json: str) -> tuple[str, OfficerSession]:
        """Keep the passkey and sign in. Raises NotAllowed when the answer does not hold or the invitation was used."""
        now = self._house.clock()
        async with self._house.storage() as work:
            visit = await self._at(work, token, "invited", lock=True)
            officer = OfficerId(visit.owner)
            passkey = self._passkeys.created(credential_json, _raw(visit.state["challenge"]))
            if not await work.officers.enrol(officer, passkey, now):
                raise NotAllowed(_NO_INVITATION, code="invitation-used")
            await work.visits.end(visit.id)
            made = Personal(officer, "passkey", fingerprint(passkey))
            await work.log.append(_about(EventType.OFFICER_ENROLLED, officer, now, made))
            started = await self._start(work, officer, "signed-in")
            await work.commit()
        self._house.log.kick()
        return started

    async def sign_in_options(self, client: str) -> tuple[str, str]:
        """(token of a short-lived session, options for `navigator.credentials.get`)."""
        await guarded(self._house, f"officer:{client}", 60, 600)
        async with self._house.storage() as work:
            token, session = await self._start(work, "", "ceremony")
            visit = await work.visits.by_token(token, self._house.clock())
            await work.commit()
        challenge = cast(Visit, visit).state["challenge"]
        del session
        return token, self._passkeys.request(_raw(challenge))

    async def sign_in(self, token: str, credential_json: str, client: str) -> tuple[str, OfficerSession]:
        """Check a passkey's answer and sign in. Raises NotAllowed."""
        await guarded(self._house, f"officer:{client}", 60, 600)
        now = self._house.clock()
        async with self._house.storage() as work:
            visit = await self._at(work, token, "ceremony", lock=True)
            known = await work.officers.passkey(self._passkeys.credential_id(credential_json))
            if known is None:
                raise NotAllowed(_UNKNOWN_PASSKEY, code="unknown-passkey")
            officer, passkey = known
            used = self._passkeys.signed(credential_json, _raw(visit.state["challenge"]), passkey)
            await work.officers.used(used)
            await work.visits.end(visit.id)
            await work.log.append(_about(EventType.OFFICER_SIGNED_IN, officer, now))
            started = await self._start(work, officer, "signed-in")
            await work.commit()
        self._house.log.kick()
        return started

    async def _at(self, work: UnitOfWork, token: str, stage: str, *, lock: bool = False) -> Visit:
        visit = await work.visits.by_token(token, self._house.clock(), lock=lock)
        if visit is None or visit.kind != "officer" or visit.stage != stage:
            raise NotAuthenticated(_SIGN_IN)
        return visit

    async def leave(self, token: str) -> None:
        """Sign out."""
        async with self._house.storage() as work:
            visit = await work.visits.by_token(token, self._house.clock())
            if visit is not None:
                await work.visits.end(visit.id)
                await work.commit()


async def _waiting(work: UnitOfWork, acting: Acting) -> tuple[int, int]:
    if Right.REVIEW not in acting.rights:
        return 0, 0
    return await work.matters.count(acting.party), await work.reviews.count(acting.party)


def fingerprint(passkey: Passkey) -> str:
    """SHA-256 of a passkey's credential id and public key, as it is logged when the passkey is made."""
    return fingerprint_of(passkey.credential, passkey.public_key)


def _about(
    event: EventType,
    officer: OfficerId,
    now: datetime,
    *more: Personal,
    facts: Mapping[str, Fact] = MappingProxyType({}),
) -> LogEvent:
    return LogEvent(event, now, facts=facts, personal=(Personal(officer, "officer", officer), *more))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text)


_NO_INVITATION = Words(
    "Deze uitnodiging is onbekend, gebruikt of te oud. Vraag de beheerder om een nieuwe.",
    "This invitation is unknown, used or too old. Ask the operator for a new one.",
)
_UNKNOWN_PASSKEY = Words(
    "Deze passkey kennen wij niet. Gebruik die waarmee u zich aanmeldde.",
    "We do not know this passkey. Use the one that you registered.",
)
_WHICH = Words(
    "Een officer van één organisatie hoort bij een organisatie, en een ander niet.",
    "An officer of one organisation belongs to an organisation, and no other does.",
)
_NO_PARTNER = Words("Deze organisatie doet niet mee.", "This organisation does not take part.")
_SIGN_IN = Words("Meld u aan.", "Sign in.")
