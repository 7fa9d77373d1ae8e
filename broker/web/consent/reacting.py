"""The family's own words: one page to write them, one that shows what was kept; who reads them stands on both.

What was typed stays in its field when it is refused; it is plain text, and shown as such.
"""

from fastapi import Request, Response

from broker.domain.reactions import ReactionKind
from broker.errors import BrokerError, Invalid, NotFound, TooMany
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.ports import FamilyService


class Reacting:
    """The pages of reactions, correction requests and requests to erase."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The page to write on."""
        return await self._form(request, await self._visits.verified(request))

    async def write(self, request: Request) -> Response:
        """Keep what was written, and show it."""
        visit, kind = await self._visits.verified(request), _kind(request)
        fields = await self._visits.form(request, visit, lines="text")
        text = fields.get("text", "")
        try:
            reaction = await self._family.react(visit.token, request.path_params["part"], kind, text)
        except (Invalid, TooMany) as error:
            return await self._form(request, visit, error, text)
        return self._pages.go(f"/mine/reactions/{reaction}")

    async def written(self, request: Request) -> Response:
        """One of the person's own reactions."""
        visit = await self._visits.verified(request)
        reaction = await self._family.reaction(visit.token, request.path_params["reaction"])
        return self._pages.show(request, "consent/reaction.html", visitor=visit.visitor, reaction=reaction)

    async def _form(self, request: Request, visit: Visit, error: BrokerError | None = None, text: str = "") -> Response:
        kind = _kind(request)
        part = await self._family.part(visit.token, request.path_params["part"], kind)
        return self._pages.show(
            request, "consent/react.html", visitor=visit.visitor, part=part, kind=kind, text=text, error=error
        )


def _kind(request: Request) -> ReactionKind:
    """What the address says is written. Raises NotFound."""
    try:
        return ReactionKind(request.path_params["kind"])
    except ValueError:
        raise NotFound from None
