"""The family's own plan: written from the phone, kept as a handover of theirs, changed, and taken back.

1. Who writes came in with code and one-time code, at a contact that nobody doubts, and decides now for everybody whom
   it is about; tries are counted.
2. What can be chosen is worked out again from the facts of that moment; what was not offered is refused.
3. Writing releases nothing. The writer's own yes is a signed record on the very text that was shown, like any other
   answer; whoever else must say yes is asked, and what they said is told to nobody.
4. The text lies encrypted under a key of its own, bound to its place. To the organisation through which the family came
   in it is not there (`Handover.pushed_by`), unless it was chosen as a reader.
5. Text, records, log entries and messages are committed together; opening one's own text again is logged first.
"""

import hashlib
import json
from dataclasses import replace
from datetime import datetime

from broker.domain.arrivals import REMIND_AFTER
from broker.domain.calendar import local_day
from broker.domain.erasure import Cause
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import ENDED, Handover, SectionId
from broker.domain.own_plan import PlanWish
from broker.domain.parties import Oin, PersonId
from broker.domain.ports import place_of
from broker.domain.stores import Invitation, Lock, PartnerEventType, UnitOfWork
from broker.errors import Conflict, NotAllowed, NotFound, Words
from broker.services.doorway import Doorway
from broker.services.erasure import erase_contents
from broker.services.handovers import about
from broker.services.house import House, guarded
from broker.services.mine import recipient_words, weights_of
from broker.services.partner_events import tell_readers
from broker.services.plan_desk import Desk, agreed, desk_of, draft_of, form_of, kept_by, plan_words, planned_of
from broker.services.plan_keeping import ask_again, ask_others, fingerprint, keep_way_in, own_yes, sealed, taken_back
from broker.services.plan_screens import PlanDraft, PlanForm, PlanLine, PlanText
from broker.services.questionnaires import QUESTION_CHANGED
from broker.services.recording import keep
from broker.services.screens import ReadLine

A_DAY = 86_400
MOST_IN_A_DAY = 10
"""How often one person can keep or change a plan."""
MOST_LOOKS = 20
"""How often one person can have their plan opened again in a day."""


class OwnPlans(Doorway):
    """The use cases of a family member who writes a plan."""

    async def plan_form(self, token: str) -> PlanForm:
        """What can be chosen. Raises NotAllowed when this person can write none now, with what to do."""
        async with self._house.storage(writing=False) as work:
            visit, invitation, _ = await self._verified(work, token)
            desk = await desk_of(work, self._house, invitation, self._house.clock())
            return form_of(self._house, desk, visit)

    async def own_plans(self, token: str) -> tuple[PlanLine, ...] | None:
        """What this person wrote, newest first, and who read each. None where the agreement knows no such plan."""
        async with self._house.storage(writing=False) as work:
            _, invitation, writer = await self._verified(work, token)
            written = await work.lists.written_by(writer, invitation.sender)
            if not written and not agreed(self._house.agreement()):
                return None
            lines = [await _line(work, self._house, one, since, invitation.sender) for one, since in written]
        return tuple(lines)

    async def plan_draft(self, token: str, wish: PlanWish, language: str) -> PlanDraft:
        """The plan once more, before it is kept: nothing is stored. Raises Invalid with every fault, NotAllowed."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            visit, invitation, _ = await self._verified(work, token)
            desk = await desk_of(work, self._house, invitation, now)
            planned = await planned_of(work, self._house, desk, visit, wish, language)
            return draft_of(self._house, desk, planned, visit, wish)

    async def keep_plan(self, token: str, wish: PlanWish, shown: str, language: str) -> str:
        """Keep it, with the writer's own yes on the very text that was `shown`, and ask the others. Returns the receipt.

        The same form again gives the same receipt, as long as that plan is kept. Raises Invalid with every fault, Conflict when the question is another
        by now or too many plans are kept, NotAllowed, TooMany past ten in a day.
        """
        house, mark = self._house, _mark(wish)
        async with house.storage(writing=False) as work:
            _, _, writer = await self._verified(work, token)
        await guarded(house, f"own-plan:{writer}", MOST_IN_A_DAY, A_DAY, _TOO_OFTEN)  # 1
        now = house.clock()
        async with house.storage() as work:
            visit, invitation, writer = await self._verified(work, token, lock=True)
            before, plan = visit.state.get("plans", {}).get(mark, ("", ""))
            if before and plan in {one.id for one in await kept_by(work, writer, invitation.sender, now)}:
                return str(before)
            await work.authorities.hold({writer}, exclusively=True)
            desk = await desk_of(work, self._house, invitation, now)
            planned = await planned_of(work, self._house, desk, visit, wish, language)  # 2
            if planned.told.notice.ref.digest != shown:
                raise Conflict(QUESTION_CHANGED, code="question-changed")
            await work.handovers.add(await sealed(house, planned.handover, planned.text), now)
            await work.log.append(_logged(EventType.PLAN_WRITTEN, planned.handover, now))
            receipt = await own_yes(work, house, desk, planned)
            await ask_others(work, house, desk, planned)
            await keep_way_in(work, house, desk, planned.handover)
            visit.state["plans"] = {**visit.state.get("plans", {}), mark: (receipt, planned.handover.id)}
            await work.visits.save(visit)
            await work.commit()  # 5
        house.log.kick()
        house.outbox_kick()
        return receipt

    async def plan_text(self, token: str, plan_id: str) -> PlanText:
        """One's own text again, to change it: logged, committed, and then given.

        Raises NotFound, NotAllowed when they no longer decide for everybody in it, Conflict when it ended, TooMany.
        """
        house = self._house
        async with house.storage(writing=False) as work:
            _, _, writer = await self._verified(work, token)
        await guarded(house, f"own-plan-text:{writer}", MOST_LOOKS, A_DAY, _TOO_OFTEN)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, _ = await self._verified(work, token)
            handover, _ = await self._changeable_plan(work, invitation, plan_id, now, lock="shared")
            [section] = handover.sections
            sealed = await work.handovers.sealed(handover.sections)
            body = await house.aside(house.vault.open, place_of(handover, section), sealed[section.id])
            await work.log.append(_shown(handover, now))
            await work.commit()  # 5
        house.log.kick()
        return PlanText(plan_id, (body or b"").decode())

    async def change_plan(self, token: str, plan_id: str, text: str) -> None:
        """Put another text in its place, for the same readers and the same days; who read the old one is told.

        The same text again changes nothing. Whoever did not answer yet is asked anew. Raises as `plan_text`, and Invalid.
        """
        house, words = self._house, plan_words(text)
        async with house.storage(writing=False) as work:
            _, _, writer = await self._verified(work, token)
        await guarded(house, f"own-plan:{writer}", MOST_IN_A_DAY, A_DAY, _TOO_OFTEN)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, writer = await self._verified(work, token)
            before, desk = await self._changeable_plan(work, invitation, plan_id, now, lock="exclusive")
            await work.authorities.hold({writer}, exclusively=True)
            if (await work.handovers.fingerprints(before.id))[-1] == fingerprint(house, before, words):
                return
            [section] = before.sections
            after = replace(before, version=before.version + 1, sections=(replace(section, id=SectionId(house.ids())),))
            await work.handovers.replace(await sealed(house, after, words), now)
            version = Personal(after.subject, "version", str(after.version))
            await work.log.append(_logged(EventType.PLAN_CHANGED, after, now, version))
            await tell_readers(work, house, after, PartnerEventType.CORRECTED, now)
            await work.arrivals.look_again(after.id, now + REMIND_AFTER)
            await ask_again(work, house, desk, after)
            await work.commit()
        await house.storage.scrub()
        house.log.kick()
        house.outbox_kick()

    async def withdraw_plan(self, token: str, plan_id: str) -> None:
        """Destroy it and its key, take back the writer's own yes with it, and tell who read it. A second time changes nothing.

        Only who wrote it can; that they still decide for anybody is not needed to take back one's own words. Raises NotFound.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            _, invitation, writer = await self._verified(work, token)
            handover = await self._own_plan(work, invitation, plan_id)
            contents = await work.erasure.contents(handover.id)
            if contents is None or contents.state in ENDED:
                return
            await work.authorities.hold({writer}, exclusively=True)
            await work.log.append(_logged(EventType.PLAN_WITHDRAWN, handover, now))
            await erase_contents(work, house, contents, Cause.WITHDRAWN, now)
            records = await taken_back(work, house, handover, invitation.sender, now)
            if records:
                await keep(work, house, writer, invitation.sender, records, now)
            await work.commit()
        await house.storage.scrub()
        house.log.kick()
        house.outbox_kick()

    async def _own_plan(self, work: UnitOfWork, invitation: Invitation, plan_id: str) -> Handover:
        for handover, _ in await work.lists.written_by(invitation.person, invitation.sender):
            if _named(self._house, handover) == plan_id:
                return handover
        raise NotFound

    async def _changeable_plan(
        self, work: UnitOfWork, invitation: Invitation, plan_id: str, now: datetime, *, lock: Lock
    ) -> tuple[Handover, Desk]:
        """The plan, locked, and what they can write now. Raises NotFound, NotAllowed, Conflict."""
        found = await self._own_plan(work, invitation, plan_id)
        handover = await work.handovers.get(found.id, lock=lock)
        if handover is None or handover.author != invitation.person:
            raise NotFound
        if not handover.kept_at(now):
            raise Conflict(_OVER, code="plan-over")
        desk = await desk_of(work, self._house, invitation, now, handover)
        if not handover.concerned() <= desk.about:
            raise NotAllowed(_ONLY_STOP, code="own-plan-impossible")
        return handover, desk


def _named(house: House, handover: Handover) -> str:
    """How pages name a plan; it says nothing."""
    return house.tags.tag("own-plan-id", handover.id)[:32]


async def _line(work: UnitOfWork, house: House, handover: Handover, since: datetime, sender: Oin) -> PlanLine:
    """One plan, and who read it; nothing about what others answered."""
    now, writer = house.clock(), handover.author or PersonId("")
    partners = {one.oin: one.name for one in await work.organisations.all()}
    names = await work.persons.names(handover.concerned(), sender)
    vocabulary = house.agreement().vocabulary
    weights, _ = await weights_of(work, house, writer, handover.concerned(), now)
    read = {
        (one.at, one.organisation, one.role): one
        for person in sorted(weights.counting | {writer})
        for one in await work.releases.of_person(person, sender, writer)
        if one.handover == handover.id
    }
    return PlanLine(
        id=_named(house, handover),
        day=local_day(since),
        until=handover.consent_until,
        version=handover.version,
        persons=tuple(sorted(names.get(person, "") for person in handover.concerned())),
        readers=tuple(recipient_words(one, partners, vocabulary) for one in handover.recipients),
        ended=handover.state in ENDED,
        kept=handover.kept_at(now),
        readings=tuple(
            ReadLine(
                one.at,
                partners.get(one.organisation, ""),
                vocabulary.label(one.role),
                tuple(map(vocabulary.label, one.types)),
                one.corrected,
            )
            for one in sorted(read.values(), key=lambda one: one.at, reverse=True)
        ),
    )


def _mark(wish: PlanWish) -> str:
    """Of one filled-in form: pressed twice it is one plan."""
    said = [wish.text, sorted(wish.persons), sorted(wish.readers), wish.until]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _logged(event: EventType, handover: Handover, now: datetime, *more: Personal) -> LogEvent:
    writer = handover.author or PersonId("")
    return about(event, handover, now, Personal(writer, "signer", writer), *more)


def _shown(handover: Handover, now: datetime) -> LogEvent:
    types = json.dumps([section.type for section in handover.sections])
    return _logged(EventType.RELEASE_SHOWN, handover, now, Personal(handover.subject, "types", types))


_TOO_OFTEN = Words(
    "Je deed dit vandaag al vaak. Probeer het morgen opnieuw.", "You did this often today. Try again tomorrow."
)
_OVER = Words("Dit plan is gestopt. Je kunt een nieuw plan schrijven.", "This plan has ended. You can write a new one.")
_ONLY_STOP = Words(
    "Je beslist niet meer over iedereen in dit plan. Je kunt het alleen nog stoppen.",
    "You no longer decide about everybody in this plan. You can only stop it.",
)
