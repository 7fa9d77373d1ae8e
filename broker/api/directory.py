"""The directory of partners, the words of the agreement, and the agreement itself."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.deps import AsAnyCaller, Use
from broker.api.schemas import (
    KindTermOut,
    OrganisationList,
    OrganisationOut,
    PolicyOut,
    ReachabilityOut,
    ReceivedTypeOut,
    ReceivesForOut,
    ReceivesOut,
    SealingKeyList,
    SealingKeyOut,
    SectionTermOut,
    TermOut,
    VocabularyOut,
)
from broker.domain.overview import OverviewCell
from broker.domain.parties import Organisation
from broker.domain.vocabulary import Kind, Term
from broker.errors import Words

router = APIRouter(prefix="/v1", tags=["directory"])


@router.get("/organisations", **documented("List the partners", OrganisationList, 200, errors=(401,)))
async def organisations(api: Use, caller: AsAnyCaller) -> Response:
    """Every partner that is not suspended, by name."""
    found = [o for o in await api.partners.all() if not o.suspended]
    items = [
        OrganisationOut.model_construct(
            oin=o.oin, name=o.name, kind=o.kind, reachability=_reachability(o), region=o.region or None
        )
        for o in found
    ]
    return answer(OrganisationList.model_construct(items=items))


def _reachability(organisation: Organisation) -> ReachabilityOut | None:
    known = organisation.reachability
    if not known:
        return None
    return ReachabilityOut.model_construct(**{name: value or None for name, value in asdict(known).items()})


@router.get(
    "/organisations/{oin}/receives",
    **documented("What a partner may receive", ReceivesOut, 200, errors=(401, 404)),
)
async def receives(api: Use, caller: AsAnyCaller, oin: str) -> Response:
    """For each purpose and role, the section types: always, or only with what is said. The same for everybody who asks."""
    screen = await api.directory.of_partner(oin)
    return answer(
        ReceivesOut.model_construct(
            organisation=oin,
            kind=screen.kind.id,
            policy_digest=screen.digest,
            conditions=[_said(words) for words in screen.always],
            items=[
                ReceivesForOut.model_construct(
                    purpose=one.purpose.id,
                    roles=[role.id for role in row.roles],
                    sections=[_received(cell) for cell in row.cells],
                )
                for one in screen.purposes
                for row in one.rows
            ],
        )
    )


def _received(cell: OverviewCell) -> ReceivedTypeOut:
    when = [[_said(words) for words in one] for one in cell.when] if cell.conditional else []
    return ReceivedTypeOut.model_construct(type=cell.section.id, always=not cell.conditional, only_with=when)


def _said(words: Words) -> dict[str, str]:
    return {"nl": words.nl, "en": words.en}


@router.get("/vocabulary", **documented("The words of the agreement", VocabularyOut, 200, errors=(401,)))
async def vocabulary(api: Use, caller: AsAnyCaller) -> Response:
    """Every word that may be used, with labels."""
    words = api.partners.agreement().vocabulary
    return answer(
        VocabularyOut.model_construct(
            organisation_kinds=_terms(words.organisation_kinds),
            roles=_terms(words.roles),
            purposes=_terms(words.purposes),
            section_types=[
                SectionTermOut.model_construct(**vars(term), **_demands(words.section_types[term.id]))
                for term in _terms(words.section_types)
            ],
            handover_kinds=[
                KindTermOut.model_construct(**vars(term), **_template(words.handover_kinds[term.id]))
                for term in _terms(words.handover_kinds)
            ],
        )
    )


def _demands(term: Term) -> dict[str, Any]:
    return {
        "sealed_only": term.sealed_only,
        "expires": term.expires.text if term.expires else None,
        "signed_off": term.signed_off,
    }


def _template(kind: Kind) -> dict[str, Any]:
    lists = {"required": list(kind.required), "usual": list(kind.usual), "recipients": list(kind.recipients)}
    return {**lists, "consent": kind.consent.text if kind.consent else None}


def _terms(terms: Mapping[str, Term]) -> list[TermOut]:
    return [
        TermOut.model_construct(
            id=term.id,
            label={"nl": term.label.nl, "en": term.label.en},
            explain={"nl": term.explain.nl, "en": term.explain.en},
        )
        for term in terms.values()
    ]


@router.get("/sealing-keys", **documented("The keys to seal to", SealingKeyList, 200, errors=(401,)))
async def sealing_keys(api: Use, caller: AsAnyCaller) -> Response:
    """The broker's public intake keys, the one to use first. Fetch them each time: they change."""
    keys = [SealingKeyOut.model_construct(**key) for key in api.partners.intake_keys()]
    return answer(SealingKeyList.model_construct(keys=keys))


@router.get("/policies/current", **documented("The agreement in force", PolicyOut, 200, errors=(401,)))
async def current(api: Use, caller: AsAnyCaller) -> Response:
    """Its digest, and every file of it."""
    agreement = api.partners.agreement()
    return answer(PolicyOut.model_construct(digest=agreement.digest, texts=dict(agreement.texts)))
