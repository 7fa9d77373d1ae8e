"""The agreement as a privacy officer sees it: who may read what, and why it decided as it did on one request."""

import asyncio
from dataclasses import dataclass

from broker.domain.explanations import Explanation
from broker.domain.officers import Right
from broker.domain.overview import Overview
from broker.errors import Words
from broker.services.explaining import explain_entry
from broker.services.lines import seen
from broker.services.looking import opened
from broker.services.queue import Queue


@dataclass(frozen=True, slots=True)
class SectionRulesScreen:
    """Why the agreement gave one section or did not; what the signers said is another lock."""

    label: Words
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class RulesScreen:
    """Every rule behind one logged decision. Without sections there is nothing left, or never was, to explain."""

    entry: str
    sections: tuple[SectionRulesScreen, ...]


class Agreed(Queue):
    """The use cases of a privacy officer who looks at the agreement."""

    async def overview(self, token: str) -> Overview:
        """All that the agreement in force gives, and to whom."""
        house = self._house
        async with house.storage(writing=False) as work:
            await self.acting(work, token, Right.READ_AGREEMENT)
        return await asyncio.to_thread(house.agreement().overview)

    async def rules(self, token: str, entry_id: str) -> RulesScreen:
        """Every rule behind one logged decision. Raises NotFound. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self.acting(work, token, Right.READ_LOG)
            entry, facts = await seen(house, work, acting, entry_id)
            sections = await explain_entry(house, work, entry)
            await opened(work, acting, now, entry.id, "rules", about=facts.personal.get("subject", ()))
            await work.commit()
        house.log.kick()
        label = house.agreement().vocabulary.label
        shown = tuple(SectionRulesScreen(label(one.section_type), one.explanation) for one in sections)
        return RulesScreen(entry_id, shown)
