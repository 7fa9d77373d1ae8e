"""What officers looked at, by pseudonyms: of all of them, or of one who is pressed."""

import re
from typing import Protocol

from fastapi import Request, Response

from broker.services.watchers import WatchersPage
from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages

_ID = re.compile(r"[0-9a-f-]{1,36}")


class WatchersService(Protocol):
    """See `broker.services.watchers.Watchers`."""

    async def page(self, token: str, officer: str = "", before: str = "") -> WatchersPage:
        """What officers did, newest first."""


class Watchers:
    """One page."""

    def __init__(self, watching: WatchersService, visits: Visits, pages: Pages) -> None:
        self._watching = watching
        self._visits = visits
        self._pages = pages

    async def latest(self, request: Request) -> Response:
        """The newest."""
        visit = await self._visits.signed_in(request)
        page = await self._watching.page(visit.token)
        return self._pages.show(
            request, "console/watchers.html", visitor=visit.visitor, page=page, officer="", later_page=False
        )

    async def of(self, request: Request) -> Response:
        """Of one officer, or older ones."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        officer, before = (_id(fields.get(name, "")) for name in ("officer", "before"))
        page = await self._watching.page(visit.token, officer, before)
        return self._pages.show(
            request, "console/watchers.html", visitor=visit.visitor, page=page, officer=officer, later_page=bool(before)
        )


def _id(typed: str) -> str:
    """What is no id names nobody: the search then finds nothing."""
    return typed if not typed or _ID.fullmatch(typed) else "-"
