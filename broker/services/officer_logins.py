"""An officer signs in with their organisation's own identity provider, instead of with a passkey.

- A login never makes an officer: with an invitation somebody binds their login, once; after that it lets them in, and nobody else,
  whatever a row says: whose it is, is what the log says.
- A sign-in lasts ten minutes at most, in the browser that began it, and its answer is taken once, whatever comes of it.
- Nothing is open in the database while a provider is asked; officer and organisation are looked up after it answered.
- Each enrolment and each sign-in is a log entry that says so; of a login that is refused nothing is kept.
"""

import secrets
from datetime import timedelta

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.logins import Ceremony, LoginProvider, Returned, refused
from broker.domain.parties import OfficerId
from broker.domain.ports import Clock
from broker.domain.stores import UnitOfWork, Visit
from broker.errors import NotAuthenticated
from broker.services.house import House, guarded
from broker.services.login_providers import LoginProviders
from broker.services.officer_screens import LoginWay, OfficerSession
from broker.services.officers import Officers

LASTS = timedelta(minutes=10)
LONGEST = 4096
"""How long a code may be that a provider gives."""


class OfficerLogins:
    """Sign-ins with identity providers. `wall` is the machine's own clock: that is the one providers go by."""

    def __init__(self, house: House, officers: Officers, providers: LoginProviders, wall: Clock) -> None:
        self._house = house
        self._officers = officers
        self._providers = providers
        self._wall = wall

    def ways(self) -> tuple[LoginWay, ...]:
        """Every provider that an officer can sign in with."""
        return tuple(LoginWay(provider.id, provider.name) for provider in self._providers.all)

    async def ways_of(self, token: str) -> tuple[LoginWay, ...]:
        """Those with which somebody who was invited could come in."""
        async with self._house.storage(writing=False) as work:
            visit = await self._invited(work, token)
            acting = await work.officer_logins.invited(OfficerId(visit.owner))
        serving = (each for each in self._providers.all if acting is not None and each.serves(acting))
        return tuple(LoginWay(provider.id, provider.name) for provider in serving)

    async def begin(self, provider_id: str, client: str, invited: str = "") -> tuple[str, str]:
        """(token of a sign-in, address to go to). With the token of an invited visit the login will be bound to them.

        Raises NotFound for no such provider, NotAuthenticated, TooMany, Unavailable.
        """
        house, provider = self._house, self._providers.get(provider_id)
        await guarded(house, f"officer:{client}", 60, 600)
        ceremony = Ceremony(*(secrets.token_urlsafe(32) for _ in range(3)))
        address = await self._providers.address(provider, ceremony)
        token = house.codes.token()
        async with house.storage() as work:
            who = await self._invited(work, invited) if invited else None
            state = {
                "state": ceremony.state,
                "nonce": ceremony.nonce,
                "verifier": ceremony.verifier,
                "visit": who.id if who else "",
            }
            owner, until = who.owner if who else "", house.clock() + LASTS
            await work.visits.add(Visit(house.ids(), "login", owner, "", provider.id, "nl", until, state), token)
            await work.commit()
        return token, address

    async def finish(self, provider_id: str, token: str, said: Returned, client: str) -> tuple[str, OfficerSession]:
        """Take what the provider answered, once, and sign in. Raises NotFound, TooMany, NotAllowed, Unavailable."""
        provider = self._providers.get(provider_id)
        await guarded(self._house, f"officer:{client}", 60, 600)
        visit = await self._taken(provider, token)
        ceremony = Ceremony(visit.state["state"], visit.state["nonce"], visit.state["verifier"])
        if not secrets.compare_digest(said.state.encode(), ceremony.state.encode()):
            raise refused("login-not-verified")
        if said.error or not 0 < len(said.code) <= LONGEST:
            raise refused("login-stopped")
        subject = await self._providers.subject(provider, said.code, said.issuer, ceremony, self._wall())
        if visit.owner:
            return await self._enrol(provider, subject, visit)
        return await self._sign_in(provider, subject)

    async def _taken(self, provider: LoginProvider, token: str) -> Visit:
        """The sign-in of this browser, which from the commit on is no more. Raises NotAllowed."""
        async with self._house.storage() as work:
            visit = await work.visits.by_token(token, self._house.clock(), lock=True) if token else None
            if visit is None or visit.kind != "login":
                raise refused("login-over")
            await work.visits.end(visit.id)
            await work.commit()
        if visit.stage != provider.id:
            raise refused("login-not-verified")
        return visit

    async def _enrol(self, provider: LoginProvider, subject: str, visit: Visit) -> tuple[str, OfficerSession]:
        officer, now = OfficerId(visit.owner), self._house.clock()
        async with self._house.storage() as work:
            acting = await work.officer_logins.invited(officer)
            if acting is None:
                raise refused("login-taken")
            if not provider.serves(acting):
                raise refused("login-elsewhere")
            tag = await work.officer_logins.enrol(officer, provider.issuer, subject, now)
            if not tag:
                raise refused("login-taken")
            await work.visits.end(visit.state["visit"])
            owned = (Personal(officer, "officer", officer), Personal(officer, "login", tag))
            await work.log.append(LogEvent(EventType.OFFICER_ENROLLED, now, facts=_BY_LOGIN, personal=owned))
            started = await self._officers.begin(work, officer)
            await work.commit()
        self._house.log.kick()
        return started

    async def _sign_in(self, provider: LoginProvider, subject: str) -> tuple[str, OfficerSession]:
        now = self._house.clock()
        async with self._house.storage() as work:
            known = await work.officer_logins.officer(provider.issuer, subject)
            acting = await self._officers.own_login(work, *known) if known else None
            if acting is None:
                raise refused("login-unknown")
            officer = acting.officer
            if not provider.serves(acting):
                raise refused("login-elsewhere")
            owned = (Personal(officer, "officer", officer),)
            await work.log.append(LogEvent(EventType.OFFICER_SIGNED_IN, now, facts=_BY_LOGIN, personal=owned))
            started = await self._officers.begin(work, officer)
            await work.commit()
        self._house.log.kick()
        return started

    async def _invited(self, work: UnitOfWork, token: str) -> Visit:
        visit = await work.visits.by_token(token, self._house.clock())
        if visit is None or visit.kind != "officer" or visit.stage != "invited":
            raise NotAuthenticated
        return visit


_BY_LOGIN = {"by": "login"}
"""What an entry says of the way in; one without it was by passkey."""
