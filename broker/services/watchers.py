"""Who watches the watchers: what officers looked at, searched, took away, checked and decided; by pseudonyms.

Looking here is a look too. So that the page is not filled with looks at itself, looks of one officer at one view that
stand one after another are one line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from broker.domain.events import EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.officers import Right
from broker.domain.stores import StoredEntry
from broker.errors import Words
from broker.services.checks import KnowsOfficers
from broker.services.house import House
from broker.services.labels import LABELS
from broker.services.lines import first_of
from broker.services.looking import looked

PAGE = 50
BATCH = 100
MOST = 8
"""Batches that one page reads at most, when nearly all of them are folded together."""
WATCHED = (
    EventType.LOG_SEARCHED,
    EventType.LOG_VIEWED,
    EventType.LOG_EXPORTED,
    EventType.LOG_CHECKED,
    EventType.REVIEW_SIGNED_OFF,
    EventType.MATTER_SETTLED,
    EventType.POLICY_APPROVED,
    EventType.MOTION_PROPOSED,
    EventType.MOTION_SECONDED,
    EventType.OFFICER_PASSKEY_REMOVED,
)
"""What officers do; a new act of theirs is added here."""
FOLDED = (EventType.LOG_SEARCHED.value, EventType.LOG_CHECKED.value)
VIEWS: Mapping[str, Words] = {
    "lines": Words("Zocht in het logboek", "Searched the log"),
    "line": Words("Opende een regel", "Opened a line"),
    "rules": Words("Bekeek de regels achter een besluit", "Looked at the rules behind a decision"),
    "fold": Words("Opende gelijke regels", "Opened lines that read the same"),
    "day": Words("Bekeek één dag", "Looked at one day"),
    "days": Words("Bekeek dagen", "Looked at days"),
    "organisations": Words("Bekeek organisaties", "Looked at organisations"),
    "organisation": Words("Bekeek één organisatie", "Looked at one organisation"),
    "professional": Words("Bekeek één professional", "Looked at one professional"),
    "person": Words("Bekeek alles over één persoon", "Looked at all about one person"),
    "report": Words("Maakte een overzicht", "Made a report"),
    "breach": Words("Bekeek wat een datalek raakt", "Looked at what a breach touches"),
    "review": Words("Bekeek wat opvalt", "Looked at what stands out"),
    "review-item": Words("Bekeek één ding dat opvalt", "Looked at one thing that stands out"),
    "officers": Words("Bekeek wie officer is", "Looked at who is an officer"),
    "motions": Words("Bekeek besluiten van twee", "Looked at decisions of two"),
    "files": Words("Bekeek bestanden", "Looked at files"),
    "watchers": Words("Bekeek deze pagina", "Looked at this page"),
    "pictures": Words("Bekeek de aantallen", "Looked at the numbers"),
    "urgent": Words("Bekeek wat spoed heeft", "Looked at what is urgent"),
    "indicators": Words("Bekeek hoe overdragen gaat", "Looked at how handing over goes"),
    "names": Words("Nam namen mee na een datalek", "Took names after a data breach"),
}
"""What was looked at, by the word that `services/looking.py` logs for it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One act of an officer, or several looks that are alike: from `at` (the newest) back to `since`."""

    id: str
    at: datetime
    since: datetime
    times: int
    officer: str
    label: Words
    about: tuple[str, ...]
    came: str = ""


@dataclass(frozen=True, slots=True)
class WatchersPage:
    """Newest first. `next` is the value of `before` for older ones; empty at the end."""

    rows: tuple[Watched, ...]
    next: str


class Watchers:
    """The use case."""

    def __init__(self, house: House, officers: KnowsOfficers) -> None:
        self._house = house
        self._officers = officers

    async def page(self, token: str, officer: str = "", before: str = "") -> WatchersPage:
        """What officers did; with `officer`, what that one did. The look is logged, with whom it was about."""
        house, now = self._house, self._house.clock()
        rows: list[tuple[tuple[object, ...], Watched, str]] = []
        more = True
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.WATCH)
            known = bool(officer) and await work.log.knows(officer)
            place = before
            for _ in range(MOST if known or not officer else 0):
                found = await work.log.of_types(WATCHED, officer, place, BATCH)
                openings = await work.log.openings_of([entry.id for entry in found])
                for entry in found:
                    facts = house.log.read(entry.leaf, openings.get(entry.id, ()))
                    who = facts.personal.get("officer", ())  # nobody, where a family looked at its own report
                    if who and officer in ("", *who):
                        _fold(rows, entry, facts)
                more = len(found) == BATCH
                place = found[-1].id if found else place
                if not more or len(rows) > PAGE:
                    break
            await looked(work, acting, now, "watchers", about=(officer,) if known else ())
            await work.commit()
        house.log.kick()
        if not rows and not (known or not officer):
            return WatchersPage((), "")
        shown = rows[:PAGE]
        following = shown[-1][2] if len(rows) > PAGE else place if more and place else ""
        return WatchersPage(tuple(row for _, row, _ in shown), following)


def _fold(rows: list[tuple[tuple[object, ...], Watched, str]], entry: StoredEntry, facts: LoggedFacts) -> None:
    """Add an entry, or count it with the one before when they are alike; with each row the id of its oldest entry."""
    row = _row(entry, facts)
    alike: tuple[object, ...] = (facts.type, row.officer, row.label.en, row.about, row.came)
    if rows and facts.type in FOLDED and rows[-1][0] == alike:
        last = rows[-1][1]
        rows[-1] = (alike, replace(last, since=row.at, times=last.times + 1), entry.id)
    else:
        rows.append((alike, row, entry.id))


def _row(entry: StoredEntry, facts: LoggedFacts) -> Watched:
    about: Sequence[str] = facts.personal.get("subject", ())
    label = VIEWS.get(str(facts.facts.get("view", "")), LABELS[EventType(facts.type)])
    came = str(facts.facts.get("outcome", "")) if facts.type == EventType.LOG_CHECKED.value else ""
    officer = first_of(facts, "officer")
    return Watched(entry.id, facts.at, facts.at, 1, officer, label, tuple(dict.fromkeys(about)), came)
