"""Releases over HTTP: ask, and say that it was read."""

import base64
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import NO_STORE, documented
from broker.api.bodies import read_as, read_json, read_json_if_any
from broker.api.by_hand import ByHand
from broker.api.deps import AsHolder, AsProfessional, Id, Use
from broker.api.preferences import applied, wait_of
from broker.api.problems import language_of, withheld_json
from broker.api.reactions import attached_json
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import AcknowledgementBody, ReleaseBody, ReleaseOut
from broker.api.sign_offs import signed_off_json
from broker.domain.handovers import Content, HandoverId, SealedContent
from broker.domain.releases import ReleaseRequest
from broker.services.releasing import Released

router = APIRouter(prefix="/v1", tags=["releases"], route_class=ByHand)


@router.post(
    "/releases",
    **documented(
        "Ask for a release", ReleaseOut, 200, body=ReleaseBody, errors=(401, 403, 404, 409, 413, 415, 422), waits=True
    ),
)
async def ask(request: Request, api: Use, holder: AsHolder, key: RetryKey = "") -> Response:
    """What consent and agreement allow, decided at this moment, logged before it leaves.

    Nothing released is 403 with the reasons; a handover that is not addressed to you is 404, like one that is not there.
    With the same `Idempotency-Key` it is decided and logged anew: no answer is kept, and a no that came since counts.
    The receipt is signed and complete; the log's proof is in it with `Prefer: wait=1` only, and always at `proofAt` later.
    """
    professional = api.access.professional(holder)
    raw = await read_json(request)
    body = read_as(ReleaseBody, raw)
    types = tuple(dict.fromkeys(body.sections)) if body.sections is not None else None
    asked = ReleaseRequest(professional, HandoverId(body.handover), body.purpose, types)
    wait = wait_of(request)
    release = await api.releases.ask(asked, attempt_of(key, professional, "release", raw), wait, holder.admit)
    out = {
        "id": release.id,
        "released": [
            {
                "type": r.type,
                "mediaType": r.content.media_type,
                **_header(r),
                **content_json(r.content),
                **({"signOff": signed_off_json(r.signed_off)} if r.signed_off else {}),
                "disputed": r.disputed,
                "reactions": [attached_json(reaction) for reaction in r.reactions],
            }
            for r in release.released
        ],
        "withheld": withheld_json(release.withheld, language_of(request)) if release.withheld else [],
        "policyDigest": release.policy_digest,
        "receipt": release.receipt,
    }
    return Response(orjson.dumps(out), 200, {**NO_STORE, **applied(wait)}, "application/json")


def _header(released: Released) -> dict[str, str]:
    """What a section comes from and how long it holds, as far as its sender said."""
    said = {
        "expires": released.expires and released.expires.isoformat(),
        "instrument": released.instrument,
        "assessedOn": released.assessed_on and released.assessed_on.isoformat(),
    }
    return {name: value for name, value in said.items() if value}


def content_json(content: Content | SealedContent) -> dict[str, Any]:
    """What left, as it stands in an answer."""
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
    **documented(
        "Acknowledge a release",
        None,
        204,
        body=AcknowledgementBody,
        needs_body=False,
        errors=(401, 403, 404, 409, 413, 415, 422),
    ),
)
async def acknowledge(
    request: Request,
    api: Use,
    professional: AsProfessional,
    id: Id,  # noqa: A002 - the name in the path
    key: RetryKey = "",
) -> Response:
    """`read`, or without a body `taken-over`: read and taken over. Saying it again changes nothing."""
    raw = await read_json_if_any(request)
    taken_over = raw is None or read_as(AcknowledgementBody, raw).state == "taken-over"
    attempt = attempt_of(key, professional, "acknowledge", id, *([] if raw is None else [raw]))
    await api.releases.acknowledge(professional, id, attempt, taken_over=taken_over)
    return Response(status_code=204)
