"""What an officer is shown of the agreement: which one is in force, and what was proposed. Nobody is in it but officers."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.approvals import ProposalState
from broker.domain.differences import Difference
from broker.domain.stores import InForce
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposed agreement: whether it could give more than the one in force, and which officers approved it."""

    id: str
    digest: str
    wider: bool
    starts: datetime
    at: datetime
    approved_by: tuple[str, ...]
    state: ProposalState


@dataclass(frozen=True, slots=True)
class AgreementScreen:
    """The agreement in force; `refused` says what is wrong with the one that was to take its place."""

    number: int
    digest: str
    since: datetime | None
    refused: Words | None = None
    proposals: tuple[ProposalRow, ...] = ()
    history: tuple[InForce, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that a proposal changes, line by line."""

    path: str
    lines: str


@dataclass(frozen=True, slots=True)
class ProposalDetail:
    """One proposal in full. `can_approve`: it waits, and not only for others; `needed`: how many officers."""

    row: ProposalRow
    reason: str
    changes: tuple[FileChange, ...]
    can_approve: bool
    needed: int


@dataclass(frozen=True, slots=True)
class CountedEffect:
    """For one recipient and one type of section: how many would open, or close, and about how many children."""

    opens: bool
    section: Words
    organisation: str
    role: Words
    sections: int
    children: int


@dataclass(frozen=True, slots=True)
class ProposalEffect:
    """What a proposal gives and takes: in words, and counted over the `handovers` that run here now."""

    row: ProposalRow
    difference: Difference
    handovers: int
    counted: tuple[CountedEffect, ...]
