"""What a family member is asked, ready for a page, and what comes back in a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Literal, Self

from broker.errors import Conflict, NotFound, Words

Answer = Literal["yes", "no"]
Choice = Answer | Mapping[str, Answer]
"""One answer for all recipients, or an answer for each of them by its key."""

QUESTION_CHANGED = Words(
    "De vraag is veranderd. Er is niets opgeslagen. Lees de vraag opnieuw.",
    "The question has changed. Nothing was saved. Read the question again.",
)


@dataclass(frozen=True, slots=True)
class AskedRecipient:
    """Somebody who would read: `key` says who in a form, `answer` is what was chosen for this one before."""

    key: str
    organisation: str
    role: Words
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class QuestionScreen:
    """One question: `parts` is the exact notice text by part name, `recipients` all of them, in order.

    `language` is that of the parts (empty: that of the page), `dutch` the same parts in Dutch where that is another
    language, and `reviewed` says whether somebody whose own language it is checked the text.
    """

    position: int
    total: int
    section_type: str
    label: Words
    parts: Mapping[str, str]
    recipients: tuple[AskedRecipient, ...]
    language: str = ""
    dutch: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    reviewed: bool = True

    @property
    def answer(self) -> Literal["yes", "no", "each"] | None:
        """What was chosen before: the same for all, or `each` for its own; None while an answer is missing."""
        answers = {recipient.answer for recipient in self.recipients}
        if None in answers or not answers:
            return None
        return answers.pop() if len(answers) == 1 else "each"


@dataclass(frozen=True, slots=True)
class Shown:
    """Which question a form is about, and which text it showed (its digest): of the request's own, or of a forger's."""

    position: str
    section_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """All questions of one request. `complete` when each has an answer; `text` is the digest of the whole notice.

    `name` is whose answer it is, as the sender knows them.
    """

    sender: str
    until: date
    questions: tuple[QuestionScreen, ...]
    text: str = ""
    name: str = ""

    @property
    def complete(self) -> bool:
        """Whether there is something to confirm."""
        return all(question.answer is not None for question in self.questions)

    def at(self, position: str) -> QuestionScreen:
        """The question with that number. Raises NotFound."""
        for question in self.questions:
            if str(question.position) == position:
                return question
        raise NotFound

    def shown(self, form: Shown) -> QuestionScreen:
        """The question that the form was about. Raises NotFound, and Conflict when it is another text now."""
        question = self.at(form.position)
        if (form.section_type, form.text) != (question.section_type, self.text):
            raise Conflict(QUESTION_CHANGED, code="question-changed")
        return question

    def answered(self, position: int, each: Mapping[str, Answer]) -> Self:
        """With these answers to one question, by recipient."""

        def with_answer(question: QuestionScreen) -> QuestionScreen:
            if question.position != position:
                return question
            return replace(question, recipients=tuple(replace(r, answer=each[r.key]) for r in question.recipients))

        return replace(self, questions=tuple(with_answer(question) for question in self.questions))
