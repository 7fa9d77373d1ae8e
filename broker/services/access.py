"""Tokens: an organisation proves who it is with a signed assertion, and vouches for its professionals the same way.

1. The issuer is a known partner that is not suspended; the keys are the ones registered for it.
2. The assertion verifies (RFC 7523 section 3), and its `jti` was never used before, at any broker.
3. A professional's role is a word of the agreement; `email` and `phone_number` have the form of one.
4. A professional's contacts are kept as keyed tags only, and compared with those that people are reached at.
5. Only what was proven counts towards how often an organisation may call: who cannot sign for it uses up nothing of its.

The clock is the machine's own, also in a demonstration that moves the broker's.

A refusal says what is wrong only to who signed with a registered key (RFC 6749 section 5.2; `domain/assertions.py`); the
operational log has the code of each. A suspended organisation is refused at each call, not only at the next token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from broker.domain.assertions import PROVEN, AssertionFault, AssertionRefused
from broker.domain.parties import MAIL, PHONE, Oin, Organisation, Professional, ProfessionalId, client_key
from broker.domain.ports import AccessClaims, AssertionCheck, Clock, TokenIssuer
from broker.domain.rates import Budget
from broker.errors import BrokerError, NotAllowed, NotAuthenticated, Words
from broker.services.house import House
from broker.services.matters import doubt_professional
from broker.services.rates import Rates

_log = structlog.get_logger(__name__)
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ORGANISATION_SCOPE = "handovers"
PROFESSIONAL_SCOPE = "releases"
CONTACT_CLAIMS = {"phone_number": ("sms", re.compile(PHONE)), "email": ("email", re.compile(MAIL))}
"""Standard claims of OpenID Connect, with the channel and the form of each."""


class TokenRefused(BrokerError):
    """`code` is an error code of RFC 6749 section 5.2."""

    code = "invalid_client"
    words = Words(
        "Dit bewijs is niet geldig. Kijk naar sleutel, kid, aud, exp en jti, en maak een nieuw.",
        "This assertion is not valid. Look at key, kid, aud, exp and jti, and make a new one.",
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a verified token. `professional` is None for the organisation itself; `budget` is what it may still call."""

    organisation: Organisation
    professional: Professional | None
    budget: Budget


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh access token."""

    token: str = field(repr=False)
    scope: str


class Access:
    """Issues tokens and says who holds one."""

    def __init__(
        self, house: House, tokens: TokenIssuer, assertions: AssertionCheck, clock: Clock, rates: Rates
    ) -> None:
        self._house = house
        self._rates = rates
        self._clock = clock
        self._tokens = tokens
        self._assertions = assertions
        self._audiences = (house.public_url, f"{house.public_url}/oauth/token")

    async def for_organisation(self, assertion: str) -> IssuedToken:
        """A token for the organisation itself (client_credentials). Raises TokenRefused."""
        now = self._clock()
        organisation, claims = await self._verified(assertion, now)
        if claims["sub"] != organisation.oin:
            raise _refused(AssertionFault.SUBJECT)
        return self._issue(AccessClaims(organisation.oin, organisation.oin, "", ORGANISATION_SCOPE), now)

    async def for_professional(self, assertion: str) -> IssuedToken:
        """A token for a professional whom the organisation vouches for (RFC 7523 section 2.1). Raises TokenRefused."""
        house, now = self._house, self._clock()
        organisation, claims = await self._verified(assertion, now)
        vouching = client_key(self._assertions.key_of(assertion))
        external, name, role = (claims.get(claim) for claim in ("sub", "name", "role"))
        words = house.agreement().vocabulary.roles
        if not (_text(external) and _text(name) and isinstance(role, str) and role in words):
            raise TokenRefused(_ROLE, code="invalid_grant")
        contacts = _contacts(claims)
        async with house.storage() as work:
            await work.contacts.hold(contacts)
            who = await work.organisations.professional(
                organisation.oin, str(external), str(name), ProfessionalId(house.ids())
            )
            if contacts and await work.contacts.keep(who, contacts):  # 4
                await doubt_professional(work, house, who, house.clock())
            await work.commit()
        return self._issue(AccessClaims(who, organisation.oin, role, PROFESSIONAL_SCOPE, vouching), now)

    async def _verified(self, assertion: str, now: datetime) -> tuple[Organisation, Mapping[str, Any]]:
        try:
            issuer = self._assertions.issuer(assertion)
            async with self._house.storage(writing=False) as work:
                organisation = await work.organisations.get(issuer)
                jwks = await work.organisations.jwks(issuer)
            if organisation is None:  # 1
                raise AssertionRefused(AssertionFault.ISSUER)
            if organisation.suspended:
                raise AssertionRefused(AssertionFault.SUSPENDED)
            claims = self._assertions.verify(assertion, jwks, self._audiences, now)  # 2
        except AssertionRefused as refused:
            raise _refused(refused.fault) from None
        async with self._house.storage() as work:
            fresh = await work.guards.once(
                f"jti:{issuer}:{claims['jti']}", datetime.fromtimestamp(claims["exp"] + 60, UTC)
            )
            await work.commit()
        if not fresh:
            raise _refused(AssertionFault.REPLAYED)
        await self._rates.spend(organisation.oin)  # 5
        return organisation, claims

    def _issue(self, claims: AccessClaims, now: datetime) -> IssuedToken:
        return IssuedToken(self._tokens.issue(claims, self._house.ids(), now), claims.scope)

    async def caller(self, token: str) -> Caller:
        """Who holds this token. Raises NotAuthenticated, also for a suspended organisation's, and RateLimited."""
        claims = self._tokens.read(token, self._clock())
        async with self._house.storage(writing=False) as work:
            organisation = await work.organisations.get(claims.organisation)
        if organisation is None or organisation.suspended:
            raise NotAuthenticated
        budget = await self._rates.spend(organisation.oin)
        if claims.scope == PROFESSIONAL_SCOPE and claims.role:
            who = Professional(ProfessionalId(claims.subject), Oin(claims.organisation), claims.role, claims.client)
            return Caller(organisation, who, budget)
        return Caller(organisation, None, budget)

    @staticmethod
    def organisation(caller: Caller) -> Organisation:
        """The organisation that calls as itself. Raises NotAllowed for a professional."""
        if caller.professional is not None:
            raise NotAllowed(_FOR_ORGANISATIONS)
        return caller.organisation

    @staticmethod
    def professional(caller: Caller) -> Professional:
        """The professional who calls. Raises NotAllowed for an organisation itself."""
        if caller.professional is None:
            raise NotAllowed(_FOR_PROFESSIONALS)
        return caller.professional

    def jwks(self) -> dict[str, Any]:
        """The keys that tokens are signed with."""
        return self._tokens.jwks()


def _refused(fault: AssertionFault) -> TokenRefused:
    """The operator reads every fault; the caller is told what they can mend once they proved whose key it is."""
    _log.warning("token:refused", code=fault.value)
    return TokenRefused(PROVEN.get(fault))


def _contacts(claims: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The contacts that the assertion states for the professional (OpenID Connect Core 5.1). Raises TokenRefused."""
    found = []
    for claim, (channel, form) in CONTACT_CLAIMS.items():
        if claim in claims:
            value = claims[claim]
            if not isinstance(value, str) or len(value) > 254 or not form.fullmatch(value):
                raise TokenRefused(_CONTACT, code="invalid_grant")
            found.append((channel, value))
    return tuple(found)


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 200


_ROLE = Words(
    "Noem in het bewijs sub, name en een role die de afspraken kennen (/v1/vocabulary).",
    "Give sub, name and a role that the agreement knows (/v1/vocabulary) in the assertion.",
)
_CONTACT = Words(
    "Schrijf phone_number als +31612345678 en email als naam@organisatie.nl, of laat ze weg.",
    "Write phone_number as +31612345678 and email as name@organisation.example, or leave them out.",
)
_FOR_ORGANISATIONS = Words(
    "Dit kan alleen de organisatie zelf. Vraag een token met client_credentials.",
    "Only the organisation itself can do this. Ask for a token with client_credentials.",
)
_FOR_PROFESSIONALS = Words(
    "Dit kan alleen een professional. Vraag een token met jwt-bearer.",
    "Only a professional can do this. Ask for a token with jwt-bearer.",
)
