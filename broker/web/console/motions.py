"""Who is an officer and which organisations take part: looked at here, and changed by two officers together."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from broker.domain.motions import LONGEST_NAME, LONGEST_REASON, MotionKind
from broker.domain.officers import OfficerRole
from broker.domain.presence import Purpose
from broker.errors import BrokerError, Conflict, Fault, Invalid, Words
from broker.services.labels import LABELS
from broker.services.motion_screens import (
    ChangeRow,
    MotionRow,
    MotionScreen,
    OfficersScreen,
    PartnersScreen,
    Wanted,
)
from broker.web.console.visits import Visit, Visits
from broker.web.kit.forms import read_json
from broker.web.kit.pages import Pages

_FIELDS = ("kind", "reason", "organisation", "officer", "role", "name", "at_once")
Show = Callable[[Request, Visit, Mapping[str, str], BrokerError | None], Awaitable[Response]]


class MotionService(Protocol):
    """The use cases of officers who may manage."""

    async def officers(self, token: str) -> OfficersScreen:
        """Every officer, by name."""

    async def partners(self, token: str) -> PartnersScreen:
        """Every organisation."""

    async def motions(self, token: str) -> tuple[tuple[MotionRow, ...], tuple[ChangeRow, ...]]:
        """The newest motions, and what was changed last."""

    async def motion(self, token: str, motion_id: str) -> MotionScreen:
        """One motion. Raises NotFound."""

    async def propose(self, token: str, wanted: Wanted) -> str:
        """Propose one; returns its id. Raises Invalid, ConfirmFirst and SecondPasskeyFirst."""

    async def second_options(self, token: str, motion_id: str) -> str:
        """JSON for `navigator.credentials.get`. Raises NotFound and Conflict."""

    async def second(self, token: str, motion_id: str, credential_json: str) -> None:
        """Second it. Raises NotAllowed, NotFound and Conflict."""


class MotionPages:
    """Officers, organisations, and what was proposed about either."""

    def __init__(self, motions: MotionService, visits: Visits, pages: Pages) -> None:
        self._motions = motions
        self._visits = visits
        self._pages = pages

    async def officers(self, request: Request) -> Response:
        """Every officer, with the forms to invite one and to have one withdrawn."""
        return await self._show_officers(request, await self._visits.signed_in(request), {}, None)

    async def partners(self, request: Request) -> Response:
        """Every organisation, with the form to stop one or let it take part again."""
        return await self._show_partners(request, await self._visits.signed_in(request), {}, None)

    async def propose_about_officers(self, request: Request) -> Response:
        """Propose to invite or withdraw one."""
        return await self._propose(request, (MotionKind.INVITE, MotionKind.WITHDRAW), self._show_officers)

    async def propose_about_partners(self, request: Request) -> Response:
        """Propose to stop one or let it take part again; or stop it at once."""
        return await self._propose(request, (MotionKind.SUSPEND, MotionKind.LIFT), self._show_partners)

    async def _propose(self, request: Request, kinds: tuple[MotionKind, ...], show: Show) -> Response:
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        typed = {name: fields.get(name, "") for name in _FIELDS}
        try:
            motion = await self._motions.propose(visit.token, _wanted(typed, kinds))
        except (Invalid, Conflict) as error:
            return await show(request, visit, typed, error)
        return self._pages.go(f"/console/motions/{motion}")

    async def _show_officers(
        self, request: Request, visit: Visit, typed: Mapping[str, str], error: BrokerError | None
    ) -> Response:
        screen = await self._motions.officers(visit.token)
        confirmed = Purpose.OFFICERS in visit.session.confirmed
        return self._show(
            request, visit, "console/officers.html", screen=screen, roles=list(OfficerRole), typed=typed,
            confirmed=confirmed, longest=(LONGEST_NAME, LONGEST_REASON), error=error,
        )  # fmt: skip

    async def _show_partners(
        self, request: Request, visit: Visit, typed: Mapping[str, str], error: BrokerError | None
    ) -> Response:
        screen = await self._motions.partners(visit.token)
        confirmed = Purpose.ORGANISATIONS in visit.session.confirmed
        return self._show(
            request, visit, "console/partners.html", screen=screen, typed=typed, confirmed=confirmed,
            longest=LONGEST_REASON, error=error,
        )  # fmt: skip

    async def motions(self, request: Request) -> Response:
        """What was proposed, and what was changed last."""
        visit = await self._visits.signed_in(request)
        rows, changes = await self._motions.motions(visit.token)
        return self._show(request, visit, "console/motions.html", rows=rows, changes=changes, labels=LABELS)

    async def motion(self, request: Request) -> Response:
        """One motion."""
        visit = await self._visits.signed_in(request)
        motion = await self._motions.motion(visit.token, request.path_params["motion_id"])
        confirmed = Purpose.NAMES in visit.session.confirmed
        return self._show(request, visit, "console/motion.html", motion=motion, confirmed=confirmed)

    async def second_options(self, request: Request) -> Response:
        """What the browser needs to second it."""
        visit = await self._visits.scripted(request)
        await read_json(request, self._pages.site)
        options = await self._motions.second_options(visit.token, request.path_params["motion_id"])
        return self._pages.protected(Response(options, media_type="application/json"))

    async def second(self, request: Request) -> Response:
        """Second it."""
        visit = await self._visits.scripted(request)
        credential = await read_json(request, self._pages.site)
        motion = request.path_params["motion_id"]
        await self._motions.second(visit.token, motion, credential)
        return self._pages.protected(JSONResponse({"next": f"/console/motions/{motion}"}))

    def _show(
        self, request: Request, visit: Visit, template: str, *, error: BrokerError | None = None, **values: Any
    ) -> Response:
        return self._pages.show(request, template, visitor=visit.visitor, error=error, **values)


def _wanted(typed: Mapping[str, str], kinds: tuple[MotionKind, ...]) -> Wanted:
    """Read the form. Raises Invalid when it asks for something that the page does not offer."""
    kind, role = typed["kind"], typed["role"]
    if kind not in kinds:
        raise Invalid([Fault("/kind", _NO_KIND)])
    known = OfficerRole(role) if role in list(OfficerRole) else None
    at_once = typed["at_once"] == "yes"
    return Wanted(
        MotionKind(kind), typed["reason"], typed["organisation"], typed["officer"], known, typed["name"], at_once
    )


_NO_KIND = Words("Kies wat er moet gebeuren.", "Choose what is to be done.")
