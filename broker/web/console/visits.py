"""Which officer is visiting the console, and whether they signed in: an invitation alone shows nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from broker.domain.officers import Right
from broker.domain.presence import ENOUGH
from broker.errors import NotAuthenticated
from broker.services.officer_screens import OfficerSession
from broker.web.console.navigation import Room, rooms_of
from broker.web.kit.cookies import VisitCookie
from broker.web.kit.forms import check_secret, read_form
from broker.web.kit.pages import Pages, Visitor
from broker.web.ports import ConsoleService

CEREMONY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class OfficerVisitor(Visitor):
    """An officer: where they may go, the only organisation whose part they see, and whether they need a second passkey."""

    rooms: tuple[Room, ...] = ()
    agreement_refused: bool = False
    organisation: str = ""
    takes_away: bool = False
    looks_into: bool = False
    open_motions: int = 0
    open_proposals: int = 0
    lacks_passkey: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: the cookie's token and what it stands for."""

    token: str
    session: OfficerSession

    @property
    def visitor(self) -> OfficerVisitor:
        """What the frame of the page needs."""
        session = self.session
        waiting = {
            "/console/queue": session.open_matters,
            "/console/review": session.open_items,
            "/console/motions": session.open_motions,
            "/console/agreement": session.open_proposals,
        }
        return OfficerVisitor(
            session.csrf,
            session.officer,
            rooms_of(session.rights, waiting),
            session.agreement_refused,
            session.organisation,
            takes_away=Right.TAKE_AWAY in session.rights,
            open_motions=session.open_motions,
            open_proposals=session.open_proposals,
            looks_into=Right.READ_PERSON in session.rights,
            lacks_passkey=session.stage == "signed-in" and session.passkeys < ENOUGH,
        )


class Visits:
    """Finds the visit of a request, and checks that a form belongs to it."""

    def __init__(self, console: ConsoleService, pages: Pages) -> None:
        self._console = console
        self._pages = pages
        self.cookie = VisitCookie("rondom-console", pages.site)
        self.ceremony = VisitCookie("rondom-passkey", pages.site, CEREMONY_SECONDS)

    async def current(self, request: Request) -> Visit | None:
        """The visit, None without one."""
        token = self.cookie.read(request)
        session = await self._console.session(token) if token else None
        return None if session is None else Visit(token, session)

    async def invited(self, request: Request) -> Visit:
        """Somebody with an invitation, who has no passkey yet."""
        return await self._at(request, "invited")

    async def signed_in(self, request: Request) -> Visit:
        """An officer."""
        return await self._at(request, "signed-in")

    async def scripted(self, request: Request) -> Visit:
        """An officer, by a script of ours that carries the secret of the visit."""
        visit = await self.signed_in(request)
        check_secret(request.headers.get("x-csrf-token", ""), visit.session.csrf)
        return visit

    async def form(self, request: Request, visit: Visit) -> Mapping[str, str]:
        """The fields of a form that was made for this visit."""
        fields = await read_form(request, self._pages.site)
        check_secret(fields.get("csrf", ""), visit.session.csrf)
        return fields

    async def _at(self, request: Request, stage: str) -> Visit:
        visit = await self.current(request)
        if visit is None or visit.session.stage != stage:
            raise NotAuthenticated
        return visit
