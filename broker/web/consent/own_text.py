"""The very text about the person themself: asked for by a press of a button, shown once, kept nowhere.

The addresses say nothing about anybody. Looking at them (GET) only leads back: nothing is opened without the press.
"""

from collections.abc import Iterable

from fastapi import Request, Response

from broker.errors import NotFound
from broker.services.own_text import OwnTextLine
from broker.services.questionnaires import QuestionScreen
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.ports import FamilyService


def asked_about(texts: Iterable[OwnTextLine], question: QuestionScreen) -> OwnTextLine | None:
    """The text that a question is about, when it is the person's own."""
    return next((text for text in texts if text.asked and text.section_type == question.section_type), None)


class OwnTextPages:
    """The page that shows it, from a question and from what somebody said."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def of_question(self, request: Request) -> Response:
        """The text that a question is about."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        if visit.session.purpose != "answer":
            raise Elsewhere("/mine")
        questions = await self._family.questionnaire(visit.token, visit.language)
        question = questions.at(request.path_params["position"])
        text = asked_about(await self._family.own_texts(visit.token), question)
        if text is None:
            raise NotFound
        return await self._show(request, visit, text.id, f"/questions/{question.position}", question)

    async def of_mine(self, request: Request) -> Response:
        """A text from the page with what somebody said."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        return await self._show(request, visit, request.path_params["text_id"], "/mine", None)

    async def back(self, request: Request) -> Response:
        """Where the button is."""
        position = request.path_params.get("position")
        raise Elsewhere("/mine" if position is None else f"/questions/{position}")

    async def _show(
        self, request: Request, visit: Visit, text_id: str, back: str, question: QuestionScreen | None
    ) -> Response:
        own = await self._family.own_text(visit.token, text_id)
        return self._pages.show(
            request, "consent/own-text.html", visitor=visit.visitor, own=own, back=back, question=question
        )
