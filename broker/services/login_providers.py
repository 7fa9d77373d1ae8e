"""The identity providers, as they describe themselves: fetched, kept for a while, and never asked more than is needed.

- A description and its keys are kept ten minutes; at most one of each per provider.
- A token with a key that is not there makes the keys be fetched anew, at most once a minute.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.domain.logins import TOLD, Ceremony, Described, KeyNotThere, LoginProvider, OpenId, refused
from broker.domain.outbound import Answered, Fetch, Sent
from broker.errors import NotFound, Unavailable

KEPT = 600.0
AGAIN = 60.0
"""Seconds: how long what a provider said counts, and how soon its keys may be asked for again."""
MOST_DESCRIPTION = 65_536
MOST_KEYS = 131_072
MOST_ANSWER = 65_536


@dataclass(slots=True)
class _Known:
    """What is remembered of one provider."""

    described: Described | None = None
    described_at: float = 0.0
    keys: Mapping[str, Any] | None = None
    keys_at: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class LoginProviders:
    """Whom officers can sign in with, besides a passkey. `seconds` is a clock that only goes forward."""

    def __init__(
        self, providers: Sequence[LoginProvider], openid: OpenId, fetch: Fetch, seconds: Callable[[], float], home: str
    ) -> None:
        self._providers = {provider.id: provider for provider in providers}
        self._openid = openid
        self._fetch = fetch
        self._seconds = seconds
        self._home = home
        self._known = {provider.id: _Known() for provider in providers}

    @property
    def all(self) -> tuple[LoginProvider, ...]:
        """In the order of the settings."""
        return tuple(self._providers.values())

    def get(self, provider: str) -> LoginProvider:
        """By id. Raises NotFound."""
        if provider not in self._providers:
            raise NotFound
        return self._providers[provider]

    def _back(self, provider: LoginProvider) -> str:
        """Where a provider sends the browser: an address of its own, so that no answer passes for another's."""
        return f"{self._home}/console/login/{provider.id}/return"

    async def address(self, provider: LoginProvider, ceremony: Ceremony) -> str:
        """Where the browser goes. Raises Unavailable."""
        return self._openid.address(provider, await self._described(provider), ceremony, self._back(provider))

    async def subject(self, provider: LoginProvider, code: str, issuer: str, ceremony: Ceremony, now: datetime) -> str:
        """Who signed in. Raises NotAllowed for whatever does not hold, Unavailable when the provider does not answer."""
        described = await self._described(provider)
        if issuer != provider.issuer and (issuer or described.names_itself):
            raise refused("login-not-verified")
        back = self._back(provider)
        sent = self._openid.redeem(provider, described, code, ceremony.verifier, back)
        answered = await self._asked(sent, MOST_ANSWER)
        if answered.status != 200:
            raise refused("login-not-verified") if 400 <= answered.status < 500 else _unavailable()
        keys = await self._keys(provider, described)
        try:
            return self._openid.subject(provider, answered.body, keys, ceremony.nonce, now)
        except KeyNotThere:
            newer = await self._keys(provider, described, instead_of=keys)
            return self._openid.subject(provider, answered.body, newer, ceremony.nonce, now)

    async def _described(self, provider: LoginProvider) -> Described:
        known = self._known[provider.id]
        async with known.asking:
            if known.described is None or self._seconds() - known.described_at >= KEPT:
                address = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
                known.described = self._openid.described(provider, await self._got(address, MOST_DESCRIPTION))
                known.described_at = self._seconds()
            return known.described

    async def _keys(
        self, provider: LoginProvider, described: Described, instead_of: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        known = self._known[provider.id]
        async with known.asking:
            age = self._seconds() - known.keys_at
            missed = instead_of is not None and known.keys is instead_of and age >= AGAIN
            if known.keys is None or age >= KEPT or missed:
                known.keys = self._openid.keys(await self._got(described.keys, MOST_KEYS))
                known.keys_at = self._seconds()
            return known.keys

    async def _got(self, address: str, most: int) -> bytes:
        answered = await self._asked(Sent(address), most)
        if answered.status != 200:
            raise _unavailable()
        return answered.body

    async def _asked(self, sent: Sent, most: int) -> Answered:
        try:
            return await self._fetch(sent, most)
        except Unavailable:
            raise _unavailable() from None


def _unavailable() -> Unavailable:
    return Unavailable(TOLD["login-unavailable"], code="login-unavailable")
