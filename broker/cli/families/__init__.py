"""Families as input: read from their files, with ages filled in."""

import json
from datetime import date
from importlib import resources
from typing import Any

from broker.domain.calendar import Period

NAMES = ("visser-de-bruin", "chayenne")


def read_family(name: str, today: date) -> dict[str, Any]:
    """A family's file, each `age` replaced by the birth date that long before today."""
    text = resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    family: dict[str, Any] = json.loads(text)
    for handover in family["handovers"].values():
        for person in handover["body"]["people"]:
            person["birthDate"] = Period.parse(person.pop("age")).before(today).isoformat()
    return family
