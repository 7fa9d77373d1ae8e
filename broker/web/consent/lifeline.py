"""The family's own lifeline: what is written about somebody, as a picture and as a list; with each entry a way to correct it.

Looking at its addresses (GET) only leads back: nothing is opened without the press. What is quoted travels in a form, never
in an address.
"""

from fastapi import Request, Response
from markupsafe import Markup

from broker.domain.reactions import ReactionKind
from broker.services.own_lifeline import LifelineScreen
from broker.web.consent.visits import Visits
from broker.web.kit.charts import Stretch, line_of_time
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.kit.texts import Texts, texts
from broker.web.ports import FamilyService

LONGEST_QUOTE = 300
"""Characters of an entry that are quoted back to its sender."""
MOST_DRAWN = 60
"""Entries in a picture; of more nobody can see anything, and the list says them all."""


class Lifeline:
    """The page, and the form to correct something on it."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """Everything, in order."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        found = await self._family.lifeline(visit.token)
        picture = _picture(found, texts(visit.language))
        return self._pages.show(
            request, "consent/lifeline.html", visitor=visit.visitor, line=found, picture=picture, quoted=quoted
        )

    async def correct(self, request: Request) -> Response:
        """The page to ask for a correction, with the entry quoted."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        kind = ReactionKind.CORRECTION_REQUEST
        part = await self._family.part(visit.token, fields.get("part", ""), kind)
        quote = quoted(fields.get("quote", ""))
        text = f"“{quote}”\n" if quote else ""
        return self._pages.show(
            request, "consent/react.html", visitor=visit.visitor, part=part, kind=kind, text=text, error=None
        )

    async def back(self, _request: Request) -> Response:
        """Where the button is."""
        raise Elsewhere("/mine")


def quoted(text: str) -> str:
    """As much of a text as goes into a field of a form, on one line, without what no form takes."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"


def _picture(found: LifelineScreen, its: Texts) -> Markup | None:
    every = [
        Stretch(str(number), one.since.first, one.until.last if one.until else None)
        for number, one in enumerate(found.entries, 1)
    ]
    if not 1 <= len(every) <= MOST_DRAWN:
        return None
    title, description = its.gettext("Your line of time"), its.gettext("The list below says the same in words.")
    return line_of_time(title, description, every, from_the_right=its.from_the_right)
