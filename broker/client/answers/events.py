"""Of what the broker answers: what an organisation is told, and how."""

from typing import Literal, NotRequired, TypedDict


class EventData(TypedDict):
    """What an event is about; a sender is told of a handover, without `release`."""

    handover: str
    release: NotRequired[str]
    version: int
    sectionTypes: list[str]


class Event(TypedDict):
    """Something that an organisation is told, as a CloudEvent 1.0; never content or a person.

    `organisation` is you; `sequence` says where it comes among all that you are told.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    datacontenttype: Literal["application/json"]
    organisation: str
    sequence: str
    sequencetype: Literal["Integer"]
    data: EventData


class EventPage(TypedDict):
    """Oldest first; `next` is the cursor of the following page."""

    items: list[Event]
    next: NotRequired[str]


class Webhook(TypedDict):
    """Where your events are sent. `disabled`: the address answered that it is gone. `failed` were given up."""

    url: NotRequired[str]
    state: Literal["active", "disabled"]
    since: str
    waiting: int
    failed: int


class WebhookKey(TypedDict):
    """A key that deliveries are signed with; `whpk` is for `broker.client.webhooks.verify`."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    whpk: str


class WebhookKeyList(TypedDict):
    """The newest first."""

    keys: list[WebhookKey]
