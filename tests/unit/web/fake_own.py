"""An officer's own way in and what two officers decide, without a broker."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from broker.domain.events import EventType
from broker.domain.motions import MotionKind, MotionState, Search
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin, Organisation
from broker.domain.presence import ConfirmFirst, Purpose, SecondPasskeyFirst
from broker.domain.stores import OfficerRow
from broker.errors import Conflict, Invalid, NotFound, Words
from broker.services.motion_screens import ChangeRow, MotionRow, MotionScreen, OfficersScreen, PartnersScreen, Wanted
from broker.services.own_access import OwnPasskeyRow, OwnScreen, OwnVisitRow
from tests.unit.web.family_words import NOW, OFFICER_TOKEN, OPTIONS_TO_CREATE, OPTIONS_TO_GET

ONE, OTHER = "a1" * 32, "b2" * 32
PARTNERS = (
    Organisation(Oin("00000099000000010000"), "Wijkteam <b>Zuid", "municipal-team"),
    Organisation(Oin("00000099000000020000"), "School De Linde", "school", True),
)


@dataclass
class FakeOwn:
    """One officer with two passkeys. `fresh`: what was confirmed; `calls` holds what changes something."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    passkeys: tuple[OwnPasskeyRow, ...] = (OwnPasskeyRow(ONE, NOW, NOW), OwnPasskeyRow(OTHER, NOW, None))
    fresh: set[Purpose] = field(default_factory=set)

    async def own(self, token: str) -> OwnScreen:
        visits = (OwnVisitRow(NOW - timedelta(hours=1), NOW, True), OwnVisitRow(NOW, NOW, False))
        return OwnScreen(self.passkeys, visits)

    async def adding_options(self, token: str) -> str:
        self._fresh()
        return OPTIONS_TO_CREATE

    async def add(self, token: str, credential_json: str) -> None:
        self._fresh()
        self.calls.append(("add", credential_json))

    async def remove(self, token: str, passkey_id: str) -> None:
        self._fresh()
        if passkey_id not in {one.id for one in self.passkeys}:
            raise NotFound
        if len(self.passkeys) == 1:
            raise Conflict(Words("Dit is uw laatste passkey.", "This is your last passkey."))
        self.calls.append(("remove", passkey_id))

    def _fresh(self) -> None:
        if Purpose.OWN_PASSKEYS not in self.fresh:
            raise ConfirmFirst(Purpose.OWN_PASSKEYS)

    async def end_others(self, token: str) -> None:
        self.calls.append(("end_others",))

    async def confirm_options(self, token: str, purpose: Purpose) -> str:
        return OPTIONS_TO_GET

    async def confirm(self, token: str, purpose: Purpose, credential_json: str) -> str:
        self.calls.append(("confirm", purpose, credential_json))
        self.fresh.add(purpose)
        return OFFICER_TOKEN


def _motion(number: int, kind: MotionKind, state: MotionState = MotionState.WAITING, **more: Any) -> MotionRow:
    about = {"organisation": "School <b>De Linde", "officer": "", "role": None, "provisional": False, **more}
    return MotionRow(id=f"motion{number}", kind=kind, state=state, by=ONE, seconded_by="", at=NOW, ends=NOW, **about)


MOTIONS = (
    _motion(1, MotionKind.SUSPEND, MotionState.PROVISIONAL, provisional=True),
    _motion(2, MotionKind.LIFT, MotionState.LAPSED),
    _motion(3, MotionKind.INVITE, MotionState.DONE, organisation="", role=OfficerRole.KEEPER),
    _motion(4, MotionKind.WITHDRAW, organisation="", officer=OTHER),
    _motion(5, MotionKind.NAMES, organisation=""),
    _motion(6, MotionKind.NAMES, MotionState.DONE, organisation=""),
)


@dataclass
class FakeMotions:
    """What was proposed. `refuses` is raised by the next proposal."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    can_second: bool = True
    decided_it: bool = True
    equipped: bool = True
    confirmed: bool = True

    async def officers(self, token: str) -> OfficersScreen:
        rows = (
            OfficerRow(OfficerId(ONE), "Anna <b>Jansen", True, False, passkeys=2, last_seen=NOW),
            OfficerRow(OfficerId(OTHER), "Bo", False, False, OfficerRole.OF_ORGANISATION, PARTNERS[1].oin),
            OfficerRow(OfficerId("c3" * 32), "Cas", True, True, OfficerRole.KEEPER),
        )
        return OfficersScreen(OfficerId(ONE), rows, PARTNERS)

    async def partners(self, token: str) -> PartnersScreen:
        return PartnersScreen(PARTNERS)

    async def motions(self, token: str) -> tuple[tuple[MotionRow, ...], tuple[ChangeRow, ...]]:
        changes = (
            ChangeRow("e1", NOW, EventType.ORGANISATION_CHANGED, "School", "", "suspended", "operator", ""),
            ChangeRow("e2", NOW, EventType.OFFICER_INVITED, "", ONE, "", "motion", "motion3"),
            ChangeRow("e3", NOW, EventType.ORGANISATION_CHANGED, "School", "", "active", "lapse", "motion1"),
        )
        return MOTIONS, changes

    async def motion(self, token: str, motion_id: str) -> MotionScreen:
        row = next((row for row in MOTIONS if row.id == motion_id), None)
        if row is None:
            raise NotFound
        done = row.state is MotionState.DONE
        open_still = row.state in (MotionState.WAITING, MotionState.PROVISIONAL)
        can = self.can_second and open_still
        if row.kind is MotionKind.NAMES:
            search = Search("client", "<i>k1", NOW.date(), NOW.date(), 7)
            until = NOW + timedelta(hours=24) if done and self.decided_it else None
            return MotionScreen(row, "Omdat <i>het moet", "", can, "", search, "", until)
        return MotionScreen(row, "Omdat <i>het moet", "", can, "K7QD9F" if done else "")

    async def propose(self, token: str, wanted: Wanted) -> str:
        if not self.equipped:
            raise SecondPasskeyFirst
        if not self.confirmed:
            raise ConfirmFirst(Purpose.ORGANISATIONS)
        if not wanted.reason:
            raise Invalid.at("/reason", "Zeg waarom.", "Say why.")
        self.calls.append(("propose", replace(wanted)))
        return "motion1"

    async def second_options(self, token: str, motion_id: str) -> str:
        return json.dumps({"challenge": "c"})

    async def second(self, token: str, motion_id: str, credential_json: str) -> None:
        self.calls.append(("second", motion_id, credential_json))
