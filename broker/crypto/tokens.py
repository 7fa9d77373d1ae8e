"""Access tokens: RFC 9068 JWTs, five minutes, signed by the broker for itself.

A token that verified is remembered by the digest of all its bytes, by each process for itself, in a bounded memory.

1. What is remembered was verified: another signature, header or claim is another digest.
2. Its key is looked up each time, as for a token that nobody saw before: with the key the token ends.
3. Its time is looked at each time too, so that a clock that is put right counts.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from broker.crypto.keyring import KeyPurpose, Keyring
from broker.domain.tokens import AccessClaims, Binding
from broker.errors import NotAuthenticated

LIFE = 300
"""Seconds that a token lives."""
_REMEMBERED = 4096
_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class _Verified:
    """What one token says that verified: by which key, from when until when (seconds since 1970), and of whom."""

    kid: str
    issued: float
    ends: float
    claims: AccessClaims


class AccessTokens:
    """Issues and verifies access tokens for one issuer, who is also the audience."""

    def __init__(self, keyring: Keyring, issuer: str) -> None:
        self._keyring = keyring
        self._issuer = issuer
        self._held: OrderedDict[bytes, _Verified] = OrderedDict()

    def issue(self, claims: AccessClaims, token_id: str, now: datetime) -> str:
        """A token for exactly these claims, living LIFE seconds from `now`."""
        key = self._keyring.current(KeyPurpose.TOKENS)
        issued = int(now.timestamp())
        payload = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": claims.subject,
            "client_id": claims.organisation,
            "role": claims.role,
            "scope": claims.scope,
            "jti": token_id,
            "iat": issued,
            "exp": issued + LIFE,
        }
        if claims.client:
            payload["client_key"] = claims.client
        if claims.bound:
            payload["cnf"] = _confirmation(claims.bound)
        return jwt.encode(payload, key.private, algorithm="EdDSA", headers={"kid": key.kid, "typ": "at+jwt"})

    def read(self, token: str, now: datetime) -> AccessClaims:
        """The claims of a valid token. Raises NotAuthenticated, saying no more."""
        if len(token) > _LARGEST or not token.isascii():
            raise NotAuthenticated
        digest = hashlib.sha256(token.encode("ascii")).digest()
        found = self._held.get(digest)
        if found is None:
            found = self._held[digest] = self._verify(token)  # 1
            if len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        elif self._keyring.get(KeyPurpose.TOKENS, found.kid) is None:  # 2
            self._held.pop(digest, None)
            raise NotAuthenticated
        if not found.issued - 30 <= now.timestamp() < found.ends:  # 3
            self._held.pop(digest, None)
            raise NotAuthenticated
        return found.claims

    def _verify(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keyring.get(KeyPurpose.TOKENS, header.get("kid", ""))
            if key is None or header.get("typ") != "at+jwt":
                raise NotAuthenticated
            payload: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=["EdDSA"],
                audience=self._issuer,
                issuer=self._issuer,
                options={
                    "require": ["iss", "aud", "sub", "client_id", "role", "scope", "jti", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            return _Verified(key.kid, float(payload["iat"]), float(payload["exp"]), _claims(payload))
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise NotAuthenticated from None

    def jwks(self) -> dict[str, Any]:
        """The public keys, for `/.well-known/jwks.json`."""
        return {"keys": [key.public_jwk() for key in self._keyring.all(KeyPurpose.TOKENS)]}


def _claims(payload: Mapping[str, Any]) -> AccessClaims:
    cnf = payload.get("cnf", {})
    return AccessClaims(
        payload["sub"],
        payload["client_id"],
        payload["role"],
        payload["scope"],
        payload.get("client_key", ""),
        Binding(cnf.get("jkt", ""), cnf.get("x5t#S256", "")),
    )


def _confirmation(bound: Binding) -> dict[str, str]:
    """`cnf` (RFC 7800): RFC 9449 section 6.1 and RFC 8705 section 3.1."""
    members = {"jkt": bound.key, "x5t#S256": bound.certificate}
    return {name: value for name, value in members.items() if value}
