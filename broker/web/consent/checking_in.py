"""How things go: three equal answers and own words, before the question who may read them; or to be asked no more."""

from fastapi import Request, Response

from broker.domain.long_watch import How
from broker.errors import BrokerError, Invalid
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.ports import FamilyService


class CheckingIn:
    """The pages of a question of a long watch."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def question(self, request: Request) -> Response:
        """How does it go?"""
        return await self._show(request, _asked(await self._visits.verified(request)))

    async def say(self, request: Request) -> Response:
        """Remember it for this visit, and ask who may read it."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit, lines="text")
        _asked(visit)
        how, words = fields.get("how", ""), fields.get("text", "")
        try:
            await self._family.say_how(visit.token, how, words)
        except Invalid as error:
            return await self._show(request, visit, error, (how, words))
        return self._pages.go("/questions/1")

    async def stop(self, request: Request) -> Response:
        """Ask them no more."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        _asked(visit)
        await self._family.stop_check_ins(visit.token)
        response = self._pages.go("/check-in/stopped")
        self._visits.cookie.clear(response)
        return response

    async def again(self, request: Request) -> Response:
        """They may be asked again."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        await self._family.allow_check_ins(visit.token)
        return self._pages.go("/mine#messages")

    async def stopped(self, request: Request) -> Response:
        """Say that they are asked no more."""
        return self._pages.show(request, "consent/check-in-stopped.html")

    async def _show(
        self, request: Request, visit: Visit, error: BrokerError | None = None, typed: tuple[str, str] | None = None
    ) -> Response:
        screen = await self._family.check_in(visit.token)
        how, words = typed or (screen.how, screen.words)
        return self._pages.show(
            request,
            "consent/check-in.html",
            visitor=visit.visitor,
            screen=screen,
            answers=tuple(How),
            how=how,
            text=words,
            error=error,
        )


def _asked(visit: Visit) -> Visit:
    """A visit that is asked how things go. Sends others where they belong."""
    if visit.session.purpose != "answer" or not visit.session.tells_how:
        raise Elsewhere(visit.place)
    return visit
