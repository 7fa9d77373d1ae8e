"""What the endpoints are given: the use cases, and a caller who proved who it is. Closed unless an endpoint opens itself.

An endpoint's signature shows who may call it: `AsOrganisation`, `AsProfessional`, `AsAnyCaller`, or nobody's token. Who
calls comes before the `Id`: nobody hears of an id before saying who they are.
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
    """The use cases behind the API."""

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


def token_of(request: Request, header: Annotated[str | None, Depends(bearer)]) -> str:
    """The bearer token (RFC 6750 section 2.1). Raises NotAuthenticated without one."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated
    return token


def id_of(id: Annotated[str, Path()]) -> str:  # noqa: A002 - the name in the path
    """The id in the path. Raises NotFound for what cannot be one, as for one that is not there."""
    if not ID.fullmatch(id):
        raise NotFound
    return id


Token = Annotated[str, Depends(token_of)]
Id = Annotated[str, Depends(id_of)]
Use = Annotated[Api, Depends(api_of)]


async def as_caller(api: Use, token: Token) -> Caller:
    """Any caller with a valid token."""
    return await api.access.caller(token)


async def as_organisation(api: Use, token: Token) -> Organisation:
    """An organisation itself."""
    return await api.access.organisation(token)


async def as_professional(api: Use, token: Token) -> Professional:
    """A professional."""
    return await api.access.professional(token)


AsAnyCaller = Annotated[Caller, Depends(as_caller)]
AsOrganisation = Annotated[Organisation, Depends(as_organisation)]
AsProfessional = Annotated[Professional, Depends(as_professional)]
