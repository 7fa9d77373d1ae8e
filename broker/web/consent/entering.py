"""From the code on paper to somebody we know: the code, the one-time code, the language, and leaving.

- A wrong code is shown at the field that it was typed in; what was typed stays there, except a one-time code.
- Without a visit there is no secret to check; the code itself is the secret, and only our own pages may send it.
"""

import re

from fastapi import Request, Response

from broker.errors import BrokerError, Invalid, NotAuthenticated, Unavailable, Words
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.forms import check_secret, read_form
from broker.web.kit.language import chose_language, chosen_language, remember_language
from broker.web.kit.pages import Pages
from broker.web.kit.routes import caller
from broker.web.ports import FamilyService

_OWN_PAGE = re.compile(
    r"/(contact|one-time-code|questions/[0-9]{1,3}(/recipients|/text)?|check(-in(/stopped)?)?|receipt/[\w-]{1,80}"
    r"|mine(/report|/[0-9]{1,3}/recipients|/(sections|reactions|sign-offs)/[\w-]{1,80}(/[a-z-]{1,20})?)?|signed-out|docs)?",
    re.ASCII,
)
_NO_CODE = Words("Vul eerst je code in.", "Type your code first.")
_NO_CONTACT = Words("Kies waar de code heen moet.", "Choose where to send the code.")


class Entering:
    """The pages before the questions."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def start(self, request: Request) -> Response:
        """The form for the code. Says so when an earlier visit is over."""
        visit = await self._visits.current(request)
        over = visit is None and bool(self._visits.cookie.read(request))
        return self._start(request, visit=visit, over=over)

    async def enter(self, request: Request) -> Response:
        """Begin a visit."""
        fields = await read_form(request, self._pages.site)
        code = fields.get("code", "")
        try:
            if not code:
                raise Invalid.at("/code", _NO_CODE.nl, _NO_CODE.en)
            language, chosen = self._pages.language(request), chose_language(request, self._pages.site)
            token, _ = await self._family.enter(code, caller(request), language, chosen=chosen)
        except Unavailable:
            raise
        except BrokerError as error:
            return self._start(request, error=error, code=code)
        return self._visits.begin(self._pages.go("/contact"), token)

    async def contacts(self, request: Request) -> Response:
        """Choose where the one-time code goes."""
        return self._contacts(request, await self._visits.entered(request))

    async def send(self, request: Request) -> Response:
        """Send it."""
        visit = await self._visits.entered(request)
        fields = await self._visits.form(request, visit)
        contact = fields.get("contact", "")
        try:
            if contact not in {choice.id for choice in visit.session.contacts}:
                raise Invalid.at("/contact", _NO_CONTACT.nl, _NO_CONTACT.en)
            await self._family.send_code(visit.token, contact)
        except (NotAuthenticated, Unavailable):
            raise
        except BrokerError as error:
            return self._contacts(request, visit, error)
        return self._pages.go("/one-time-code")

    async def waiting(self, request: Request) -> Response:
        """Type the one-time code."""
        visit = await self._visits.entered(request)
        return self._waiting(request, visit) if visit.session.sent_to else self._pages.go("/contact")

    async def verify(self, request: Request) -> Response:
        """Check it."""
        visit = await self._visits.entered(request)
        fields = await self._visits.form(request, visit)
        code = "".join(fields.get("code", "").split())
        try:
            if not code:
                raise Invalid.at("/code", _NO_CODE.nl, _NO_CODE.en)
            session = await self._family.verify(visit.token, code, caller(request))
        except (NotAuthenticated, Unavailable):
            raise
        except BrokerError as error:
            return self._waiting(request, visit, error)
        return self._pages.go(Visit(visit.token, session).place)

    async def speak(self, request: Request) -> Response:
        """Go on in another language."""
        visit = await self._visits.current(request)
        fields = await read_form(request, self._pages.site)
        language = chosen_language(fields.get("language", ""), self._pages.site)
        if visit is not None:
            check_secret(fields.get("csrf", ""), visit.session.csrf)
            await self._family.set_language(visit.token, language)
        back = fields.get("back", "")
        response = self._pages.go(back if _OWN_PAGE.fullmatch(back) else "/")
        remember_language(response, language, self._pages.site)
        return response

    async def leave(self, request: Request) -> Response:
        """End the visit."""
        visit = await self._visits.current(request)
        if visit is None:
            raise NotAuthenticated
        await self._visits.form(request, visit)
        await self._family.leave(visit.token)
        response = self._pages.go("/signed-out")
        self._visits.cookie.clear(response)
        return response

    async def left(self, request: Request) -> Response:
        """Say that the visit is over."""
        return self._pages.show(request, "consent/signed-out.html")

    def _start(
        self,
        request: Request,
        *,
        visit: Visit | None = None,
        error: BrokerError | None = None,
        code: str = "",
        over: bool = False,
    ) -> Response:
        return self._pages.show(
            request,
            "consent/start.html",
            visitor=visit.visitor if visit else None,
            error=error,
            code=code,
            place=visit.place if visit else "",
            over=over,
        )

    def _contacts(self, request: Request, visit: Visit, error: BrokerError | None = None) -> Response:
        return self._pages.show(
            request, "consent/contact.html", visitor=visit.visitor, session=visit.session, error=error
        )

    def _waiting(self, request: Request, visit: Visit, error: BrokerError | None = None) -> Response:
        return self._pages.show(
            request, "consent/one-time-code.html", visitor=visit.visitor, session=visit.session, error=error
        )
