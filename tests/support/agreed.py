"""A meeting about Jack with his school and his doctor, and what was agreed there: the family's file, told otherwise."""

import uuid
from datetime import date, timedelta
from typing import Any

import httpx

from broker.domain.calendar import local_day
from tests.promises.attacks import JACK
from tests.support.world import World

TEAM, SCHOOL, DOCTOR = "00000099000000010000", "00000099000000020000", "00000099000000040000"
ANNEKE, JORIS, VDBERG = "pt-anneke", "ib-joris", "ha-vdberg"
OWNERS: dict[str, dict[str, str]] = {
    "school": {"organisation": SCHOOL, "role": "support-coordinator"},
    "team": {"organisation": TEAM, "role": "family-worker"},
    "mother": {"person": "mother"},
    "father": {"person": "father"},
}
"""Who can have something to do in a body of here."""
SECRET = "Joris belt elke maandag voor negen uur met Jack"
"""What stands in the text of what the school has to do."""


def today(world: World) -> date:
    """The day in the Netherlands, on the world's clock."""
    return local_day(world.clock())


def agreed(world: World, *owners: str, days: int = 10, about: str = "jack") -> dict[str, Any]:
    """A section with agreements about a child, one for each of these owners, all due in so many days."""
    due = (today(world) + timedelta(days=days)).isoformat()
    ids = [str(uuid.uuid4()) for _ in owners]
    return {
        "type": "agreements",
        "concerns": [about],
        "mediaType": "application/json",
        "content": {
            "agreements": [
                {"id": one, "who": owner, "what": f"{SECRET} ({owner})", "when": due, "how": "Het staat in de agenda"}
                for one, owner in zip(ids, owners, strict=True)
            ]
        },
        "tasks": [
            {"id": one, "owner": dict(OWNERS[owner]), "due": due} for one, owner in zip(ids, owners, strict=True)
        ],
    }


def consultation(world: World, *sections: dict[str, Any], meeting: bool = False, on: int = 7) -> dict[str, Any]:
    """What lies on the table of everybody who helps Jack; with `meeting` only for who is named, in so many days."""
    body = world.body(JACK)
    body |= {"kind": "team-consultation", "purpose": "joint-meeting", "reference": str(uuid.uuid4())}
    body["recipients"] = [
        {"organisation": SCHOOL, "role": "support-coordinator"},
        {"organisation": DOCTOR, "role": "general-practitioner"},
    ]
    body["sections"] = list(sections) or [agreed(world, "school", "team", "mother")]
    del body["consentUntil"]
    if meeting:
        body["meeting"] = {
            "on": (today(world) + timedelta(days=on)).isoformat(),
            "attendees": [
                {**body["recipients"][0], "professional": JORIS, "name": "Joris de Wit"},
                {**body["recipients"][1], "professional": VDBERG, "name": "P. van den Berg"},
            ],
        }
    else:
        body["consentUntil"] = "P3M"
    return body


async def both_say_yes(world: World, *types: str) -> None:
    """Jack's mother and father say yes to these."""
    for who in ("mother", "father"):
        await world.answer(JACK, who, dict.fromkeys(types or ("agreements", "minutes"), "yes"))


def task_of(body: dict[str, Any], owner: str) -> str:
    """The id of what this owner has to do."""
    return str(next(t["id"] for s in body["sections"] for t in s.get("tasks", ()) if t["owner"] == OWNERS[owner]))


async def say(world: World, who: str, task: str, status: str, headers: Any = None) -> httpx.Response:
    """A professional says how far it is."""
    path = f"/v1/handovers/{world.handovers[JACK]}/tasks/{task}/status"
    return await world.as_professional(who, "POST", path, {"status": status}, headers=headers)


async def told(world: World, organisation: str, kind: str) -> list[dict[str, Any]]:
    """The events of this kind that an organisation was told."""
    events = (await world.as_organisation(organisation, "GET", "/v1/events")).json()["items"]
    return [event for event in events if event["type"] == f"nl.rondom.{kind}.v1"]
