"""A day that an officer typed in a form."""

from collections.abc import Mapping
from datetime import date

from broker.errors import Fault, Words

_NO_DAY = Words("Dit is geen datum. Schrijf hem als 2026-11-21.", "This is not a date. Write it as 2026-11-21.")


def typed_day(fields: Mapping[str, str], name: str, faults: list[Fault]) -> date | None:
    """The day of that field; None when nothing was typed, and with a fault more when it is no date."""
    text = fields.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        faults.append(Fault(f"/{name}", _NO_DAY))
        return None
