"""Tokens: an organisation proves who it is with a signed assertion, and vouches for its professionals the same way.

1. The issuer is a known partner that is not suspended; the keys are the ones registered for it, or at the address that is.
2. The assertion verifies (RFC 7523 section 3), and its `jti` was never used before, at any broker.
3. A professional's role is a word of the agreement; `email` and `phone_number` have the form of one.
4. A professional's contacts are kept as keyed tags only, and compared with those that people are reached at.
5. Where the request shows a key or a certificate, the token is bound to it (`services/bindings.py`), and counts only with it.
6. Only what was proven counts towards how often an organisation may call: who cannot sign for it uses up nothing of its.
7. How the organisation stands is asked of the database at each call, before any other refusal is told. What writes by itself
   may ask it in its own unit of work (`Holder`); what was refused before it came to that, asks it for the refusal.

The clock is the machine's own, also in a demonstration that moves the broker's.

A refusal says what is wrong only to who signed with a registered key (RFC 6749 section 5.2; `domain/assertions.py`); the
operational log has the code of each. A suspended organisation is refused at each call, not only at the next token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import structlog

from broker.domain.assertions import PROVEN, AssertionFault, AssertionRefused
from broker.domain.parties import MAIL, PHONE, Oin, Organisation, Professional, ProfessionalId, client_key
from broker.domain.ports import AssertionCheck, Clock
from broker.domain.proofs import TOLD, CertificateRefused, Proof, ProofFault, ProofRefused
from broker.domain.rates import Budget
from broker.domain.tokens import AccessClaims, Binding, Shown, TokenIssuer
from broker.errors import BrokerError, NotAllowed, NotAuthenticated, Words
from broker.services.bindings import Bindings
from broker.services.house import House
from broker.services.key_addresses import Jwks, KeyAddresses
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


@dataclass(slots=True)
class Holder:
    """Whoever holds a verified token, not let in yet: nobody asked how the organisation stands (7).

    `admit` is called with the organisation's row, read in the unit of work in which the holder's request is carried out,
    before anything is looked up, counted or refused there. A call of a suspended organisation counts towards its rate.
    """

    organisation: Oin
    professional: Professional | None
    budget: Budget
    _bound: bool
    _standing: bool | None = None

    @property
    def asked(self) -> bool:
        """Whether it was asked how the organisation stands."""
        return self._standing is not None

    @property
    def admitted(self) -> bool:
        """Whether the organisation was found to stand."""
        return self._standing is True

    def admit(self, organisation: Organisation | None) -> None:
        """Let them in. Raises NotAuthenticated for an organisation that is not there, is suspended, or wants bound tokens."""
        if organisation is not None and organisation.oin != self.organisation:
            raise ValueError("this is another organisation")
        self._standing = False
        _check_standing(organisation, bound=self._bound)
        self._standing = True


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh access token. `type` is how it is to be shown (RFC 6749 section 7.1, RFC 9449 section 5)."""

    token: str = field(repr=False)
    scope: str
    type: Literal["Bearer", "DPoP"] = "Bearer"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a token is asked with: the signed assertion, the scope if one is named, and what the request shows."""

    assertion: str = field(repr=False)
    shown: Shown
    scope: str | None = None


class Access:
    """Issues tokens and says who holds one."""

    def __init__(
        self,
        house: House,
        tokens: TokenIssuer,
        assertions: AssertionCheck,
        bindings: Bindings,
        addresses: KeyAddresses,
        clock: Clock,
        rates: Rates,
    ) -> None:
        self._house = house
        self._rates = rates
        self._clock = clock
        self._tokens = tokens
        self._assertions = assertions
        self._bindings = bindings
        self._addresses = addresses
        self._audiences = (house.public_url, f"{house.public_url}/oauth/token")

    async def for_organisation(self, asked: Asked) -> IssuedToken:
        """A token for the organisation itself (client_credentials). Raises TokenRefused."""
        now = self._clock()
        organisation, claims, bound = await self._verified(asked, ORGANISATION_SCOPE, now)
        if claims["sub"] != organisation.oin:
            raise _refused(AssertionFault.SUBJECT)
        oin = organisation.oin
        return self._issue(AccessClaims(oin, oin, "", ORGANISATION_SCOPE, bound=bound), now)

    async def for_professional(self, asked: Asked) -> IssuedToken:
        """A token for a professional whom the organisation vouches for (RFC 7523 section 2.1). Raises TokenRefused."""
        house, now = self._house, self._clock()
        organisation, claims, bound = await self._verified(asked, PROFESSIONAL_SCOPE, now)
        vouching = client_key(self._assertions.key_of(asked.assertion))
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
        return self._issue(AccessClaims(who, organisation.oin, role, PROFESSIONAL_SCOPE, vouching, bound), now)

    async def _verified(
        self, asked: Asked, scope: str, now: datetime
    ) -> tuple[Organisation, Mapping[str, Any], Binding]:
        """Who asks, what they state, and what the token is to be bound to. Raises TokenRefused; only a pass uses anything up."""
        if asked.scope is not None and asked.scope != scope:
            raise TokenRefused(_SCOPE, code="invalid_scope")
        bound, proof = self._binding(asked.shown, now)
        try:
            issuer = self._assertions.issuer(asked.assertion)
            async with self._house.storage(writing=False) as work:
                organisation = await work.organisations.get(issuer)
                jwks: Jwks = await work.organisations.jwks(issuer)
            if organisation is None:  # 1
                raise AssertionRefused(AssertionFault.ISSUER)
            if organisation.suspended:
                raise AssertionRefused(AssertionFault.SUSPENDED)
            if organisation.jwks_url is not None:
                kid = self._assertions.key_of(asked.assertion)
                jwks = await self._addresses.keys(issuer, organisation.jwks_url, kid)
            claims = self._assertions.verify(asked.assertion, jwks, self._audiences, now)  # 2
            if organisation.bound_tokens and not bound:
                raise AssertionRefused(AssertionFault.UNBOUND)
        except AssertionRefused as refused:
            raise _refused(refused.fault) from None
        async with self._house.storage() as work:
            fresh = await work.guards.once(
                f"jti:{issuer}:{claims['jti']}", datetime.fromtimestamp(claims["exp"] + 60, UTC)
            )
            if not fresh:
                raise _refused(AssertionFault.REPLAYED)
            if proof is not None and not await self._bindings.take(work, proof):
                raise _unproven(ProofFault.REPLAYED)
            await work.commit()
        await self._rates.spend(organisation.oin)  # 6
        return organisation, claims, bound

    def _binding(self, shown: Shown, now: datetime) -> tuple[Binding, Proof | None]:  # 5
        try:
            return self._bindings.of(shown, now)
        except ProofRefused as refused:
            raise _unproven(refused.fault) from None
        except CertificateRefused as refused:
            _log.warning("token:refused", code=refused.fault.value)
            raise TokenRefused(_CERTIFICATE) from None

    def _issue(self, claims: AccessClaims, now: datetime) -> IssuedToken:
        token = self._tokens.issue(claims, self._house.ids(), now)
        return IssuedToken(token, claims.scope, "DPoP" if claims.bound.key else "Bearer")

    async def caller(self, shown: Shown) -> Caller:
        """Who holds the token that is shown. Raises NotAuthenticated, also for a suspended organisation's, and RateLimited.

        A proof that passes is used up.
        """
        now = self._clock()
        claims = self._claims(shown, now)
        organisation = _check_standing(await self._organisation(claims.organisation), bound=bool(claims.bound))  # 7
        await self._check_binding(claims, shown, now)
        budget = await self._rates.spend(organisation.oin)  # 6
        return Caller(organisation, _professional(claims), budget)

    async def holder(self, shown: Shown) -> Holder:
        """Who holds the token that is shown; for a professional's that needs no proof, nothing is read or written.

        Whoever takes them lets them in with `Holder.admit`, or calls `admit` for whatever ends before that. Raises what
        `caller` raises, in the same order.
        """
        now = self._clock()
        claims = self._claims(shown, now)
        oin, professional, bound = Oin(claims.organisation), _professional(claims), bool(claims.bound)
        if professional is None or claims.bound.key:
            return Holder(oin, professional, (await self.caller(shown)).budget, bound)
        try:
            await self._check_binding(claims, shown, now)
            budget = await self._rates.spend(oin)  # 6
        except BrokerError:
            _check_standing(await self._organisation(oin), bound=bound)  # 7
            raise
        return Holder(oin, professional, budget, bound)

    async def admit(self, holder: Holder) -> None:
        """Let a holder in of whom that was not asked yet, in a unit of work of its own. Raises NotAuthenticated."""
        if not holder.asked:
            holder.admit(await self._organisation(holder.organisation))

    def _claims(self, shown: Shown, now: datetime) -> AccessClaims:
        try:
            return self._tokens.read(shown.token, now)
        except NotAuthenticated:
            raise _not_let_in("access-token") from None

    async def _organisation(self, oin: str) -> Organisation | None:
        async with self._house.storage(writing=False) as work:
            return await work.organisations.get(oin)

    async def _check_binding(self, claims: AccessClaims, shown: Shown, now: datetime) -> None:
        try:
            await self._bindings.check(claims.bound, shown, now)  # 5
        except (ProofRefused, CertificateRefused) as refused:
            _log.warning("access:refused", code=refused.fault.value)
            raise

    @staticmethod
    def organisation(caller: Caller) -> Organisation:
        """The organisation that calls as itself. Raises NotAllowed for a professional."""
        if caller.professional is not None:
            raise NotAllowed(_FOR_ORGANISATIONS)
        return caller.organisation

    @staticmethod
    def professional(caller: Caller | Holder) -> Professional:
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


def _unproven(fault: ProofFault) -> TokenRefused:
    """What is wrong with a proof says nothing of anybody: it is always told (RFC 9449 section 5)."""
    _log.warning("token:refused", code=fault.value)
    return TokenRefused(TOLD[fault], code="invalid_dpop_proof")


def _not_let_in(code: str) -> NotAuthenticated:
    _log.warning("access:refused", code=code)
    return NotAuthenticated()


def _check_standing(organisation: Organisation | None, *, bound: bool) -> Organisation:
    """Raises NotAuthenticated; only the operator reads why."""
    if organisation is None or organisation.suspended:
        raise _not_let_in("access-suspended")
    if organisation.bound_tokens and not bound:
        raise _not_let_in("access-unbound")
    return organisation


def _professional(claims: AccessClaims) -> Professional | None:
    if claims.scope != PROFESSIONAL_SCOPE or not claims.role:
        return None
    return Professional(ProfessionalId(claims.subject), Oin(claims.organisation), claims.role, claims.client)


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


_SCOPE = Words(
    "Laat scope weg, of noem wat bij deze grant hoort: handovers bij client_credentials, releases bij jwt-bearer.",
    "Leave scope out, or name what belongs to this grant: handovers for client_credentials, releases for jwt-bearer.",
)
_CERTIFICATE = Words(
    "Het certificaat van deze verbinding is niet te lezen. Kom binnen met een certificaat in X.509.",
    "The certificate of this connection cannot be read. Come in with one X.509 certificate.",
)
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
