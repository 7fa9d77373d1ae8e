"""Access tokens: whom one is for, what it is bound to, and what a request shows beside it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Binding:
    """What must be shown beside a token: base64url SHA-256 thumbprints, each empty when that is not asked.

    `key` is of the key that signs proofs (`cnf.jkt`, RFC 9449 section 6.1), `certificate` of the client's certificate in
    DER (`cnf.x5t#S256`, RFC 8705 section 3.1).
    """

    key: str = ""
    certificate: str = ""

    def __bool__(self) -> bool:
        """Whether a token with it is bound to anything."""
        return bool(self.key or self.certificate)


UNBOUND = Binding()


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request carries beside its body: where it goes, the token, and what proves whose token it is.

    `url` is our own public address with the path, without query. `scheme` is in lower case. `proofs` are the values of its
    `DPoP` headers, `certificates` those of the header in which a proxy that is trusted says which one it saw.
    """

    method: str
    url: str
    scheme: str = ""
    token: str = field(default="", repr=False)
    proofs: tuple[str, ...] = field(default=(), repr=False)
    certificates: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Who holds a token. `role` is empty for an organisation's own; `subject` is then its OIN.

    `client` is the id of the organisation's key whose signature the token was given for; `bound` what must be shown with it.
    """

    subject: str
    organisation: str
    role: str
    scope: str
    client: str = ""
    bound: Binding = UNBOUND


class TokenIssuer(Protocol):
    """Access tokens."""

    def issue(self, claims: AccessClaims, token_id: str, now: datetime) -> str:
        """A token that lives five minutes."""

    def read(self, token: str, now: datetime) -> AccessClaims:
        """Its claims. Raises NotAuthenticated."""

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
