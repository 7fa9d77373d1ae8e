"""What a privacy officer sees: every disclosure and refusal and why; never content.

Looking is logged as well: each search and each opened entry.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from broker.domain.calendar import AMSTERDAM, end_of_day
from broker.domain.consents import Stance
from broker.domain.decisions import Told
from broker.domain.events import EventType, Opening
from broker.domain.officers import Right
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork
from broker.services.agreed import Agreed
from broker.services.downloads import Downloads
from broker.services.labels import REASONS, WHY
from broker.services.lines import DISCLOSURES, decision_of, fields_of, row_of, seen
from broker.services.looking import looked, opened
from broker.services.proposals import Proposals
from broker.services.screens import (
    EntryDetail,
    EntryFilter,
    EntryPage,
    EntryRow,
    SectionWhy,
    SignerWhy,
)

PAGE = 50
OTHERS = tuple(event for event in EventType if event not in DISCLOSURES)


class Oversight(Downloads, Agreed, Proposals):
    """The use cases of a privacy officer who signed in."""

    async def entries(self, token: str, wanted: EntryFilter) -> EntryPage:
        """A page of the log. The search is logged, with whom it was about."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self.acting(work, token, Right.READ_LOG)
            owner, unknown = await _about_whom(work, wanted)
            found = () if unknown else await work.log.search(_search(wanted, owner, acting.party))
            unknown = bool(unknown or (acting.party and owner and not found))  # whether somebody exists is not theirs
            organisations = {str(o.oin): o.name for o in await work.organisations.all()}
            openings = await work.log.openings_of([entry.id for entry in found[:PAGE]])
            rows = [self._row(entry, openings.get(entry.id, ()), organisations) for entry in found[:PAGE]]
            await looked(work, acting, now, "lines", about=(owner,))
            await work.commit()
        house.log.kick()
        following = found[PAGE - 1].id if len(found) > PAGE else ""
        return EntryPage(tuple(rows), following, tuple(organisations.items()), unknown)

    def _row(self, entry: StoredEntry, openings: Sequence[Opening], organisations: Mapping[str, str]) -> EntryRow:
        facts = self._house.log.read(entry.leaf, openings)
        return row_of(entry, facts, organisations, self._house.agreement().vocabulary)

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
            leaf=entry.leaf.decode(),
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


async def _about_whom(work: UnitOfWork, wanted: EntryFilter) -> tuple[str, bool]:
    """Whose lines are asked for (empty: everybody's), and whether that is nobody whom the log knows.

    What was typed or posted is never written down as if it were a person.
    """
    asked: str | None = wanted.subject
    if wanted.identifier:
        asked = await work.persons.by_identifier("bsn", wanted.identifier.strip())
    if not asked:
        return "", bool(wanted.identifier)
    return (asked, False) if await work.log.knows(asked) else ("", True)


def _search(wanted: EntryFilter, owner: str, party: str) -> LogSearch:
    outcome = wanted.outcome if wanted.outcome in ("permitted", "partly", "denied") else ""
    since = datetime.combine(wanted.first_day, time(), AMSTERDAM).astimezone(UTC) if wanted.first_day else None
    return LogSearch(
        owner=owner,
        organisation=wanted.organisation,
        party=party,
        types=OTHERS if wanted.outcome == "other" else DISCLOSURES,
        outcome=outcome,
        since=since,
        until=end_of_day(wanted.last_day) if wanted.last_day else None,
        before=wanted.before,
        limit=PAGE + 1,
    )
