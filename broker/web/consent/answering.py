"""One question per page, then a check, then one press that makes the answers count.

- The notice is shown part by part, exactly as it will be stored; yes and no are the same button twice.
- A form says which question and which text it showed: an answer never lands on another text.
- With several recipients one may choose for each; that form names exactly those it showed, or it is no answer.
"""

from collections.abc import Mapping

from fastapi import Request, Response

from broker.domain.notices import PARTS
from broker.errors import Conflict, Fault, Invalid, Words
from broker.services.questionnaires import QUESTION_CHANGED, Answer, Questionnaire, Shown
from broker.web.consent.own_text import asked_about
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.language import chosen_language
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.ports import FamilyService

_CHOOSE = Words("Kies ja of nee.", "Choose yes or no.")


class Answering:
    """The pages of the questions."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def question(self, request: Request) -> Response:
        """One question."""
        visit = await self._answering(request)
        questions = await self._family.questionnaire(visit.token, visit.language)
        question = questions.at(request.path_params["position"])
        return self._pages.show(
            request,
            "consent/question.html",
            visitor=visit.visitor,
            question=question,
            own=asked_about(await self._family.own_texts(visit.token), question),
            text=questions.text,
            name=questions.name,
            sender=questions.sender,
            complete=questions.complete,
            parts=PARTS,
        )

    async def choose(self, request: Request) -> Response:
        """Keep the answer as a draft, and go to the next question; to the check when all have an answer.

        Who wants to choose for each recipient goes to that page; nothing is kept yet.
        """
        visit = await self._answering(request)
        fields = await self._visits.form(request, visit)
        language, shown = self._shown_language(fields), _shown(request, fields)
        answer = fields.get("answer")
        if answer not in ("yes", "no"):
            question = (await self._family.questionnaire(visit.token, language)).shown(shown)
            if answer == "each" and len(question.recipients) > 1:
                return self._pages.go(f"/questions/{question.position}/recipients")
        questions = await self._family.choose(visit.token, shown, _yes_or_no(answer, "/answer"), language)
        return self._pages.go(_next(questions, int(shown.position)))

    async def recipients(self, request: Request) -> Response:
        """The same question for each recipient. With one recipient there is nothing to choose between."""
        visit = await self._answering(request)
        questions = await self._family.questionnaire(visit.token, visit.language)
        question = questions.at(request.path_params["position"])
        if len(question.recipients) < 2:
            raise Elsewhere(f"/questions/{question.position}")
        answers = {recipient.key: recipient.answer for recipient in question.recipients}
        return self._recipients(request, visit, questions, answers)

    async def choose_each(self, request: Request) -> Response:
        """Keep an answer for each recipient as a draft. While one is missing nothing is kept, and the page says which."""
        visit = await self._answering(request)
        fields = await self._visits.form(request, visit)
        language = self._shown_language(fields)
        questions, shown = await self._family.questionnaire(visit.token, language), _shown(request, fields)
        asked = [recipient.key for recipient in questions.shown(shown).recipients]
        if {name for name in fields if "/" in name} - set(asked):  # a recipient's key has a stroke, nothing else has
            raise Conflict(QUESTION_CHANGED, code="question-changed")
        answers = {key: _yes_or_no(fields[key], key) for key in asked if key in fields}
        if len(answers) == len(asked):
            questions = await self._family.choose(visit.token, shown, answers, language)
            return self._pages.go(_next(questions, int(shown.position)))
        missing = [Fault(key, _CHOOSE) for key in asked if key not in answers]
        return self._recipients(request, visit, questions, answers, Invalid(missing))

    def _recipients(
        self,
        request: Request,
        visit: Visit,
        questions: Questionnaire,
        answers: Mapping[str, Answer | None],
        error: Invalid | None = None,
    ) -> Response:
        missing = {fault.pointer for fault in error.faults} if error else set[str]()
        return self._pages.show(
            request,
            "consent/recipients.html",
            visitor=visit.visitor,
            question=questions.at(request.path_params["position"]),
            text=questions.text,
            answers=answers,
            missing=missing,
            error=error,
            parts=PARTS,
        )

    async def check(self, request: Request) -> Response:
        """All answers together, before they count."""
        visit = await self._answering(request)
        questions = await self._family.questionnaire(visit.token, visit.language)
        if not questions.complete:
            raise Elsewhere(_next(questions, 0))
        told = await self._family.check_in(visit.token) if visit.session.tells_how else None
        return self._pages.show(
            request, "consent/check.html", visitor=visit.visitor, questionnaire=questions, told=told, parts=PARTS
        )

    async def confirm(self, request: Request) -> Response:
        """Make the answers count."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        receipt = await self._family.confirm(visit.token, self._shown_language(fields))
        return self._pages.go(f"/receipt/{receipt}")

    async def _answering(self, request: Request) -> Visit:
        """A visit that came to answer; who answered already sees what they said."""
        visit = await self._visits.verified(request)
        if visit.session.purpose != "answer":
            raise Elsewhere("/mine")
        if visit.session.tells_how and not visit.session.told_how:
            raise Elsewhere(visit.place)
        return visit

    def _shown_language(self, fields: Mapping[str, str]) -> str:
        return chosen_language(fields.get("shown", ""), self._pages.site)


def _next(questions: Questionnaire, position: int) -> str:
    """The check when nothing is open; else the next question, or the first open one after the last."""
    if questions.complete:
        return "/check"
    later = [q.position for q in questions.questions if q.position > position]
    still_open = [q.position for q in questions.questions if q.answer is None]
    return f"/questions/{later[0] if later and position else still_open[0]}"


def _shown(request: Request, fields: Mapping[str, str]) -> Shown:
    return Shown(request.path_params["position"], fields.get("section", ""), fields.get("text", ""))


def _yes_or_no(value: str | None, pointer: str) -> Answer:
    if value == "yes":
        return "yes"
    if value == "no":
        return "no"
    raise Invalid([Fault(pointer, _CHOOSE)])
