"""What each route of the console needs: one line a route. A new route without a line fails `test_p06_every_route_for_every_role`."""

from broker.domain.officers import Right

ANYBODY = "anybody"
"""Also for who is not signed in: the way in itself."""
INVITED = "invited"
"""For who was invited and has no passkey yet."""
SIGNED_IN = "signed-in"
"""For every officer, whatever their role: their own affairs."""

Need = str | Right

NEEDS: dict[str, Need] = {
    "GET /console": ANYBODY,
    "GET /console/invitation": ANYBODY,
    "POST /console/invitation": ANYBODY,
    "GET /console/passkey": INVITED,
    "POST /console/passkeys/registration-options": INVITED,
    "POST /console/passkeys/registration": INVITED,
    "POST /console/passkeys/sign-in-options": ANYBODY,
    "POST /console/passkeys/sign-in": ANYBODY,
    "POST /console/language": ANYBODY,
    "POST /console/sign-out": ANYBODY,
    "GET /console/own": SIGNED_IN,
    "POST /console/own/passkey-options": SIGNED_IN,
    "POST /console/own/passkey": SIGNED_IN,
    "POST /console/own/remove": SIGNED_IN,
    "POST /console/own/visits": SIGNED_IN,
    "GET /console/confirm/{purpose}/{back}": SIGNED_IN,
    "POST /console/confirm/{purpose}/{back}/options": SIGNED_IN,
    "POST /console/confirm/{purpose}/{back}/result": SIGNED_IN,
    "POST /console/login/{provider}": ANYBODY,
    "GET /console/login/{provider}/return": ANYBODY,
    "GET /console/signed-in": ANYBODY,
    "GET /console/login-refused/{reason}": ANYBODY,
    "GET /console/start": Right.COUNT,
    "GET /console/pictures": Right.COUNT,
    "GET /console/pictures/{period}": Right.COUNT,
    "GET /console/indicators": Right.COUNT,
    "GET /console/indicators/{quarter}": Right.COUNT,
    "GET /console/indicators/{quarter}/file": Right.COUNT,
    "GET /console/days": Right.READ_LOG,
    "POST /console/days": Right.READ_LOG,
    "GET /console/organisations": Right.READ_LOG,
    "POST /console/organisations": Right.READ_LOG,
    "GET /console/report": Right.READ_PERSON,
    "POST /console/report": Right.READ_PERSON,
    "GET /console/breach": Right.READ_PERSON,
    "POST /console/breach": Right.READ_PERSON,
    "GET /console/breach/notice": Right.READ_PERSON,
    "POST /console/breach/notice": Right.READ_PERSON,
    "POST /console/breach/file": Right.TAKE_AWAY,
    "POST /console/breach/names": Right.MANAGE,
    "GET /console/review": Right.REVIEW,
    "POST /console/review": Right.REVIEW,
    "GET /console/review/items/{item_id}": Right.REVIEW,
    "POST /console/review/items/{item_id}": Right.REVIEW,
    "GET /console/watchers": Right.WATCH,
    "POST /console/watchers": Right.WATCH,
    "GET /console/disclosures": Right.READ_LOG,
    "POST /console/disclosures": Right.READ_LOG,
    "GET /console/disclosures/{entry_id}": Right.READ_LOG,
    "GET /console/disclosures/{entry_id}/rules": Right.READ_LOG,
    "GET /console/overview": Right.READ_AGREEMENT,
    "GET /console/queue": Right.REVIEW,
    "GET /console/queue/{matter_id}": Right.REVIEW,
    "POST /console/queue/{matter_id}": Right.SETTLE,
    "GET /console/urgent": Right.REVIEW,
    "GET /console/files": Right.TAKE_AWAY,
    "POST /console/files": Right.TAKE_AWAY,
    "GET /console/agreement": Right.AGREEMENT,
    "GET /console/agreement/{proposal_id}": Right.AGREEMENT,
    "GET /console/agreement/{proposal_id}/effect": Right.AGREEMENT,
    "POST /console/agreement/{proposal_id}/approval-options": Right.AGREEMENT,
    "POST /console/agreement/{proposal_id}/approval": Right.AGREEMENT,
    "GET /console/log": Right.CHECK_LOG,
    "POST /console/log/check": Right.CHECK_LOG,
    "GET /console/officers": Right.MANAGE,
    "POST /console/officers": Right.MANAGE,
    "GET /console/partners": Right.MANAGE,
    "POST /console/partners": Right.MANAGE,
    "GET /console/motions": Right.MANAGE,
    "GET /console/motions/{motion_id}": Right.MANAGE,
    "POST /console/motions/{motion_id}/second-options": Right.MANAGE,
    "POST /console/motions/{motion_id}/second": Right.MANAGE,
    "POST /console/motions/{motion_id}/names": Right.MANAGE,
}

SCRIPTED = ("passkey", "options", "result", "registration", "approval", "second", "sign-in")
"""How the last part of an address ends that a script of ours asks, in JSON."""

OWN_TO_PARTIES = {"entry_id", "matter_id", "item_id"}
"""The ids of things that only those organisations' officers see that take part in them."""
