"""An officer's own passkeys and visits, and the page that asks for a passkey once more before what weighs most.

- A page changes nothing; who comes from another page goes back to one of ours, and what was typed there is not kept.
"""

from collections.abc import Callable
from typing import Protocol

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from broker.domain.presence import Purpose
from broker.errors import Conflict, NotFound
from broker.services.own_access import OwnScreen
from broker.web.console.navigation import first_page
from broker.web.console.visits import Visit, Visits
from broker.web.kit.forms import read_json
from broker.web.kit.pages import Pages


class OwnService(Protocol):
    """The use cases of an officer's own way in."""

    async def own(self, token: str) -> OwnScreen:
        """Their passkeys and visits."""

    async def adding_options(self, token: str) -> str:
        """JSON for `navigator.credentials.create`. Raises ConfirmFirst and Conflict."""

    async def add(self, token: str, credential_json: str) -> None:
        """Keep one more passkey. Raises ConfirmFirst, NotAllowed and Conflict."""

    async def remove(self, token: str, passkey_id: str) -> None:
        """One less. Raises ConfirmFirst, NotFound and Conflict."""

    async def end_others(self, token: str) -> None:
        """End every other visit of theirs."""

    async def confirm_options(self, token: str, purpose: Purpose) -> str:
        """JSON for `navigator.credentials.get`."""

    async def confirm(self, token: str, purpose: Purpose, credential_json: str) -> str:
        """Confirm this visit for that; returns its new token. Raises NotAllowed and TooMany."""


class OwnPages:
    """`/console/own` and `/console/confirm`."""

    def __init__(self, own: OwnService, visits: Visits, pages: Pages, leads_to: Callable[[str], bool]) -> None:
        self._own = own
        self._visits = visits
        self._pages = pages
        self._leads_to = leads_to

    async def state(self, request: Request) -> Response:
        """Their own passkeys and visits."""
        return await self._show(request, await self._visits.signed_in(request))

    async def _show(self, request: Request, visit: Visit, error: Conflict | NotFound | None = None) -> Response:
        own = await self._own.own(visit.token)
        confirmed = Purpose.OWN_PASSKEYS in visit.session.confirmed
        return self._pages.show(
            request, "console/own.html", visitor=visit.visitor, own=own, confirmed=confirmed, error=error
        )

    async def adding_options(self, request: Request) -> Response:
        """What the browser needs to make one more passkey."""
        visit = await self._visits.scripted(request)
        await read_json(request, self._pages.site)
        options = await self._own.adding_options(visit.token)
        return self._pages.protected(Response(options, media_type="application/json"))

    async def add(self, request: Request) -> Response:
        """Keep it."""
        visit = await self._visits.scripted(request)
        await self._own.add(visit.token, await read_json(request, self._pages.site))
        return self._pages.protected(JSONResponse({"next": "/console/own"}))

    async def remove(self, request: Request) -> Response:
        """One less."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        try:
            await self._own.remove(visit.token, fields.get("passkey", ""))
        except (Conflict, NotFound) as error:
            return await self._show(request, visit, error)
        return self._pages.go("/console/own")

    async def end_others(self, request: Request) -> Response:
        """End the other visits."""
        visit = await self._visits.signed_in(request)
        await self._visits.form(request, visit)
        await self._own.end_others(visit.token)
        return self._pages.go("/console/own")

    # showing once more that it is them

    async def confirm(self, request: Request) -> Response:
        """Ask for a passkey, and say what comes after."""
        visit = await self._visits.signed_in(request)
        purpose, back = _purpose(request), self._back(request, visit)
        came = request.path_params["back"]
        return self._pages.show(
            request, "console/confirm.html", visitor=visit.visitor, purpose=purpose, back=back, came=came
        )

    async def confirm_options(self, request: Request) -> Response:
        """What the browser needs."""
        visit = await self._visits.scripted(request)
        await read_json(request, self._pages.site)
        options = await self._own.confirm_options(visit.token, _purpose(request))
        return self._pages.protected(Response(options, media_type="application/json"))

    async def confirmed(self, request: Request) -> Response:
        """Check it, and go back."""
        visit = await self._visits.scripted(request)
        credential = await read_json(request, self._pages.site)
        token = await self._own.confirm(visit.token, _purpose(request), credential)
        response = self._pages.protected(JSONResponse({"next": self._back(request, visit)}))
        self._visits.cookie.write(response, token)
        return response

    def _back(self, request: Request, visit: Visit) -> str:
        """The page of ours that they came from, or the nearest above it; else where this officer begins."""
        path = "/console/" + str(request.path_params["back"]).replace("~", "/")
        while path.startswith("/console/"):
            if self._leads_to(path):
                return path
            path = path.rpartition("/")[0]
        return first_page(visit.session.rights)


def _purpose(request: Request) -> Purpose:
    wanted = request.path_params["purpose"]
    if wanted not in list(Purpose):
        raise NotFound
    return Purpose(wanted)
