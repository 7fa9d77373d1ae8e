"""A page is a template in one language with the headers of every page; a refusal is a page too, with what to do next.

- Everything is escaped, and nothing turns the direction of text; a template that misses a value fails.
- No page is kept by a browser or a cache: a page about a person must not outlive the visit.
"""

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from broker.domain.directions import shown
from broker.domain.presence import ConfirmFirst, SecondPasskeyFirst
from broker.errors import (
    BrokerError,
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooMany,
    Unavailable,
    Words,
)
from broker.services.waiting import seconds_to_wait
from broker.web.kit.assets import assets
from broker.web.kit.headers import protect
from broker.web.kit.language import language_of
from broker.web.kit.packing import pack
from broker.web.kit.qr import qr_picture
from broker.web.kit.recordings import aloud
from broker.web.kit.site import Area, Site
from broker.web.kit.telephone import telephone
from broker.web.kit.texts import Texts, texts

WEB = Path(__file__).parent.parent
HOME: Mapping[Area, str] = {"family": "/", "console": "/console", "reference": "/"}
STATUS: Mapping[type[BrokerError], int] = {
    Invalid: 400,
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Unavailable: 503,
}
TOLD_TO_FAMILY: Mapping[Words, Words] = {
    NotFound.words: Words(
        "Deze pagina bestaat niet, of hij is niet voor jou.", "This page does not exist, or it is not for you."
    ),
    Invalid.words: Words("Er klopt iets niet. Er is niets opgeslagen.", "Something is not right. Nothing was saved."),
    Unavailable.words: Words(
        "Het lukt nu niet. Er is niets opgeslagen. Probeer het straks opnieuw.",
        "It does not work right now. Nothing was saved. Try again later.",
    ),
}
"""What a family reads where the error itself speaks to a professional."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the frame around a page needs to know of a visit: the secret for its forms, and a name."""

    csrf: str
    name: str = ""


def _from(path: str) -> str:
    """An address of the console as one part of another: `motions~5`."""
    return path.removeprefix("/console/").replace("/", "~")


def status_of(error: BrokerError) -> int:
    """The HTTP status of a refusal."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def alarm(request: Request, error: BrokerError, site: Site) -> None:
    """Let the operator hear of a refusal that is ours to mend: damaged data, or something that does not work."""
    site.alarms.hear(error, getattr(request.scope.get("route"), "path", "unknown"))
    if status_of(error) >= 500:
        _log.error("page:refused", code=error.code, **_where(error))


def _where(error: Exception) -> dict[str, Any]:
    """What kind of fault, and the places it came through; nothing that it says."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "trace": places}


def error_headers(error: BrokerError | None) -> dict[str, str]:
    """`Retry-After` for who tried too often, and for what does not work right now."""
    seconds = seconds_to_wait(error)
    return {} if seconds is None else {"Retry-After": str(seconds)}


@cache
def _environment(language: str) -> Environment:
    """Templates of all areas with the texts of one language."""
    rooms = {room: FileSystemLoader(WEB / room / "templates") for room in ("kit", "consent", "console")}
    environment = Environment(
        loader=PrefixLoader(rooms),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    its = texts(language)
    environment.install_gettext_callables(its.gettext, its.ngettext, newstyle=True)  # type: ignore[attr-defined]
    if its.from_the_right:
        _keep_apart(environment, its)
    environment.globals.update(
        asset=assets().address,
        language=language,
        direction=its.direction,
        dutch=texts("nl"),
        direction_of=direction_of,
        telephone=telephone,
        in_dutch="" if language == "nl" else Markup(' lang="nl"'),  # what organisations wrote
    )
    environment.filters.update(
        words=its.marked,
        day=its.day,
        exactly=its.exactly,
        moment=its.moment,
        clock=its.clock,
        listed=its.kept_apart,
        apart=its.apart,
        short=short,
        start=start,
        aloud=aloud,
    )
    environment.filters["qr"] = qr_picture
    return environment


def _keep_apart(environment: Environment, its: Texts) -> None:
    """Where a page runs from the right, whatever is filled into a text has its own direction: names, days, codes."""

    def values(given: dict[str, Any]) -> dict[str, Any]:
        return {name: its.apart(value) if isinstance(value, str) else value for name, value in given.items()}

    def gettext(message: str, **given: Any) -> str:
        return Markup(its.gettext(message)) % values(given)  # noqa: S704  the text is ours

    def ngettext(one: str, many: str, num: int, **given: Any) -> str:
        return Markup(its.ngettext(one, many, num)) % values({"num": num, **given})  # noqa: S704  the text is ours

    environment.globals.update(gettext=gettext, ngettext=ngettext)


def direction_of(language: str) -> str:
    """`ltr` or `rtl`."""
    return texts(language).direction


def short(pseudonym: str) -> str:
    """Eight signs of a pseudonym or digest, enough to compare by eye: of an id the last, for the first are its time."""
    if len(pseudonym) <= 9:
        return pseudonym
    return f"…{pseudonym[-8:]}" if _ID.fullmatch(pseudonym) else f"{pseudonym[:8]}…"


def start(text: str) -> str:
    """A label as it stands at the start of a line: with a capital."""
    if isinstance(text, Markup) and text.startswith("<"):
        head, mark, rest = text.partition(">")
        return head + mark + rest[:1].upper() + rest[1:]
    return text[:1].upper() + text[1:]


class Pages:
    """Lays out the pages of one area."""

    def __init__(self, site: Site, area: Area) -> None:
        self.site = site
        self.area = area

    def language(self, request: Request) -> str:
        """The language that a page for this request is in."""
        return language_of(request, self.site, self.area)

    def show(
        self,
        request: Request,
        template: str,
        *,
        visitor: Visitor | None = None,
        error: BrokerError | None = None,
        status: int | None = None,
        passkeys: bool = False,
        **values: Any,
    ) -> Response:
        """Fill the template. `error` is shown by the template itself, and gives the status.

        `passkeys`: a script of the page asks a device for a passkey.
        """
        if error is not None and status is None:
            alarm(request, error, self.site)
        language = self.language(request)
        text = (
            _environment(language)
            .get_template(template)
            .render(
                site=self.site,
                area=self.area,
                home=HOME[self.area],
                here=request.url.path,
                languages=[texts(code) for code in self.site.languages_of(self.area)],
                visitor=visitor,
                error=error,
                **values,
            )
        )
        response = HTMLResponse(
            shown(text), status or (200 if error is None else status_of(error)), error_headers(error)
        )
        response.headers["Content-Language"] = language
        return self.protected(pack(request, response, private=visitor is not None), passkeys=passkeys)

    def refusal(self, request: Request, error: BrokerError) -> Response:
        """The page for a refusal: what happened, and what to do. Who is not signed in starts again; who has to confirm it is led there."""
        if isinstance(error, NotAuthenticated):
            return self.go(HOME[self.area])
        if isinstance(error, ConfirmFirst):
            return self.go(f"/console/confirm/{error.purpose}/{quote(_from(request.url.path))}")
        alarm(request, error, self.site)
        if isinstance(error, SecondPasskeyFirst):
            return self.show(request, "console/second-passkey.html", error=error, status=status_of(error))
        code = status_of(error)
        told = TOLD_TO_FAMILY.get(error.words, error.words) if self.area == "family" else error.words
        return self.show(request, "kit/refusal.html", error=error, status=code, code=code, told=told)

    def failure(self, request: Request, error: Exception) -> Response:
        """The page for a fault of ours. The log hears where it was; never what was said, which may be personal."""
        _log.error("page:failed", **_where(error))
        ours = BrokerError()
        return self.show(request, "kit/refusal.html", error=ours, status=500, code=500, told=ours.words)

    def go(self, path: str) -> Response:
        """Continue at another page of ours, with GET."""
        return self.protected(RedirectResponse(path, 303))

    def protected(self, response: Response, *, passkeys: bool = False) -> Response:
        """Set the headers of every page."""
        protect(response, self.site, connect=self.area != "reference", passkeys=passkeys or self.area == "console")
        return response
