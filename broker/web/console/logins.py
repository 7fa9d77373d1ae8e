"""An officer signs in with the login of their organisation: there and back, over pages of ours on both sides.

- A page of ours leads on each way: a form may not lead to another site (`form-action`), and a browser that another site
  sends here does not bring the visit's cookie along (`SameSite=Strict`).
- What comes back stands in an address. That address is answered with a redirect at once, whatever comes of it, and is
  never a page; nothing of it is logged, repeated or kept.
- Only GET takes an answer: HEAD, and an address with anything twice, change nothing.
"""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import parse_qsl

import structlog
from fastapi import Request, Response

from broker.domain.logins import TOLD, Returned
from broker.errors import BrokerError, NotFound, TooMany, Unavailable, Words
from broker.services.officer_screens import LoginWay, OfficerSession
from broker.web.console.visits import Visits
from broker.web.kit.cookies import VisitCookie
from broker.web.kit.forms import check_secret, read_form
from broker.web.kit.pages import Pages
from broker.web.kit.routes import caller

LOGIN_SECONDS = 600
_LARGEST = 8_192
_GOING = Words("Naar het inloggen van uw organisatie", "To the sign-in of your organisation")
_SIGNED_IN = Words("U bent aangemeld", "You are signed in")
_OTHERWISE = {
    TooMany: ("too-many", TooMany.words),
    Unavailable: ("login-unavailable", TOLD["login-unavailable"]),
}
REASONS: Mapping[str, Words] = {**TOLD, **dict(_OTHERWISE.values())}
"""What the page says of a refusal, by the code in its address."""
_log = structlog.get_logger(__name__)


class LoginService(Protocol):
    """The use cases of signing in with an organisation's own identity provider."""

    def ways(self) -> tuple[LoginWay, ...]:
        """Every provider that an officer can sign in with."""

    async def ways_of(self, token: str) -> tuple[LoginWay, ...]:
        """Those with which somebody who was invited could come in."""

    async def begin(self, provider_id: str, client: str, invited: str = "") -> tuple[str, str]:
        """A token for the sign-in, and the provider's address. Raises NotFound, TooMany, Unavailable."""

    async def finish(self, provider_id: str, token: str, said: Returned, client: str) -> tuple[str, OfficerSession]:
        """Take the provider's answer, once; returns a new token, signed in. Raises NotAllowed and the same."""


class Logins:
    """The way to an identity provider, and back."""

    def __init__(self, logins: LoginService, visits: Visits, pages: Pages) -> None:
        self._logins = logins
        self._visits = visits
        self._pages = pages
        self._cookie = VisitCookie("rondom-login", pages.site, LOGIN_SECONDS, back=True)

    async def begin(self, request: Request) -> Response:
        """Go to the provider; with an invitation, to bind the login there."""
        provider, visit = request.path_params["provider"], await self._visits.current(request)
        fields = await read_form(request, self._pages.site)
        invited = visit.token if visit is not None and visit.session.stage == "invited" and fields.get("csrf") else ""
        if visit is not None and invited:
            check_secret(fields["csrf"], visit.session.csrf)
        try:
            token, address = await self._logins.begin(provider, caller(request), invited)
        except (TooMany, Unavailable) as error:
            return self._refused(error)
        response = self._onward(request, _GOING, address)
        self._cookie.write(response, token)
        return response

    async def finish(self, request: Request) -> Response:
        """Take what the provider said, and leave its address."""
        if request.method != "GET":
            return self._pages.go("/console")
        token = self._cookie.read(request)
        try:
            made, _ = await self._logins.finish(
                request.path_params["provider"], token, _returned(request), caller(request)
            )
        except BrokerError as error:
            response = self._refused(error)
        else:
            response = self._pages.go("/console/signed-in")
            self._visits.cookie.write(response, made)
        self._cookie.clear(response)
        return response

    async def signed_in(self, request: Request) -> Response:
        """From here the visit's own cookie comes along."""
        return self._onward(request, _SIGNED_IN, "/console")

    async def refused(self, request: Request) -> Response:
        """Why somebody was not signed in."""
        told = REASONS.get(request.path_params["reason"])
        if told is None:
            raise NotFound
        return self._pages.show(request, "console/login-refused.html", told=told)

    def _onward(self, request: Request, heading: Words, address: str) -> Response:
        said = heading.in_language(self._pages.language(request))
        return self._pages.show(request, "console/going.html", heading=said, address=address)

    def _refused(self, error: BrokerError) -> Response:
        usual = next((code for kind, (code, _) in _OTHERWISE.items() if isinstance(error, kind)), "login-not-verified")
        code = error.code if error.code in REASONS else usual
        _log.warning("login:refused", code=code)
        return self._pages.go(f"/console/login-refused/{code}")


def _returned(request: Request) -> Returned:
    """What stands in the address; nothing of one that is too long, or says something twice."""
    query = request.scope["query_string"]
    try:
        pairs = parse_qsl(query.decode("ascii"), errors="strict", max_num_fields=16) if len(query) <= _LARGEST else []
    except ValueError:
        pairs = []
    fields = dict(pairs) if len(dict(pairs)) == len(pairs) else {}
    return Returned(*(fields.get(name, "") for name in ("code", "state", "iss", "error")))
