"""What an officer typed in a form: a day, a BSN."""

import re
from collections.abc import Mapping
from datetime import date

from broker.errors import Fault, Words

_NO_DAY = Words("Dit is geen datum. Schrijf hem als 2026-11-21.", "This is not a date. Write it as 2026-11-21.")


_NO_BSN = Words("Dit is geen BSN: het heeft negen cijfers.", "This is not a BSN: it has nine digits.")
_BSN = re.compile(r"[0-9]{9}")


def typed_bsn(fields: Mapping[str, str], name: str, faults: list[Fault]) -> str:
    """The BSN of that field without its spaces; empty when nothing was typed, and with a fault more when it is none."""
    text = "".join(fields.get(name, "").split())
    if text and not _BSN.fullmatch(text):
        faults.append(Fault(f"/{name}", _NO_BSN))
        return ""
    return text


def typed_day(fields: Mapping[str, str], name: str, faults: list[Fault]) -> date | None:
    """The day of that field; None when nothing was typed, and with a fault more when it is no date."""
    text = fields.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        faults.append(Fault(f"/{name}", _NO_DAY))
        return None
