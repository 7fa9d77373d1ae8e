"""What the endpoints are given: the use cases, and a caller who proved who it is. Closed unless an endpoint opens itself.

An endpoint's signature shows who may call it: `AsOrganisation`, `AsProfessional`, `AsAnyCaller`, or nobody's token. Who
calls comes before the `Id`: nobody hears of an id before saying who they are.

What FastAPI calls is `async` also where nothing is waited for: a plain function would take a trip to a thread each time.
Beside each is the same as a plain function of the request, for operations that are called by hand (`broker.api.by_hand`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2

from broker.domain.log_ports import CosignedLog, LogTiles
from broker.domain.parties import Organisation, Professional
from broker.domain.ports import Phrases
from broker.domain.tokens import Shown
from broker.errors import NotAuthenticated, NotFound
from broker.services.access import Access, Caller, Holder
from broker.services.alarms import Alarms
from broker.services.boxes import Boxes
from broker.services.directory import Directory
from broker.services.evaluations import Evaluations
from broker.services.handovers import Handovers
from broker.services.hearing import Hearing
from broker.services.indicators import Indicators
from broker.services.invitations import Invitations
from broker.services.lifelines import Lifelines
from broker.services.long_watches import LongWatches
from broker.services.partner_events import PartnerEvents
from broker.services.partners import Partners
from broker.services.releases import Releases
from broker.services.sign_offs import SignOffs
from broker.services.tasks import Tasks
from broker.services.urgent import Urgent
from broker.services.webhooks import Webhooks

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Api:
    """The use cases behind the API. `certificates`: tokens can be bound to the certificates that a trusted proxy sees."""

    access: Access
    handovers: Handovers
    boxes: Boxes
    urgent: Urgent
    long_watches: LongWatches
    invitations: Invitations
    partner_events: PartnerEvents
    webhooks: Webhooks
    releases: Releases
    lifelines: Lifelines
    reactions: Hearing
    sign_offs: SignOffs
    tasks: Tasks
    partners: Partners
    directory: Directory
    indicators: Indicators
    evaluations: Evaluations
    log: LogTiles
    cosigned: CosignedLog
    ready: Callable[[], Any]
    public_url: str
    phrases: Phrases
    alarms: Alarms = field(default_factory=Alarms)
    demo: bool = False
    """Whether this is a demonstration, which it then says of itself."""
    certificates: bool = False


def api_of(request: Request) -> Api:
    """The use cases of this application."""
    return cast(Api, request.app.state.api)


bearer = OAuth2(
    scheme_name="oauth2",
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl="/oauth/token",
            scopes={
                "handovers": "push handovers and invite people, as an organisation",
                "releases": "ask for releases, as a professional",
            },
        )
    ),
    auto_error=False,
)


CERTIFICATES = "rondom.client-certificates"
"""Where in the scope of a request the certificates are that a trusted proxy saw (`broker.api.proxies`)."""


def shown_of(request: Request, scheme: str = "", token: str = "") -> Shown:
    """What a request carries beside its body; with the token, if one was read."""
    return Shown(
        request.method,
        api_of(request).public_url + request.scope["raw_path"].decode("latin-1"),
        scheme,
        token,
        proofs=tuple(request.headers.getlist("dpop")),
        certificates=request.scope.get(CERTIFICATES, ()),
    )


def token_of(request: Request) -> Shown:
    """What a request carries, with its token (RFC 6750 section 2.1, RFC 9449 section 7.1).

    Raises NotAuthenticated without a token, or for more than one.
    """
    headers = request.headers.getlist("authorization")
    scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token:
        raise NotAuthenticated
    return shown_of(request, scheme.lower(), token)


def id_of(request: Request) -> str:
    """The id in the path. Raises NotFound for what cannot be one, as for one that is not there."""
    found: str = request.path_params["id"]
    if not ID.fullmatch(found):
        raise NotFound
    return found


async def caller_of(request: Request) -> Caller:
    """Any caller with a valid token; the answer will say what it may still call."""
    caller = await api_of(request).access.caller(token_of(request))
    request.state.budgets = [caller.budget]
    return caller


async def professional_of(request: Request) -> Professional:
    """A professional."""
    return api_of(request).access.professional(await caller_of(request))


async def holder_of(request: Request) -> Holder:
    """A professional whom the operation itself lets in (`Holder.admit`)."""
    access = api_of(request).access
    holder = await access.holder(token_of(request))
    request.state.budgets = [holder.budget]
    access.professional(holder)
    request.state.holder = holder
    return holder


async def use(request: Request) -> Api:
    """See `api_of`."""
    return api_of(request)


async def as_shown(request: Request) -> Shown:
    """See `shown_of`."""
    return shown_of(request)


async def as_caller(request: Request, header: Annotated[str | None, Depends(bearer)]) -> Caller:
    """See `caller_of`; the header is named for the description."""
    return await caller_of(request)


AsAnyCaller = Annotated[Caller, Depends(as_caller)]


async def as_organisation(request: Request, caller: AsAnyCaller) -> Organisation:
    """An organisation itself."""
    return api_of(request).access.organisation(caller)


async def as_professional(request: Request, caller: AsAnyCaller) -> Professional:
    """A professional."""
    return api_of(request).access.professional(caller)


async def as_holder(request: Request, header: Annotated[str | None, Depends(bearer)]) -> Holder:
    """A professional whom the operation itself lets in: only by hand, where it is seen to that it does."""
    raise NotImplementedError


async def as_id(request: Request, id: Annotated[str, Path()]) -> str:  # noqa: A002 - the name in the path
    """See `id_of`."""
    return id_of(request)


Id = Annotated[str, Depends(as_id)]
AsShown = Annotated[Shown, Depends(as_shown)]
Use = Annotated[Api, Depends(use)]
AsOrganisation = Annotated[Organisation, Depends(as_organisation)]
AsProfessional = Annotated[Professional, Depends(as_professional)]
AsHolder = Annotated[Holder, Depends(as_holder)]
"""A professional, with a token that was verified, whom the operation lets in: only for `broker.api.by_hand`."""
