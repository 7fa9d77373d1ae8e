"""One person's report: for whom it is decides what is in it; a BSN is typed in the form's body and shown to nobody again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response

from broker.domain.officers import Right, need
from broker.errors import BrokerError, Fault, Invalid, Words
from broker.services.reporting import Report, ReportWanted
from broker.web.console.days import typed_bsn, typed_day
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages


class ReportService(Protocol):
    """The use case."""

    async def report(self, token: str, wanted: ReportWanted) -> Report:
        """A page of it, logged. Raises Invalid with what is wrong with the form."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as they were typed, to fill the form again; an identifier is never among them."""

    reader: str = "own"
    first_day: str = ""
    last_day: str = ""


class ReportPages:
    """The form and the report."""

    def __init__(self, reporting: ReportService, visits: Visits, pages: Pages) -> None:
        self._reporting = reporting
        self._visits = visits
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The form."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.READ_PERSON)
        return self._show(request, visit, Typed())

    async def report(self, request: Request) -> Response:
        """The report; or the form again, with what is wrong."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.READ_PERSON)
        fields = await self._visits.form(request, visit)
        typed = Typed(*(fields.get(name, "")[:64] for name in ("for", "first_day", "last_day")))
        try:
            wanted = _wanted(fields)
            report = await self._reporting.report(visit.token, wanted)
        except Invalid as error:
            subject = fields.get("subject", "") if not fields.get("identifier") else ""
            return self._show(request, visit, typed, error, subject)
        return self._pages.show(
            request, "console/report.html", visitor=visit.visitor, report=report, typed=typed, wanted=wanted
        )

    def _show(
        self, request: Request, visit: Visit, typed: Typed, error: BrokerError | None = None, subject: str = ""
    ) -> Response:
        return self._pages.show(
            request, "console/report-form.html", visitor=visit.visitor, typed=typed, error=error, subject=subject
        )


def _wanted(fields: Mapping[str, str]) -> ReportWanted:
    """Read the form. Raises Invalid with every fault."""
    faults: list[Fault] = []
    for_whom = fields.get("for", "")
    identifier = typed_bsn(fields, "identifier", faults)
    reader = typed_bsn(fields, "reader_identifier", faults) if for_whom == "authority" else ""
    days = [typed_day(fields, name, faults) for name in ("first_day", "last_day")]
    if not fields.get("identifier", "").strip() and not fields.get("subject"):
        faults.append(Fault("/identifier", _NO_PERSON))
    if for_whom not in ("own", "authority"):
        faults.append(Fault("/for", _NO_READER))
    elif for_whom == "authority" and not fields.get("reader_identifier", "").strip() and not fields.get("reader"):
        faults.append(Fault("/reader_identifier", _WHICH_READER))
    if faults:
        raise Invalid(faults)
    theirs = for_whom == "authority"
    return ReportWanted(
        identifier=identifier,
        subject="" if identifier else fields.get("subject", ""),
        reader_identifier=reader if theirs else "",
        reader=fields.get("reader", "") if theirs and not reader else "",
        first_day=days[0],
        last_day=days[1],
        before=fields.get("before", ""),
        sheet=bool(fields.get("sheet")),
    )


_NO_PERSON = Words("Vul het BSN in van wie het overzicht gaat.", "Fill in the BSN of whom the report is about.")
_NO_READER = Words("Kies voor wie het overzicht is.", "Choose for whom the report is.")
_WHICH_READER = Words("Vul het BSN in van wie gezag heeft.", "Fill in the BSN of who holds authority.")
