"""Away at once: the visit ends, and the browser goes to a page of somebody else that says nothing.

- It needs no script, no secret and no visit: it works on a page that stood open too long, and when we are out of order.
- What was seen is asked to be forgotten (`Clear-Site-Data`, W3C); Back finds nobody's page, for pages are never kept.
- Another site cannot press it: the form must come from our own pages.
"""

from fastapi import Request, Response

from broker.errors import BrokerError
from broker.web.consent.visits import Visits
from broker.web.kit.forms import read_form
from broker.web.kit.language import forget_language
from broker.web.kit.pages import Pages, alarm
from broker.web.ports import FamilyService


class Leaving:
    """The quick exit."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def leave(self, request: Request) -> Response:
        """End the visit, if there is one, and go; also when ending it fails."""
        await read_form(request, self._pages.site)
        token = self._visits.cookie.read(request)
        try:
            if token:
                await self._family.leave(token)
        except BrokerError as error:
            alarm(request, error, self._pages.site)
        response = self._pages.go("/exit")
        self._visits.cookie.clear(response)
        forget_language(response, self._pages.site)
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    async def away(self, request: Request) -> Response:
        """Go on to the neutral page: forms may only lead to our own pages (`form-action`), so this one leads further."""
        response = self._pages.show(request, "consent/exit.html")
        response.headers["Refresh"] = f"0; url={self._pages.site.exit_address}"
        return response
