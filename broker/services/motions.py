"""What two officers decide together: who is an officer, which organisations take part, and whether names leave (`names.py`).

1. Who proposes has the right, two passkeys, and used one again just now; a reason is given and kept sealed.
2. A motion is what its log entry says, and its proposer still is an officer with the right; a row alone is nothing.
3. Another officer seconds it within a day, with a passkey over a challenge that only this motion, officer and moment have.
4. What it asks, and the entry that says who seconded it, are one commit.
5. An organisation may be stopped at once by one officer, for that day; after it the stop ends by itself, unless somebody
   seconded it or it was stopped or started since; then nobody stops it alone for a week. Letting it take part again takes two.
"""

import base64
import json
import secrets
from dataclasses import replace
from datetime import datetime

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.motions import (
    LONGEST_NAME,
    LONGEST_REASON,
    MOST_PEOPLE,
    OPEN_FOR,
    Motion,
    MotionKind,
    MotionState,
    challenge,
)  # fmt: skip
from broker.domain.officers import OfficerRole, Right
from broker.domain.parties import OfficerId, Oin
from broker.domain.ports import Passkey, Passkeys
from broker.domain.presence import FRESH_FOR, Purpose
from broker.domain.stores import LogSearch, StoredEntry, UnitOfWork, Visit
from broker.errors import BrokerError, Conflict, Fault, Invalid, NotAllowed, NotAuthenticated, Words
from broker.services.house import House, guarded
from broker.services.logged_motions import decided, logged
from broker.services.looking import looked
from broker.services.motion_screens import ChangeRow, MotionRow, MotionScreen, OfficersScreen, PartnersScreen, Wanted
from broker.services.officers import Officers, check_invitation, fingerprint, let_in, withdraw
from broker.services.partners import suspend_partner
from broker.services.rounds import every_hour, is_ours
from broker.services.stops import stands_alone, stopped_in_vain

SHOWN = 30
_PURPOSE = {
    MotionKind.INVITE: Purpose.OFFICERS,
    MotionKind.WITHDRAW: Purpose.OFFICERS,
    MotionKind.SUSPEND: Purpose.ORGANISATIONS,
    MotionKind.LIFT: Purpose.ORGANISATIONS,
    MotionKind.NAMES: Purpose.NAMES,
}
_CHANGES = (EventType.OFFICER_INVITED, EventType.OFFICER_WITHDRAWN, EventType.ORGANISATION_CHANGED)


class Motions:
    """The use cases of officers who may manage."""

    def __init__(self, house: House, officers: Officers, passkeys: Passkeys) -> None:
        self._house = house
        self._officers = officers
        self._passkeys = passkeys

    # looking

    async def officers(self, token: str) -> OfficersScreen:
        """Every officer, by name. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.MANAGE)
            rows = tuple(await work.officers.all())
            partners = tuple(await work.organisations.all())
            await looked(work, acting, now, "officers")
            await work.commit()
        house.log.kick()
        return OfficersScreen(acting.officer, rows, partners)

    async def partners(self, token: str) -> PartnersScreen:
        """Every organisation, and whether it takes part. Nothing in it is about anybody; looking changes nothing."""
        async with self._house.storage(writing=False) as work:
            await self._officers.acting(work, token, Right.MANAGE)
            return PartnersScreen(tuple(await work.organisations.all()))

    async def motions(self, token: str) -> tuple[tuple[MotionRow, ...], tuple[ChangeRow, ...]]:
        """The newest motions, and what was changed last and by whom: also by the operator. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.MANAGE)
            names = await _names(work)
            rows = tuple([self._row(one, names, now) for one in await work.motions.latest(SHOWN)])
            found = await work.log.search(LogSearch(types=_CHANGES, limit=SHOWN))
            openings = await work.log.openings_of([entry.id for entry in found])
            changes = tuple(_change(e, house.log.read(e.leaf, openings.get(e.id, ())), names) for e in found)
            await looked(work, acting, now, "motions")
            await work.commit()
        house.log.kick()
        return rows, changes

    async def motion(self, token: str, motion_id: str) -> MotionScreen:
        """One motion. Raises NotFound; Tampered for one that no officer made like that. Changes nothing."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            acting = await self._officers.acting(work, token, Right.MANAGE)
            motion, _ = await logged(work, house.log, motion_id)
            names = await _names(work)
            row = self._row(motion, names, now)
            unused = motion.made is not None and not await work.officers.active(motion.made)
            decision = await decided(work, house.log, motion)
        mine = decision is not None and acting.officer in decision.officers
        until = decision.until if decision and mine and now < decision.until else None
        open_still = motion.stands(now) in (MotionState.WAITING, MotionState.PROVISIONAL) and decision is None
        partner = names.get(motion.search.value, "") if motion.search else ""
        half = motion.half(acting.officer) if unused else ""
        can = open_still and motion.by != acting.officer
        return MotionScreen(row, motion.reason, motion.name, can, half, motion.search, partner, until)

    def _row(self, motion: Motion, names: dict[str, str], now: datetime) -> MotionRow:
        return MotionRow(
            motion.id,
            motion.kind,
            motion.stands(now),
            names.get(motion.organisation or "", ""),
            motion.officer or "",
            motion.role,
            motion.by,
            motion.seconded_by or "",
            motion.at,
            motion.ends,
            motion.provisional,
        )

    # proposing

    async def propose(self, token: str, wanted: Wanted) -> str:
        """Propose it; returns its id. Raises Invalid with all that is wrong, Conflict, and what `confirmed` does."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            once = wanted.kind is MotionKind.NAMES
            confirmed = self._officers.confirmed_once if once else self._officers.confirmed
            acting = await confirmed(work, token, Right.MANAGE, _PURPOSE[wanted.kind])  # 1
            await self._check(work, wanted)
            motion = Motion(
                id=house.ids(),
                kind=wanted.kind,
                state=MotionState.PROVISIONAL if wanted.at_once else MotionState.WAITING,
                by=acting.officer,
                at=now,
                organisation=Oin(wanted.organisation) if wanted.organisation else None,
                officer=OfficerId(wanted.officer) if wanted.officer else None,
                role=wanted.role,
                provisional=wanted.at_once,
                name=" ".join(wanted.name.split()),
                reason=" ".join(wanted.reason.split()),
                search=wanted.search,
            )
            personal = [Personal(motion.by, "officer", motion.by)]
            personal += [Personal(motion.officer, "colleague", motion.officer)] if motion.officer else []
            personal += [Personal(motion.by, "sought", motion.search.value)] if motion.search else []
            event = LogEvent(EventType.MOTION_PROPOSED, now, facts=motion.facts(), personal=tuple(personal))
            logged = await work.log.append(event)
            await work.motions.add(replace(motion, entry=logged.entry.id))
            if motion.provisional and motion.organisation:  # 5
                how = {"by": "motion", "motion": motion.id, "provisional": "yes"}
                await suspend_partner(work, motion.organisation, now, how, suspended=True)
            await work.commit()
        house.log.kick()
        return motion.id

    async def _check(self, work: UnitOfWork, wanted: Wanted) -> None:
        faults: list[Fault] = []
        if not 0 < len(" ".join(wanted.reason.split())) <= LONGEST_REASON:
            faults.append(Fault("/reason", _NO_REASON))
        if wanted.at_once and wanted.kind is not MotionKind.SUSPEND:
            faults.append(Fault("/at_once", _ONLY_STOPPING))
        if wanted.kind is MotionKind.INVITE:
            faults += await _invitation_faults(work, wanted)
        elif wanted.kind is MotionKind.NAMES:
            faults += _search_faults(wanted)
        elif wanted.kind is MotionKind.WITHDRAW:
            there = {row.id for row in await work.officers.all() if not row.withdrawn}
            faults += [] if wanted.officer in there else [Fault("/officer", _NO_OFFICER)]
        else:
            organisation = await work.organisations.get(wanted.organisation)
            if organisation is None:
                faults.append(Fault("/organisation", _NO_PARTNER))
            elif organisation.suspended is (wanted.kind is MotionKind.SUSPEND):
                faults.append(Fault("/organisation", _ALREADY))
        if faults:
            raise Invalid(faults)
        if wanted.at_once and await stopped_in_vain(work, self._house.log, wanted.organisation, self._house.clock()):
            raise Conflict(_IN_VAIN, code="stopped-in-vain")

    # seconding

    async def second_options(self, token: str, motion_id: str) -> str:
        """What the browser needs to sign. Raises NotFound, Conflict, SecondPasskeyFirst."""
        async with self._house.storage() as work:
            visit, officer = await self._second_one(work, token)
            motion, entry = await self._open_to(work, motion_id, officer)
            nonce = secrets.token_bytes(32)
            ends = (self._house.clock() + FRESH_FOR).timestamp()
            visit.state["motion"] = {"motion": motion.id, "nonce": base64.b64encode(nonce).decode(), "ends": ends}
            mine = await work.officers.passkeys(officer)
            await work.visits.save(visit)
            await work.commit()
        allowed = tuple(one.passkey.credential for one in mine)
        return self._passkeys.request(challenge(motion, entry.leaf_hash, officer, nonce), allowed)

    async def second(self, token: str, motion_id: str, credential_json: str) -> None:
        """Second it with a passkey: what it asks is done. Raises NotAllowed, NotFound, Conflict, Invalid."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            owner = (await self._officers.acting(work, token, Right.MANAGE)).officer
        await guarded(house, f"second:{owner}", 20, 600)
        async with house.storage() as work:
            visit, officer = await self._second_one(work, token)
            motion, entry = await self._open_to(work, motion_id, officer, lock=True)  # 2
            asked = visit.state.pop("motion", None)
            if asked is None or asked["motion"] != motion.id or now.timestamp() >= asked["ends"]:
                raise NotAllowed(_NOT_ASKED, code="motion-not-asked")
            await work.visits.save(visit)
            passkey = await self._own(work, officer, credential_json)
            wanted = challenge(motion, entry.leaf_hash, officer, base64.b64decode(asked["nonce"]))
            await work.officers.used(self._passkeys.signed(credential_json, wanted, passkey), now)  # 3
            evidence = json.dumps({"nonce": asked["nonce"], "credential": json.loads(credential_json)}, sort_keys=True)
            personal = (Personal(officer, "officer", officer), Personal(officer, "assertion", evidence))
            facts = {"motion": motion.id, "kind": motion.kind.value}
            await work.log.append(LogEvent(EventType.MOTION_SECONDED, now, facts=facts, personal=personal))
            done = await self._do(work, motion, now)
            await work.motions.save(replace(done, state=MotionState.DONE, seconded_by=officer, seconded_at=now))
            await work.commit()  # 4
        house.log.kick()

    async def _do(self, work: UnitOfWork, motion: Motion, now: datetime) -> Motion:
        """What the motion asks. Raises Conflict when it cannot be done any more."""
        how = {"by": "motion", "motion": motion.id}
        try:
            await self._check(work, _wanted(motion))
        except Invalid:
            if not motion.provisional:
                raise Conflict(_OVER, code="motion-over") from None
        if motion.kind is MotionKind.INVITE:
            made, code = await let_in(
                work, self._house, motion.name, motion.role or OfficerRole.OFFICER, motion.organisation, how
            )
            return replace(motion, made=made, code=code)
        if motion.kind is MotionKind.NAMES:
            return motion  # taken by themselves, within a day
        if motion.kind is MotionKind.WITHDRAW and motion.officer:
            await withdraw(work, motion.officer, now, how)
        elif motion.organisation:
            suspended = motion.kind is MotionKind.SUSPEND
            await suspend_partner(work, motion.organisation, now, how, suspended=suspended)
        return motion

    async def _second_one(self, work: UnitOfWork, token: str) -> tuple[Visit, OfficerId]:
        visit, acting = await self._officers.visiting(work, token, lock=True, anew=True)
        acting.need(Right.MANAGE)
        if not await work.officers.active(acting.officer, lock=True):
            raise NotAuthenticated
        await self._officers.equipped(work, acting.officer)
        return visit, acting.officer

    async def _open_to(
        self, work: UnitOfWork, motion_id: str, officer: OfficerId, *, lock: bool = False
    ) -> tuple[Motion, StoredEntry]:
        """A motion that this officer may second now, and the entry that says it. Raises NotFound, Conflict, Tampered."""
        motion, entry = await logged(work, self._house.log, motion_id, lock=lock)
        if motion.by == officer:
            raise Conflict(_OWN, code="motion-own")
        if await decided(work, self._house.log, motion) is not None:  # whatever the row says
            raise Conflict(_OVER, code="motion-over")
        if motion.stands(self._house.clock()) not in (MotionState.WAITING, MotionState.PROVISIONAL):
            raise Conflict(_OVER, code="motion-over")
        proposer = await self._officers.believed(work, motion.by, anew=True)
        if proposer is None or Right.MANAGE not in proposer.rights:
            raise Conflict(_OVER, code="motion-over")
        return motion, entry

    async def _own(self, work: UnitOfWork, officer: OfficerId, credential_json: str) -> Passkey:
        known = await work.officers.passkey(self._passkeys.credential_id(credential_json))
        if known is None or known[0] != officer:
            raise NotAllowed(_OTHER_PASSKEY, code="unknown-passkey")
        if fingerprint(known[1]) not in await self._officers.own_passkeys(work, officer):
            raise NotAllowed(_OTHER_PASSKEY, code="passkey-not-in-log")
        return known[1]

    # what nobody seconded

    async def run(self) -> None:
        """Do a round every hour until cancelled: what one officer stopped ends within the hour after its day."""
        await every_hour("motions", self.round)

    async def round(self) -> int:
        """What is over, unless a broker did this hour's round; returns how many motions."""
        return await self.let_lapse() if await is_ours(self._house, "motions", self._house.clock()) else 0

    async def let_lapse(self) -> int:
        """Every motion that nobody seconded in time lapses; a stop by one officer ends with it. Returns how many."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            over = [motion.id for motion in await work.motions.over(now - OPEN_FOR)]
        failed: BrokerError | None = None
        for motion_id in over:
            try:
                await self._lapse(motion_id, now)
            except BrokerError as error:
                failed = error
        house.log.kick()
        if failed is not None:
            raise failed
        return len(over)

    async def _lapse(self, motion_id: str, now: datetime) -> None:
        async with self._house.storage() as work:
            motion, _ = await logged(work, self._house.log, motion_id, lock=True)
            if motion.state not in (MotionState.WAITING, MotionState.PROVISIONAL) or now < motion.ends:
                return
            if motion.provisional and motion.organisation and await stands_alone(work, self._house.log, motion):
                how = {"by": "lapse", "motion": motion.id}
                await suspend_partner(work, motion.organisation, now, how, suspended=False)
            await work.motions.save(replace(motion, state=MotionState.LAPSED))
            await work.commit()


def _search_faults(wanted: Wanted) -> list[Fault]:
    there = wanted.search is not None and 0 < wanted.search.people <= MOST_PEOPLE
    return [] if there else [Fault("/search", _NO_SEARCH)]


async def _invitation_faults(work: UnitOfWork, wanted: Wanted) -> list[Fault]:
    faults = []
    if not 0 < len(" ".join(wanted.name.split())) <= LONGEST_NAME:
        faults.append(Fault("/name", _NO_NAME))
    if wanted.role is None:
        return [*faults, Fault("/role", _NO_ROLE)]
    try:
        await check_invitation(work, wanted.role, Oin(wanted.organisation) if wanted.organisation else None)
    except Invalid as error:
        faults += error.faults
    return faults


def _wanted(motion: Motion) -> Wanted:
    about = (motion.organisation or "", motion.officer or "", motion.role, motion.name)
    return Wanted(motion.kind, motion.reason, *about, search=motion.search)


def _change(entry: StoredEntry, said: LoggedFacts, names: dict[str, str]) -> ChangeRow:
    whose = str(said.facts.get("for", "")) or said.organisation
    officer = next(iter(said.personal.get("officer", ())), "")
    return ChangeRow(
        entry.id,
        said.at,
        EventType(said.type),
        names.get(whose, ""),
        officer,
        str(said.facts.get("state", "")),
        str(said.facts.get("by", "")),
        str(said.facts.get("motion", "")),
    )


async def _names(work: UnitOfWork) -> dict[str, str]:
    return {str(o.oin): o.name for o in await work.organisations.all()}


_NO_REASON = Words(f"Zeg waarom, in hoogstens {LONGEST_REASON} tekens.", f"Say why, in at most {LONGEST_REASON} signs.")
_ONLY_STOPPING = Words("Alleen stoppen kan meteen.", "Only stopping can be done at once.")
_NO_NAME = Words(
    f"Vul een naam in, van hoogstens {LONGEST_NAME} tekens.", f"Type a name of at most {LONGEST_NAME} signs."
)
_NO_ROLE = Words("Kies een rol.", "Choose a role.")
_NO_OFFICER = Words("Kies een officer die er nog is.", "Choose an officer who still is one.")
_NO_SEARCH = Words("Zoek eerst bij een datalek wat er gelezen is.", "First look up what was read, in a data breach.")
_NO_PARTNER = Words("Kies een organisatie.", "Choose an organisation.")
_ALREADY = Words("Dat is al zo bij deze organisatie.", "That is so already for this organisation.")
_IN_VAIN = Words(
    "Deze organisatie is kort geleden al door één officer gestopt, en niemand bevestigde dat. Stel het voor met een tweede.",
    "One officer stopped this organisation not long ago, and nobody seconded it. Propose it, for another to second.",
)
_OVER = Words(
    "Dit besluit kan niet meer. Het is al gedaan, te oud, of wie het voorstelde is geen officer meer.",
    "This cannot be decided any more. It was done already, is too old, or who proposed it is no officer any more.",
)
_OWN = Words(
    "U hebt dit zelf voorgesteld. Een andere officer moet het bevestigen.",
    "You proposed this yourself. Another officer has to second it.",
)
_NOT_ASKED = Words(
    "Dit hoort niet bij dit besluit, of duurde te lang. Druk opnieuw op de knop.",
    "This does not belong to this decision, or took too long. Press the button again.",
)
_OTHER_PASSKEY = Words(
    "Dit is niet uw eigen passkey. Gebruik die waarmee u zich aanmeldde.",
    "This is not your own passkey. Use the one that you registered.",
)
