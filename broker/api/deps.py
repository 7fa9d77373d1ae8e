"""What the endpoints are given: the use cases, and a caller who proved who it is. Closed unless an endpoint opens itself.

An endpoint's signature shows who may call it: `AsOrganisation`, `AsProfessional`, `AsAnyCaller`, or nobody's token. Who
calls comes before the `Id`: nobody hears of an id before saying who they are.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2

from broker.domain.log_ports import CosignedLog, LogTiles
from broker.domain.parties import Organisation, Professional
from broker.domain.ports import Phrases
from broker.domain.tokens import Shown
from broker.errors import NotAuthenticated, NotFound
from broker.services.access import Access, Caller
from broker.services.alarms import Alarms
from broker.services.boxes import Boxes
from broker.services.evaluations import Evaluations
from broker.services.handovers import Handovers
from broker.services.hearing import Hearing
from broker.services.invitations import Invitations
from broker.services.partner_events import PartnerEvents
from broker.services.partners import Partners
from broker.services.releases import Releases
from broker.services.webhooks import Webhooks

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Api:
    """The use cases behind the API. `certificates`: tokens can be bound to the certificates that a trusted proxy sees."""

    access: Access
    handovers: Handovers
    boxes: Boxes
    invitations: Invitations
    partner_events: PartnerEvents
    webhooks: Webhooks
    releases: Releases
    reactions: Hearing
    partners: Partners
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


def shown_of(request: Request) -> Shown:
    """What a request carries beside its body, without a token."""
    return Shown(
        request.method,
        api_of(request).public_url + request.scope["raw_path"].decode("latin-1"),
        proofs=tuple(request.headers.getlist("dpop")),
        certificates=request.scope.get(CERTIFICATES, ()),
    )


def token_of(request: Request, header: Annotated[str | None, Depends(bearer)]) -> Shown:
    """What a request carries, with its token (RFC 6750 section 2.1, RFC 9449 section 7.1).

    Raises NotAuthenticated without a token, or for more than one.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token or len(request.headers.getlist("authorization")) != 1:
        raise NotAuthenticated
    return replace(shown_of(request), scheme=scheme.lower(), token=token)


def id_of(id: Annotated[str, Path()]) -> str:  # noqa: A002 - the name in the path
    """The id in the path. Raises NotFound for what cannot be one, as for one that is not there."""
    if not ID.fullmatch(id):
        raise NotFound
    return id


Token = Annotated[Shown, Depends(token_of)]
Id = Annotated[str, Depends(id_of)]
AsShown = Annotated[Shown, Depends(shown_of)]
Use = Annotated[Api, Depends(api_of)]


async def as_caller(request: Request, api: Use, token: Token) -> Caller:
    """Any caller with a valid token; the answer will say what it may still call."""
    caller = await api.access.caller(token)
    request.state.budgets = [caller.budget]
    return caller


AsAnyCaller = Annotated[Caller, Depends(as_caller)]


async def as_organisation(api: Use, caller: AsAnyCaller) -> Organisation:
    """An organisation itself."""
    return api.access.organisation(caller)


async def as_professional(api: Use, caller: AsAnyCaller) -> Professional:
    """A professional."""
    return api.access.professional(caller)


AsOrganisation = Annotated[Organisation, Depends(as_organisation)]
AsProfessional = Annotated[Professional, Depends(as_professional)]
