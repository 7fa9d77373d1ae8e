"""Checks, watchers and numbers without a broker."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from broker.domain.stores import UnderWay
from broker.domain.urgency import Progress, Step
from broker.errors import NotAuthenticated, Words
from broker.services.check_screens import CheckRow, ChecksScreen, KeyRow, Mark
from broker.services.pictures import Amounts, Chart, Period, PicturesScreen, Repeated, Span, spans_of
from broker.services.urgent_screens import ESCALATED, PROGRESS, UrgentRow, UrgentScreen
from broker.services.watchers import Watched, WatchersPage
from tests.unit.web.family_words import NOW, OFFICER_TOKEN, SENDER

OFFICER = "0ff1ce" * 6
WHOLE = CheckRow(
    Words("Het hele logboek nagekeken", "The whole log checked"),
    Mark.GOOD,
    Words("1842 regels nagekeken.", "1842 lines checked."),
    NOW,
    OFFICER,
)
NOT_YET = replace(
    WHOLE, mark=Mark.ATTENTION, says=Words("Dit is nog nooit gedaan.", "This was never done."), at=None, by=""
)
BROKEN = replace(WHOLE, mark=Mark.BAD, says=Words("Regel 7 is veranderd.", "Line 7 was changed."))
RUNNING = UnderWay(NOW, 512, 1842)
CHECKS = ChecksScreen(
    NOT_YET,
    (
        NOT_YET,
        CheckRow(Words("Getuige", "Witness"), Mark.GOOD, Words("Ondertekende mee.", "Cosigned."), NOW, more="w1"),
        CheckRow(Words("Een getuige weigerde", "A witness refused"), Mark.BAD, Words("Past niet.", "Does not fit."), NOW),
    ),
    (
        KeyRow(Words("Ondertekent het logboek", "Signs the log"), "k1k1k1k1k1k1", NOW, 400, Mark.ATTENTION,
               Words("Ouder dan een jaar", "Older than a year")),
    ),
    None,
    1842,
    1,
    "e1ec7ed" * 8,
    "rondom.example/log\n1842\n4ex9bkd3J+Zm5P0L0wO8dQ==\n\n— rondom.example AbCd1234+signature==",
)  # fmt: skip
WATCHED = WatchersPage(
    (
        Watched(
            "e9", NOW, NOW - timedelta(hours=1), 12, OFFICER, Words("Bekeek deze pagina", "Looked at this page"), ()
        ),
        Watched("e8", NOW, NOW, 1, OFFICER, Words("Opende een regel", "Opened a line"), ("3fa2b7" * 10,)),
        Watched("e7", NOW, NOW, 1, "", Words("Logboek gecontroleerd", "Log checked"), (), "intact"),
        Watched("e6", NOW, NOW, 1, OFFICER, Words("Logboek gecontroleerd", "Log checked"), (), "not-intact"),
    ),
    "e6",
)
_PARTS = (Words("Vrijgegeven", "Released"), Words("Deels", "Partly"), Words("Geweigerd", "Refused"))
_DAYS = spans_of(Period.DAYS, date(2026, 9, 21))
PICTURES = PicturesScreen(
    Period.DAYS,
    _DAYS[0].first,
    _DAYS[-1].last,
    (
        Chart("disclosures", Words("Aanvragen", "Requests"), _PARTS, _DAYS, tuple((n, 2, n % 3) for n in range(30))),
        Chart("answers", Words("Antwoorden", "Answers"), _PARTS, (Span(_DAYS[0].first, _DAYS[6].last),), ((5, 0, 1),)),
    ),
    (
        Amounts("refused", Words("Waarom geweigerd", "Why refused"), ((Words("Geen toestemming", "No consent"), 9),)),
        Amounts("asked", Words("Gevraagd", "Asked"), ()),
    ),
    (Repeated("De Hoop GGZ", SENDER, Words("Geen toestemming", "No consent"), 9),),
)


class _Fake:
    def __init__(self, console: Any) -> None:
        self.console = console

    def _signed_in(self, token: str) -> None:
        if token != OFFICER_TOKEN or self.console.current is None:
            raise NotAuthenticated


class FakeChecks(_Fake):
    """The checks are what the console holds; a check that is begun finds the log as `found` says."""

    async def screen(self, token: str) -> ChecksScreen:
        self._signed_in(token)
        return self.console.checks

    async def begin(self, token: str) -> None:
        self._signed_in(token)
        self.console.calls.append(("check_log",))
        now = self.console.found
        self.console.checks = replace(self.console.checks, whole=now, rows=(now, *self.console.checks.rows[1:]))


class FakeWatchers(_Fake):
    async def page(self, token: str, officer: str = "", before: str = "") -> WatchersPage:
        self._signed_in(token)
        self.console.looked.append(("watchers", officer, before))
        rows = tuple(row for row in self.console.watched.rows if officer in ("", row.officer))
        return WatchersPage(rows, "" if before else self.console.watched.next)


URGENT = UrgentScreen(
    (
        UrgentRow(
            "Wijkteam De Kade",
            ("Basisschool <b>De Brug</b>",),
            24,
            NOW,
            PROGRESS[Progress.ANSWERS],
            True,
            ESCALATED[Step.PASSED],
        ),
        UrgentRow(
            "Jeugdteam Noord", ("Huisartsen Zuid", "Jeugdteam Noord"), 48, NOW, PROGRESS[Progress.DONE], False, None
        ),
    ),
    more=True,
)


class FakeUrgent(_Fake):
    async def screen(self, token: str) -> UrgentScreen:
        self._signed_in(token)
        self.console.looked.append(("urgent",))
        return URGENT


class FakePictures(_Fake):
    async def screen(self, token: str, period: Period) -> PicturesScreen:
        self._signed_in(token)
        self.console.looked.append(("pictures", period))
        return replace(self.console.pictures, period=period)
