"""The names of those whom a data breach affects: asked for from its page, taken from the page of the decision."""

from collections.abc import Callable
from typing import Protocol

from fastapi import Request, Response

from broker.domain.officers import Right, need
from broker.errors import Words
from broker.services.breach import BreachWanted
from broker.services.names import NamesFile
from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.kit.texts import texts


class NamesService(Protocol):
    """The use cases of officers of the whole."""

    async def propose(self, token: str, wanted: BreachWanted, reason: str) -> str:
        """Propose it; returns the motion's id. Raises Invalid, Conflict, ConfirmFirst and SecondPasskeyFirst."""

    async def taken(self, token: str, motion_id: str, say: Callable[[Words], str]) -> NamesFile:
        """The file. Raises NotFound, NotAllowed, Conflict, ConfirmFirst and SecondPasskeyFirst."""


class NamesPages:
    """The file of a decision."""

    def __init__(self, names: NamesService, visits: Visits, pages: Pages) -> None:
        self._names = names
        self._visits = visits
        self._pages = pages

    async def file(self, request: Request) -> Response:
        """The names, for the two who decided; its name is that of the decision and of nobody."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.MANAGE)
        await self._visits.form(request, visit)
        its = texts(self._pages.language(request))
        made = await self._names.taken(visit.token, request.path_params["motion_id"], its.words)
        response = Response(made.content, media_type="text/csv; charset=utf-8")
        name = its.gettext("rondom-names")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{made.motion}.csv"'
        return self._pages.protected(response)
