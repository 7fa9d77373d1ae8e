"""What families wrote about a handover, over HTTP: for its sender to read and to answer; nobody writes here in their name."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import ID, AsOrganisation, Id, Use
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import ReactionAnswerBody, ReactionList, ReactionOut
from broker.domain.reactions import Outcome, Reaction
from broker.errors import NotFound

router = APIRouter(prefix="/v1", tags=["handovers"])


async def reaction_of(reaction: Annotated[str, Path()]) -> str:
    """The reaction's id in the path. Raises NotFound for what cannot be one."""
    if not ID.fullmatch(reaction):
        raise NotFound
    return reaction


ReactionInPath = Annotated[str, Depends(reaction_of)]


@router.get(
    "/handovers/{id}/reactions",
    **documented("Read what the family wrote", ReactionList, 200, errors=(400, 401, 403, 404)),
)
async def read(api: Use, organisation: AsOrganisation, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Reactions and correction requests about your own handover, oldest first. Reading is logged."""
    found = await api.reactions.read(organisation.oin, id)
    return answer(ReactionList.model_construct(items=[_out(reaction) for reaction in found]))


@router.post(
    "/handovers/{id}/reactions/{reaction}/answer",
    **documented(
        "Answer a correction request",
        ReactionOut,
        200,
        body=ReactionAnswerBody,
        errors=(401, 403, 404, 409, 413, 415, 422),
    ),
)
async def respond(
    request: Request,
    api: Use,
    organisation: AsOrganisation,
    id: Id,  # noqa: A002 - the name in the path
    reaction: ReactionInPath,
    key: RetryKey = "",
) -> Response:
    """Once, in plain words: its author reads the explanation, and so does whoever reads the section."""
    raw = await read_json(request)
    body = read_as(ReactionAnswerBody, raw)
    outcome, attempt = Outcome(body.outcome), attempt_of(key, organisation, "answer", id, reaction, raw)
    return answer(_out(await api.reactions.answer(organisation.oin, id, reaction, outcome, body.explanation, attempt)))


def _out(reaction: Reaction) -> ReactionOut:
    return ReactionOut.model_construct(
        id=reaction.id,
        type=reaction.section_type,
        kind=reaction.kind.value,
        capacity=reaction.capacity,
        version=reaction.version,
        text=reaction.text,
        at=reaction.at,
        state=reaction.state.value,
        answer=reaction.answer,
    )


def attached_json(reaction: Reaction) -> dict[str, Any]:
    """As it leaves with its section: who wrote it as a capacity, never as a name or an id."""
    return {
        "kind": reaction.kind.value,
        "capacity": reaction.capacity,
        "at": reaction.at,
        "text": reaction.text,
        "state": reaction.state.value,
        "answer": reaction.answer,
    }
