"""Release: ask, decide, log, commit, and only then hand over.

1. The clock is read once.
2. Facts are read under shared locks on the handover and on the consents of everybody concerned; a correction or a
   withdrawal that committed first is seen.
3. Consent and agreement decide per section (`broker.domain.releases`). The agreement is the one that is in force in
   this unit of work: one and the same from here to the end, and the log entry names its digest.
4. What is permitted is sealed to the recipient's key, unopened; or opened, for who has none. What the family wrote
   about it goes with it.
5. The disclosure or refusal is logged, and the release tied to its entry, in the same unit of work.
6. In it too: a message to whoever said the yes that it rests on. No message kept, no release.
7. Commit. Without it nothing is returned: no log, no release.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from broker.domain.basis import basis_text
from broker.domain.channels import Channel, channels_for
from broker.domain.decisions import TOLD, SectionDecision, Told
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Content, Handover, SealedContent, SectionId, readable
from broker.domain.parties import Professional, Recipient
from broker.domain.ports import AgreementInForce, ForRecipient, SealedSection, place_of
from broker.domain.reactions import Reaction, attached, disputed
from broker.domain.releases import ReleaseDecision, ReleaseRequest, Situation, decide, refusal
from broker.domain.retries import Attempt
from broker.domain.stores import PartnerEventType, UnitOfWork
from broker.errors import BrokerError, NotFound, Words
from broker.services.facts import situation_of, weigh
from broker.services.house import House
from broker.services.partner_events import tell_sender
from broker.services.rates import check_asked
from broker.services.telling import tell_of_release

DECOYS_TO = 13
"""Every release's leaf commits to at least this many values, so that their number tells nothing (RFC 9901 section 4.2.5)."""


Written = Mapping[SectionId, tuple[Reaction, ...]]
"""What the family wrote, by the section that it leaves with."""


@dataclass(frozen=True, slots=True)
class Released:
    """One section that left, with what the family itself wrote about it."""

    type: str
    content: Content | SealedContent
    reactions: tuple[Reaction, ...] = ()

    @property
    def disputed(self) -> bool:
        """Whether the family asked for a correction of it that was not made."""
        return disputed(self.reactions)


@dataclass(frozen=True, slots=True)
class Withheld:
    """One section type that did not leave, with the reason that a recipient may hear, and what to do.

    `channels` are the ways outside this broker; there are some only when consent is not complete.
    """

    type: str
    code: Told
    message: Words
    next_step: Words
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """What a professional gets. The receipt's leaf commits to exactly this decision."""

    id: str
    released: tuple[Released, ...]
    withheld: tuple[Withheld, ...]
    policy_digest: str
    receipt: Mapping[str, Any] = field(repr=False)


class ReleaseDenied(BrokerError):
    """Nothing was released; the refusal is in the log."""

    code = "release-denied"
    words = Words(
        "Er is niets vrijgegeven. Hieronder staat waarom, en wat u kunt doen.",
        "Nothing was released. Below is why, and what you can do.",
    )

    def __init__(self, withheld: Sequence[Withheld]) -> None:
        self.withheld = tuple(withheld)
        super().__init__()


class Releases:
    """The use cases of a professional."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def ask(self, request: ReleaseRequest, attempt: Attempt | None = None) -> Release:
        """Release what consent and agreement allow, now: an attempt that was made before is decided and logged anew.

        Raises NotFound when the handover is not there or not addressed to this role, ReleaseDenied when nothing may
        leave, RateLimited, and Unavailable or Tampered when something does not work: then nothing leaves either.
        """
        house, now = self._house, self._house.clock()  # 1
        who = request.professional
        async with house.storage() as work:
            await check_asked(work, house, who.organisation, now, "handover", request.handover)
            if attempt:
                await work.retries.begin(attempt, now)
            handover = await work.handovers.get(request.handover, lock="shared")  # 2
            agreement = await house.agreements.within(work)  # 3
            if handover is None or not handover.addressed_to(who.organisation, who.role):
                await self._refuse_stranger(work, replace(request, purpose=_known(request, agreement)), handover, now)
                raise NotFound
            situation = await situation_of(work, handover, who.organisation, agreement, now, hold=True)  # 2
            found, rulings = weigh(situation, Recipient(who.organisation, who.role), request.purpose, agreement, now)
            decision = decide(request, situation, found, rulings, now)  # 3
            release_id = house.ids()
            contents = await self._contents(work, situation, decision, release_id)  # 4
            decision = decision.without({d.section.id for d in decision.permitted} - set(contents))
            written = await _written(work, handover, decision)
            released = tuple(
                Released(d.section.type, contents[d.section.id], written[d.section.id]) for d in decision.permitted
            )
            asked = replace(request, purpose=_known(request, agreement))
            event = _logged(release_id, asked, situation, decision, written, agreement.digest, now)
            event = replace(event, facts={**event.facts, **_sealed_to(contents)})
            appended = await work.log.append(event)  # 5
            if released:
                sections = [d.section for d in decision.permitted]
                await work.releases.add(release_id, appended.entry.id, handover.id, who, sections, now)
                await tell_of_release(work, house, agreement, situation, decision, now)  # 6
            await work.commit()  # 7
        ways = channels_for(agreement.channels, situation.sender.kind, situation.recipient.kind, request.purpose)
        withheld = _withheld(request, situation, decision, refusal(request, situation, now), ways)
        if not released:
            house.log.kick()
            raise ReleaseDenied(withheld)
        house.outbox_kick()
        receipt = await house.log.receipt(appended, frozenset({who.id}))
        return Release(release_id, released, withheld, agreement.digest, receipt)

    async def _contents(
        self, work: UnitOfWork, situation: Situation, decision: ReleaseDecision, release: str
    ) -> dict[SectionId, Content | SealedContent]:
        """What leaves, in the form in which it leaves. What somebody sealed and cannot be read is left out."""
        sealed = await work.handovers.sealed([d.section for d in decision.permitted])
        return await self._house.aside(self._unlocked, situation, decision, sealed, release)

    def _unlocked(
        self,
        situation: Situation,
        decision: ReleaseDecision,
        sealed: Mapping[SectionId, SealedSection],
        release: str,
    ) -> dict[SectionId, Content | SealedContent]:
        handover, vault, recipient = situation.handover, self._house.vault, situation.recipient
        found: dict[SectionId, Content | SealedContent] = {}
        to = None
        if recipient.sealing_key:
            to = ForRecipient(json.loads(recipient.sealing_key), recipient.oin, release)
        for section in (d.section for d in decision.permitted):
            place, box = place_of(handover, section), sealed[section.id]
            if to is not None:
                key, kid = vault.pass_on(place, box, to), to.sealing_key["kid"]
                found[section.id] = SealedContent(
                    section.media_type, kid, key, box.ciphertext, handover.sender, box.mark
                )
            elif (body := vault.open(place, box)) is not None and readable(clear := Content(section.media_type, body)):
                found[section.id] = clear
        return found

    async def _refuse_stranger(
        self, work: UnitOfWork, request: ReleaseRequest, handover: Handover | None, now: datetime
    ) -> None:
        """Log that somebody asked for what is not there or not theirs; both look alike from outside."""
        who = request.professional
        reason = "unknown-handover" if handover is None else "not-a-recipient"
        personal = [Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role)]
        if handover is not None:
            personal.append(Personal(handover.subject, "subject", handover.subject))
            personal.append(Personal(handover.subject, "handover", handover.id))
        event = LogEvent(
            EventType.RELEASE_DENIED,
            now,
            who.organisation,
            handover.sender if handover else None,
            {"outcome": "denied", "reason": reason, "purpose": request.purpose, **who.vouched},
            tuple(personal),
        )
        await work.log.append(event)
        await work.commit()
        self._house.log.kick()

    async def acknowledge(self, who: Professional, release: str, attempt: Attempt | None = None) -> None:
        """Read and taken over; a second time changes nothing. Raises NotFound for anybody else's release."""
        now = self._house.clock()
        async with self._house.storage() as work:
            if attempt:
                await work.retries.begin(attempt, now)
            when = await work.releases.acknowledge(release, who.id, now)
            if when is None:
                raise NotFound
            if when == "before":
                if attempt:
                    await work.commit()
                return
            personal = (Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role))
            event = LogEvent(
                EventType.RELEASE_ACKNOWLEDGED,
                now,
                who.organisation,
                facts={"release": release, **who.vouched},
                personal=personal,
            )
            await work.log.append(event)
            await self._tell_taken_over(work, release, now)
            await work.commit()
        self._house.log.kick()

    async def _tell_taken_over(self, work: UnitOfWork, release: str, now: datetime) -> None:
        """The sender hears that a recipient read it and took over; not who, nor which recipient."""
        status = await work.partner_events.status(release)
        handover = await work.handovers.get(status.handover) if status else None
        if handover is not None:
            await tell_sender(work, self._house, handover, PartnerEventType.ACKNOWLEDGED, now)


async def _written(work: UnitOfWork, handover: Handover, decision: ReleaseDecision) -> Written:
    """What leaves with each section that leaves; nothing at all when none does."""
    if not decision.permitted:
        return {}
    every = await work.reactions.of_handover(handover.id)
    return {d.section.id: attached(every, d.section, handover.version) for d in decision.permitted}


def _known(request: ReleaseRequest, agreement: AgreementInForce) -> str:
    """The purpose that was asked for, if it is a word of the agreement: a log line is no free text."""
    return request.purpose if request.purpose in agreement.vocabulary.purposes else "unknown"


def _withheld(
    request: ReleaseRequest,
    situation: Situation,
    decision: ReleaseDecision,
    whole: Told | None,
    ways: tuple[Channel, ...],
) -> tuple[Withheld, ...]:
    """What the recipient hears of what was not released.

    A type that the agreement does not give to this role is only spoken of when it was asked for by name, and then in
    the same words whether it is there or not: its existence would be a disclosure by itself. What holds for the whole
    handover is said once, under the type `*`, whatever was asked for and whatever is in it. A type that this recipient
    could only get sealed is spoken of by name only, whether it is there or not.

    `ways` are named with every lack of consent, the same for all of them, and with nothing else.
    """
    if whole is not None:
        return (_say("*", whole),)
    heard = (Told.NO_CONSENT, Told.UNREADABLE)
    told = {d.section.type: d.told for d in decision.withheld if d.told is not None and d.told in heard}
    released = {d.section.type for d in decision.permitted}
    for wanted in request.types or ():
        if wanted not in released:
            told.setdefault(wanted, Told.SEALED_ONLY if wanted in situation.unsealable else Told.NOT_THERE)
    if not told and not released:
        return (_say("*", Told.NOT_AGREED),)
    return tuple(_say(section_type, code, ways) for section_type, code in told.items())


def _say(section_type: str, code: Told, ways: tuple[Channel, ...] = ()) -> Withheld:
    return Withheld(section_type, code, *TOLD[code], channels=ways if code is Told.NO_CONSENT else ())


def _logged(
    release_id: str,
    asked: ReleaseRequest,
    situation: Situation,
    decision: ReleaseDecision,
    written: Written,
    digest: str,
    now: datetime,
) -> LogEvent:
    handover, who = situation.handover, asked.professional
    permitted, withheld = bool(decision.permitted), bool(decision.withheld)
    outcome = "denied" if not permitted else "partly" if withheld else "permitted"
    personal = [
        Personal(who.id, "professional", who.id),
        Personal(who.id, "role", who.role),
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        Personal(
            handover.subject, "decision", json.dumps([why(d, written) for d in decision.sections], sort_keys=True)
        ),
        Personal(handover.subject, "basis", basis_text(asked, situation, now)),
    ]
    others = frozenset[str]().union(*(d.section.concerns for d in decision.sections)) - {handover.subject}
    personal += [Personal(person, "concerned", person) for person in sorted(others)]
    personal += [Personal(handover.subject, "concerned", "")] * (DECOYS_TO - len(personal))
    return LogEvent(
        EventType.RELEASE_PERMITTED if permitted else EventType.RELEASE_DENIED,
        now,
        who.organisation,
        handover.sender,
        {"release": release_id, "outcome": outcome, "purpose": asked.purpose, "policy": digest, **who.vouched},
        tuple(personal),
    )


def _sealed_to(contents: Mapping[SectionId, Content | SealedContent]) -> dict[str, str]:
    """The key of the recipient that a release is sealed to; nothing for one that leaves in clear, or not at all."""
    sealed = next((content.kid for content in contents.values() if isinstance(content, SealedContent)), "")
    return {"sealedTo": sealed} if sealed else {}


def why(decision: SectionDecision, written: Written) -> dict[str, Any]:
    """What the officer will be able to read of one section: no content, no name."""
    return {
        "section": decision.section.id,
        "type": decision.section.type,
        "told": decision.told.value if decision.told else "",
        "rules": list(decision.ruling.rules),
        "errors": decision.ruling.errors,
        "reactions": [reaction.id for reaction in written.get(decision.section.id, ())],
        "signers": [
            {
                "person": f.person,
                "signer": f.signer or "",
                "stance": f.stance.value,
                "record": f.record or "",
                "gap": f.gap.value if f.gap else "",
                "counts": f.counts,
            }
            for f in decision.findings
        ],
    }
