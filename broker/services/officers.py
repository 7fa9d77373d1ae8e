"""How a privacy officer comes in: once by invitation to register a passkey, after that only by passkey.

- An invitation works once and for seven days; a session ends thirty minutes after its last use, or after eight hours.
- Every enrolment and sign-in is a log entry.
- A new token is made whenever what the session may do grows.
- A role counts when the log says it too (`standing.py`); a row that says another one is refused, and an alarm.
- What weighs most takes two registered passkeys, and one of them used again within five minutes for that purpose.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from broker.domain.approvals import NEEDED
from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.motions import OPEN_FOR
from broker.domain.officers import Acting, OfficerRole, Right
from broker.domain.parties import OfficerId, Oin
from broker.domain.passkeys import fingerprint_of
from broker.domain.ports import Passkey, Passkeys
from broker.domain.presence import ENOUGH, ConfirmFirst, Purpose, SecondPasskeyFirst
from broker.domain.stores import UnitOfWork, Visit
from broker.errors import (
    Fault,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Tampered,
    Words,
)
from broker.services.house import House, guarded
from broker.services.officer_screens import OfficerSession
from broker.services.standing import Standing, standing_of

INVITED = timedelta(days=7)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
Waiting = tuple[int, int, int, int]
"""Doubts, things that stand out, decisions and proposed agreements."""
WORTH_WRITING = timedelta(minutes=1)
"""A session that goes on for less than this is not written: it ends so much earlier at most."""
BELIEVED_FOR = timedelta(minutes=1)
"""How long what the log said of an officer is not asked again, for whatever does not weigh most."""


class Officers:
    """Invitations, passkeys and sessions of privacy officers."""

    def __init__(self, house: House, passkeys: Passkeys) -> None:
        self._house = house
        self._passkeys = passkeys
        self._standings: dict[OfficerId, tuple[datetime, Standing | None]] = {}

    async def invite(self, name: str, role: OfficerRole = OfficerRole.OFFICER, organisation: Oin | None = None) -> str:
        """A new officer; returns the one-time code. For the operator's command line only.

        Raises Invalid when the role asks for an organisation that is not given or not known, or has none.
        """
        async with self._house.storage() as work:
            await check_invitation(work, role, organisation)
            _, code = await let_in(work, self._house, name, role, organisation, {"by": "operator"})
            await work.commit()
        self._house.log.kick()
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
        acting = await self.believed(work, OfficerId(officer), anew=True) if stage == "signed-in" else None
        return token, self._session(visit, acting)

    async def begin(self, work: UnitOfWork, officer: OfficerId) -> tuple[str, OfficerSession]:
        """A signed-in visit for whom another way in has recognised, in that unit of work, which logs how."""
        return await self._start(work, officer, "signed-in")

    def _session(
        self,
        visit: Visit,
        acting: Acting | None = None,
        waiting: Waiting = (0, 0, 0, 0),
        of: str = "",
    ) -> OfficerSession:
        session = self._session_of(visit, acting, waiting, of)
        if acting is None:
            return session
        standing, now = self._standings[acting.officer][1], self._house.clock().timestamp()
        fresh = frozenset(Purpose(purpose) for purpose, ends in visit.state.get("confirmed", {}).items() if ends > now)
        return replace(session, passkeys=len(standing.passkeys) if standing else 0, confirmed=fresh)

    def _session_of(self, visit: Visit, acting: Acting | None, waiting: Waiting, of: str) -> OfficerSession:
        csrf = self._house.tags.code_tag("csrf", visit.id)
        if acting is None:
            return OfficerSession(visit.id, csrf, visit.owner, "invited", rights=frozenset())
        refused = Right.AGREEMENT in acting.rights and self._house.agreements.refused is not None
        doubts, items, motions, proposals = waiting
        return OfficerSession(
            visit.id, csrf, visit.owner, "signed-in", doubts, refused, acting.rights, of, items, motions, proposals
        )

    async def session(self, token: str) -> OfficerSession | None:
        """The live session with that token; using it keeps it alive, at most eight hours."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            visit = await work.visits.by_token(token, now)
            if visit is None or visit.kind != "officer" or visit.stage == "ceremony":
                return None
            if visit.stage != "signed-in":
                return self._session(visit)
            acting = await self.believed(work, OfficerId(visit.owner))
            if acting is None:
                return None
            waiting = await _waiting(work, acting, now)
            own = await work.organisations.get(acting.organisation) if acting.organisation else None
        until = min(now + IDLE, datetime.fromtimestamp(visit.state["latest"], now.tzinfo))
        if until - visit.expires > WORTH_WRITING:
            async with self._house.storage() as work:
                await work.visits.prolong(visit.id, until)
                await work.commit()
        return self._session(visit, acting, waiting, own.name if own else "")

    async def acting(self, work: UnitOfWork, token: str, right: Right) -> Acting:
        """Who is signed in with this token, and has that right. Raises NotAuthenticated, NotAllowed; Tampered."""
        _, acting = await self.visiting(work, token)
        acting.need(right)
        return acting

    async def visiting(
        self, work: UnitOfWork, token: str, *, lock: bool = False, anew: bool = False
    ) -> tuple[Visit, Acting]:
        """The visit with this token and who is signed in with it, whatever their rights. Raises NotAuthenticated; Tampered."""
        visit = await self._at(work, token, "signed-in", lock=lock)
        acting = await self.believed(work, OfficerId(visit.owner), anew=anew)
        if acting is None:
            raise NotAuthenticated(_SIGN_IN)
        return visit, acting

    async def believed(self, work: UnitOfWork, officer: OfficerId, *, anew: bool = False) -> Acting | None:
        """What they may do, by their row and by the log; None for nobody. Raises Tampered when the two differ.

        With `anew` the log is asked now, and not up to a minute ago.
        """
        acting = await work.officers.acting(officer)
        if acting is None:
            return None
        now = self._house.clock()
        known = self._standings.get(officer)
        if anew or known is None or not now - BELIEVED_FOR < known[0] <= now:
            known = (now, await standing_of(work, self._house.log, officer))
            self._standings[officer] = known
        if known[1] is None or not known[1].is_that_of(acting):
            raise Tampered
        return acting

    async def own_passkeys(self, work: UnitOfWork, officer: OfficerId) -> frozenset[str]:
        """The fingerprints of the passkeys that are theirs by the log and are there."""
        acting = await self.believed(work, officer, anew=True)
        standing = self._standings[officer][1] if acting else None
        there = {fingerprint(one.passkey) for one in await work.officers.passkeys(officer)}
        return standing.passkeys & there if standing else frozenset()

    async def own_login(self, work: UnitOfWork, officer: OfficerId, tag: str) -> Acting | None:
        """`believed`, anew, for who comes in with that login. Raises Tampered when the log does not say that it is theirs."""
        acting = await self.believed(work, officer, anew=True)
        standing = self._standings[officer][1] if acting else None
        if standing is not None and tag not in standing.logins:
            raise Tampered
        return acting

    async def equipped(self, work: UnitOfWork, officer: OfficerId) -> None:
        """Pass with two registered passkeys. Raises SecondPasskeyFirst without."""
        if len(await self.own_passkeys(work, officer)) < ENOUGH:
            raise SecondPasskeyFirst

    async def confirmed(self, work: UnitOfWork, token: str, right: Right, purpose: Purpose) -> Acting:
        """`acting`, for what weighs most: with two passkeys, one of them used again just now, in this visit, for this.

        Raises what `acting` does, SecondPasskeyFirst, and ConfirmFirst, which leads to the page where that is done.
        """
        visit, acting = await self.visiting(work, token, anew=True)
        acting.need(right)
        await self.equipped(work, acting.officer)
        check_fresh(visit, purpose, self._house.clock())
        return acting

    async def confirmed_once(self, work: UnitOfWork, token: str, right: Right, purpose: Purpose) -> Acting:
        """`confirmed`, and that is used up when the caller commits: the next time they confirm again."""
        visit, acting = await self.visiting(work, token, lock=True, anew=True)
        acting.need(right)
        await self.equipped(work, acting.officer)
        check_fresh(visit, purpose, self._house.clock())
        del visit.state["confirmed"][purpose.value]
        await work.visits.save(visit)
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
            if fingerprint(passkey) not in await self.own_passkeys(work, officer):
                raise NotAllowed(_UNKNOWN_PASSKEY, code="unknown-passkey")
            await work.officers.used(used, now)
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


async def _waiting(work: UnitOfWork, acting: Acting, now: datetime) -> Waiting:
    """What waits for this officer; nothing of what is not theirs to do."""
    reviews, manages, agrees = (right in acting.rights for right in (Right.REVIEW, Right.MANAGE, Right.AGREEMENT))
    return (
        await work.matters.count(acting.party) if reviews else 0,
        await work.reviews.count(acting.party) if reviews else 0,
        await work.motions.waiting(acting.officer, now - OPEN_FOR) if manages else 0,
        await work.policies.waiting(acting.officer, NEEDED) if agrees else 0,
    )


def check_fresh(visit: Visit, purpose: Purpose, now: datetime) -> None:
    """Pass when this visit was confirmed for this purpose within the last minutes. Raises ConfirmFirst."""
    if visit.state.get("confirmed", {}).get(purpose.value, 0) <= now.timestamp():
        raise ConfirmFirst(purpose.value)


async def check_invitation(work: UnitOfWork, role: OfficerRole, organisation: Oin | None) -> None:
    """Raises Invalid when the role asks for an organisation that is not given or not known, or has none."""
    if (organisation is not None) != (role is OfficerRole.OF_ORGANISATION):
        raise Invalid([Fault("/organisation", _WHICH)])
    if organisation is not None and organisation not in {one.oin for one in await work.organisations.all()}:
        raise Invalid([Fault("/organisation", _NO_PARTNER)])


async def let_in(
    work: UnitOfWork, house: House, name: str, role: OfficerRole, organisation: Oin | None, how: Mapping[str, Fact]
) -> tuple[OfficerId, str]:
    """Invite somebody and log it with `how` that came about; returns who they are and their code. The caller commits."""
    now = house.clock()
    officer, code = OfficerId(house.ids()), house.codes.invitation()
    until = now + INVITED
    await work.officers.invite(
        officer, name, house.codes.normal(code), until, now, role=role, organisation=organisation
    )
    facts: dict[str, Fact] = {"role": role.value, "for": organisation or "", **how}
    await work.log.append(_about(EventType.OFFICER_INVITED, officer, now, facts=facts))
    return officer, code


async def withdraw(work: UnitOfWork, officer: OfficerId, now: datetime, how: Mapping[str, Fact]) -> None:
    """Somebody is no officer any more, and every visit of theirs ends; logged. The caller commits. Raises NotFound."""
    if not await work.officers.withdraw(officer, now):
        raise NotFound
    await work.log.append(_about(EventType.OFFICER_WITHDRAWN, officer, now, facts=how))


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
