"""Releases over HTTP: ask, and say that it was read."""

import base64
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import NO_STORE, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import AsProfessional, Id, Use
from broker.api.problems import language_of, withheld_json
from broker.api.reactions import attached_json
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import ReleaseBody, ReleaseOut
from broker.domain.handovers import Content, HandoverId, SealedContent
from broker.domain.releases import ReleaseRequest

router = APIRouter(prefix="/v1", tags=["releases"])


@router.post(
    "/releases",
    **documented("Ask for a release", ReleaseOut, 200, body=ReleaseBody, errors=(401, 403, 404, 409, 413, 415, 422)),
)
async def ask(request: Request, api: Use, professional: AsProfessional, key: RetryKey = "") -> Response:
    """What consent and agreement allow, decided at this moment, logged before it leaves.

    Nothing released is 403 with the reasons; a handover that is not addressed to you is 404, like one that is not there.
    With the same `Idempotency-Key` it is decided and logged anew: no answer is kept, and a no that came since counts.
    """
    raw = await read_json(request)
    body = read_as(ReleaseBody, raw)
    types = tuple(dict.fromkeys(body.sections)) if body.sections is not None else None
    asked = ReleaseRequest(professional, HandoverId(body.handover), body.purpose, types)
    release = await api.releases.ask(asked, attempt_of(key, professional, "release", raw))
    out = {
        "id": release.id,
        "released": [
            {
                "type": r.type,
                "mediaType": r.content.media_type,
                **_content(r.content),
                "disputed": r.disputed,
                "reactions": [attached_json(reaction) for reaction in r.reactions],
            }
            for r in release.released
        ],
        "withheld": withheld_json(release.withheld, language_of(request)),
        "policyDigest": release.policy_digest,
        "receipt": release.receipt,
    }
    return Response(orjson.dumps(out), 200, NO_STORE, "application/json")


def _content(content: Content | SealedContent) -> dict[str, Any]:
    if isinstance(content, SealedContent):
        sealed = {
            "format": "rondom-sealed-1",
            "kid": content.kid,
            "key": _base64url(content.key),
            "ciphertext": _base64url(content.ciphertext),
            "sender": content.sender,
            "reference": _base64url(content.mark),
        }
        return {"sealed": sealed}
    if content.media_type == "application/json":
        return {"content": orjson.Fragment(content.body)}
    return {"content": content.body.decode()}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@router.post(
    "/releases/{id}/acknowledgement",
    **documented("Acknowledge a release", None, 204, errors=(400, 401, 403, 404, 409, 422)),
)
async def acknowledge(
    api: Use,
    professional: AsProfessional,
    id: Id,  # noqa: A002 - the name in the path
    key: RetryKey = "",
) -> Response:
    """Read and taken over; saying it again changes nothing."""
    await api.releases.acknowledge(professional, id, attempt_of(key, professional, "acknowledge", id))
    return Response(status_code=204)
