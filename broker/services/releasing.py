"""One release inside a unit of work: weighed, decided, put in the form in which it leaves, logged, and told to the family.

The caller locks the handover, reads the agreement in force, and commits; nothing of what comes back may leave before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from broker.domain.basis import basis_text
from broker.domain.channels import Channel, after_hours, channels_for
from broker.domain.decisions import TOLD, SectionDecision, Told
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Content, Handover, SealedContent, Section, SectionId, readable
from broker.domain.parties import Recipient
from broker.domain.ports import AgreementInForce, ForRecipient, SealedSection, place_of
from broker.domain.reactions import Reaction, attached, disputed
from broker.domain.releases import ReleaseDecision, ReleaseRequest, Situation, decide, refusal
from broker.domain.sign_offs import SignOff, digest_of_version
from broker.domain.sign_offs import attached as attached_words
from broker.domain.stores import Appended, TreeSeen, UnitOfWork
from broker.errors import Words
from broker.services.facts import situation_of, weigh
from broker.services.house import House
from broker.services.telling import tell_of_release

_WRITER = json.JSONEncoder(check_circular=False, sort_keys=True)
DECOYS_TO = 13
"""Every release's leaf commits to at least this many values, so that their number tells nothing (RFC 9901 section 4.2.5)."""


Written = Mapping[SectionId, tuple[Reaction, ...]]
"""What the family wrote, by the section that it leaves with."""


@dataclass(frozen=True, slots=True)
class SignedOff:
    """The version of a section that leaves, by its digest, and who agrees with it or with those before it."""

    version: int
    digest: str
    said: tuple[SignOff, ...]


Said = Mapping[SectionId, SignedOff]
"""The same, of the sections of which each party says whether it agrees."""
_NOBODY: Said = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Released:
    """One section that left, with what the family itself wrote about it."""

    type: str
    content: Content | SealedContent
    reactions: tuple[Reaction, ...] = ()
    expires: date | None = None
    instrument: str = field(default="", repr=False)
    assessed_on: date | None = field(default=None, repr=False)
    signed_off: SignedOff | None = None

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
class Weighed:
    """What was asked for of one handover, and the decision on it; nothing is logged yet."""

    request: ReleaseRequest
    situation: Situation
    decision: ReleaseDecision
    agreement: AgreementInForce
    now: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that is in the log of this unit of work, with what leaves by it: a part for each that `decision` permits."""

    id: str
    decision: ReleaseDecision
    released: tuple[Released, ...]
    withheld: tuple[Withheld, ...]
    appended: Appended
    seen: TreeSeen


async def weighed(
    work: UnitOfWork, handover: Handover, request: ReleaseRequest, agreement: AgreementInForce, now: datetime
) -> Weighed:
    """Decide on a handover that is addressed to who asks; every fact is read under locks that hold until the commit."""
    who = request.professional
    situation = await situation_of(work, handover, who.organisation, agreement, now, hold=True)
    found, rulings = weigh(situation, Recipient(who.organisation, who.role), request.purpose, agreement, now)
    return Weighed(request, situation, decide(request, situation, found, rulings, now), agreement, now)


async def made(work: UnitOfWork, house: House, wanted: Weighed, *, tell: bool = True) -> Made:
    """Log the decision, and with something that leaves: tie the release to its entry, and queue word of it to the family.

    Who makes several for one request tells of all of them at once (`tell_of_releases`), and never of none.
    """
    request, situation, agreement, now = wanted.request, wanted.situation, wanted.agreement, wanted.now
    who, handover, decision = request.professional, situation.handover, wanted.decision
    release_id = house.ids()
    contents = await _contents(work, house, situation, decision, release_id)
    seen, _ = await work.tree.seen()
    decision = decision.without({d.section.id for d in decision.permitted} - set(contents))
    written = await _written(work, handover, decision)
    said = await signed_off(work, handover, [d.section for d in decision.permitted], agreement)
    sections = [d.section for d in decision.permitted]
    released = tuple(
        Released(
            one.type,
            contents[one.id],
            written[one.id],
            one.expires,
            one.instrument,
            one.assessed_on,
            said.get(one.id),
        )
        for one in sections
    )
    facts = {"release": release_id, "policy": agreement.digest, "handoverKind": handover.kind, **_sealed_to(contents)}
    event = _logged(in_known_words(request, agreement), situation, decision, (written, said), facts, now)
    appended = await work.log.append(event)
    if released:
        await work.releases.add(release_id, appended.entry.id, handover.id, who, sections, now)
        if tell:
            await tell_of_release(work, house, agreement, situation, decision, now)
    ways = await _ways(work, wanted)
    withheld = _withheld(request, situation, decision, refusal(request, situation, now), ways)
    return Made(release_id, decision, released, withheld, appended, seen)


async def log_refused(work: UnitOfWork, house: House, wanted: Weighed) -> None:
    """Log that nothing leaves of what was weighed, with why: what somebody would have done with it is not done.

    What is open beside it leaves no more than that; there it stands as what cannot be read. The caller commits.
    """
    agreement, situation = wanted.agreement, wanted.situation
    decision = wanted.decision.without({d.section.id for d in wanted.decision.permitted})
    facts = {"release": house.ids(), "policy": agreement.digest, "handoverKind": situation.handover.kind}
    request = in_known_words(wanted.request, agreement)
    await work.log.append(_logged(request, situation, decision, ({}, {}), facts, wanted.now))


async def _ways(work: UnitOfWork, wanted: Weighed) -> tuple[Channel, ...]:
    """The ways outside this broker; of an urgent handover whose consent is not complete, its sender's telephone first."""
    handover, situation = wanted.situation.handover, wanted.situation
    kinds = situation.sender.kind, situation.recipient.kind
    ways = channels_for(wanted.agreement.channels, *kinds, wanted.request.purpose)
    if handover.urgency is None or all(d.told is not Told.NO_CONSENT for d in wanted.decision.withheld):
        return ways
    contact = await work.urgency.contact(handover.sender)
    return (after_hours(contact.phone if contact else None), *ways)


async def _contents(
    work: UnitOfWork, house: House, situation: Situation, decision: ReleaseDecision, release: str
) -> dict[SectionId, Content | SealedContent]:
    """What leaves, in the form in which it leaves. What somebody sealed and cannot be read is left out."""
    sealed = await work.handovers.sealed([d.section for d in decision.permitted])
    return await house.aside(_unlocked, house, situation, decision, sealed, release)


def _unlocked(
    house: House,
    situation: Situation,
    decision: ReleaseDecision,
    sealed: Mapping[SectionId, SealedSection],
    release: str,
) -> dict[SectionId, Content | SealedContent]:
    handover, vault, recipient = situation.handover, house.vault, situation.recipient
    found: dict[SectionId, Content | SealedContent] = {}
    to = None
    if recipient.sealing_key:
        to = ForRecipient(json.loads(recipient.sealing_key), recipient.oin, release)
    for section in (d.section for d in decision.permitted):
        place, box = place_of(handover, section), sealed[section.id]
        if to is not None:
            key, kid = vault.pass_on(place, box, to), to.sealing_key["kid"]
            found[section.id] = SealedContent(section.media_type, kid, key, box.ciphertext, handover.sender, box.mark)
        elif (body := vault.open(place, box)) is not None and readable(clear := Content(section.media_type, body)):
            found[section.id] = clear
    return found


async def _written(work: UnitOfWork, handover: Handover, decision: ReleaseDecision) -> Written:
    """What leaves with each section that leaves; nothing at all when none does."""
    if not decision.permitted:
        return {}
    every = await work.reactions.of_handover(handover.id)
    return {d.section.id: attached(every, d.section, handover.version) for d in decision.permitted}


async def signed_off(
    work: UnitOfWork, handover: Handover, sections: Sequence[Section], agreement: AgreementInForce
) -> Said:
    """For those of these sections of which parties say whether they agree: which version it is, and who said what."""
    wanted = [section for section in sections if section.type in agreement.vocabulary.signed_off]
    if not wanted:
        return {}
    every, boxes = await work.sign_offs.of_handover(handover.id), await work.handovers.sealed(wanted)
    return {
        one.id: SignedOff(
            handover.version,
            digest_of_version(boxes[one.id].ciphertext),
            attached_words(every, one, handover.sections),
        )
        for one in wanted
    }


def in_known_words(request: ReleaseRequest, agreement: AgreementInForce) -> ReleaseRequest:
    """The request for what is logged. A purpose that is no word of the agreement is `unknown`: a log line is no free text."""
    return request if request.purpose in agreement.vocabulary.purposes else replace(request, purpose="unknown")


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
    heard = (Told.NO_CONSENT, Told.UNREADABLE, Told.EXPIRED)
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
    asked: ReleaseRequest,
    situation: Situation,
    decision: ReleaseDecision,
    beside: tuple[Written, Said],
    facts: Mapping[str, str],
    now: datetime,
) -> LogEvent:
    """The entry of a decision; `facts` are those that it has beside who asked what, and how it ended."""
    handover, who = situation.handover, asked.professional
    permitted, withheld = bool(decision.permitted), bool(decision.withheld)
    outcome = "denied" if not permitted else "partly" if withheld else "permitted"
    personal = [
        Personal(who.id, "professional", who.id),
        Personal(who.id, "role", who.role),
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        Personal(handover.subject, "decision", _WRITER.encode([why(d, *beside) for d in decision.sections])),
        Personal(handover.subject, "basis", basis_text(asked, situation, now)),
    ]
    others = frozenset[str]().union(*(d.section.concerns for d in decision.sections)) - {handover.subject}
    personal += [Personal(person, "concerned", person) for person in sorted(others)]
    personal += [Personal(handover.subject, "concerned", "")] * (DECOYS_TO - len(personal))
    return LogEvent(
        EventType.RELEASE_PERMITTED if permitted else EventType.RELEASE_DENIED,
        now,
        who.organisation,
        handover.pushed_by,
        {**facts, "outcome": outcome, "purpose": asked.purpose, **who.vouched},
        tuple(personal),
    )


def _sealed_to(contents: Mapping[SectionId, Content | SealedContent]) -> dict[str, str]:
    """The key of the recipient that a release is sealed to; nothing for one that leaves in clear, or not at all."""
    sealed = next((content.kid for content in contents.values() if isinstance(content, SealedContent)), "")
    return {"sealedTo": sealed} if sealed else {}


def why(decision: SectionDecision, written: Written, said: Said = _NOBODY) -> dict[str, Any]:
    """What the officer will be able to read of one section: no content, no name."""
    signed = said.get(decision.section.id)
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
        **({"signOffs": [one.id for one in signed.said]} if signed and signed.said else {}),
    }
