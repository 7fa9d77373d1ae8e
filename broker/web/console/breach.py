"""A data breach looked into: what somebody got since a day, about whom, a notice, a file with proofs, and asking for names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response

from broker.domain.motions import LONGEST_REASON
from broker.domain.officers import Right, need
from broker.domain.presence import Purpose
from broker.errors import BrokerError, Conflict, Fault, Invalid
from broker.services.breach import Affected, BreachPage, BreachWanted
from broker.services.files import ProofFile
from broker.web.console.breach_notice import notice_of, plain
from broker.web.console.days import typed_day
from broker.web.console.names import NamesService
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.kit.texts import texts

KINDS = ("professional", "organisation", "client")


class BreachService(Protocol):
    """The use cases."""

    async def partners(self, token: str) -> tuple[tuple[str, str], ...]:
        """The organisations to choose from."""

    async def touched(self, token: str, wanted: BreachWanted) -> BreachPage:
        """A page of what they got. Raises Invalid with all that is wrong with the form."""

    async def affected(self, token: str, wanted: BreachWanted) -> Affected:
        """How many, about whom and what. Raises Invalid with all that is wrong with the form."""

    async def taken(self, token: str, wanted: BreachWanted) -> ProofFile:
        """The lines with proofs. Raises Invalid, NotAllowed, and Conflict for nothing, too much or too early."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as they were typed, to fill the form again."""

    by: str = "professional"
    professional: str = ""
    organisation: str = ""
    client: str = ""
    first_day: str = ""
    last_day: str = ""


class BreachPages:
    """The form, the lines, the draft of a notice, the file."""

    def __init__(self, breach: BreachService, names: NamesService, visits: Visits, pages: Pages) -> None:
        self._breach = breach
        self._names = names
        self._visits = visits
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The form."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.READ_PERSON)
        return await self._show(request, visit, Typed())

    async def back(self, request: Request) -> Response:
        """Where the form is: a draft and a file come of a press alone."""
        need((await self._visits.signed_in(request)).session.rights, Right.READ_PERSON)
        raise Elsewhere("/console/breach")

    async def touched(self, request: Request) -> Response:
        """The lines; or the form, with what is wrong, or filled with a number from another page."""
        visit, typed, fields = await self._typed(request)
        if fields.get("fill"):
            return await self._show(request, visit, typed)
        try:
            wanted = _wanted(typed, fields)
            page = await self._breach.touched(visit.token, wanted)
        except Invalid as error:
            return await self._show(request, visit, typed, error)
        return self._pages.show(
            request, "console/breach.html", visitor=visit.visitor, typed=typed, kinds=KINDS, page=page, error=None,
            organisations=page.organisations, later_page=bool(wanted.before), longest=LONGEST_REASON,
            manages=Right.MANAGE in visit.session.rights, confirmed=Purpose.NAMES in visit.session.confirmed,
        )  # fmt: skip

    async def notice(self, request: Request) -> Response:
        """The numbers and the draft, on a page or as a text file."""
        visit, typed, fields = await self._typed(request)
        try:
            affected = await self._breach.affected(visit.token, _wanted(typed, fields))
        except Invalid as error:
            return await self._show(request, visit, typed, error)
        its = texts(self._pages.language(request))
        draft = notice_of(affected, its)
        if fields.get("save"):
            response = Response(plain(draft).encode(), media_type="text/plain; charset=utf-8")
            name = its.gettext("rondom-breach-notice")
            response.headers["Content-Disposition"] = f'attachment; filename="{name}-{affected.at:%Y-%m-%d}.txt"'
            return self._pages.protected(response)
        return self._pages.show(
            request, "console/breach-notice.html", visitor=visit.visitor, typed=typed, affected=affected, draft=draft
        )

    async def file(self, request: Request) -> Response:
        """The lines with proofs."""
        visit, typed, fields = await self._typed(request)
        try:
            made = await self._breach.taken(visit.token, _wanted(typed, fields))
        except (Invalid, Conflict) as error:
            return await self._show(request, visit, typed, error)
        name = texts(self._pages.language(request)).gettext("rondom-breach")
        response = Response(made.content, media_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{made.at:%Y-%m-%d}.json"'
        return self._pages.protected(response)

    async def names(self, request: Request) -> Response:
        """Propose to another officer that the names may be taken."""
        visit, typed, fields = await self._typed(request)
        need(visit.session.rights, Right.MANAGE)
        try:
            motion = await self._names.propose(visit.token, _wanted(typed, fields), fields.get("reason", ""))
        except (Invalid, Conflict) as error:
            return await self._show(request, visit, typed, error)
        return self._pages.go(f"/console/motions/{motion}")

    async def _typed(self, request: Request) -> tuple[Visit, Typed, Mapping[str, str]]:
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.READ_PERSON)
        fields = await self._visits.form(request, visit)
        names = ("by", "professional", "organisation", "client", "first_day", "last_day")
        return visit, Typed(*(fields.get(name, "")[:128] for name in names)), fields

    async def _show(self, request: Request, visit: Visit, typed: Typed, error: BrokerError | None = None) -> Response:
        return self._pages.show(
            request, "console/breach.html", visitor=visit.visitor, typed=typed, kinds=KINDS, page=None, error=error,
            organisations=await self._breach.partners(visit.token), later_page=False,
        )  # fmt: skip


def _wanted(typed: Typed, fields: Mapping[str, str]) -> BreachWanted:
    """Read the form. Raises Invalid for what is no day; all else the use case says."""
    faults: list[Fault] = []
    days = [typed_day(fields, name, faults) for name in ("first_day", "last_day")]
    if faults:
        raise Invalid(faults)
    value = {"professional": typed.professional, "organisation": typed.organisation, "client": typed.client}
    return BreachWanted(typed.by, value.get(typed.by, "").strip(), days[0], days[1], fields.get("before", ""))
