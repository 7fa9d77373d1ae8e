"""What was counted on each day and for each organisation; a press of a button opens the lines behind a count."""

from datetime import date
from typing import Protocol

from fastapi import Request, Response

from broker.errors import Fault
from broker.services.officer_screens import EntryFilter
from broker.services.view_screens import DaysPage, LinesPage, OrganisationsPage
from broker.web.console.days import typed_day
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages


class ViewingService(Protocol):
    """The views of the log."""

    async def lines(self, token: str, wanted: EntryFilter) -> LinesPage:
        """A page of lines, newest first. Raises Invalid, and NotFound for a fold that is not there."""

    async def days(self, token: str, before: date | None = None) -> DaysPage:
        """A page of days with what was counted on each, newest first."""

    async def organisations(self, token: str, after: str = "") -> OrganisationsPage:
        """A page of organisations by name, with what was counted in the last thirty days."""


class Views:
    """By day, and by organisation."""

    def __init__(self, viewing: ViewingService, visits: Visits, pages: Pages) -> None:
        self._viewing = viewing
        self._visits = visits
        self._pages = pages

    async def days(self, request: Request) -> Response:
        """The newest days."""
        visit = await self._visits.signed_in(request)
        return self._show_days(request, visit, await self._viewing.days(visit.token))

    async def earlier_days(self, request: Request) -> Response:
        """The days before one; a date that is none gives the newest."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        ignored: list[Fault] = []
        before = typed_day(fields, "before", ignored)
        page = await self._viewing.days(visit.token, before)
        return self._show_days(request, visit, page, later_page=before is not None)

    async def organisations(self, request: Request) -> Response:
        """The first organisations by name."""
        visit = await self._visits.signed_in(request)
        return self._show_organisations(request, visit, await self._viewing.organisations(visit.token))

    async def more_organisations(self, request: Request) -> Response:
        """Those after one."""
        visit = await self._visits.signed_in(request)
        after = (await self._visits.form(request, visit)).get("after", "")[:20]
        page = await self._viewing.organisations(visit.token, after)
        return self._show_organisations(request, visit, page, later_page=bool(after))

    def _show_days(self, request: Request, visit: Visit, page: DaysPage, *, later_page: bool = False) -> Response:
        return self._show(request, "console/by-day.html", visit, page, later_page=later_page)

    def _show_organisations(
        self, request: Request, visit: Visit, page: OrganisationsPage, *, later_page: bool = False
    ) -> Response:
        return self._show(request, "console/by-organisation.html", visit, page, later_page=later_page)

    def _show(
        self, request: Request, template: str, visit: Visit, page: DaysPage | OrganisationsPage, *, later_page: bool
    ) -> Response:
        return self._pages.show(request, template, visitor=visit.visitor, page=page, later_page=later_page)
