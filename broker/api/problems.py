"""Every refusal as a problem (RFC 9457): the one place where errors become HTTP.

Texts come from the errors themselves, in Dutch or English by `Accept-Language`; nothing that came in is repeated.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from broker import errors
from broker.api.deps import api_of
from broker.api.headers import HEADERS, MOST_HEADERS
from broker.domain.channels import Channel
from broker.domain.proofs import ALGORITHMS, CertificateRefused, ProofRefused
from broker.domain.rates import RateLimited
from broker.domain.retries import KeyUsedOtherwise
from broker.services.access import TokenRefused
from broker.services.releases import ReleaseDenied
from broker.services.releasing import Withheld
from broker.services.views import ChangedSince
from broker.services.waiting import seconds_to_wait

STATUS: tuple[tuple[type[errors.BrokerError], int], ...] = (
    (errors.Invalid, 400),
    (errors.NotAuthenticated, 401),
    (ReleaseDenied, 403),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (ChangedSince, 412),
    (KeyUsedOtherwise, 422),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
    (errors.Tampered, 500),
    (errors.Unsafe, 500),
)
TITLES: Mapping[int, errors.Words] = {
    400: errors.Words("De invoer klopt niet", "The input is not right"),
    401: errors.Words("Niet aangemeld", "Not authenticated"),
    403: errors.Words("Mag niet", "Not allowed"),
    404: errors.Words("Niet gevonden", "Not found"),
    405: errors.Words("Kan hier niet", "Not possible here"),
    409: errors.Words("Past niet bij wat er al is", "Does not fit what is there"),
    412: errors.Words("Veranderd sinds u keek", "Changed since you looked"),
    413: errors.Words("Te groot", "Too large"),
    415: errors.Words("Andere vorm nodig", "Another form is needed"),
    422: errors.Words("Deze sleutel hoort bij iets anders", "This key belongs to something else"),
    429: errors.Words("Te vaak", "Too often"),
    431: errors.Words("De kopregels zijn te groot", "The headers are too large"),
    500: errors.Words("Er ging iets mis", "Something went wrong"),
    503: errors.Words("Nu niet beschikbaar", "Not available now"),
}
_ONCE = errors.Words(
    "Een verzoek met een Idempotency-Key kunt u gerust nog eens sturen: het wordt één keer gedaan.",
    "A request with an Idempotency-Key may safely be sent again: it is done once.",
)
MOST_FAULTS = 200
"""A list of faults that nobody reads to the end is only good for filling a line."""
_SPOKEN = re.compile(
    r"[ \t]*(?P<tag>nl|en)(?:-[a-z0-9]{1,8})*(?:[ \t]*;[ \t]*q=(?P<q>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*",
    re.IGNORECASE,
)
"""One of the languages that we answer in, with its weight (RFC 9110 sections 12.4.2 and 12.5.4)."""
_log = structlog.get_logger(__name__)


def language_of(request: Request) -> str:
    """`nl` when that is what the caller prefers, otherwise `en` (RFC 9110 section 12.5.4); what cannot be read is passed over."""
    best, found = 0.0, "en"
    for part in request.headers.get("accept-language", "")[:200].split(","):
        read = _SPOKEN.fullmatch(part)
        quality = float(read["q"] or 1) if read else 0.0
        if read and quality > best:
            best, found = quality, read["tag"].lower()
    return found


def status_of(error: errors.BrokerError) -> int:
    """The status of an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def problem(
    request: Request, status: int, words: errors.Words, code: str, *, more: Mapping[str, Any] | None = None
) -> Response:
    """One problem document."""
    language = language_of(request)
    title = TITLES.get(status, TITLES[500])
    body = {
        "type": f"urn:rondom:problem:{code}",
        "title": title.in_language(language),
        "status": status,
        "detail": words.in_language(language),
        **(more or {}),
    }
    headers = {"Content-Language": language}
    if status == 401:
        headers["WWW-Authenticate"] = _challenge(request)
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


async def headers_too_large(scope: Scope, receive: Receive, send: Send) -> None:
    """RFC 6585 section 5."""
    words = errors.Words(
        f"Adres en kopregels samen zijn hoogstens {MOST_HEADERS // 1024} KiB. Er is niets gedaan.",
        f"Address and headers together are {MOST_HEADERS // 1024} KiB at most. Nothing was done.",
    )
    await problem(Request(scope), 431, words, "headers-too-large")(scope, receive, send)


def _challenge(request: Request, error: str = "") -> str:
    """How to come in, and for a token that was shown what is wrong (RFC 6750 section 3, RFC 9449 section 7.1)."""
    dpop = f'algs="{" ".join(ALGORITHMS)}"'
    if error == "invalid_dpop_proof" or request.headers.get("authorization", "").lower().startswith("dpop "):
        return f'DPoP error="{error or "invalid_token"}", {dpop}'
    return f'Bearer error="{error}", DPoP {dpop}' if error else f"Bearer, DPoP {dpop}"


def withheld_json(withheld: tuple[Withheld, ...], language: str) -> list[dict[str, Any]]:
    """What was not released, and why, as far as a recipient may know."""
    return [
        {
            "type": item.type,
            "reasons": [
                {
                    "code": item.code.value,
                    "message": item.message.in_language(language),
                    "nextStep": item.next_step.in_language(language),
                    "useOtherChannel": [channel_json(channel, language) for channel in item.channels],
                }
            ],
        }
        for item in withheld
    ]


def channel_json(channel: Channel, language: str) -> dict[str, Any]:
    """A way outside this broker: whom to call, and the article that it rests on."""
    return {
        "id": channel.id,
        "article": channel.article,
        "call": channel.call.in_language(language),
        "contact": channel.contact,
    }


async def broker_error(request: Request, error: errors.BrokerError) -> Response:
    """A refusal on purpose."""
    if isinstance(error, TokenRefused):
        return oauth_error(request, error)
    status, language = status_of(error), language_of(request)
    if status >= 500:
        _log.error("api:refused", code=error.code, exc_info=error)
        api_of(request).alarms.hear(error, getattr(request.scope.get("route"), "path", "unknown"))
    more: dict[str, Any] = {}
    if isinstance(error, errors.Invalid):
        faults = error.faults[:MOST_FAULTS]
        more["errors"] = [{"pointer": f.pointer, "detail": f.words.in_language(language)} for f in faults]
    if isinstance(error, ReleaseDenied):
        more["withheld"] = withheld_json(error.withheld, language)
    words = (
        errors.Words(f"{error.words.nl} {_ONCE.nl}", f"{error.words.en} {_ONCE.en}")
        if isinstance(error, errors.Uncertain)
        else error.words
    )
    response = problem(request, status, words, error.code, more=more)
    if isinstance(error, ProofRefused | CertificateRefused):
        wrong = error.error if isinstance(error, ProofRefused) else "invalid_token"
        response.headers["WWW-Authenticate"] = _challenge(request, wrong)
    if status == 401:
        request.state.budgets = []  # who is not let in does not hear what the organisation may still call
    if isinstance(error, RateLimited):
        known = [budget for budget in getattr(request.state, "budgets", ()) if budget.name != error.budget.name]
        request.state.budgets = [*known, error.budget]
    if (seconds := seconds_to_wait(error)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def oauth_error(request: Request, error: TokenRefused) -> Response:
    """RFC 6749 section 5.2."""
    status = 401 if error.code == "invalid_client" else 400
    body = {"error": error.code, "error_description": error.words.en}
    return Response(orjson.dumps(body), status, {"Cache-Control": "no-store"}, "application/json")


async def unexpected(request: Request, error: Exception) -> Response:
    """Whatever nobody thought of: logged by place, told as little as possible, and nothing was released."""
    _log.error("api:failed", exc_info=error)
    response = problem(request, 500, errors.BrokerError.words, "unexpected")
    response.headers.update({**HEADERS, "Cache-Control": "no-store"})
    return response
