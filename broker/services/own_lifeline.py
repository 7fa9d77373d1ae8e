"""A person's own lifeline: what is written about them alone, over all that one sender wrote, put in order for themselves.

Not a way to read more: what is shown, and to whom, is what `broker.domain.own_text` gives, part by part; and each part that
is shown is logged, as if its text had been asked for by itself (`broker.services.own_text`, in the same steps).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.domain.forms import timeline
from broker.domain.forms.timeline import Happened, Moment, in_order
from broker.domain.handovers import Content, SectionId, readable
from broker.domain.lifelines import TIMELINES
from broker.domain.parties import PersonId
from broker.domain.ports import SealedSection, place_of
from broker.errors import NotFound
from broker.services.house import House, guarded
from broker.services.own_text import (
    AN_HOUR,
    MOST_IN_AN_HOUR,
    OwnPart,
    OwnTexts,
    own_parts,
    part_tag,
    plain_text,
    shown_to,
)


@dataclass(frozen=True, slots=True)
class LifelineEntry:
    """Something that happened. `part` is where to ask to correct it; empty when the person has no say in that."""

    since: Moment
    until: Moment | None
    what: str = field(repr=False)
    part: str


@dataclass(frozen=True, slots=True)
class LifelineText:
    """A part that is a text, without dates."""

    what: str = field(repr=False)
    part: str


@dataclass(frozen=True, slots=True)
class LifelineScreen:
    """What is written about the person, in order. `sealed`: there is more, which nobody here can open."""

    sender: str
    entries: tuple[LifelineEntry, ...]
    texts: tuple[LifelineText, ...]
    sealed: bool


class OwnLifelines(OwnTexts):
    """The use case of a person who wants to see their own story as others wrote it down."""

    async def lifeline(self, token: str) -> LifelineScreen:
        """Show it: logged, committed, and then given.

        Raises NotFound when nothing can be shown, TooMany past twenty own texts in an hour, and Unavailable or Tampered
        when something does not work: then nothing is shown either.
        """
        house = self._house
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"own-text:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            agreement = await house.agreements.within(work)
            written = {
                own.handover.id: own.handover for own in await own_parts(work, house, invitation, agreement, now)
            }
            for handover in sorted(known := written.keys()):
                await work.handovers.get(handover, lock="shared")  # whoever erases it waits, or went first
            concerned = frozenset[PersonId]().union(*(one.concerned() for one in written.values()))
            await work.authorities.hold({signer} | concerned, exclusively=False)
            found = await own_parts(work, house, invitation, agreement, now)
            mine = [own for own in found if own.type in TIMELINES and own.handover.id in known]
            open_ones = [own for own in mine if not own.sealed]
            boxes = await work.handovers.sealed([section for own in open_ones for section in own.sections])
            opened = await house.aside(_opened, house, open_ones, boxes)
            if not opened:
                raise NotFound
            writable = {part.id async for part in self._parts(work, signer, invitation.sender, now)}
            sender = await work.organisations.get(invitation.sender)
            for own, _ in opened:
                await work.log.append(shown_to(own, signer, agreement.digest, now))
            await work.commit()
        house.log.kick()
        tags = {own.id: part_tag(house, own) for own, _ in opened}
        ways = {own: tag if tag in writable else "" for own, tag in tags.items()}
        return _screen(sender.name if sender else "", opened, ways, sealed=len(opened) < len(mine))


def _opened(
    house: House, mine: Iterable[OwnPart], boxes: Mapping[SectionId, SealedSection]
) -> list[tuple[OwnPart, list[Content]]]:
    """What opens as what its sender said that it is; of each part all that does, and nothing of one of which nothing does."""
    found = []
    for own in mine:
        bodies = [(s, house.vault.open(place_of(own.handover, s), boxes[s.id])) for s in own.sections]
        contents = [Content(section.media_type, body) for section, body in bodies if body is not None]
        if kept := [content for content in contents if readable(content)]:
            found.append((own, kept))
    return found


def _screen(
    sender: str, opened: Iterable[tuple[OwnPart, list[Content]]], ways: Mapping[str, str], *, sealed: bool
) -> LifelineScreen:
    entries: list[tuple[Happened, str]] = []
    texts: list[LifelineText] = []
    for own, contents in opened:
        for content in contents:
            happened = _happened(content)
            entries += [(one, ways[own.id]) for one in happened or ()]
            texts += [] if happened else [LifelineText(plain_text(content), ways[own.id])]
    way = {id(one): part for one, part in entries}
    ordered = in_order([one for one, _ in entries])
    lines = tuple(LifelineEntry(one.since, one.until, one.what, way[id(one)]) for one in ordered)
    return LifelineScreen(sender, lines, tuple(texts), sealed)


def _happened(content: Content) -> Sequence[Happened] | None:
    """The entries of a timeline; None for what is none."""
    try:
        body: Any = json.loads(content.body) if content.media_type == "application/json" else None
        return timeline.read(body)
    except ValueError:
        return None
