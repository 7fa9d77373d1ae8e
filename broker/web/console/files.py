"""An officer takes a part of the log as a file; what was typed is in the form's body, and nowhere else."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from broker.domain.officers import Right, need
from broker.domain.presence import Purpose
from broker.errors import BrokerError, Conflict, Fault, Invalid, Words
from broker.services.files import ExportFile, ExportFormat, ExportWanted
from broker.web.console.days import typed_day
from broker.web.console.visits import Visit, Visits
from broker.web.kit.pages import Pages, alarm
from broker.web.kit.texts import texts
from broker.web.ports import ConsoleService

FORMATS = get_args(ExportFormat)


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as they were typed, to fill the form again."""

    format: str = "bundle"
    first_day: str = ""
    last_day: str = ""
    handover: str = ""


class Files:
    """The form, and the file that comes of it."""

    def __init__(self, console: ConsoleService, visits: Visits, pages: Pages) -> None:
        self._console = console
        self._visits = visits
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The form."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.TAKE_AWAY)
        return self._show(request, visit, Typed())

    async def download(self, request: Request) -> Response:
        """The file, sent while it is read; or the form again, with what is wrong."""
        visit = await self._visits.signed_in(request)
        need(visit.session.rights, Right.TAKE_AWAY)
        fields = await self._visits.form(request, visit)
        typed = Typed(*(fields.get(name, "")[:64] for name in ("format", "first_day", "last_day", "handover")))
        try:
            wanted = _wanted(fields)
            made = await self._console.download(visit.token, wanted)
        except (Invalid, Conflict) as error:
            return self._show(request, visit, typed, error)
        name = texts(self._pages.language(request)).gettext("rondom-log")
        days = [f"{day:%Y-%m-%d}" for day in (wanted.first_day, wanted.last_day) if day] or [f"{made.at:%Y-%m-%d}"]
        response = StreamingResponse(self._heard(request, made), media_type=made.media_type)
        response.headers["Content-Disposition"] = f'attachment; filename="{"-".join([name, *days])}.{made.ending}"'
        return self._pages.protected(response)

    async def _heard(self, request: Request, made: ExportFile) -> AsyncIterator[bytes]:
        """The pieces; what goes wrong among them is heard by the operator, and the file breaks off."""
        try:
            async for piece in made.pieces:
                yield piece
        except BrokerError as error:
            alarm(request, error, self._pages.site)
            raise

    def _show(self, request: Request, visit: Visit, typed: Typed, error: BrokerError | None = None) -> Response:
        return self._pages.show(
            request,
            "console/files.html",
            visitor=visit.visitor,
            typed=typed,
            formats=FORMATS,
            confirmed=Purpose.TAKE_AWAY in visit.session.confirmed,
            error=error,
        )


def _wanted(fields: Mapping[str, str]) -> ExportWanted:
    """Read the form. Raises Invalid with every fault."""
    faults: list[Fault] = []
    days = [typed_day(fields, name, faults) for name in ("first_day", "last_day")]
    form = _format(fields.get("format", ""), faults)
    if faults:
        raise Invalid(faults)
    return ExportWanted(form, days[0], days[1], fields.get("handover", "").lower())


def _format(text: str, faults: list[Fault]) -> Literal["bundle", "csv", "fhir"]:
    if text not in FORMATS:
        faults.append(Fault("/format", Words("Kies een soort bestand.", "Choose a kind of file.")))
    return "csv" if text == "csv" else "fhir" if text == "fhir" else "bundle"
