"""What organisations are told over HTTP: events to fetch, and what became of what was received."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from broker.api.answers import answer, documented
from broker.api.deps import AsAnyCaller, AsOrganisation, Id, Use
from broker.api.schemas import PartnerEventOut, PartnerEventPage, ReleaseStatusOut
from broker.domain.cloud_events import cloud_event
from broker.domain.stores import PartnerEvent

router = APIRouter(prefix="/v1", tags=["events"])


@router.get("/events", **documented("What you should know", PartnerEventPage, 200, errors=(400, 401, 403)))
async def events(
    api: Use,
    organisation: AsOrganisation,
    after: Annotated[str, Query(description="the id of the last event you saw", pattern=r"^[0-9a-f-]{0,36}$")] = "",
) -> Response:
    """Events of your organisation, oldest first. Ask with the last id you saw. A webhook (`PUT /v1/webhook`) gets the same."""
    page = await api.partner_events.after(organisation.oin, after)
    items = [_event(event, api.public_url) for event in page.items]
    return answer(PartnerEventPage.model_construct(items=items, next=page.next or None))


def _event(event: PartnerEvent, source: str) -> PartnerEventOut:
    """The very form in which it is sent to a webhook."""
    return PartnerEventOut.model_validate(cloud_event(event, source), strict=False)


@router.get("/releases/{id}", **documented("What became of a release", ReleaseStatusOut, 200, errors=(400, 401, 404)))
async def release(api: Use, caller: AsAnyCaller, id: Id) -> Response:  # noqa: A002 - the name in the path
    """Whether it was corrected or withdrawn since, and what of it may be used no longer. Never content."""
    status = await api.partner_events.release(caller.organisation.oin, caller.professional, id)
    return answer(
        ReleaseStatusOut.model_construct(
            id=status.id,
            handover=status.handover,
            version=status.version,
            at=status.at,
            sections=list(status.types),
            corrected=status.corrected,
            withdrawn=status.withdrawn,
            erased=status.erased,
            stop_using=list(status.stop_using),
            acknowledged=status.acknowledged,
        )
    )
