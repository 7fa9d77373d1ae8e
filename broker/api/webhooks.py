"""Where an organisation's events are sent, and the keys that they are signed with."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from broker.api.answers import NO_STORE, answer, documented
from broker.api.bodies import read_as, read_json
from broker.api.deps import AsOrganisation, Use
from broker.api.schemas import WebhookBody, WebhookKeyList, WebhookKeyOut, WebhookOut
from broker.services.webhooks import WebhookView

router = APIRouter(prefix="/v1", tags=["events"])


@router.get("/webhook", **documented("Your webhook", WebhookOut, 200, errors=(401, 403, 404)))
async def webhook(api: Use, organisation: AsOrganisation) -> Response:
    """Where your events are sent, how many wait, and how many were given up."""
    return answer(_webhook(await api.webhooks.get(organisation.oin)))


@router.put(
    "/webhook",
    **documented("Register your webhook", WebhookOut, 200, body=WebhookBody, errors=(401, 403, 413, 415, 429)),
)
async def put_webhook(api: Use, organisation: AsOrganisation, request: Request) -> Response:
    """Have your events sent to this address, from now on, in the place of another that you registered.

    It is checked at once: it is sent a signed `nl.rondom.webhook-check.v1`, and must answer 2xx with `data.challenge` in the
    header `Webhook-Challenge`. When it does not, nothing changes.
    """
    body = read_as(WebhookBody, await read_json(request))
    return answer(_webhook(await api.webhooks.put(organisation.oin, body.url)))


@router.delete("/webhook", **documented("Remove your webhook", None, 204, errors=(401, 403)))
async def remove_webhook(api: Use, organisation: AsOrganisation) -> Response:
    """Nothing is sent any more, also not what still waits; `GET /v1/events` has everything."""
    await api.webhooks.remove(organisation.oin)
    return Response(status_code=204, headers=NO_STORE)


@router.get("/webhook-keys", **documented("The keys of webhooks", WebhookKeyList, 200))
async def keys(api: Use) -> Response:
    """The public keys that deliveries are signed with (Standard Webhooks, `v1a`), the newest first."""
    items = [WebhookKeyOut.model_validate(key) for key in api.webhooks.public_keys()]
    return answer(WebhookKeyList.model_construct(keys=items))


def _webhook(view: WebhookView) -> WebhookOut:
    one = view.webhook
    return WebhookOut.model_construct(
        url=one.url, state=one.state.value, since=one.since, waiting=view.queue.waiting, failed=view.queue.failed
    )
