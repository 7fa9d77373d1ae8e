"""The officer looks at who got what, when and why; a BSN is typed in the form's body and shown to nobody again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import Request, Response

from broker.errors import BrokerError, Fault, Invalid, NotAuthenticated, Unavailable, Words
from broker.services.officer_screens import EntryFilter
from broker.services.view_screens import LinesPage
from broker.web.console.days import typed_bsn, typed_day
from broker.web.console.views import ViewingService
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.ports import ConsoleService

OUTCOMES = ("permitted", "partly", "denied", "other")
_NO_ROWS = LinesPage(())


@dataclass(frozen=True, slots=True)
class Typed:
    """The filter's fields as they were typed, to fill the form again; the identifier is never among them."""

    organisation: str = ""
    outcome: str = ""
    first_day: str = ""
    last_day: str = ""


class Disclosures:
    """The list and one entry of it."""

    def __init__(self, console: ConsoleService, viewing: ViewingService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._viewing = viewing
        self._visits = visits
        self._pages = pages

    async def latest(self, request: Request) -> Response:
        """The newest lines."""
        visit = await self._visits.signed_in(request)
        page = await self._viewing.lines(visit.token, EntryFilter())
        return self._show(request, visit, page, Typed(), EntryFilter())

    async def search(self, request: Request) -> Response:
        """The lines that were asked for."""
        visit = await self._visits.signed_in(request)
        fields = await self._visits.form(request, visit)
        typed = Typed(*(fields.get(name, "")[:64] for name in ("organisation", "outcome", "first_day", "last_day")))
        try:
            wanted = _filter(fields)
            page = await self._viewing.lines(visit.token, wanted)
        except (NotAuthenticated, Unavailable):
            raise
        except BrokerError as error:
            everything = await self._viewing.lines(visit.token, EntryFilter())
            return self._show(
                request, visit, replace(_NO_ROWS, organisations=everything.organisations), typed, error=error
            )
        return self._show(request, visit, page, typed, wanted)

    async def entry(self, request: Request) -> Response:
        """One line in full: why it was allowed or refused."""
        visit = await self._visits.signed_in(request)
        detail = await self._console.entry(visit.token, request.path_params["entry_id"])
        return self._pages.show(request, "console/entry.html", visitor=visit.visitor, entry=detail)

    def _show(
        self,
        request: Request,
        visit: Visit,
        page: LinesPage,
        typed: Typed,
        wanted: EntryFilter | None = None,
        error: BrokerError | None = None,
    ) -> Response:
        """The list. From an identifier only the pseudonym goes on, to the next page and to a narrower search."""
        asked = wanted or EntryFilter()
        return self._pages.show(
            request,
            "console/disclosures.html",
            visitor=visit.visitor,
            page=page,
            typed=typed,
            subject=page.person,
            reader=page.reader,
            fold=asked.fold,
            later_page=bool(asked.before),
            searched=wanted is not None and wanted != EntryFilter(),
            outcomes=OUTCOMES,
            error=error,
        )


def _filter(fields: Mapping[str, str]) -> EntryFilter:
    """Read the form; raises Invalid with everything that is wrong with it."""
    faults: list[Fault] = []
    first, last = typed_day(fields, "first_day", faults), typed_day(fields, "last_day", faults)
    if first and last and last < first:
        faults.append(
            Fault("/last_day", Words("De laatste dag ligt voor de eerste.", "The last day is before the first."))
        )
    identifier = typed_bsn(fields, "identifier", faults)
    outcome = fields.get("outcome", "")
    if outcome and outcome not in OUTCOMES:
        faults.append(Fault("/outcome", Words("Deze uitkomst bestaat niet.", "There is no such outcome.")))
    if faults:
        raise Invalid(faults)
    if fields.get("fold"):
        return EntryFilter(fold=fields["fold"][:36], before=fields.get("before", "")[:80])
    return EntryFilter(
        identifier=identifier,
        subject="" if identifier else fields.get("subject", ""),
        reader=fields.get("reader", ""),
        organisation=fields.get("organisation", ""),
        outcome=outcome,
        first_day=first,
        last_day=last,
        before=fields.get("before", "")[:80],
    )
