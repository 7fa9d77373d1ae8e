"""What is in doubt, by pseudonyms; an officer settles it with one of two buttons and a note, once."""

from fastapi import Request, Response

from broker.errors import BrokerError, Conflict, Invalid
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService


class Queue:
    """The list and one matter of it."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def waiting(self, request: Request) -> Response:
        """The open matters, oldest first; below them what was settled last."""
        visit = await self._visits.signed_in(request)
        page = await self._console.queue(visit.token)
        return self._pages.show(request, "console/queue.html", visitor=visit.visitor, page=page)

    async def matter(self, request: Request) -> Response:
        """One matter, and what to do next."""
        visit = await self._visits.signed_in(request)
        return await self._show(request, visit)

    async def settle(self, request: Request) -> Response:
        """Settle it."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        matter, note = request.path_params["matter_id"], fields.get("note", "")
        try:
            await self._console.settle(visit.token, matter, fields.get("outcome", ""), note)
        except (Invalid, Conflict) as error:
            return await self._show(request, visit, note, error)
        return self._pages.go(f"/console/queue/{matter}")

    async def _show(self, request: Request, visit: Visit, note: str = "", error: BrokerError | None = None) -> Response:
        detail = await self._console.matter(visit.token, request.path_params["matter_id"])
        return self._pages.show(
            request, "console/matter.html", visitor=visit.visitor, matter=detail, note=note, error=error
        )
