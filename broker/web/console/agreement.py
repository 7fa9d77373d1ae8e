"""The agreement in force, what was proposed in its place, and an officer's approval of it with a passkey.

- A page changes nothing; approving takes the script that signing in takes, and the passkey of who is signed in.
"""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from broker.web.console.visits import Visits
from broker.web.kit.forms import read_json
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService


class Agreement:
    """The list, one proposal, and what that would change."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def state(self, request: Request) -> Response:
        """Which one is in force, and since when."""
        visit = await self._visits.signed_in(request)
        agreement = await self._console.agreement(visit.token)
        return self._pages.show(request, "console/agreement.html", visitor=visit.visitor, agreement=agreement)

    async def proposal(self, request: Request) -> Response:
        """One proposal, line by line."""
        visit = await self._visits.signed_in(request)
        detail = await self._console.proposal(visit.token, request.path_params["proposal_id"])
        return self._pages.show(request, "console/proposal.html", visitor=visit.visitor, proposal=detail)

    async def effect(self, request: Request) -> Response:
        """What one proposal would give and take."""
        visit = await self._visits.signed_in(request)
        effect = await self._console.effect(visit.token, request.path_params["proposal_id"])
        return self._pages.show(request, "console/effect.html", visitor=visit.visitor, effect=effect)

    async def options(self, request: Request) -> Response:
        """What the browser needs to approve."""
        visit = await self._visits.scripted(request)
        await read_json(request, self._pages.site)
        options = await self._console.approval_options(visit.token, request.path_params["proposal_id"])
        return self._pages.protected(Response(options, media_type="application/json"))

    async def approve(self, request: Request) -> Response:
        """Approve."""
        visit = await self._visits.scripted(request)
        credential = await read_json(request, self._pages.site)
        proposal = request.path_params["proposal_id"]
        await self._console.approve(visit.token, proposal, credential)
        return self._pages.protected(JSONResponse({"next": f"/console/agreement/{proposal}"}))
