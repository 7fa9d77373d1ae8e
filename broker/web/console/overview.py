"""The officer looks into the agreement: who may read what, and rule by rule why one request came out as it did."""

from fastapi import Request, Response

from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService


class OverviewPages:
    """Two pages; neither changes anything."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def overview(self, request: Request) -> Response:
        """Who may read what, for each purpose."""
        visit = await self._visits.signed_in(request)
        overview = await self._console.overview(visit.token)
        return self._pages.show(request, "console/overview.html", visitor=visit.visitor, overview=overview)

    async def rules(self, request: Request) -> Response:
        """The rules behind one line of the log."""
        visit = await self._visits.signed_in(request)
        rules = await self._console.rules(visit.token, request.path_params["entry_id"])
        return self._pages.show(request, "console/rules.html", visitor=visit.visitor, rules=rules)
