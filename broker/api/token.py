"""The token endpoint and its metadata: RFC 6749, RFC 7523, RFC 8414, RFC 8705 and RFC 9449."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from broker.api.bodies import read_bytes
from broker.api.deps import AsShown, Use
from broker.domain.proofs import ALGORITHMS
from broker.errors import Words
from broker.services.access import CLIENT_ASSERTION, JWT_BEARER, Asked, TokenRefused

router = APIRouter(include_in_schema=False)


async def form(request: Request) -> dict[str, str]:
    """The form. Raises TokenRefused for another form, or a parameter that stands twice (RFC 6749 section 3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise TokenRefused(_FORM, code="invalid_request")
    try:
        pairs = parse_qsl((await read_bytes(request)).decode("ascii"), strict_parsing=True, max_num_fields=12)
    except ValueError:
        raise TokenRefused(_FORM, code="invalid_request") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TokenRefused(_FORM, code="invalid_request")
    return found


@router.post("/oauth/token")
async def token(api: Use, shown: AsShown, fields: Annotated[dict[str, str], Depends(form)]) -> Response:
    """A token for an organisation (client_credentials) or one of its professionals (jwt-bearer).

    With a `DPoP` header, or a client certificate, it is bound to that (RFC 9449, RFC 8705).
    """
    scope = fields.get("scope")
    grant = fields.get("grant_type")
    if grant == "client_credentials":
        if fields.get("client_assertion_type") != CLIENT_ASSERTION or "client_assertion" not in fields:
            raise TokenRefused(_FORM, code="invalid_request")
        issued = await api.access.for_organisation(Asked(fields["client_assertion"], shown, scope))
    elif grant == JWT_BEARER:
        if "assertion" not in fields:
            raise TokenRefused(_FORM, code="invalid_request")
        issued = await api.access.for_professional(Asked(fields["assertion"], shown, scope))
    else:
        raise TokenRefused(_GRANT, code="unsupported_grant_type")
    body = {"access_token": issued.token, "token_type": issued.type, "expires_in": 300, "scope": issued.scope}
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")


@router.get("/.well-known/oauth-authorization-server")
async def metadata(api: Use) -> JSONResponse:
    """RFC 8414; and that this is a demonstration, if it is one: made-up families are pushed nowhere else."""
    return JSONResponse(
        {
            "issuer": api.public_url,
            "token_endpoint": f"{api.public_url}/oauth/token",
            "jwks_uri": f"{api.public_url}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials", JWT_BEARER],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "dpop_signing_alg_values_supported": list(ALGORITHMS),
            "tls_client_certificate_bound_access_tokens": api.certificates,
            "response_types_supported": [],
            "scopes_supported": ["handovers", "releases"],
            "service_documentation": f"{api.public_url}/docs",
            **({"rondom_demo": True} if api.demo else {}),
        }
    )


@router.get("/.well-known/jwks.json")
async def jwks(api: Use) -> dict[str, Any]:
    """The keys that tokens are signed with."""
    return api.access.jwks()


_FORM = Words(
    "Stuur een formulier met grant_type en het bewijs, elk één keer.",
    "Send a form with grant_type and the assertion, each once.",
)
_GRANT = Words(
    "Gebruik client_credentials of urn:ietf:params:oauth:grant-type:jwt-bearer.",
    "Use client_credentials or urn:ietf:params:oauth:grant-type:jwt-bearer.",
)
