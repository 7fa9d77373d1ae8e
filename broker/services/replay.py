"""Every decision made again, from what the log says it rested on: promise P11.

1. The log is read in its own order; an entry counts with the openings that fit its leaf, and with no others.
2. What a decision rested on is compared with what the log says had been stated and said by then: an older copy of the
   facts, a record that was left out, or a signer's passkey that was never enrolled, shows.
3. Facts are found again by their tags, records by their ids and signatures, the agreement by its digest.
4. The decision is made again by the very functions that made it, and compared with what was logged.

What was erased cannot be made again, and is counted as that.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from broker.domain.basis import Basis, digest_of, read_basis
from broker.domain.decisions import Told
from broker.domain.events import EventType, LogEvent
from broker.domain.handovers import ENDED
from broker.domain.log_ports import LoggedFacts
from broker.domain.parties import Recipient
from broker.domain.passkeys import Enrolled
from broker.domain.ports import AgreementInForce
from broker.domain.releases import Situation, decide
from broker.domain.stores import Came, ExaminationKind, Examined, StoredEntry, UnitOfWork
from broker.errors import BrokerError, NotFound, Tampered, Words
from broker.services.explaining import situation_then
from broker.services.facts import weigh
from broker.services.house import House
from broker.services.releasing import why

BATCH = 256
DECISIONS = (EventType.RELEASE_PERMITTED.value, EventType.RELEASE_DENIED.value)
SAID = (EventType.CONSENT_GIVEN.value, EventType.CONSENT_REFUSED.value, EventType.CONSENT_WITHDRAWN.value)
STATED = (
    EventType.HANDOVER_PUSHED.value,
    EventType.HANDOVER_CORRECTED.value,
    EventType.PLAN_WRITTEN.value,
    EventType.PLAN_CHANGED.value,
)
PASSKEYS = (EventType.PASSKEY_ENROLLED.value, EventType.PASSKEY_STOPPED.value)
ENDS = (EventType.HANDOVER_WITHDRAWN.value, EventType.HANDOVER_ERASED.value, EventType.PLAN_WITHDRAWN.value)
STRANGERS = ("unknown-handover", "not-a-recipient")
"""Refused before anything was weighed: there is nothing to make again."""


class Outcome(StrEnum):
    """What came of making one decision again."""

    SAME = "same"
    ERASED = "erased"
    OTHER_DECISION = "other-decision"
    OTHER_FACTS = "other-facts"
    OTHER_RECORDS = "other-records"
    NO_AGREEMENT = "no-agreement"
    ALTERED = "altered"


SENTENCES: dict[Outcome, Words] = {
    Outcome.SAME: Words("Opnieuw gemaakt, met dezelfde uitkomst.", "Made again, with the same result."),
    Outcome.ERASED: Words(
        "Niet meer na te rekenen: waar het op rustte, is gewist.",
        "Cannot be made again: what it rested on was erased.",
    ),
    Outcome.OTHER_DECISION: Words(
        "Uit dezelfde gegevens volgt nu een andere beslissing dan die in het logboek staat.",
        "The same facts now lead to another decision than the one that was logged.",
    ),
    Outcome.OTHER_FACTS: Words(
        "De beslissing rustte op andere gegevens over een persoon dan er volgens het logboek bekend waren.",
        "The decision rested on other facts about a person than were known by then, as the log has it.",
    ),
    Outcome.OTHER_RECORDS: Words(
        "De beslissing rustte op andere antwoorden dan er volgens het logboek waren gegeven.",
        "The decision rested on other answers than had been given by then, as the log has it.",
    ),
    Outcome.NO_AGREEMENT: Words(
        "De tekst van de afspraken van toen is er niet, of is veranderd.",
        "The text of the agreement of then is not there, or was changed.",
    ),
    Outcome.ALTERED: Words(
        "Een regel, een antwoord of een gegeven is niet meer wat het was.",
        "An entry, an answer or a fact is no longer what it was.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One decision that did not come out the same."""

    entry: str
    index: int
    outcome: Outcome
    at: datetime | None = None


@dataclass(slots=True)
class Report:
    """How many decisions came out how, and each that gives reason to look."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    gone: int = 0
    """Values of entries that cannot be read any more."""
    erased: int = 0
    """Values of entries that were erased, as the log says itself."""

    @property
    def unexplained(self) -> int:
        """How many values are gone that nothing in the log says were erased."""
        return max(0, self.gone - self.erased)

    @property
    def intact(self) -> bool:
        """Whether nothing gives reason to look."""
        return not self.findings and not self.unexplained


@dataclass(slots=True)
class _SoFar:
    """What the log said up to an entry.

    The digests of facts, the records with (person, sender, purpose), each signer's passkeys and whether they were
    stopped, the version of each handover and None once it ended, the last restored copy, and how many answers cannot be
    read any more.
    """

    facts: dict[str, str] = field(default_factory=dict)
    records: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    passkeys: dict[str, dict[str, bool]] = field(default_factory=dict)
    versions: dict[str, int | None] = field(default_factory=dict)
    restored: datetime | None = None
    unread: int = 0


class Replay:
    """The use case. `load` makes an agreement of the texts of a set, and refuses what is none."""

    def __init__(self, house: House, load: Callable[[Mapping[str, str]], AgreementInForce]) -> None:
        self._house = house
        self._load = load
        self._agreements: dict[str, AgreementInForce] = {}

    async def run(self, since: datetime | None = None, tick: Callable[[int], None] = lambda _: None) -> Report:
        """Make every decision again, or those since a moment; that it was done is logged. `tick` hears of each entry.

        The result of all of them is kept for officers to see.
        """
        report, so_far, first = Report(), _SoFar(), 0
        while True:
            async with self._house.storage(writing=False) as work:
                entries = await work.checkpoints.leaves(first, BATCH)  # 1
                for entry in entries:
                    await self._look(work, entry, so_far, since, report)
                    tick(1)
            first += len(entries)
            if len(entries) < BATCH:
                break
        outcome = {"check": "replay", "outcome": "intact" if report.intact else "not-intact"}
        async with self._house.storage() as work:
            now = self._house.clock()
            await work.log.append(LogEvent(EventType.LOG_CHECKED, now, facts=outcome))
            if since is None:
                await work.checks.keep(_examined(report, now))
            await work.commit()
        self._house.log.kick()
        return report

    async def _look(
        self, work: UnitOfWork, entry: StoredEntry, so_far: _SoFar, since: datetime | None, report: Report
    ) -> None:
        logged: LoggedFacts | None = None
        try:
            openings = await work.log.openings(entry.id)
            logged = self._house.log.read(entry.leaf, openings)
            _remember(logged, so_far)
            _count(logged, report)
            if logged.type not in DECISIONS or logged.facts.get("reason") in STRANGERS:
                return
            if since is not None and logged.at < since:
                return
            outcome = await self._again(work, logged, so_far)
        except Tampered:
            outcome = Outcome.ALTERED
        report.counts[outcome] += 1
        if outcome not in (Outcome.SAME, Outcome.ERASED):
            at = logged.at if logged else None
            report.findings.append(Finding(entry.id, entry.index or 0, outcome, at))

    async def _again(self, work: UnitOfWork, logged: LoggedFacts, so_far: _SoFar) -> Outcome:
        text, decision = logged.personal.get("basis"), logged.personal.get("decision")
        if text is None or decision is None:
            return Outcome.ERASED
        basis = read_basis(text[0])
        then = _then(basis, so_far)  # 2
        if then is not None:
            return then
        agreement = await self._agreement(work, str(logged.facts.get("policy", "")))  # 3
        if agreement is None:
            return Outcome.NO_AGREEMENT
        try:
            situation = await situation_then(work, basis, agreement)
        except NotFound:
            return Outcome.ERASED
        if situation is None:
            return Outcome.OTHER_RECORDS
        if any(
            _as_enrolled(situation.passkeys.get(who, ())) != so_far.passkeys.get(who, {}) for who in basis.statements
        ):
            return Outcome.OTHER_FACTS  # 2
        return Outcome.SAME if _same(basis, situation, agreement, logged, decision[0]) else Outcome.OTHER_DECISION

    async def _agreement(self, work: UnitOfWork, digest: str) -> AgreementInForce | None:
        """The set of that digest, as it was kept; None when it is not there, or is another than its digest says."""
        if digest not in self._agreements:
            texts = await work.policies.texts(digest)
            try:
                loaded = self._load(texts) if texts is not None else None
            except BrokerError:
                loaded = None
            if loaded is None or loaded.digest != digest:
                return None
            self._agreements[digest] = loaded
        return self._agreements[digest]


def _examined(report: Report, now: datetime) -> Examined:
    made, differ = sum(report.counts.values()), len(report.findings)
    erased, gone = report.counts[Outcome.ERASED], report.unexplained
    words = Words(
        f"{made} beslissingen: {differ} komen anders uit, {erased} zijn gewist en niet na te rekenen"
        + (f", {gone} waarden zijn weg zonder dat het logboek zegt waarom." if gone else "."),
        f"{made} decisions: {differ} come out differently, {erased} were erased and cannot be made again"
        + (f", {gone} values are gone and the log does not say why." if gone else "."),
    )
    came = Came.INTACT if report.intact else Came.NOT_INTACT
    return Examined(ExaminationKind.REPLAY, now, came, words)


def _remember(logged: LoggedFacts, so_far: _SoFar) -> None:
    handover = next(iter(logged.personal.get("handover", ())), "")
    if logged.type in STATED:
        for text in logged.personal.get("facts", ()):
            so_far.facts.update(json.loads(text))
        version = int(next(iter(logged.personal.get("version", ())), "1"))
        so_far.versions.update({handover: version} if handover else {})
    elif logged.type in PASSKEYS:
        for text in logged.personal.get("facts", ()):
            so_far.facts.update(json.loads(text))
        stopped, made = logged.type == EventType.PASSKEY_STOPPED.value, str(logged.facts.get("passkey", ""))
        for signer in logged.personal.get("signer", ()):
            so_far.passkeys.setdefault(signer, {})[made] = stopped
    elif logged.type in ENDS:
        so_far.versions.update({handover: None} if handover else {})
    elif logged.type == EventType.LOG_RESTORED.value:
        so_far.restored = logged.at
    elif logged.type in SAID:
        record, person = logged.personal.get("record"), logged.personal.get("subject")
        if record and person:
            sender = logged.organisation or next(iter(logged.personal.get("through", ())), "")
            so_far.records[record[0]] = (person[0], sender, str(logged.facts.get("purpose", "")))
        else:
            so_far.unread += 1


def _as_enrolled(passkeys: Iterable[Enrolled]) -> dict[str, bool]:
    """As `_SoFar` has them."""
    return {one.fingerprint: one.until is not None for one in passkeys}


def _count(logged: LoggedFacts, report: Report) -> None:
    report.gone += logged.gone
    if logged.type == EventType.PERSON_ERASED.value:
        report.erased += int(str(logged.facts.get("openings", 0)))


def _then(basis: Basis, so_far: _SoFar) -> Outcome | None:
    """What is wrong with what a decision rested on, beside what the log says was so by then; None when nothing is."""
    if any(so_far.facts.get(p, digest) != digest for p, digest in digest_of(basis.statements).items()):
        return Outcome.OTHER_FACTS
    handover = basis.handover
    version = so_far.versions.get(handover.id, handover.version)
    if (version is None and handover.state not in ENDED) or (version is not None and version != handover.version):
        return Outcome.OTHER_FACTS
    if basis.restored != so_far.restored:
        return Outcome.OTHER_FACTS
    concerned = handover.concerned() | {handover.subject}
    about = {(person, handover.sender, handover.purpose) for person in concerned}
    known = {record for record, where in so_far.records.items() if where in about}
    if known == basis.records:
        return None
    return Outcome.ERASED if known < basis.records and so_far.unread else Outcome.OTHER_RECORDS


def _same(basis: Basis, situation: Situation, agreement: AgreementInForce, logged: LoggedFacts, decision: str) -> bool:
    """Whether the decision comes out as it was logged."""
    who = basis.request.professional
    recipient = Recipient(who.organisation, who.role)
    found, rulings = weigh(situation, recipient, basis.request.purpose, agreement, basis.at)  # 4
    again = decide(basis.request, situation, found, rulings, basis.at)
    before = json.loads(decision)
    unreadable = {s["section"] for s in before if s["told"] == Told.UNREADABLE.value}
    again = again.without({d.section.id for d in again.permitted} & unreadable)
    permitted, withheld = bool(again.permitted), bool(again.withheld)
    outcome = "denied" if not permitted else "partly" if withheld else "permitted"
    wanted = EventType.RELEASE_PERMITTED if permitted else EventType.RELEASE_DENIED
    return (
        [_decided(why(d, {})) for d in again.sections] == [_decided(s) for s in before]
        and logged.facts.get("outcome") == outcome
        and logged.type == wanted.value
        and logged.organisation == who.organisation
        and logged.facts.get("purpose") == basis.request.purpose
    )


def _decided(section: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided of a section; what the family wrote about it, and who agrees with it, decides nothing."""
    return {name: value for name, value in section.items() if name not in ("reactions", "signOffs")}
