"""Signing in with an organisation's own identity provider: what is agreed with each, and whom it may sign in.

A login says who somebody is at that provider. It never makes an officer: whom it stands for was invited here first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from broker.domain.officers import Acting
from broker.domain.outbound import Sent
from broker.domain.parties import Oin
from broker.errors import NotAllowed, Words

TOLD = {
    "login-not-verified": Words(
        "De aanmelding bij uw organisatie kon niet worden gecontroleerd. Probeer het opnieuw.",
        "The login at your organisation could not be verified. Try again.",
    ),
    "login-over": Words(
        "De aanmelding duurde te lang, of begon in een andere browser. Probeer het opnieuw.",
        "Signing in took too long, or began in another browser. Try again.",
    ),
    "login-stopped": Words(
        "De aanmelding bij uw organisatie is gestopt. U bent niet aangemeld.",
        "Signing in at your organisation was stopped. You are not signed in.",
    ),
    "login-unknown": Words(
        "Deze login hoort niet bij een officer. Gebruik eerst uw uitnodiging, of vraag de beheerder om een nieuwe.",
        "This login belongs to no officer. Use your invitation first, or ask the operator for a new one.",
    ),
    "login-elsewhere": Words(
        "U bent officer voor een andere organisatie dan die van deze login.",
        "You are an officer for another organisation than the one of this login.",
    ),
    "login-taken": Words(
        "Deze login hoort al bij een andere officer, of de uitnodiging is al gebruikt.",
        "This login belongs to another officer already, or the invitation was used.",
    ),
    "login-unavailable": Words(
        "De aanmelding van uw organisatie antwoordt niet. Probeer het straks opnieuw, of gebruik een passkey.",
        "Your organisation's sign-in does not answer. Try again later, or use a passkey.",
    ),
}
"""Why somebody was not signed in, by the code of the error."""


def refused(code: str) -> NotAllowed:
    """The refusal with that code, for people to read."""
    return NotAllowed(TOLD[code], code=code)


class KeyNotThere(NotAllowed):
    """The token was signed with a key that the provider had not shown when its keys were fetched last."""

    code = "login-not-verified"
    words = TOLD["login-not-verified"]


@dataclass(frozen=True, slots=True)
class LoginProvider:
    """An identity provider, and what its tokens must show.

    - `organisation`: the only one for which its people may act; None for officers of the whole.
    - `acr`: one of these must be what the token says; `amr`: all of these. At least one of the two is not empty.
    - `max_age`: at most so many seconds since they proved who they are; 0 when the provider may decide.
    - `local`: it is on this machine, which only a demonstration allows.
    """

    id: str
    name: Words
    issuer: str
    client_id: str
    organisation: Oin | None
    acr: tuple[str, ...]
    amr: tuple[str, ...]
    algorithms: tuple[str, ...]
    max_age: int = 0
    local: bool = False

    def serves(self, acting: Acting) -> bool:
        """Whether this officer may come in this way: for exactly the organisation that the provider is for."""
        return acting.organisation == self.organisation and bool(acting.rights)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """The secrets of one sign-in: two that the provider repeats, one that only we can answer with (RFC 7636)."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider sent the browser back with. `issuer` is RFC 9207's `iss`."""

    code: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """What a provider says of itself: its addresses, and whether it names itself in its answers (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    names_itself: bool


class OpenId(Protocol):
    """OpenID Connect without its HTTP: what to ask, and whether what came back holds. Every refusal is NotAllowed."""

    def described(self, provider: LoginProvider, raw: bytes) -> Described:
        """The provider's own description. Raises Unavailable for one that is not right."""

    def keys(self, raw: bytes) -> Mapping[str, Any]:
        """The provider's public keys, by id. Raises Unavailable when they cannot be read."""

    def address(self, provider: LoginProvider, described: Described, ceremony: Ceremony, back: str) -> str:
        """Where the browser goes to sign in; from there it comes to `back`."""

    def redeem(self, provider: LoginProvider, described: Described, code: str, verifier: str, back: str) -> Sent:
        """The request that turns a code into a token."""

    def subject(self, provider: LoginProvider, raw: bytes, keys: Mapping[str, Any], nonce: str, now: datetime) -> str:
        """Who signed in, by the provider's own name for them. Raises KeyNotThere, NotAllowed."""
