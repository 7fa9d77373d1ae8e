"""The agreement in force, and what is wrong with the one that could not be put in force."""

from fastapi import Request, Response

from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService


class Agreement:
    """One page."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def state(self, request: Request) -> Response:
        """Which one is in force, and since when."""
        visit = await self._visits.signed_in(request)
        agreement = await self._console.agreement(visit.token)
        return self._pages.show(request, "console/agreement.html", visitor=visit.visitor, agreement=agreement)
