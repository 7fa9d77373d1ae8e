"""The use cases of a report and of a breach, without a broker: what each page asks, and what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from broker.errors import Conflict, Fault, Invalid, NotAllowed, Words
from broker.services.breach import Affected, BreachPage, BreachWanted
from broker.services.files import ProofFile
from broker.services.names import NamesFile
from broker.services.officer_screens import EntryRow
from broker.services.reporting import Report, ReportLine, ReportWanted
from tests.unit.web.family_words import LABELS, NOW, PURPOSE, SENDER

CHILD, MOTHER, WORKER = "3fa2b7" * 10 + "3fa2", "aa01c4" * 10 + "aa01", "9c1f04" * 10 + "9c1f"
BSN, UNKNOWN = "999990044", "111222333"
ROLE = Words("Psycholoog", "Psychologist")
LINES = (
    ReportLine(
        NOW, "read", "De Hoop GGZ", ROLE, WORKER, SENDER, PURPOSE, (LABELS["timeline"],),
        (Words("Het behandelteam mag lezen", "The treatment team may read"),),
    ),
    ReportLine(NOW - timedelta(1), "refused", "Wijkteam <Dordrecht>", ROLE, WORKER, SENDER, PURPOSE),
    ReportLine(NOW - timedelta(2), "searched", "De Hoop GGZ", ROLE, WORKER, "", None),
    ReportLine(NOW - timedelta(3), "taken", "", None, "", "", None),
)  # fmt: skip
ORGANISATIONS = (("00000099000000110000", SENDER), ("00000099000000120000", "De Hoop GGZ"))


@dataclass
class FakeReporting:
    """One report. `calls` holds what was asked."""

    calls: list[ReportWanted] = field(default_factory=list)
    following: str = "e9"

    async def report(self, token: str, wanted: ReportWanted) -> Report:
        self.calls.append(wanted)
        if wanted.identifier == UNKNOWN:
            raise Invalid([Fault("/identifier", Words("Niemand.", "Nobody."))])
        reader = MOTHER if wanted.reader_identifier or wanted.reader else CHILD
        return Report(CHILD, reader, () if wanted.before else LINES, "" if wanted.sheet else self.following, NOW)


@dataclass
class FakeNames:
    """Names that two officers decided about. `calls` holds what was asked; `refused` is raised by the next."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    refused: NotAllowed | Conflict | Invalid | None = None

    def _check(self, *call: Any) -> None:
        if self.refused:
            raise self.refused
        self.calls.append(call)

    async def propose(self, token: str, wanted: BreachWanted, reason: str) -> str:
        self._check("propose", wanted, reason)
        return "motion5"

    async def taken(self, token: str, motion_id: str, say: Callable[[Words], str]) -> NamesFile:
        self._check("taken", motion_id, say(Words("Nederlands", "English")))
        return NamesFile(motion_id, b"child")


@dataclass
class FakeBreach:
    """What one worker read. `calls` holds what was asked."""

    rows: tuple[EntryRow, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    more: bool = False
    others_most: int = 4
    refused: NotAllowed | Conflict | None = None

    async def partners(self, token: str) -> tuple[tuple[str, str], ...]:
        return ORGANISATIONS

    def _check(self, what: str, wanted: BreachWanted) -> None:
        self.calls.append((what, wanted))
        if not wanted.value:
            raise Invalid([Fault("/value", Words("Vul het nummer in.", "Fill in the number."))])
        if self.refused:
            raise self.refused

    async def touched(self, token: str, wanted: BreachWanted) -> BreachPage:
        self._check("touched", wanted)
        return BreachPage(self.rows, "" if wanted.before else "e1", ORGANISATIONS)

    async def affected(self, token: str, wanted: BreachWanted) -> Affected:
        self._check("affected", wanted)
        return Affected(
            NOW, wanted, 12, 3, ((CHILD, 9), (MOTHER, 3)), 4, ((LABELS["timeline"], 12),), ("De Hoop GGZ",), 2,
            NOW - timedelta(3), NOW, 1, self.more, self.others_most,
        )  # fmt: skip

    async def taken(self, token: str, wanted: BreachWanted) -> ProofFile:
        self._check("taken", wanted)
        return ProofFile(NOW, b"{}")
