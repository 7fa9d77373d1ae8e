"""What each operation is called in the description of the API, and so in a client that is generated from it.

A name is a promise: it stays, whatever happens to the code behind it.
"""

from collections import Counter
from typing import Any

NAMES = {
    ("post", "/handovers"): "pushHandover",
    ("get", "/handovers"): "listHandovers",
    ("get", "/handovers/{id}"): "getHandover",
    ("delete", "/handovers/{id}"): "withdrawHandover",
    ("post", "/handovers/{id}/versions"): "correctHandover",
    ("post", "/handovers/{id}/invitations"): "invitePerson",
    ("put", "/handovers/{id}/long-watch"): "putLongWatch",
    ("get", "/handovers/{id}/long-watch"): "getLongWatch",
    ("delete", "/handovers/{id}/long-watch"): "endLongWatch",
    ("get", "/handovers/{id}/reactions"): "listReactions",
    ("post", "/handovers/{id}/reactions/{reaction}/answer"): "answerReaction",
    ("post", "/handovers/{id}/tasks/{task}/status"): "setTaskStatus",
    ("post", "/subjects/_search"): "searchHandovers",
    ("post", "/releases"): "askRelease",
    ("post", "/timelines"): "askTimeline",
    ("post", "/involvements"): "askInvolvements",
    ("get", "/releases/{id}"): "getRelease",
    ("post", "/releases/{id}/acknowledgement"): "acknowledgeRelease",
    ("post", "/releases/{id}/sign-offs"): "signOff",
    ("get", "/handovers/{id}/sign-offs"): "listSignOffs",
    ("get", "/events"): "listEvents",
    ("get", "/webhook"): "getWebhook",
    ("put", "/webhook"): "putWebhook",
    ("delete", "/webhook"): "removeWebhook",
    ("get", "/webhook-keys"): "listWebhookKeys",
    ("get", "/organisations"): "listOrganisations",
    ("get", "/organisations/{oin}/receives"): "getReceives",
    ("get", "/indicators"): "getIndicators",
    ("get", "/vocabulary"): "getVocabulary",
    ("get", "/sealing-keys"): "listSealingKeys",
    ("get", "/policies/current"): "getAgreement",
    ("get", "/contexts/consent-record-1.jsonld"): "getConsentRecordContext",
    ("get", "/log/checkpoint"): "getCheckpoint",
    ("get", "/log/cosigned-checkpoint"): "getCosignedCheckpoint",
    ("get", "/log/keys"): "getLogKeys",
    ("get", "/log/tile/{path}"): "getTile",
    ("get", "/log/proofs/{entry}"): "getProof",
    ("get", "/log/cosigned-proofs/{entry}"): "getCosignedProof",
}
"""By method and path."""


def name_operations(document: dict[str, Any]) -> None:
    """Give every operation its name; one that is not in the list is called after its function, if that is its alone."""
    operations = {(method, path): found for path, item in document["paths"].items() for method, found in item.items()}
    short = {place: _camel(found["operationId"].partition("_v1_")[0]) for place, found in operations.items()}
    often = Counter({**short, **NAMES}.values())
    for place, found in operations.items():
        found["operationId"] = NAMES.get(place) or (short[place] if often[short[place]] == 1 else found["operationId"])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
