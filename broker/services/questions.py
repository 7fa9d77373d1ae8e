"""What one signer is asked in one visit, and what they chose so far: drafts, no consent yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.domain.consents import Cell, Event
from broker.domain.handovers import Handover
from broker.domain.notices import Asked, Notice, answers_as_child
from broker.domain.parties import Authority, Oin, Person, PersonId, Recipient
from broker.domain.stores import Invitation, Visit
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.services.notices import Told
from broker.services.questionnaires import Answer, AskedRecipient, Questionnaire, QuestionScreen


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen about one section type, for each recipient by its key, and the text that it was chosen on."""

    answers: Mapping[str, Answer]
    digest: str

    def event(self, cell: Cell) -> Event:
        """What it says about one cell. Only a yes is a yes."""
        answer = self.answers[_key(Recipient(cell.organisation, cell.role))]
        return Event.GIVE if answer == "yes" else Event.REFUSE


@dataclass(frozen=True, slots=True)
class Request:
    """What one signer is asked, with everything that it rests on."""

    visit: Visit
    invitation: Invitation
    signer: PersonId
    handover: Handover
    people: Mapping[PersonId, Person]
    authorities: tuple[Authority, ...]
    asked: tuple[Asked, ...]
    now: datetime

    @property
    def child(self) -> bool:
        """Whether the signer gets the text for a young person: worked out at the moment of this request."""
        return answers_as_child(self.people.get(self.signer), self.asked, self.now)

    def chosen(self) -> dict[str, Chosen]:
        """What this visit chose so far. A choice that is not about exactly these recipients is none."""
        asked = {_key(recipient) for recipient in self.handover.recipients}
        drafts = self.visit.state.get("answers", {})
        return {
            section_type: Chosen(draft["each"], draft["digest"])
            for section_type, draft in drafts.items()
            if draft.get("each", {}).keys() == asked
        }

    def choose(self, section_type: str, each: Mapping[str, Answer], notice: Notice) -> None:
        """Draft this answer, with the text that it was given on."""
        state, digest = self.visit.state, notice.ref.digest
        draft = {"each": dict(each), "digest": digest}
        state["answers"] = {**state.get("answers", {}), section_type: draft}
        state["texts"] = {**state.get("texts", {}), digest: {"language": notice.language, "text": notice.text}}

    def questionnaire(self, told: Told, partners: Mapping[Oin, str], vocabulary: Vocabulary) -> Questionnaire:
        """The questions as they are shown, with what was chosen so far."""
        chosen, notice = self.chosen(), told.notice
        beside = {q.section_type: q.parts for q in told.dutch.questions} if told.dutch else {}
        screens = tuple(
            QuestionScreen(
                position=position,
                total=len(notice.questions),
                section_type=question.section_type,
                label=vocabulary.label(question.section_type),
                parts=question.parts,
                recipients=self._recipients(chosen.get(question.section_type), partners, vocabulary),
                language=notice.language,
                dutch=beside.get(question.section_type, {}),
                reviewed=told.reviewed,
            )
            for position, question in enumerate(notice.questions, 1)
        )
        sender = partners.get(self.handover.sender, "")
        return Questionnaire(sender, self.handover.consent_until, screens, notice.ref.digest)

    def _recipients(
        self, chosen: Chosen | None, partners: Mapping[Oin, str], vocabulary: Vocabulary
    ) -> tuple[AskedRecipient, ...]:
        answers, meeting = chosen.answers if chosen else {}, self.handover.meeting

        def work(one: Recipient) -> Words:
            who = ", ".join(meeting.named(one)) if meeting else ""
            return vocabulary.label(one.role).each(lambda label: f"{label}: {who}" if who else label)

        return tuple(
            AskedRecipient(_key(r), partners.get(r.organisation, ""), work(r), answers.get(_key(r)))
            for r in self.handover.recipients
        )


def basis_of(handover: Handover, asked: tuple[Asked, ...]) -> list[Any]:
    """What the questions of a visit rest on, as its state keeps it: choices made on anything else are forgotten."""
    return [handover.version, [[a.section_type, list(a.persons), list(a.supported)] for a in asked]]


def _key(recipient: Recipient) -> str:
    """How forms and drafts say which recipient."""
    return f"{recipient.organisation}/{recipient.role}"
