"""What people take home as files: a family its proof, an officer a part of the log. Ready for a page to hand on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProofFile:
    """What was said and what was read (or the lines of a breach), to be checked without us; and the moment it was made, for the file's name."""

    at: datetime
    content: bytes


ExportFormat = Literal["bundle", "csv", "fhir"]
"""A bundle that can be verified; rows with the fields of NEN 7513; AuditEvents."""


@dataclass(frozen=True, slots=True)
class ExportWanted:
    """What an officer asks for: whole days, or what has to do with one handover, or both."""

    format: ExportFormat
    first_day: date | None = None
    last_day: date | None = None
    handover: str = ""


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A part of the log, read while it is sent. `ending` is that of a file's name, `at` when it was asked for."""

    at: datetime
    ending: str
    media_type: str
    pieces: AsyncIterator[bytes]
