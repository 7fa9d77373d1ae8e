"""Whether somebody agrees with what was written together: two choices of the same size, and room for own words.

Each form carries the version that it was shown for; when another came, nothing is kept and the page says so.
"""

from fastapi import Request, Response

from broker.errors import BrokerError, Conflict, Invalid, TooMany
from broker.services.own_sign_offs import newer_version
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.ports import FamilyService

CHOICES = ("agree", "differently")


class SigningOff:
    """The page of one part of which somebody can say whether they agree."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def look(self, request: Request) -> Response:
        """What it is, what was said of it, and both choices."""
        return await self._page(request, await self._visits.verified(request))

    async def choose(self, request: Request) -> Response:
        """Keep what was chosen; who sees it differently gets room for their words first."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit, lines="text")
        said, part, version = fields.get("said", ""), request.path_params["part"], fields.get("version", "")
        try:
            if said not in CHOICES:
                raise Invalid.at(
                    "/said",
                    "Kies: je bent het ermee eens, of je ziet het anders.",
                    "Choose: you agree, or you see it differently.",
                )
            if version != (await self._family.sign_off(visit.token, part)).digest:
                raise newer_version()  # before anybody writes about a text that they did not see
            if said == "differently" and "text" not in fields:
                return await self._page(request, visit, writing=True)
            await self._family.sign(visit.token, part, version, fields.get("text", ""), agrees=said == "agree")
        except (Conflict, Invalid, TooMany) as error:
            writing = said == "differently" and not isinstance(error, Conflict)
            return await self._page(request, visit, error, fields.get("text", ""), writing=writing)
        return self._pages.go(f"/mine/sign-offs/{part}")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        error: BrokerError | None = None,
        text: str = "",
        *,
        writing: bool = False,
    ) -> Response:
        part = await self._family.sign_off(visit.token, request.path_params["part"])
        return self._pages.show(
            request, "consent/sign-off.html", visitor=visit.visitor, part=part, writing=writing, text=text, error=error
        )
