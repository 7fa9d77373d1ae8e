"""A family's own plan: one page to write it, one to look at it once more, and what became of it; all without a script.

- Nothing is chosen beforehand, and nothing is kept before the press under the page that shows all of it.
- What was typed stays in its field when something is refused. Until it is kept it lies nowhere but on the page.
- Opening one's own text again is a press, because it is logged; looking at its address (GET) only leads back.
"""

from collections.abc import Mapping

from fastapi import Request, Response

from broker.domain.notices import PARTS
from broker.domain.own_plan import PlanWish
from broker.errors import BrokerError, Conflict, Invalid, NotAllowed, NotFound, TooMany
from broker.services.plan_screens import PlanText
from broker.web.consent.visits import Visit, Visits
from broker.web.kit.language import chosen_language
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.ports import FamilyService

PERSON, READER = "person ", "reader "
"""How the fields of the form begin that say about whom, and who reads."""


class OwnPlanPages:
    """The pages of a plan."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def form(self, request: Request) -> Response:
        """The page to write on."""
        return await self._form(request, await self._visits.verified(request), PlanWish(""))

    async def look(self, request: Request) -> Response:
        """The plan once more, with everything that was chosen and what will happen; or the form again, to change it."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit, lines="text")
        wish = _wish(fields)
        if fields.get("again"):
            return await self._form(request, visit, wish)
        try:
            draft = await self._family.plan_draft(visit.token, wish, visit.language)
        except (Invalid, Conflict) as error:
            return await self._form(request, visit, wish, error)
        return self._pages.show(
            request,
            "consent/plan-check.html",
            visitor=visit.visitor,
            plan=draft,
            fields=_fields(wish),
            sender=visit.session.sender,
            parts=PARTS,
        )

    async def keep(self, request: Request) -> Response:
        """Keep it. What changed meanwhile is shown on the form, with what was typed."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit, lines="text")
        wish, language = _wish(fields), chosen_language(fields.get("shown", ""), self._pages.site)
        try:
            receipt = await self._family.keep_plan(visit.token, wish, fields.get("digest", ""), language)
        except (Invalid, Conflict, TooMany) as error:
            return await self._form(request, visit, wish, error)
        return self._pages.go(f"/receipt/{receipt}")

    async def text(self, request: Request) -> Response:
        """One's own text again, in a field to change it."""
        visit = await self._visits.verified(request)
        await self._visits.form(request, visit)
        return self._text(request, visit, await self._family.plan_text(visit.token, request.path_params["plan"]))

    async def change(self, request: Request) -> Response:
        """Put what is typed in the place of it."""
        visit, plan = await self._visits.verified(request), request.path_params["plan"]
        fields = await self._visits.form(request, visit, lines="text")
        text = fields.get("text", "")
        try:
            await self._family.change_plan(visit.token, plan, text)
        except (Invalid, TooMany) as error:
            return self._text(request, visit, PlanText(plan, text), error)
        return self._pages.go("/mine#own-plans")

    async def stop(self, request: Request) -> Response:
        """Ask first, for what is destroyed cannot be brought back; destroy it when it is pressed there."""
        visit, plan = await self._visits.verified(request), request.path_params["plan"]
        fields = await self._visits.form(request, visit)
        if fields.get("sure") != "yes":
            every = await self._family.own_plans(visit.token) or ()
            line = next((one for one in every if one.id == plan), None)
            if line is None:
                raise NotFound
            return self._pages.show(request, "consent/plan-stop.html", visitor=visit.visitor, plan=line)
        await self._family.withdraw_plan(visit.token, plan)
        return self._pages.go("/mine#own-plans")

    async def back(self, request: Request) -> Response:
        """Where the buttons are."""
        raise Elsewhere("/mine#own-plans" if "plan" in request.path_params else "/mine/plan")

    async def _form(self, request: Request, visit: Visit, wish: PlanWish, error: BrokerError | None = None) -> Response:
        try:
            form = await self._family.plan_form(visit.token)
        except NotAllowed as refused:
            form, error = None, refused
        return self._pages.show(
            request,
            "consent/plan-form.html",
            visitor=visit.visitor,
            form=form,
            wish=wish,
            error=error,
            sender=visit.session.sender,
        )

    def _text(self, request: Request, visit: Visit, plan: PlanText, error: BrokerError | None = None) -> Response:
        return self._pages.show(request, "consent/plan-text.html", visitor=visit.visitor, plan=plan, error=error)


def _wish(fields: Mapping[str, str]) -> PlanWish:
    def of(kind: str) -> frozenset[str]:
        return frozenset(name.removeprefix(kind) for name in fields if name.startswith(kind))

    return PlanWish(fields.get("text", ""), of(PERSON), of(READER), fields.get("until", ""))


def _fields(wish: PlanWish) -> Mapping[str, str]:
    """The same as fields of a form."""
    persons = {f"{PERSON}{key}": "yes" for key in sorted(wish.persons)}
    readers = {f"{READER}{key}": "yes" for key in sorted(wish.readers)}
    return {"text": wish.text, **persons, **readers, "until": wish.until}
