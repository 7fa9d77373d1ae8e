"""Timelines and involvements over HTTP: many releases in one answer, each entry with where it comes from."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import NO_STORE, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import AsProfessional, Use
from broker.api.problems import language_of, withheld_json
from broker.api.reactions import attached_json
from broker.api.releases import content_json
from broker.api.schemas import InvolvementsOut, LifelineBody, TimelineOut
from broker.domain.forms.involvements import Contact, Party
from broker.domain.lifelines import Entry, Involved, Part, Untold
from broker.domain.parties import Oin
from broker.services.lifelines import Involvements, OneRelease, SealedPart, Search, Timeline

router = APIRouter(prefix="/v1", tags=["releases"])
_ERRORS = (401, 403, 413, 415)


@router.post(
    "/timelines",
    **documented("Ask for one timeline of a person", TimelineOut, 200, body=LifelineBody, errors=_ERRORS),
)
async def timeline(request: Request, api: Use, professional: AsProfessional) -> Response:
    """What `timeline` and `help-history` say, from every handover about this person that is open to you for this purpose.

    Each is decided at this moment and logged as a release of its own; the family hears of it once. An answer with nothing in
    it is the same whether nobody is known by that identifier or nothing is open. Every request is logged.
    """
    found = await api.lifelines.timeline(professional, await _search(request))
    return _answer({"entries": [_entry(entry) for entry in found.entries]}, found, language_of(request))


@router.post(
    "/involvements",
    **documented("Ask who is involved", InvolvementsOut, 200, body=LifelineBody, errors=_ERRORS),
)
async def involvements(request: Request, api: Use, professional: AsProfessional) -> Response:
    """What `involved-organisations` says, gathered as a timeline is: only what the family consented to, and no flags.

    One coordinator at most: whoever was marked in what the family said yes to last.
    """
    found = await api.lifelines.involvements(professional, await _search(request))
    told = {
        "involvements": [_involved(one, found.names) for one in found.involved],
        "texts": [_text(one) for one in found.texts],
    }
    return _answer(told, found, language_of(request))


async def _search(request: Request) -> Search:
    body = read_as(LifelineBody, await read_json(request))
    return Search(body.identifier.system, body.identifier.value, body.purpose)


def _answer(told: dict[str, Any], found: Timeline | Involvements, language: str) -> Response:
    out = {
        **told,
        "sealed": [_sealed(one) for one in found.sealed],
        "releases": [_release(one, language) for one in found.releases],
        "more": found.more,
        "policyDigest": found.policy_digest,
    }
    return Response(orjson.dumps(out), 200, NO_STORE, "application/json")


def _from(part: Part) -> dict[str, Any]:
    source = part.source
    return {
        "source": {
            "organisation": source.organisation,
            "name": source.name,
            "handover": source.handover,
            "release": source.release,
            "type": source.section_type,
        },
        "corrected": part.corrected,
        "disputed": part.disputed,
        "reactions": [attached_json(reaction) for reaction in part.reactions],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    dates = {"from": entry.since and entry.since.text, "until": entry.until and entry.until.text}
    return {**_known(dates), "what": entry.what, **_from(entry.part)}


def _involved(one: Involved, names: Mapping[Oin, str]) -> dict[str, Any]:
    said = one.involvement
    told = {
        "party": _party(said.party, names),
        "role": said.role,
        "since": said.since.text,
        "until": said.until and said.until.text,
        "contact": said.contact and _contact(said.contact),
        "task": said.task,
        "waitsFor": said.waits_for,
        "bridge": said.bridge and _contact(said.bridge),
        "handsBackTo": said.hands_back_to and _party(said.hands_back_to, names),
        "coordinator": one.coordinates and one.coordinates.value,
    }
    return {**_known(told), **_from(one.part)}


def _text(one: Untold) -> dict[str, Any]:
    return {"text": one.text, **_from(one.part)}


def _party(party: Party, names: Mapping[Oin, str]) -> dict[str, Any]:
    return _known({"organisation": party.oin or None, "name": party.name or names.get(Oin(party.oin))})


def _contact(contact: Contact) -> dict[str, Any]:
    return {"name": contact.name, "phone": contact.phone}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _sealed(one: SealedPart) -> dict[str, Any]:
    return {"mediaType": one.content.media_type, **content_json(one.content), **_from(one.part)}


def _release(one: OneRelease, language: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "handover": one.handover,
        "withheld": withheld_json(one.withheld, language),
        "receipt": one.receipt,
    }
