"""What a privacy officer sees of one entry, and why it came out as it did; never content.

Looking is logged as well: each opened entry.
"""

import base64
from collections.abc import Mapping
from typing import Any

from broker.domain.consents import Stance
from broker.domain.decisions import Told
from broker.domain.events import EventType
from broker.domain.officers import Right
from broker.services.agreed import Agreed
from broker.services.downloads import Downloads
from broker.services.labels import REASONS, WHY
from broker.services.lines import decision_of, fields_of, row_of, seen
from broker.services.looking import opened
from broker.services.officer_screens import EntryDetail, SectionWhy, SignerWhy
from broker.services.proposals import Proposals


class Oversight(Downloads, Agreed, Proposals):
    """The use cases of a privacy officer who signed in."""

    async def entry(self, token: str, entry_id: str) -> EntryDetail:
        """One entry in full. Raises NotFound. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self.acting(work, token, Right.READ_LOG)
            entry, facts = await seen(house, work, acting, entry_id)
            organisations = {str(o.oin): o.name for o in await work.organisations.all()}
            await opened(work, acting, now, entry.id, "line", about=facts.personal.get("subject", ()))
            await work.commit()
        house.log.kick()
        return EntryDetail(
            row=row_of(entry, facts, organisations, house.agreement().vocabulary),
            reason=REASONS.get(str(facts.facts.get("reason", ""))),
            sections=tuple(self._why(section) for section in decision_of(facts)),
            policy_digest=str(facts.facts.get("policy", "")),
            fields=fields_of(facts),
            leaf="" if acting.party and facts.type == EventType.SUBJECT_SEARCHED else entry.leaf.decode(),
            leaf_hash=base64.b64encode(entry.leaf_hash).decode(),
        )

    def _why(self, section: Mapping[str, Any]) -> SectionWhy:
        agreement = self._house.agreement()
        told = Told(section["told"]) if section["told"] else None
        return SectionWhy(
            section_type=section["type"],
            label=agreement.vocabulary.label(section["type"]),
            permitted=told is None,
            reason=WHY[told] if told else None,
            rules=tuple((rule, agreement.title(rule)) for rule in section["rules"]),
            signers=tuple(
                SignerWhy(s["person"], s["signer"], Stance(s["stance"]), s["record"], s["gap"], s["counts"])
                for s in section["signers"]
            ),
        )
