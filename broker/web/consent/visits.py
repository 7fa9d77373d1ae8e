"""Who is visiting the family's pages, and how far they came: nobody sees a question before the one-time code."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import Request, Response

from broker.errors import NotAuthenticated
from broker.services.screens import FamilySession
from broker.web.kit.cookies import VisitCookie
from broker.web.kit.forms import check_secret, read_form
from broker.web.kit.pages import Pages, Visitor
from broker.web.kit.routes import Elsewhere
from broker.web.ports import FamilyService


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: the cookie's token and what it stands for."""

    token: str
    session: FamilySession

    @property
    def language(self) -> str:
        """The language that the person chose."""
        return self.session.language

    @property
    def visitor(self) -> Visitor:
        """What the frame of the page needs."""
        return Visitor(self.session.csrf)

    @property
    def place(self) -> str:
        """The page where this visit is now."""
        if self.session.stage == "verified":
            if self.session.purpose != "answer":
                return "/mine"
            return "/check-in" if self.session.tells_how and not self.session.told_how else "/questions/1"
        return "/contact" if self.session.stage == "code" else "/one-time-code"


class Visits:
    """Finds the visit of a request, and checks that a form belongs to it."""

    def __init__(self, family: FamilyService, pages: Pages) -> None:
        self._family = family
        self._pages = pages
        self.cookie = VisitCookie("rondom", pages.site)

    async def current(self, request: Request) -> Visit | None:
        """The visit, None without one. From here on pages are in its language."""
        token = self.cookie.read(request)
        session = await self._family.session(token) if token else None
        if session is None:
            return None
        if session.language not in self._pages.site.languages:  # stated once, and none that these pages have
            session = replace(session, language=self._pages.language(request))
        request.state.language = session.language
        return Visit(token, session)

    async def entered(self, request: Request) -> Visit:
        """A visit whose code was right, and the one-time code not yet. Sends others where they belong."""
        visit = await self._required(request)
        if visit.session.stage == "verified":
            raise Elsewhere(visit.place)
        return visit

    async def verified(self, request: Request) -> Visit:
        """A visit of somebody who proved who they are. Sends others where they belong."""
        visit = await self._required(request)
        if visit.session.stage != "verified":
            raise Elsewhere(visit.place)
        return visit

    async def form(self, request: Request, visit: Visit, *, lines: str = "") -> Mapping[str, str]:
        """The fields of a form that was made for this visit. `lines` names one for a long text, see `read_form`."""
        fields = await read_form(request, self._pages.site, lines=lines)
        check_secret(fields.get("csrf", ""), visit.session.csrf)
        return fields

    def begin(self, response: Response, token: str) -> Response:
        """Let the browser remember the visit."""
        self.cookie.write(response, token)
        return response

    async def _required(self, request: Request) -> Visit:
        visit = await self.current(request)
        if visit is None:
            raise NotAuthenticated
        return visit
