"""A family's own report: who read what of what one sender wrote, on paper if they want; logged before it is shown.

- About whom: the person themselves, and those for whom they decide now; the same people as on their page.
- What: the readings that their page shows, and nothing more: no refusals, no searches, never who the professional was.
- A page holds a fixed number, and says where the next one begins.
"""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.events import EventType, LogEvent, Personal
from broker.errors import Words
from broker.services.doorway import Doorway
from broker.services.house import guarded
from broker.services.mine import said

PAGE = 200
AN_HOUR, MOST_IN_AN_HOUR = 3600, 60


@dataclass(frozen=True, slots=True)
class OwnReading:
    """One reading: by whom, of what, about whom, for which purpose."""

    at: datetime
    organisation: str
    role: Words
    sections: tuple[Words, ...]
    persons: tuple[str, ...]
    purpose: Words
    corrected: bool


@dataclass(frozen=True, slots=True)
class OwnReport:
    """A page of them, newest first. `following` is where the next begins; empty for the last."""

    name: str
    sender: str
    at: datetime
    readings: tuple[OwnReading, ...]
    following: str


class OwnReports(Doorway):
    """The use case of a person who wants to see, or print, who read something."""

    async def report(self, token: str, before: str = "") -> OwnReport:
        """A page of it: logged, committed, and then given. Raises TooMany past sixty in an hour."""
        house = self._house
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"own-report:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            everything = await said(work, house, signer, invitation.sender, now)
            about = everything.weights.counting | {signer}
            found = await work.releases.of_persons(about, invitation.sender, signer, before, PAGE + 1)
            names = await work.persons.names(about, invitation.sender)
            personal = (Personal(signer, "signer", signer), *(Personal(p, "subject", p) for p in sorted(about)))
            looking = {"view": "own-report"}
            await work.log.append(LogEvent(EventType.LOG_SEARCHED, now, facts=looking, personal=personal))
            await work.commit()
        house.log.kick()
        label = house.agreement().vocabulary.label
        readings = tuple(
            OwnReading(
                d.at,
                everything.partners.get(d.organisation, ""),
                label(d.role),
                tuple(map(label, d.types)),
                tuple(name for person in d.persons if (name := names.get(person, ""))),
                label(d.purpose),
                d.corrected,
            )
            for d in found[:PAGE]
        )
        following = found[PAGE - 1].entry if len(found) > PAGE else ""
        sender = everything.partners.get(invitation.sender, "")
        return OwnReport(names.get(signer, ""), sender, now, readings, following)
