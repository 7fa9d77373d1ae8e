"""One family on the real broker and in the model at once: whatever happens to the one happens to the other.

Handovers come in and are asked for over HTTP; what people say goes through the use cases behind the pages.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, Recipient
from broker.domain.stores import Invitation, Visit
from broker.errors import Conflict, NotFound
from broker.services.mine import Group
from broker.services.questionnaires import Answer, Shown
from broker.storage import tables as t
from tests.promises.attacks import rows
from tests.promises.model import Handover, Model, Part
from tests.support.officers import let_in, signed_in
from tests.support.world import World

PEOPLE = ("child", "mother", "father", "grandmother")
SENDERS = {"team": "00000099000000010000", "clinic": "00000099000000030000"}
SCHOOL, GP = "00000099000000020000", "00000099000000040000"
READERS = {
    "coordinator": (SCHOOL, "support-coordinator"),
    "teacher": (SCHOOL, "teacher"),
    "gp": (GP, "general-practitioner"),
}
KINDS = ("status", "voice-of-the-child", "safety-plan", "timeline")
HELP, SAFETY = "education-support", "safety"
AGREED = frozenset(
    {
        (HELP, "coordinator", "status"),
        (HELP, "coordinator", "voice-of-the-child"),
        (HELP, "coordinator", "safety-plan"),
        (HELP, "teacher", "status"),
        (HELP, "teacher", "voice-of-the-child"),
        (SAFETY, "coordinator", "safety-plan"),
        (SAFETY, "gp", "safety-plan"),
    }
)
"""What the shipped agreement gives to whom, of what is asked here; read in `policies/` by hand."""
LONG_AGO = date(2020, 1, 1)


@dataclass(frozen=True)
class Stated:
    """What a sender states and shares at one moment. Days are counted from that day."""

    parts: tuple[tuple[str, frozenset[str], frozenset[str]], ...]  # type, about whom, hidden from whom
    readers: frozenset[str]
    yes_for: int
    kept_longer: int
    born: int  # so many days from the true birthday of the child
    gezag: frozenset[tuple[str, int | None, int | None]]  # holder, first day (None: long ago), last day (None: open)
    unable: tuple[str, int] | None  # who, and in how many days that is looked at again
    supporters: frozenset[str]
    one_phone: bool = False  # mother and father are stated with the same one


@dataclass
class Pushed:
    """A handover, as it is known here and there."""

    id: str
    sender: str
    reference: str
    stated: Stated
    now: Handover


def day_of(instant: datetime) -> date:
    """Days are days in the Netherlands."""
    return instant.astimezone(ZoneInfo("Europe/Amsterdam")).date()


@dataclass
class Family:
    """A family that nobody knew before."""

    world: World
    child_born: date
    model: Model = field(default_factory=Model)
    pushed: list[Pushed] = field(default_factory=list)
    doors: dict[tuple[str, str], str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    bsn: dict[str, str] = field(default_factory=lambda: {who: f"{secrets.randbelow(10**9):09}" for who in PEOPLE})
    texts: int = 0

    @property
    def today(self) -> date:
        """On the clock of the broker."""
        return day_of(self.world.clock())

    # what organisations state

    async def push(self, sender: str, purpose: str, stated: Stated) -> None:
        """One more handover."""
        reference = f"{self.mark}-{len(self.pushed)}"
        body, handover = self._body(sender, purpose, reference, stated)
        response = await self.world.as_organisation(SENDERS[sender], "POST", "/v1/handovers", body)
        assert response.status_code == 201, response.text
        self.pushed.append(Pushed(response.json()["id"], sender, reference, stated, handover))
        self._known(sender, body, stated)

    async def correct(self, pushed: Pushed, stated: Stated) -> None:
        """Another version of it."""
        body, handover = self._body(pushed.sender, pushed.now.place[1], pushed.reference, stated)
        path = f"/v1/handovers/{pushed.id}/versions"
        response = await self.world.as_organisation(SENDERS[pushed.sender], "POST", path, body)
        assert response.status_code == 201, response.text
        pushed.stated, pushed.now = stated, handover
        self._known(pushed.sender, body, stated)

    def _body(self, sender: str, purpose: str, reference: str, stated: Stated) -> tuple[dict[str, Any], Handover]:
        until = self.today + timedelta(days=stated.yes_for)
        kept = until + timedelta(days=stated.kept_longer)
        sections, parts = [], []
        for kind, about, hidden_from in stated.parts:
            self.texts += 1
            text = f"Deel {self.mark} {self.texts}."
            parts.append(Part(kind, about, hidden_from, text))
            sections.append(
                {
                    "type": kind,
                    "concerns": sorted(about),
                    "shieldedFrom": sorted(hidden_from),
                    "mediaType": "text/plain",
                    "content": text,
                }
            )
        shared = f"+316{secrets.randbelow(10**8):08}"
        supporters = frozenset((who, "child") for who in stated.supporters)
        body = {
            "reference": reference,
            "kind": "feedback-to-school",
            "purpose": purpose,
            "language": "nl",
            "legalBasis": {"sender": "AVG 6(1)(e)", "recipient": "AVG 6(1)(e)"},
            "discussedWithFamily": True,
            "subject": "child",
            "people": [self._person(sender, who, stated, shared) for who in PEOPLE],
            "authorities": [self._authority(*one) for one in sorted(stated.gezag, key=str)],
            "supporters": [{"supporter": who, "of": whom} for who, whom in sorted(supporters)],
            "recipients": [
                {"organisation": READERS[reader][0], "role": READERS[reader][1]} for reader in sorted(stated.readers)
            ],
            "sections": sections,
            "consentUntil": until.isoformat(),
            "retainUntil": kept.isoformat(),
        }
        return body, Handover((sender, purpose), tuple(parts), stated.readers, until, kept, supporters)

    def _person(self, sender: str, who: str, stated: Stated, shared: str) -> dict[str, Any]:
        born = {
            "child": self.child_born + timedelta(days=stated.born),
            "mother": date(1984, 5, 5),
            "father": date(1982, 6, 6),
            "grandmother": date(1955, 3, 3),
        }
        contacts = [{"channel": "email", "value": f"{who}.{self.mark}@family.example"}]
        if stated.one_phone and who in ("mother", "father"):
            contacts.append({"channel": "sms", "value": shared})
        person: dict[str, Any] = {
            "key": who,
            "reference": f"{who}-{self.mark}",
            "name": who.title(),
            "birthDate": born[who].isoformat(),
            "language": "nl",
            "identifiers": [{"system": "bsn", "value": self.bsn[who]}],
            "contacts": contacts,
        }
        if stated.unable and stated.unable[0] == who:
            review = self.today + timedelta(days=stated.unable[1])
            person["inability"] = {"reason": "x", "assessor": "y", "review": review.isoformat()}
        return person

    def _authority(self, holder: str, first: int | None, last: int | None) -> dict[str, Any]:
        since = LONG_AGO if first is None else self.today + timedelta(days=first)
        kind = "guardian" if holder == "grandmother" else "parental"
        stated = {
            "holder": holder,
            "over": "child",
            "kind": kind,
            "since": since.isoformat(),
            "evidence": "gezagsregister",
        }
        return stated if last is None else {**stated, "until": (self.today + timedelta(days=last)).isoformat()}

    def _known(self, sender: str, body: dict[str, Any], stated: Stated) -> None:
        """The same facts for the model: births and authority beside what was stated before, of ability the last word."""
        for person in body["people"]:
            who, judged = person["key"], person.get("inability")
            self.model.births.setdefault(who, set()).add(date.fromisoformat(person["birthDate"]))
            self.model.judged.setdefault(who, {})[sender] = date.fromisoformat(judged["review"]) if judged else None
        for one in body["authorities"]:
            until = date.fromisoformat(one["until"]) if "until" in one else None
            self.model.gezag.add((one["holder"], one["over"], date.fromisoformat(one["since"]), until))
        if stated.one_phone:
            self.model.doubted = frozenset({"mother", "father"})
        self.world.clock.fixed = self.world.clock() + timedelta(milliseconds=1)  # no two statements at one instant

    # what the family says

    async def is_invited_and_answers(self, who: str, pushed: Pushed, no: frozenset[tuple[str, str]]) -> None:
        """There is an invitation exactly when the model says that there is something to ask."""
        invite = self.world.broker.invitations.invite(Oin(SENDERS[pushed.sender]), pushed.id, who, "paper")
        if self.model.asked(who, pushed.now, self.today):
            await invite
            return await self.answer(who, pushed, no)
        with pytest.raises(Conflict) as refused:
            await invite
        assert refused.value.code == "nothing-to-ask"
        return None

    async def answer(self, who: str, pushed: Pushed, no: frozenset[tuple[str, str]]) -> None:
        """Asked about exactly what the model says; `no` is said to these types and readers."""
        consents, token = self.world.broker.consents, await self._door(who, pushed)
        questions = await consents.questionnaire(token, "nl")
        asked = {kind for kind, _ in self.model.asked(who, pushed.now, self.today)}
        assert {question.section_type for question in questions.questions} == asked
        for question in questions.questions:
            kind = question.section_type
            choice: dict[str, Answer] = {
                f"{READERS[reader][0]}/{READERS[reader][1]}": "no" if (kind, reader) in no else "yes"
                for reader in pushed.now.readers
            }
            await consents.choose(token, Shown(str(question.position), kind, questions.text), choice, "nl")
        await consents.confirm(token, "nl")
        self.model.says(who, pushed.now, no, self.today)

    async def _door(self, who: str, pushed: Pushed) -> str:
        """Somebody who came in by code and one-time code."""
        house, token = self.world.broker.house, secrets.token_urlsafe(32)
        now, later = house.clock(), house.clock() + timedelta(days=999)
        async with house.storage() as work:
            person = (await work.handovers.people(HandoverId(pushed.id)))[who]
            sender = Oin(SENDERS[pushed.sender])
            invitation = Invitation(house.ids(), HandoverId(pushed.id), sender, person, later, answered=False)
            await work.invitations.add(invitation, secrets.token_hex(8), now)
            visit = Visit(house.ids(), "family", person, invitation.id, "verified", "nl", later)
            await work.visits.add(visit, token)
            await work.commit()
        self.doors[who, pushed.sender] = token
        return token

    async def stop(self, who: str, place: tuple[str, str], reader: str, kinds: frozenset[str]) -> None:
        """Come in again and stop; where the broker has nothing to stop, no yes counts either."""
        group = Group((Recipient(Oin(READERS[reader][0]), READERS[reader][1]),), place[1], ())
        try:
            await self.world.broker.consents.withdraw(self.doors[who, place[0]], group.id, tuple(sorted(kinds)), "nl")
        except (Conflict, NotFound):
            cells = [(who, about, place, reader, kind) for about in PEOPLE for kind in kinds]
            assert not any(self.model.yes(cell, self.today) for cell in cells)
        self.model.stops(who, place, reader, kinds, self.today)

    # doubts, and who asks

    async def doubts_are_settled(self) -> None:
        """An officer finds that the contacts are right."""
        oversight, c = self.world.broker.oversight, t.matter.c
        open_now = sa.and_(c.kind == "shared-contact", c.state == "open")
        waiting = [row[0] for row in await rows(self.world, sa.select(c.id).where(open_now))]
        token, _ = await signed_in(self.world.broker, await let_in(self.world.broker))
        for matter in waiting:
            await oversight.settle(token, matter, "accepted", "Gebeld.")
        self.model.doubted = frozenset()

    async def ask(self, pushed: Pushed, reader: str, wanted: frozenset[str] | None) -> int:
        """What leaves is what the model lets leave; returns how much that is."""
        expected = {
            part.text
            for part in pushed.now.parts
            if part.text in self.model.leaves(pushed.now, reader, self.today)
            and (wanted is None or part.type in wanted)
        }
        oin, role = READERS[reader]
        token = await self.world.token(oin, {"sub": reader, "name": reader, "role": role})
        body: dict[str, Any] = {"handover": pushed.id, "purpose": pushed.now.place[1]}
        body |= {} if wanted is None else {"sections": sorted(wanted)}
        headers = {"Authorization": f"Bearer {token}"}
        response = await self.world.http.post("/v1/releases", json=body, headers=headers)
        assert texts_of(response.json().get("released", ())) == expected
        refused = 403 if reader in pushed.now.readers else 404
        assert response.status_code == (200 if expected else refused)
        assert not any(part.text in response.text for part in pushed.now.parts if part.text not in expected)
        return len(expected)


def texts_of(released: Iterable[dict[str, Any]]) -> set[str]:
    """What was received."""
    return {part["content"] for part in released}


def noon(day: date) -> datetime:
    """In the Netherlands."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo("Europe/Amsterdam")).astimezone(UTC)
