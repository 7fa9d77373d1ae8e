"""A long watch over HTTP: how often which family members are asked whether things still go well."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import AsOrganisation, Id, Use
from broker.api.schemas import LongWatchOut, WatchBody, WatchedOut
from broker.services.long_watches import WatchView

router = APIRouter(prefix="/v1", tags=["handovers"])


@router.put(
    "/handovers/{id}/long-watch",
    **documented(
        "Ask now and then how it goes", LongWatchOut, 200, body=WatchBody, errors=(401, 403, 404, 409, 413, 415)
    ),
)
async def put(request: Request, api: Use, organisation: AsOrganisation, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Each answer is a handover of its own, which releases nothing until its author chose who reads it. The same again changes nothing."""
    body = read_as(WatchBody, await read_json(request))
    return answer(_out(await api.long_watches.put(organisation.oin, id, body.every, body.people)))


@router.get(
    "/handovers/{id}/long-watch", **documented("Look at a long watch", LongWatchOut, 200, errors=(400, 401, 403, 404))
)
async def one(api: Use, organisation: AsOrganisation, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Who is asked, when next, and whether they answered the last time; never what."""
    return answer(_out(await api.long_watches.get(organisation.oin, id)))


@router.delete("/handovers/{id}/long-watch", **documented("End a long watch", None, 204, errors=(400, 401, 403, 404)))
async def stop(api: Use, organisation: AsOrganisation, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Nobody is asked any more. What was answered stays, for as long as its author agrees."""
    await api.long_watches.stop(organisation.oin, id)
    return Response(status_code=204)


def _out(view: WatchView) -> LongWatchOut:
    return LongWatchOut.model_construct(
        every=view.every,
        next_at=view.next_at,
        people=[
            WatchedOut.model_construct(person=one.person, state=one.state, handover=one.asked) for one in view.people
        ],
    )
