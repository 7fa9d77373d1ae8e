"""What a family is told and writes itself, in memory: reactions, words of agreement, its own texts, plans and tasks."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from broker.domain.consents import Stance
from broker.domain.forms.timeline import Moment
from broker.domain.notices import PARTS
from broker.domain.own_plan import PlanWish
from broker.domain.reactions import BEGINS, ReactionKind, plain
from broker.domain.sign_offs import own_words
from broker.domain.tasks import Status as TaskStatus
from broker.errors import NotAuthenticated, NotFound, TooMany, Words
from broker.services.own_lifeline import LifelineEntry, LifelineScreen, LifelineText
from broker.services.own_passkeys import PasskeyLine
from broker.services.own_report import OwnReading, OwnReport
from broker.services.own_sign_offs import newer_version
from broker.services.own_tasks import TaskScreen
from broker.services.own_text import OwnTextLine, OwnTextScreen
from broker.services.plan_screens import PlanDraft, PlanForm, PlanLine, PlanPerson, PlanReader, PlanText
from broker.services.questionnaires import AskedRecipient, Choice
from broker.services.screens import (
    ContactChoice,
    FamilySession,
    HandoverParts,
    OwnSignOff,
    PartScreen,
    Reactions,
    ReactionScreen,
    ReceiptScreen,
    SignOffScreen,
    Weight,
)
from tests.unit.web.family_words import (
    ASKED,
    BEFORE,
    CONTACTS,
    CSRF,
    DIGEST,
    LABELS,
    NOW,
    OTHERS,
    PURPOSE,
    RECIPIENTS,
    SENDER,
    TASKS,
    TOKEN,
    WHOLE,
)


@dataclass
class FakeVisit:
    """One visit at most, and what is there in it. `calls` holds what was asked that changes something; looking is not in it."""

    person: str = "Chayenne"
    speaks: str = ""
    sender: str = SENDER
    contacts: tuple[ContactChoice, ...] = CONTACTS
    weight: Weight = "counts"
    messages: bool = True
    asked_no_more: bool = False
    logged: bool = True
    current: FamilySession | None = None
    answers: dict[str, Choice] = field(default_factory=dict)
    asked: tuple[AskedRecipient, ...] = ASKED
    receipts: dict[str, ReceiptScreen] = field(default_factory=dict)
    said: dict[str, Stance] = field(default_factory=dict)
    agreed: tuple[OwnSignOff, ...] = ()
    written: tuple[ReactionScreen, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    fail: Exception | None = None
    types: tuple[str, ...] = ("timeline", "roles-and-tasks", "safety-plan")
    devices: tuple[PasskeyLine, ...] = ()
    needed: tuple[Words, ...] = ()
    confirmed: bool = False
    own: tuple[str, ...] = ("timeline", "roles-and-tasks")
    what_was_agreed: tuple[TaskScreen, ...] = TASKS
    how: tuple[str, str] | None = None
    """What was said to a question of a long watch: None where that is not asked, `("", "")` before the answer."""
    text: str = "2021: verhuisd.\n2023: <b>een zus erbij</b>."

    def visit(self, stage: str = "verified", purpose: str = "answer", language: str = "nl") -> Self:
        """Put the visit at a stage, as if it had come there."""
        sent = self.contacts[0] if stage != "code" and self.contacts else None
        told = self.how is not None, bool(self.how and self.how[0])
        self.current = FamilySession("v1", CSRF, stage, language, purpose, self.sender, self.contacts, sent, *told)  # type: ignore[arg-type]
        return self

    def _session(self, token: str) -> FamilySession:
        if self.fail is not None:
            raise self.fail
        if token != TOKEN or self.current is None:
            raise NotAuthenticated
        return self.current


@dataclass
class FakeWritten(FakeVisit):
    """What was written about them, and by them."""

    def _parts(self) -> tuple[PartScreen, ...]:
        return tuple(PartScreen(f"part-{t}", LABELS[t], (self.person,), self.sender) for t in self.types)

    async def reactions(self, token: str) -> Reactions:
        self._session(token)
        parts = self._parts()
        handovers = (HandoverParts(NOW.date(), RECIPIENTS, PURPOSE, parts, self._whole()),) if parts else ()
        return Reactions(handovers, self.written[::-1])

    def _whole(self) -> PartScreen:
        return PartScreen("part-whole", WHOLE, (self.person,), self.sender)

    async def part(self, token: str, part_id: str, kind: ReactionKind) -> PartScreen:
        self._session(token)
        for part in (self._whole(),) if kind is ReactionKind.ERASURE_REQUEST else self._parts():
            if part.id == part_id:
                return part
        raise NotFound

    async def react(self, token: str, part_id: str, kind: ReactionKind, text: str) -> str:
        part = await self.part(token, part_id, kind)
        text = plain(text, needed=kind is not ReactionKind.ERASURE_REQUEST)
        self.calls.append(("react", part_id, kind, text))
        if len(self.written) > 2:
            raise TooMany(retry_after=3600)
        id_ = f"w{len(self.written) + 1}"
        screen = ReactionScreen(id_, kind, part.label, text, NOW, BEGINS[kind], self.sender, None, None)
        self.written = (*self.written, screen)
        return id_

    async def reaction(self, token: str, reaction_id: str) -> ReactionScreen:
        self._session(token)
        for screen in self.written:
            if screen.id == reaction_id:
                return screen
        raise NotFound

    async def sign_offs(self, token: str) -> tuple[SignOffScreen, ...]:
        self._session(token)
        screen = partial(SignOffScreen, persons=(self.person,), sender=self.sender, version=2, digest=DIGEST)
        said, before = (self.agreed[-1], self.agreed[-2::-1]) if self.agreed else (None, ())
        shown = partial(screen, code="3f9a 21bc", said=said, before=(*before, BEFORE), others=OTHERS)
        return tuple(shown(f"part-{t}", LABELS[t]) for t in self.types[:1])

    async def sign_off(self, token: str, part_id: str) -> SignOffScreen:
        for screen in await self.sign_offs(token):
            if screen.id == part_id:
                return screen
        raise NotFound

    async def sign(self, token: str, part_id: str, digest: str, text: str, *, agrees: bool) -> None:
        screen, text = await self.sign_off(token, part_id), own_words(text, agrees=agrees)
        if digest != screen.digest:
            raise newer_version()
        self.calls.append(("sign", part_id, agrees, text))
        if len(self.agreed) > 2:
            raise TooMany(retry_after=3600)
        self.agreed = (*self.agreed, OwnSignOff(agrees, text, screen.version, NOW))

    async def report(self, token: str, before: str = "") -> OwnReport:
        name = self._session(token) and self.person
        self.calls.append(("report", before))
        reading = OwnReading(
            NOW, "De Hoop GGZ", Words("psycholoog", "psychologist"), (LABELS["timeline"],), ("Sem",), PURPOSE, True
        )
        return OwnReport(name, self.sender, NOW, () if before else (reading,), "" if before else "e1")

    async def own_texts(self, token: str) -> tuple[OwnTextLine, ...]:
        self._session(token)
        return tuple(
            OwnTextLine(f"text-{t}", t, LABELS[t], NOW.date(), t == "roles-and-tasks", asked=True)
            for t in self.types
            if t in self.own
        )

    async def own_text(self, token: str, text_id: str) -> OwnTextScreen:
        for line in await self.own_texts(token):
            if line.id == text_id and not line.sealed:
                self.calls.append(("own_text", text_id))
                return OwnTextScreen(line.label, self.sender, (self.text,))
        raise NotFound

    async def lifeline(self, token: str) -> LifelineScreen:
        self._session(token)
        self.calls.append(("lifeline",))
        first, second = Moment.parse("2018"), Moment.parse("2025-03")
        entries = (
            LifelineEntry(first, Moment.parse("2024"), "Verhuisd <b>naar</b> oma.", "part-1"),
            LifelineEntry(second, None, "Startgesprek.", ""),
        )
        return LifelineScreen(self.sender, entries, (LifelineText("Zonder dag.", "part-2"),), sealed=True)

    async def plan_form(self, token: str) -> PlanForm:
        self._session(token)
        people = (PlanPerson("p1", self.person, yourself=True),)
        return PlanForm(people, (PlanReader("r1", "De Regenboog", LABELS["timeline"]),), (NOW.date(),), 4_000)

    async def plan_draft(self, token: str, wish: PlanWish, language: str) -> PlanDraft:
        self._session(token)
        plain(wish.text)
        people = (PlanPerson("p1", self.person, yourself=True),)
        parts = {part: part for part in PARTS}
        day = NOW.date()
        return PlanDraft(
            wish, wish.text, people, (LABELS["timeline"],), day, ("Mark",), day, parts, language, {}, True, "d"
        )

    async def keep_plan(self, token: str, wish: PlanWish, shown: str, language: str) -> str:
        self._session(token)
        self.calls.append(("keep_plan", shown))
        return "r1"

    async def own_plans(self, token: str) -> tuple[PlanLine, ...] | None:
        self._session(token)
        day = NOW.date()
        return (PlanLine("plan1", day, day, 1, (self.person,), (LABELS["timeline"],), False, True, ()),)

    async def plan_text(self, token: str, plan_id: str) -> PlanText:
        self._session(token)
        self.calls.append(("plan_text", plan_id))
        return PlanText(plan_id, self.text)

    async def change_plan(self, token: str, plan_id: str, text: str) -> None:
        self._session(token)
        plain(text)
        self.calls.append(("change_plan", plan_id))

    async def withdraw_plan(self, token: str, plan_id: str) -> None:
        self._session(token)
        self.calls.append(("withdraw_plan", plan_id))

    async def tasks(self, token: str) -> tuple[TaskScreen, ...]:
        self._session(token)
        return self.what_was_agreed

    async def change_task(self, token: str, task_id: str, status: TaskStatus) -> None:
        self._session(token)
        if not any(task.id == task_id and task.own for task in self.what_was_agreed):
            raise NotFound
        self.calls.append(("change_task", task_id, status))
