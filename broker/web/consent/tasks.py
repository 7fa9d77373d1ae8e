"""How far something is that was agreed with the person: one press, on the page with what they said."""

from urllib.parse import quote

from fastapi import Request, Response

from broker.domain.tasks import Status
from broker.errors import Invalid
from broker.web.consent.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.ports import FamilyService


class TaskPages:
    """What the buttons do."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def change(self, request: Request) -> Response:
        """Keep it, and go back to where it stands."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        try:
            status = Status(fields.get("status", ""))
        except ValueError:
            raise Invalid.at("/status", "Kies hoe het ermee staat.", "Choose how far it is.") from None
        task = request.path_params["task"]
        await self._family.change_task(visit.token, task, status)
        return self._pages.go(f"/mine#task-{quote(task)}")
