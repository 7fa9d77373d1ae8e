"""What a privacy officer sees: every disclosure and refusal, why, and whether the log is intact; never content.

Looking is logged as well: each search, each opened entry and each check of the log.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from broker.domain.calendar import AMSTERDAM, end_of_day
from broker.domain.consents import Stance
from broker.domain.decisions import TOLD, Told
from broker.domain.events import EventType, LogEvent, Opening, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork
from broker.domain.vocabulary import Vocabulary
from broker.errors import NotFound, Words
from broker.services.agreed import Agreed
from broker.services.downloads import Downloads
from broker.services.proposals import Proposals
from broker.services.screens import (
    EntryDetail,
    EntryFilter,
    EntryPage,
    EntryRow,
    LogScreen,
    SectionWhy,
    SignerWhy,
)

PAGE = 50
DISCLOSURES = (EventType.RELEASE_PERMITTED, EventType.RELEASE_DENIED)
OTHERS = tuple(event for event in EventType if event not in DISCLOSURES)

LABELS = {
    EventType.HANDOVER_PUSHED: Words("Overdracht ontvangen", "Handover received"),
    EventType.HANDOVER_CORRECTED: Words("Overdracht gecorrigeerd", "Handover corrected"),
    EventType.HANDOVER_WITHDRAWN: Words("Overdracht ingetrokken", "Handover withdrawn"),
    EventType.HANDOVER_ERASED: Words("Overdracht gewist", "Handover erased"),
    EventType.PERSON_ERASED: Words("Persoon gewist", "Person erased"),
    EventType.INVITATION_MADE: Words("Uitnodiging gemaakt", "Invitation made"),
    EventType.CONSENT_GIVEN: Words("Ja gezegd", "Consent given"),
    EventType.CONSENT_REFUSED: Words("Nee gezegd", "Consent refused"),
    EventType.CONSENT_WITHDRAWN: Words("Gestopt", "Consent withdrawn"),
    EventType.RELEASE_PERMITTED: Words("Verstrekt", "Disclosed"),
    EventType.RELEASE_DENIED: Words("Geweigerd", "Refused"),
    EventType.RELEASE_SHOWN: Words("Eigen tekst gelezen", "Own text read"),
    EventType.RELEASE_ACKNOWLEDGED: Words("Ontvangst bevestigd", "Acknowledged"),
    EventType.REACTION_WRITTEN: Words("Reactie van het gezin", "Reaction by the family"),
    EventType.REACTION_READ: Words("Reacties gelezen door de afzender", "Reactions read by the sender"),
    EventType.REACTION_ANSWERED: Words("Verzoek van het gezin beantwoord", "Request of the family answered"),
    EventType.MESSAGES_CHANGED: Words("Berichten aan of uit gezet", "Messages turned on or off"),
    EventType.PASSKEY_ENROLLED: Words("Telefoon van een gezinslid toegevoegd", "Device of a family member added"),
    EventType.PASSKEY_STOPPED: Words("Telefoon van een gezinslid weggehaald", "Device of a family member removed"),
    EventType.SUBJECT_SEARCHED: Words("Gezocht op persoon", "Searched for a person"),
    EventType.POLICY_PROPOSED: Words("Afspraken voorgesteld", "Agreement proposed"),
    EventType.POLICY_APPROVED: Words("Afspraken goedgekeurd", "Agreement approved"),
    EventType.POLICY_ACTIVATED: Words("Afspraken in werking", "Agreement in force"),
    EventType.KEYS_CHANGED: Words("Sleutels veranderd", "Keys changed"),
    EventType.ORGANISATION_CHANGED: Words("Organisatie veranderd", "Organisation changed"),
    EventType.OFFICER_INVITED: Words("Privacy officer uitgenodigd", "Officer invited"),
    EventType.OFFICER_ENROLLED: Words("Privacy officer toegelaten", "Officer enrolled"),
    EventType.OFFICER_WITHDRAWN: Words("Privacy officer gestopt", "Officer withdrawn"),
    EventType.OFFICER_SIGNED_IN: Words("Privacy officer aangemeld", "Officer signed in"),
    EventType.MATTER_RAISED: Words("Twijfel gemeld", "Doubt raised"),
    EventType.MATTER_SETTLED: Words("Twijfel afgehandeld", "Doubt settled"),
    EventType.LOG_SEARCHED: Words("Logboek doorzocht", "Log searched"),
    EventType.LOG_VIEWED: Words("Logregel bekeken", "Log entry viewed"),
    EventType.LOG_CHECKED: Words("Logboek gecontroleerd", "Log checked"),
    EventType.LOG_RESTORED: Words("Oudere kopie van de database teruggezet", "Older copy of the database put back"),
    EventType.LOG_EXPORTED: Words("Logboek uitgevoerd naar een bestand", "Log exported to a file"),
}
REASONS = {
    "unknown-handover": Words("Er is geen overdracht met dit nummer.", "There is no handover with this id."),
    "not-a-recipient": Words(
        "De overdracht is niet aan deze rol gericht.", "The handover is not addressed to this role."
    ),
}
WHY = {
    **{told: words for told, (words, _) in TOLD.items()},
    Told.NOT_AGREED: Words(
        "De afspraken tussen de organisaties geven dit onderdeel niet aan deze rol voor dit doel.",
        "The agreement between the organisations does not give this section to this role for this purpose.",
    ),
    Told.SEALED_ONLY: Words(
        "Dit soort onderdeel gaat alleen verzegeld weg, en de ontvanger heeft nog geen sleutel om het te openen.",
        "This type of section only leaves sealed, and the recipient has no key yet to open it with.",
    ),
    Told.OTHER_PURPOSE: Words(
        "De overdracht is voor een ander doel gedeeld dan waarvoor erom is gevraagd.",
        "The handover was shared for another purpose than the one it was asked for.",
    ),
}
"""The reasons as an officer reads them; those of the recipient say "your role"."""


class Oversight(Downloads, Agreed, Proposals):
    """The use cases of a privacy officer who signed in."""

    async def entries(self, token: str, wanted: EntryFilter) -> EntryPage:
        """A page of the log. The search is logged, with whom it was about."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            officer = await self.officer(work, token)
            owner = wanted.subject
            unknown = False
            if wanted.identifier:
                person = await work.persons.by_identifier("bsn", wanted.identifier.strip())
                owner, unknown = person or "", person is None
            found = () if unknown else await work.log.search(_search(wanted, owner))
            organisations = {str(o.oin): o.name for o in await work.organisations.all()}
            openings = await work.log.openings_of([entry.id for entry in found[:PAGE]])
            rows = [self._row(entry, openings.get(entry.id, ()), organisations) for entry in found[:PAGE]]
            personal = [Personal(officer, "officer", officer)]
            if owner:
                personal.append(Personal(owner, "subject", owner))
            await work.log.append(LogEvent(EventType.LOG_SEARCHED, now, personal=tuple(personal)))
            await work.commit()
        house.log.kick()
        following = found[PAGE - 1].id if len(found) > PAGE else ""
        return EntryPage(tuple(rows), following, tuple(organisations.items()), unknown)

    def _row(self, entry: StoredEntry, openings: Sequence[Opening], organisations: Mapping[str, str]) -> EntryRow:
        facts = self._house.log.read(entry.leaf, openings)
        return _row(entry, facts, organisations, self._house.agreement().vocabulary)

    async def entry(self, token: str, entry_id: str) -> EntryDetail:
        """One entry in full. Raises NotFound. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            officer = await self.officer(work, token)
            entry = await work.log.get(entry_id)
            if entry is None:
                raise NotFound
            facts = house.log.read(entry.leaf, await work.log.openings(entry.id))
            organisations = {str(o.oin): o.name for o in await work.organisations.all()}
            personal = (Personal(officer, "officer", officer), Personal(officer, "entry", entry.id))
            await work.log.append(LogEvent(EventType.LOG_VIEWED, now, personal=personal))
            await work.commit()
        house.log.kick()
        return EntryDetail(
            row=_row(entry, facts, organisations, house.agreement().vocabulary),
            reason=REASONS.get(str(facts.facts.get("reason", ""))),
            sections=tuple(self._why(section) for section in _decision(facts)),
            policy_digest=str(facts.facts.get("policy", "")),
            fields=_fields(facts),
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

    async def log(self, token: str) -> LogScreen:
        """The state of the log, without checking it."""
        async with self._house.storage(writing=False) as work:
            await self.officer(work, token)
            return await self._log_screen(work)

    async def _log_screen(self, work: UnitOfWork) -> LogScreen:
        state = await work.tree.state()
        latest = await work.checkpoints.latest()
        root = base64.b64encode(state.root).decode()
        return LogScreen(state.size, await work.checkpoints.waiting(), root, latest[1] if latest else "")

    async def check_log(self, token: str) -> LogScreen:
        """Check the whole log: every entry, signature and the tree against the signed checkpoint. The check is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            officer = await self.officer(work, token)
        verdict = await house.log.examine()
        async with house.storage() as work:
            personal = (Personal(officer, "officer", officer),)
            outcome = {"outcome": "intact" if verdict.intact else "not-intact"}
            await work.log.append(LogEvent(EventType.LOG_CHECKED, now, facts=outcome, personal=personal))
            screen = await self._log_screen(work)
            await work.commit()
        house.log.kick()
        return LogScreen(
            screen.size, screen.waiting, screen.root, screen.checkpoint, now, verdict.intact, verdict.words
        )


def _search(wanted: EntryFilter, owner: str) -> LogSearch:
    outcome = wanted.outcome if wanted.outcome in ("permitted", "partly", "denied") else ""
    since = datetime.combine(wanted.first_day, time(), AMSTERDAM).astimezone(UTC) if wanted.first_day else None
    return LogSearch(
        owner=owner,
        organisation=wanted.organisation,
        types=OTHERS if wanted.outcome == "other" else DISCLOSURES,
        outcome=outcome,
        since=since,
        until=end_of_day(wanted.last_day) if wanted.last_day else None,
        before=wanted.before,
        limit=PAGE + 1,
    )


def _decision(facts: LoggedFacts) -> Sequence[Mapping[str, Any]]:
    logged = facts.personal.get("decision")
    return json.loads(logged[0]) if logged else ()


def _first(facts: LoggedFacts, *fields: str) -> str:
    return next((facts.personal[field][0] for field in fields if facts.personal.get(field)), "")


def _row(entry: StoredEntry, facts: LoggedFacts, organisations: Mapping[str, str], vocabulary: Vocabulary) -> EntryRow:
    outcome = str(facts.facts.get("outcome", ""))
    role, purpose = _first(facts, "role"), str(facts.facts.get("purpose", ""))
    released, withheld = _types(facts)
    return EntryRow(
        id=entry.id,
        at=facts.at,
        type=facts.type,
        label=LABELS[EventType(facts.type)],
        outcome=outcome if outcome in ("permitted", "partly", "denied") else "other",  # type: ignore[arg-type] # a literal
        organisation=organisations.get(facts.organisation, ""),
        counterpart=organisations.get(facts.counterpart, ""),
        role=vocabulary.label(role) if role else None,
        purpose=vocabulary.label(purpose) if purpose else None,
        professional=_first(facts, "professional", "officer", "signer"),
        subject=_first(facts, "subject"),
        released=tuple(map(vocabulary.label, released)),
        withheld=tuple(map(vocabulary.label, withheld)),
        index=entry.index,
        erased=frozenset(part for part, names in _SHOWN_AS.items() if names & set(facts.erased)),
    )


_SHOWN_AS = {
    "subject": {"subject"},
    "actor": {"professional", "officer", "signer"},
    "sections": {"decision", "types"},
}
"""Where a page shows what was logged under these names."""


def _types(facts: LoggedFacts) -> tuple[Sequence[str], Sequence[str]]:
    """The section types that a line says yes to, and those that it says no to: of a request, or of an answer."""
    decision = _decision(facts)
    if decision:
        return [s["type"] for s in decision if not s["told"]], [s["type"] for s in decision if s["told"]]
    answered = [section for types in facts.personal.get("types", ()) for section in json.loads(types)]
    said_yes = facts.type in (EventType.CONSENT_GIVEN, EventType.RELEASE_SHOWN)
    return (answered, ()) if said_yes else ((), answered)


def _fields(facts: LoggedFacts) -> tuple[tuple[str, str], ...]:
    """What is logged beside what the page already shows; empty decoys left out."""
    shown = {"basis", "facts", "decision", "role", "professional", "subject", "officer", "signer", "types"}
    told = {"policy", "purpose", "reason"} | ({"outcome"} if facts.type in DISCLOSURES else set())
    clear = [(name, str(value)) for name, value in facts.facts.items() if name not in told]
    gone = [("erased", name) for name in facts.erased]
    personal = [(f, v) for f, values in facts.personal.items() if f not in shown for v in values if v]
    return tuple(clear + personal + gone)
