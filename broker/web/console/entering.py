"""An officer signs in with a passkey; an invitation registers one, once. The other way in is in `logins.py`.

- The ceremonies need a script of ours (WebAuthn has no other way); all they send is JSON to these addresses.
- A sign-in gives a new token: what was in the browser before never becomes a signed-in visit.
"""

from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from broker.errors import BrokerError, Invalid, NotAuthenticated, Unavailable, Words
from broker.services.officer_screens import OfficerSession
from broker.web.console.logins import LoginService
from broker.web.console.navigation import first_page
from broker.web.console.visits import Visit, Visits
from broker.web.kit.forms import check_secret, read_form, read_json
from broker.web.kit.language import chosen_language, remember_language
from broker.web.kit.pages import Pages
from broker.web.kit.routes import caller
from broker.web.ports import ConsoleService

_NO_CODE = Words("Vul eerst uw code in.", "Type your code first.")


class Entering:
    """The pages before the log."""

    def __init__(
        self,
        console: ConsoleService,
        logins: LoginService,
        visits: Visits,
        pages: Pages,
        leads_to: Callable[[str], bool],
    ) -> None:
        self._logins = logins
        self._leads_to = leads_to
        self._console = console
        self._visits = visits
        self._pages = pages

    async def start(self, request: Request) -> Response:
        """Sign in; who is signed in goes on to the log."""
        visit = await self._visits.current(request)
        if visit is not None:
            return self._pages.go(first_page(visit.session.rights))
        over = bool(self._visits.cookie.read(request))
        return self._pages.show(request, "console/sign-in.html", over=over, ways=self._logins.ways())

    async def invitation(self, request: Request) -> Response:
        """The form for an invitation."""
        return self._pages.show(request, "console/invitation.html", code="", ways=self._logins.ways())

    async def enter(self, request: Request) -> Response:
        """Begin with an invitation."""
        fields = await read_form(request, self._pages.site)
        code = fields.get("code", "")
        try:
            if not code:
                raise Invalid.at("/code", _NO_CODE.nl, _NO_CODE.en)
            token, _ = await self._console.enter(code, caller(request))
        except Unavailable:
            raise
        except BrokerError as error:
            ways = self._logins.ways()
            return self._pages.show(request, "console/invitation.html", error=error, code=code, ways=ways)
        response = self._pages.go("/console/passkey")
        self._visits.cookie.write(response, token)
        return response

    async def passkey(self, request: Request) -> Response:
        """Make a passkey."""
        visit = await self._visits.invited(request)
        ways = await self._logins.ways_of(visit.token)
        return self._pages.show(request, "console/passkey.html", visitor=visit.visitor, ways=ways)

    async def registration_options(self, request: Request) -> Response:
        """What the browser needs to make a passkey."""
        visit = await self._scripted(request)
        await read_json(request, self._pages.site)
        return self._json(await self._console.registration_options(visit.token))

    async def register(self, request: Request) -> Response:
        """Keep the new passkey, and sign in."""
        visit = await self._scripted(request)
        credential = await read_json(request, self._pages.site)
        return self._welcome(*await self._console.register(visit.token, credential))

    async def sign_in_options(self, request: Request) -> Response:
        """What the browser needs to use a passkey."""
        await read_json(request, self._pages.site)
        token, options = await self._console.sign_in_options(caller(request))
        response = self._json(options)
        self._visits.ceremony.write(response, token)
        return response

    async def sign_in(self, request: Request) -> Response:
        """Check the passkey, and sign in."""
        credential = await read_json(request, self._pages.site)
        ceremony = self._visits.ceremony.read(request)
        if not ceremony:
            raise NotAuthenticated(
                Words(
                    "Het inloggen duurde te lang. Probeer het opnieuw.",
                    "Signing in took too long. Try again.",
                )
            )
        response = self._welcome(*await self._console.sign_in(ceremony, credential, caller(request)))
        self._visits.ceremony.clear(response)
        return response

    async def speak(self, request: Request) -> Response:
        """Go on in another language."""
        visit = await self._visits.current(request)
        fields = await read_form(request, self._pages.site)
        if visit is not None:
            check_secret(fields.get("csrf", ""), visit.session.csrf)
        language = chosen_language(fields.get("language", ""), self._pages.site, "console")
        back = fields.get("back", "")
        response = self._pages.go(back if self._leads_to(back) else "/console")
        remember_language(response, language, self._pages.site)
        return response

    async def leave(self, request: Request) -> Response:
        """End the visit."""
        visit = await self._visits.current(request)
        if visit is None:
            raise NotAuthenticated
        await self._visits.form(request, visit)
        await self._console.leave(visit.token)
        response = self._pages.go("/console")
        self._visits.cookie.clear(response)
        return response

    async def _scripted(self, request: Request) -> Visit:
        visit = await self._visits.invited(request)
        check_secret(request.headers.get("x-csrf-token", ""), visit.session.csrf)
        return visit

    def _welcome(self, token: str, session: OfficerSession) -> Response:
        response = self._pages.protected(JSONResponse({"next": first_page(session.rights)}))
        self._visits.cookie.write(response, token)
        return response

    def _json(self, text: str) -> Response:
        return self._pages.protected(Response(text, media_type="application/json"))
