"""An event as a CloudEvent 1.0 (JSON format), in one form, however it travels; the NL GOV profile for CloudEvents is kept.

`sequence` is the event's place among what this organisation is told (the CloudEvents extension of that name): what is
committed later has a higher one, also when it arrives earlier. `organisation` is whom it is told to, an extension of ours:
whoever receives for several knows for whom, and nobody takes for theirs what somebody else had sent to their address.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from broker.domain.outbound import Sent
from broker.domain.parties import Oin
from broker.domain.ports import WebhookSignatures
from broker.domain.stores.partner_events import PartnerEvent

MEDIA_TYPE = "application/cloudevents+json"
CHECK_TYPE = "nl.rondom.webhook-check.v1"


def cloud_event(event: PartnerEvent, source: str) -> dict[str, Any]:
    """An event as it is told. Ids, types and times; `release` is left out for a sender, who has none."""
    release = {"release": event.release} if event.release else {}
    return {
        **_envelope(event.id, source, event.organisation, f"nl.rondom.{event.type.value}.v1", event.at),
        "sequence": str(event.place),
        "sequencetype": "Integer",
        "data": {
            "handover": event.handover,
            **release,
            "version": event.version,
            "sectionTypes": list(event.types),
        },
    }


def check_event(event_id: str, source: str, organisation: Oin, at: datetime, challenge: str) -> dict[str, Any]:
    """What a new address is asked, and on whose behalf; it tells nothing else."""
    return {**_envelope(event_id, source, organisation, CHECK_TYPE, at), "data": {"challenge": challenge}}


def _envelope(event_id: str, source: str, organisation: Oin, kind: str, at: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind,
        "time": _written(at),
        "datacontenttype": "application/json",
        "organisation": organisation,
    }


def signed(url: str, document: Mapping[str, Any], signatures: WebhookSignatures, at: datetime) -> Sent:
    """The request that carries an event to an address: structured mode (CloudEvents HTTP binding, section 3.2), signed.

    Raises Unavailable when there is no key to sign with.
    """
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    moment = int(at.timestamp())
    headers = {
        "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
        "User-Agent": "Rondom",
        "webhook-id": document["id"],
        "webhook-timestamp": str(moment),
        "webhook-signature": signatures.sign(document["id"], moment, body),
    }
    return Sent(url, headers=headers, content=body)


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
