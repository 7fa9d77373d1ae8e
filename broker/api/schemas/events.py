"""Bodies that go out: what an organisation is told, and how."""

from datetime import datetime
from typing import Literal

from broker.api.schemas.incoming import Body


class PartnerEventData(Body):
    """What the event is about. Without `sectionTypes` all of the release is meant."""

    handover: str
    release: str | None = None
    version: int
    section_types: list[str]


class PartnerEventOut(Body):
    """Something that an organisation is told, as a CloudEvent 1.0. Ids, types and times; never content or a person.

    `organisation` is whom it is told to: you. `sequence` says where it comes among all that you are told. A sender is told of a handover, without `release`.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal[
        "nl.rondom.handover-corrected.v1",
        "nl.rondom.handover-withdrawn.v1",
        "nl.rondom.handover-erased.v1",
        "nl.rondom.stop-using.v1",
        "nl.rondom.handover-acknowledged.v1",
        "nl.rondom.consent-changed.v1",
        "nl.rondom.handover-unread.v1",
        "nl.rondom.task-due.v1",
        "nl.rondom.task-changed.v1",
        "nl.rondom.acknowledgement-asked.v1",
        "nl.rondom.consent-ends.v1",
        "nl.rondom.urgent-deadline-near.v1",
        "nl.rondom.urgent-deadline-passed.v1",
    ]
    time: datetime
    datacontenttype: Literal["application/json"]
    organisation: str
    sequence: str
    sequencetype: Literal["Integer"]
    data: PartnerEventData


class PartnerEventPage(Body):
    """Oldest first; `next` is the cursor of the following page, absent when there is none yet."""

    items: list[PartnerEventOut]
    next: str | None = None


class WebhookOut(Body):
    """Where your events are sent. `disabled`: the address answered that it is gone (410). `failed` were given up."""

    url: str | None = None
    state: Literal["active", "disabled"]
    since: datetime
    waiting: int
    failed: int


class WebhookKeyOut(Body):
    """A key that deliveries are signed with: a JWK (RFC 8037), and in `whpk` as Standard Webhooks writes it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    whpk: str


class WebhookKeyList(Body):
    """The newest first. Fetch them again when a signature does not hold: they change."""

    keys: list[WebhookKeyOut]
