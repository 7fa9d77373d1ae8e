"""What a person said, who read what, and stopping: one press, no questions asked, as easy as saying yes."""

from fastapi import Request, Response

from broker.domain.consents import Stance
from broker.domain.lifelines import TIMELINES
from broker.errors import Invalid, NotFound
from broker.services.screens import Mine
from broker.web.consent.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import Elsewhere
from broker.web.kit.texts import texts
from broker.web.ports import FamilyService


class LookingBack:
    """The receipt and the overview."""

    def __init__(self, family: FamilyService, visits: Visits, pages: Pages) -> None:
        self._family = family
        self._visits = visits
        self._pages = pages

    async def receipt(self, request: Request) -> Response:
        """The person's own copy, to read and to print."""
        visit = await self._visits.verified(request)
        receipt = await self._family.receipt(visit.token, request.path_params["receipt_id"], visit.language)
        confirm = await self._family.confirmable(visit.token, receipt.id)
        stopped = bool(receipt.lines) and all(line.stance is Stance.WITHDRAWN for line in receipt.lines)
        return self._pages.show(
            request,
            "consent/receipt.html",
            visitor=visit.visitor,
            passkeys=confirm.can,
            session=visit.session,
            receipt=receipt,
            stopped=stopped,
            confirm=confirm,
        )

    async def send(self, request: Request) -> Response:
        """Send word of it to one of the person's own contacts."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        receipt_id = request.path_params["receipt_id"]
        await self._family.send_receipt(visit.token, receipt_id, fields.get("contact", ""))
        return self._pages.go(f"/receipt/{receipt_id}#sent")

    async def file(self, request: Request) -> Response:
        """The same as a file that can be checked without us."""
        visit = await self._visits.verified(request)
        receipt = await self._family.receipt(visit.token, request.path_params["receipt_id"], visit.language)
        name = texts(visit.language).gettext("rondom-answers")
        response = Response(receipt.document, media_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{receipt.at:%Y-%m-%d}.json"'
        return self._pages.protected(response)

    async def care_file(self, request: Request) -> Response:
        """The same for a care system, as it counts now."""
        visit = await self._visits.verified(request)
        made = await self._family.care_file(visit.token, request.path_params["receipt_id"], visit.language)
        name = texts(visit.language).gettext("rondom-answers")
        response = Response(made.content, media_type=made.media_type)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-fhir-{made.at:%Y-%m-%d}.json"'
        return self._pages.protected(response)

    async def proof(self, request: Request) -> Response:
        """All that they said, and who read something, as a file; a page that says when to come back while it is not whole."""
        visit = await self._visits.verified(request)
        try:
            made = await self._family.proof(visit.token)
        except NotFound:
            raise Elsewhere("/mine") from None
        if made is None:
            waiting = self._pages.show(request, "consent/proof-waits.html", visitor=visit.visitor, status=409)
            waiting.headers["Retry-After"] = "60"
            return waiting
        name = texts(visit.language).gettext("rondom-proof")
        response = Response(made.content, media_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{made.at:%Y-%m-%d}.json"'
        return self._pages.protected(response)

    async def report(self, request: Request) -> Response:
        """Who read what, to print; asked for by a press, because it is logged."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        report = await self._family.report(visit.token, fields.get("before", ""))
        return self._pages.show(request, "consent/report.html", visitor=visit.visitor, report=report)

    async def report_back(self, request: Request) -> Response:
        """Where the button is: also after another language was chosen."""
        raise Elsewhere("/mine#readings")

    async def mine(self, request: Request) -> Response:
        """Everything that the person said to this sender, who read what, and what they wrote themselves."""
        visit = await self._visits.verified(request)
        mine = await self._family.mine(visit.token, visit.language)
        own = await self._family.reactions(visit.token)
        devices = await self._family.passkeys(visit.token)
        own_texts = await self._family.own_texts(visit.token)
        plans = await self._family.own_plans(visit.token)
        tasks = await self._family.tasks(visit.token)
        return self._pages.show(
            request,
            "consent/mine.html",
            visitor=visit.visitor,
            mine=mine,
            own=own,
            devices=devices,
            own_texts=own_texts,
            timelines=TIMELINES,
            plans=plans,
            sign_offs=await self._family.sign_offs(visit.token),
            tasks=tasks,
        )

    async def recipients(self, request: Request) -> Response:
        """One group of several recipients, to stop for one of them. The place in the address says nothing, and only looks."""
        visit = await self._visits.verified(request)
        mine = await self._family.mine(visit.token, visit.language)
        group = next((g for n, g in enumerate(mine.groups, 1) if str(n) == request.path_params["position"]), None)
        if group is None or len(group.recipients) < 2 or not group.running:
            raise Elsewhere("/mine")
        return self._pages.show(request, "consent/stop-for-one.html", visitor=visit.visitor, group=group)

    async def stop(self, request: Request) -> Response:
        """Stop one section type, or all that still run: in a group, or for one recipient of it (`recipient`) alone."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        group = fields["recipient"] if "recipient" in fields else fields.get("group", "")
        if fields.get("all"):
            types = _running(await self._family.mine(visit.token, visit.language), group)
        elif fields.get("section"):
            types = (fields["section"],)
        else:
            raise Invalid.at("/section", "Kies wat je wilt stoppen.", "Choose what you want to stop.")
        receipt = await self._family.withdraw(visit.token, group, types, visit.language)
        return self._pages.go(f"/receipt/{receipt}")

    async def messages(self, request: Request) -> Response:
        """Turn messages about reading on or off."""
        visit = await self._visits.verified(request)
        fields = await self._visits.form(request, visit)
        wanted = fields.get("messages")
        if wanted not in ("yes", "no"):
            raise Invalid.at("/messages", "Kies ja of nee.", "Choose yes or no.")
        await self._family.want_messages(visit.token, wanted=wanted == "yes")
        return self._pages.go("/mine#messages")


def _running(mine: Mine, group_id: str) -> tuple[str, ...]:
    """The section types to which the person still says yes."""
    for group in mine.groups:
        if group_id in (group.id, *group.alone):
            return group.running
    raise NotFound
