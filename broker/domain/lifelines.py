"""One line through what several organisations wrote about one person: what was released, put side by side, nothing else.

- Nothing is put together, left out or made more exact: an entry stands as its sender wrote it, with where it comes from.
- What has no date stands at the end, in the order of the handovers.
- One coordinator at a time: of those marked as such, the one whose marking everybody who had to say yes agreed to last: all
  of them answered about that very handover, as it is written now. Whatever else is marked is a proposal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import takewhile

from broker.domain.consents import ConsentRecord, Stance, cell_of
from broker.domain.decisions import Finding
from broker.domain.forms.involvements import Involvement
from broker.domain.forms.timeline import Happened, Moment, place_of
from broker.domain.handovers import Handover, HandoverId, Section
from broker.domain.parties import Oin, Recipient
from broker.domain.reactions import Reaction
from broker.domain.releases import ReleaseId

TIMELINES = ("timeline", "help-history")
"""The section types that make a timeline."""
INVOLVED = ("involved-organisations",)
"""The section types that say who is involved."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """When the last of those who had to say yes to a section said it, and whether all said it about its very text.

    `written` is when that text came in: a handover, or the correction of one.
    """

    at: datetime
    to_it: bool
    written: datetime


def agreed(
    found: Iterable[Finding],
    records: Sequence[ConsentRecord],
    handover: Handover,
    section: Section,
    recipient: Recipient,
    written: datetime,
) -> Agreed:
    """Of a section that is open to this recipient, in a text that came in then.

    Of each signer all counts that they said since they last said no to this: who answers about another handover later does
    not take back what they said about this one.
    """
    to_it: list[datetime] = []
    last: list[datetime] = []
    for finding in found:
        if finding.counts and finding.stance is Stance.GIVEN:
            cell = cell_of(handover, recipient, section, finding.person)
            said = [r for r in records if r.signer == finding.signer and r.scope.covers(cell)]
            yes = list(takewhile(lambda r: r.state is Stance.GIVEN, sorted(said, key=_newest)))
            last += [record.at for record in yes[:1]]
            to_it += [r.at for r in yes if r.handover == handover.id and r.at >= written][:1]
    if last and len(to_it) == len(last):
        return Agreed(max(to_it), True, written)
    return Agreed(max(last, default=written), False, written)


def _newest(record: ConsentRecord) -> int:
    return -record.serial


@dataclass(frozen=True, slots=True)
class Source:
    """Where something comes from."""

    organisation: Oin
    name: str
    handover: HandoverId
    release: ReleaseId
    section_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """One section that was released. `corrected`: its handover is no longer in its first version."""

    source: Source
    corrected: bool
    reactions: tuple[Reaction, ...] = field(repr=False)
    disputed: bool
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, as it was written; without a date it is the whole text of its section."""

    part: Part
    since: Moment | None
    until: Moment | None
    what: str = field(repr=False)


class Coordinates(StrEnum):
    """Whether whoever was marked keeps everything together: now, no longer, or not yet."""

    IS = "is"
    WAS = "was"
    PROPOSED = "proposed"


@dataclass(frozen=True, slots=True)
class Involved:
    """An organisation around a family, as it was written. `coordinates` only of one that was marked."""

    part: Part
    involvement: Involvement
    coordinates: Coordinates | None = None


@dataclass(frozen=True, slots=True)
class Untold:
    """A section about who is involved that is a text: shown as it stands."""

    part: Part
    text: str = field(repr=False)


def merged(
    timelines: Iterable[tuple[Part, Iterable[Happened]]], texts: Iterable[tuple[Part, str]]
) -> tuple[Entry, ...]:
    """All entries in order (`forms.timeline.in_order`), and after them what has no date."""
    dated = [Entry(part, one.since, one.until, one.what) for part, entries in timelines for one in entries]
    dated.sort(key=lambda one: place_of(one.since, one.until) if one.since else _NEVER)
    return (*dated, *(Entry(part, None, None, text) for part, text in texts))


_NEVER = (date.max, date.max, date.max)


def involved(lists: Iterable[tuple[Part, Iterable[Involvement]]], today: date) -> tuple[Involved, ...]:
    """Everybody who is involved, by since when; and of those marked as coordinator, who it is."""
    every = [Involved(part, one) for part, ones in lists for one in ones]
    every.sort(key=lambda one: place_of(one.involvement.since, one.involvement.until))
    stands = _coordinating([one for one in every if one.involvement.coordinator], today)
    return tuple(Involved(one.part, one.involvement, stands.get(id(one))) for one in every)


def _coordinating(marked: Sequence[Involved], today: date) -> Mapping[int, Coordinates]:
    """Whoever was agreed to last; of several by the same yes, the one that was written first."""
    said = [one for one in marked if one.part.agreed.to_it and one.involvement.since.first <= today]
    last = max((one.part.agreed.at for one in said), default=None)
    tied = [one for one in said if one.part.agreed.at == last]
    now = min(tied, key=lambda one: (one.part.agreed.written, one.part.source.handover), default=None)
    return {id(one): _stand(one, now, today) for one in marked}


def _stand(one: Involved, now: Involved | None, today: date) -> Coordinates:
    """Somebody whose time is over is replaced by nobody: their predecessor was replaced with everybody's yes."""
    over = one.involvement.until is not None and one.involvement.until.last < today
    if one is now:
        return Coordinates.WAS if over else Coordinates.IS
    if not over and (now is None or _waits(one, now) or one.involvement.since.first > today):
        return Coordinates.PROPOSED
    return Coordinates.WAS


def _waits(one: Involved, now: Involved) -> bool:
    """Whether it was written after the one who is it now, and not everybody answered about it."""
    return one.part.agreed.written > now.part.agreed.written and not one.part.agreed.to_it
