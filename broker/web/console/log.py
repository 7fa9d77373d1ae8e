"""Whether everything is in order, at a glance; and a check of the whole log at the press of a button."""

from typing import Protocol

from fastapi import Request, Response

from broker.services.check_screens import ChecksScreen
from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages


class ChecksService(Protocol):
    """See `broker.services.checks.Checks`."""

    async def screen(self, token: str) -> ChecksScreen:
        """All that can be said without checking anything."""

    async def begin(self, token: str) -> None:
        """Check the whole log, unless that is going on."""


class Log:
    """One page."""

    def __init__(self, checks: ChecksService, visits: Visits, pages: Pages) -> None:
        self._checks = checks
        self._visits = visits
        self._pages = pages

    async def state(self, request: Request) -> Response:
        """What was checked, when, and how it came out."""
        visit = await self._visits.signed_in(request)
        checks = await self._checks.screen(visit.token)
        return self._pages.show(request, "console/log.html", visitor=visit.visitor, checks=checks)

    async def check(self, request: Request) -> Response:
        """Check it now; a long log goes on being checked behind the page."""
        visit = await self._visits.signed_in(request)
        await self._visits.form(request, visit)
        await self._checks.begin(visit.token)
        return self._pages.go("/console/log")
