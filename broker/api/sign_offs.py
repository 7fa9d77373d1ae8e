"""Who agrees with a section that was written together, over HTTP: nobody says it here for somebody else, or for a family."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import AsOrganisation, AsProfessional, Id, Use
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import SaidOut, SectionSignOffsOut, SignOffBody, SignOffKept, SignOffList, SignOffOut
from broker.domain.sign_offs import SignOff
from broker.services.releasing import SignedOff

router = APIRouter(prefix="/v1", tags=["releases"])


@router.post(
    "/releases/{id}/sign-offs",
    **documented(
        "Say whether you agree",
        SignOffKept,
        201,
        body=SignOffBody,
        errors=(401, 403, 404, 409, 413, 415, 422),
    ),
)
async def say(
    request: Request,
    api: Use,
    professional: AsProfessional,
    id: Id,  # noqa: A002 - the name in the path
    key: RetryKey = "",
) -> Response:
    """Of one section that this release of yours held, by its digest: that you agree, or in your own words how you see it.

    Your words leave with the section, under your organisation and role. Your last word about a version counts; saying the same
    again changes nothing. Of another version than the one in force nothing is kept (409).
    """
    raw = await read_json(request)
    body = read_as(SignOffBody, raw)
    attempt = attempt_of(key, professional, "sign-off", id, raw)
    kept = await api.sign_offs.say(professional, id, body.digest, body.text or "", attempt, agrees=body.agrees)
    one = SignOffKept.model_construct(
        id=kept.said.id, type=kept.said.section_type, **_said(kept.said, kept.said.version), statement=kept.statement
    )
    return answer(one, 201)


@router.get(
    "/handovers/{id}/sign-offs",
    **documented("Read who agrees", SignOffList, 200, errors=(400, 401, 403, 404)),
    tags=["handovers"],
)
async def read(api: Use, organisation: AsOrganisation, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Of your own handover, for each section of which parties say so: its digest, and who said what. Reading is logged."""
    items = [
        SectionSignOffsOut.model_construct(type=found.type, sign_off=_out(found.signed_off))
        for found in await api.sign_offs.read(organisation.oin, id)
    ]
    return answer(SignOffList.model_construct(items=items))


def _out(signed: SignedOff) -> SignOffOut:
    said = [SaidOut.model_construct(**_said(one, signed.version)) for one in signed.said]
    return SignOffOut.model_construct(version=signed.version, digest=signed.digest, said=said)


def _said(one: SignOff, version: int) -> dict[str, Any]:
    """As others get it: a family's word under a capacity, never under a name or an id."""
    who: dict[str, Any] = (
        {"by": "family", "capacity": one.role}
        if one.by_family
        else {"by": "organisation", "organisation": one.organisation, "role": one.role}
    )
    text = {} if one.agrees else {"text": one.text}
    return {
        **who,
        "agrees": one.agrees,
        **text,
        "version": one.version,
        "digest": one.digest,
        "current": one.version == version,
        "at": one.at,
    }


def signed_off_json(signed: SignedOff) -> dict[str, Any]:
    """As it leaves with its section."""
    return {
        "version": signed.version,
        "digest": signed.digest,
        "said": [_said(one, signed.version) for one in signed.said],
    }
