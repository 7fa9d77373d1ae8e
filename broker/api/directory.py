"""The directory of partners, the words of the agreement, and the agreement itself."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.deps import AsAnyCaller, Use
from broker.api.schemas import (
    OrganisationList,
    OrganisationOut,
    PolicyOut,
    SealingKeyList,
    SealingKeyOut,
    SectionTermOut,
    TermOut,
    VocabularyOut,
)
from broker.domain.vocabulary import Term

router = APIRouter(prefix="/v1", tags=["directory"])


@router.get("/organisations", **documented("List the partners", OrganisationList, 200, errors=(401,)))
async def organisations(api: Use, caller: AsAnyCaller) -> Response:
    """Every partner that is not suspended, by name."""
    found = [o for o in await api.partners.all() if not o.suspended]
    items = [OrganisationOut.model_construct(oin=o.oin, name=o.name, kind=o.kind) for o in found]
    return answer(OrganisationList.model_construct(items=items))


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
                SectionTermOut.model_construct(**vars(term), sealed_only=words.section_types[term.id].sealed_only)
                for term in _terms(words.section_types)
            ],
            handover_kinds=_terms(words.handover_kinds),
        )
    )


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
