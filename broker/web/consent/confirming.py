"""Confirming an answer with one's own device: an offer on the receipt's page, and stopping to use a device on `/mine`.

- The ceremonies need a script of ours (WebAuthn has no other way); all it sends is JSON to these addresses, with the
  secret of the visit. Everything else works without.
"""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from broker.errors import NotAuthenticated, Words
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.forms import check_secret, read_json
from broker.web.kit.pages import Pages
from broker.web.ports import FamilyService

_OVER = Words(
    "Je bezoek is voorbij. Er is niets veranderd. Begin opnieuw met je code.",
    "Your visit is over. Nothing was changed. Begin again with your code.",
)


class Confirming:
    """What the page's script asks, and the form on `/mine`."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def device_options(self, request: Request) -> Response:
        """What the browser needs to make a passkey."""
        visit, _ = await self._scripted(request)
        return self._json(await self._family.enrolment_options(visit.token, request.path_params["receipt_id"]))

    async def device(self, request: Request) -> Response:
        """Keep the passkey, and go back to the receipt to confirm with it."""
        visit, credential = await self._scripted(request)
        await self._family.enrol(visit.token, credential)
        return self._next(f"/receipt/{request.path_params['receipt_id']}#confirm")

    async def confirmation_options(self, request: Request) -> Response:
        """What the browser needs to confirm this receipt's answers."""
        visit, _ = await self._scripted(request)
        return self._json(await self._family.confirmation_options(visit.token, request.path_params["receipt_id"]))

    async def confirmation(self, request: Request) -> Response:
        """Confirm them, and go to the new receipt."""
        visit, credential = await self._scripted(request)
        receipt = await self._family.confirm_with_passkey(visit.token, request.path_params["receipt_id"], credential)
        return self._next(f"/receipt/{receipt}#confirm")

    async def stop(self, request: Request) -> Response:
        """Use a device no more."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        await self._family.stop_passkey(visit.token, fields.get("device", ""))
        return self._pages.go("/mine#devices")

    async def _scripted(self, request: Request) -> tuple[Visit, str]:
        """The visit of a script of ours, and what it sent. Raises NotAuthenticated when the visit is over."""
        visit = await self._visits.current(request)
        if visit is None or visit.session.stage != "verified":
            raise NotAuthenticated(_OVER)
        check_secret(request.headers.get("x-csrf-token", ""), visit.session.csrf)
        return visit, await read_json(request, self._pages.site)

    def _next(self, path: str) -> Response:
        return self._pages.protected(JSONResponse({"next": path}))

    def _json(self, text: str) -> Response:
        return self._pages.protected(Response(text, media_type="application/json"))
