"""How the review stands, what stands out with its reasons in words, and signing it off with a note, once."""

import re
from typing import Protocol

from fastapi import Request, Response

from broker.errors import BrokerError, Conflict, Invalid
from broker.services.review_screens import ItemDetail, ReviewPage, StartScreen
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages

_GIVEN = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)


class ReviewService(Protocol):
    """See `broker.services.reviewing.Reviewing`."""

    async def start(self, token: str) -> StartScreen:
        """How the review stands."""

    async def queue(self, token: str, signal: str = "", after: str = "") -> ReviewPage:
        """A page of what waits."""

    async def item(self, token: str, item_id: str) -> ItemDetail:
        """One item."""

    async def sign_off(self, token: str, item_id: str, note: str) -> None:
        """Sign it off. Raises Invalid, NotFound, Conflict."""


class Review:
    """The first page, the queue, and one item of it."""

    def __init__(self, reviewing: ReviewService, visits: Visits, pages: Pages) -> None:
        self._reviewing = reviewing
        self._visits = visits
        self._pages = pages

    async def start(self, request: Request) -> Response:
        """How the review stands, in numbers."""
        visit = await self._visits.signed_in(request)
        screen = await self._reviewing.start(visit.token)
        return self._pages.show(request, "console/start.html", visitor=visit.visitor, screen=screen)

    async def queue(self, request: Request) -> Response:
        """What waits, heaviest first."""
        return await self._list(request, await self._visits.signed_in(request))

    async def narrow(self, request: Request) -> Response:
        """The same for one reason, or further on."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        return await self._list(request, visit, _word(fields.get("signal", "")), _word(fields.get("after", "")))

    async def _list(self, request: Request, visit: Visit, signal: str = "", after: str = "") -> Response:
        page = await self._reviewing.queue(visit.token, signal, after)
        return self._pages.show(
            request, "console/review.html", visitor=visit.visitor, page=page, later_page=bool(after)
        )

    async def item(self, request: Request) -> Response:
        """One item: why, and its lines."""
        visit = await self._visits.signed_in(request)
        return await self._show(request, visit)

    async def sign_off(self, request: Request) -> Response:
        """Sign it off."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        item, note = request.path_params["item_id"], fields.get("note", "")
        try:
            await self._reviewing.sign_off(visit.token, item, note)
        except (Invalid, Conflict) as error:
            return await self._show(request, visit, note, error)
        return self._pages.go(f"/console/review/items/{item}")

    async def _show(self, request: Request, visit: Visit, note: str = "", error: BrokerError | None = None) -> Response:
        item = await self._reviewing.item(visit.token, request.path_params["item_id"])
        return self._pages.show(
            request,
            "console/review-item.html",
            visitor=visit.visitor,
            item=item,
            note=note,
            error=error,
        )


def _word(given: str) -> str:
    """A word or an id as our own forms have it; empty for anything else."""
    return given if _GIVEN.fullmatch(given) else ""
