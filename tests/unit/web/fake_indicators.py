"""Indicators on fakes: a made-up quarter, worked out by the real rule."""

from typing import Any

from broker.domain.indicators import Counted, Measure, Quarter, Sheet, sheet_of
from broker.errors import NotAuthenticated, NotFound, Words
from broker.services.indicators import IndicatorsScreen
from tests.unit.web.family_words import OFFICER_TOKEN

QUARTER = Quarter(2026, 3)
PARTY = "00000099000000010000"
SCHOOL, TEAM = "00000099000000020000", "00000099000000030000"
REGIONS = {PARTY: "Utrecht", SCHOOL: "Utrecht", TEAM: "Zeist", "00000099000000040000": "Zeist"}
LABELS = {
    "referral": Words("Vraag om hulp van een ander", "Referral"),
    "inform-gp": Words("Bericht aan de huisarts", "Message to the family doctor"),
}


def _sheet() -> Sheet:
    counts: dict[Counted, int] = {}
    for place, (organisation, region) in enumerate(REGIONS.items()):
        for month in QUARTER.months:
            for kind, many in (("referral", 30), ("inform-gp", 9), ("move", 1)):
                for measure, less in ((Measure.PUSHED, 1), (Measure.YES, 1), (Measure.NO, 3), (Measure.DAYS_7, 2)):
                    counts[Counted(month, organisation, region, kind, measure)] = many // less + place
        for recipient in REGIONS:
            for measure, many in ((Measure.READ, 20), (Measure.UNREAD, 6)):
                counts[Counted(QUARTER.months[0], organisation, region, "referral", measure, recipient)] = many
    return sheet_of(QUARTER, counts)


SHEET = _sheet()


class FakeIndicators:
    """One quarter is there."""

    def __init__(self, console: Any) -> None:
        self.console = console

    async def screen(self, token: str, quarter: Quarter | None = None) -> IndicatorsScreen:
        if token != OFFICER_TOKEN or self.console.current is None:
            raise NotAuthenticated
        if quarter not in (None, QUARTER):
            raise NotFound
        self.console.looked.append(("indicators", quarter))
        if self.console.indicators is None:
            return IndicatorsScreen(None, ())
        return IndicatorsScreen(self.console.indicators, (QUARTER,), self.console.party, LABELS)
