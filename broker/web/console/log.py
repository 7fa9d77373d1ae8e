"""The state of the log, and a check of the whole of it at the press of a button."""

from fastapi import Request, Response

from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService


class Log:
    """One page."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def state(self, request: Request) -> Response:
        """How long it is, and its root."""
        visit = await self._visits.signed_in(request)
        log = await self._console.log(visit.token)
        return self._pages.show(request, "console/log.html", visitor=visit.visitor, log=log)

    async def check(self, request: Request) -> Response:
        """Check it now."""
        visit = await self._visits.signed_in(request)
        await self._visits.form(request, visit)
        log = await self._console.check_log(visit.token)
        return self._pages.show(request, "console/log.html", visitor=visit.visitor, log=log)
