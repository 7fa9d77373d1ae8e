"""What is urgent, and how far it is."""

from typing import Protocol

from fastapi import Request, Response

from broker.services.urgent_screens import UrgentScreen
from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages


class UrgentService(Protocol):
    """See `broker.services.urgent_screens.UrgentNow`."""

    async def screen(self, token: str) -> UrgentScreen:
        """What is urgent now."""


class UrgentPages:
    """One page."""

    def __init__(self, urgent: UrgentService, visits: Visits, pages: Pages) -> None:
        self._urgent = urgent
        self._visits = visits
        self._pages = pages

    async def now(self, request: Request) -> Response:
        """The list, newest first."""
        visit = await self._visits.signed_in(request)
        screen = await self._urgent.screen(visit.token)
        return self._pages.show(request, "console/urgent.html", visitor=visit.visitor, screen=screen)
