"""Handovers over HTTP: push, list, look, invite, withdraw; and looking for somebody's."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from broker.api.answers import NO_STORE, answer, documented
from broker.api.bodies import read_as, read_json, validated
from broker.api.deps import Api, AsAnyCaller, AsOrganisation, AsProfessional, Id, Use
from broker.api.preconditions import Condition, IfMatch, IfNoneMatch, etag
from broker.api.problems import language_of
from broker.api.retries import RetryKey, attempt_of
from broker.api.schemas import (
    ArrivalOut,
    AskedPlanOut,
    AttendeeOut,
    CompletenessOut,
    DryRunOut,
    HandoverBody,
    HandoverOut,
    HandoverPage,
    InvitationBody,
    InvitationOut,
    MeetingOut,
    MissingOut,
    ReaderOut,
    RecipientOut,
    SearchBody,
    SectionPlanOut,
    SectionStateOut,
    SignerOut,
    UrgencyOut,
)
from broker.api.sheet import MEDIA_TYPE, qr_of, sheet_answer, wants_sheet
from broker.api.tasks import task_out
from broker.domain.arrivals import Arrival
from broker.domain.completeness import Completeness
from broker.domain.drafts import Draft
from broker.domain.meetings import Meeting
from broker.domain.parties import Oin
from broker.domain.urgency import Step, Urgency, UrgentState
from broker.errors import Fault, Invalid, NotAllowed, NotFound, Words
from broker.services.cursors import LONGEST
from broker.services.dry_runs import SENTENCES, DryRun, Misses, SectionPlan
from broker.services.views import HandoverView

router = APIRouter(prefix="/v1", tags=["handovers"])
PAGE = 25


def _out(view: HandoverView, *, for_sender: bool) -> HandoverOut:
    h = view.handover
    signers = [SignerOut.model_construct(**_fields(s)) for s in view.signers] if for_sender else None
    return HandoverOut.model_construct(
        id=h.id,
        version=h.version,
        kind=h.kind,
        purpose=h.purpose,
        sender=h.sender,
        state=h.state.value,
        consent_until=h.consent_until,
        sections=[
            SectionStateOut.model_construct(type=s.type, open=s.open, disputed=s.disputed, expires=s.expires)
            for s in view.sections
        ],
        signers=signers,
        completeness=_complete(view.completeness) if view.completeness else None,
        arrivals=[_arrival(one) for one in view.arrivals] if for_sender else None,
        tasks=[task_out(one, view.keys) for one in view.tasks] or None,
        meeting=_meeting(h.meeting, named=view.table) if h.meeting else None,
        urgency=_urgency(h.urgency, view.urgent) if h.urgency else None,
    )


def _meeting(found: Meeting, *, named: bool) -> MeetingOut:
    """The day; who sits there only for those who do, and for who sent it."""
    attendees = [
        AttendeeOut.model_construct(organisation=one.organisation, role=one.role, name=one.name)
        for one in found.attendees
    ]
    return MeetingOut.model_construct(on=found.on, attendees=attendees if named else None)


def _urgency(urgency: Urgency, state: UrgentState | None) -> UrgencyOut:
    if state is None:
        return UrgencyOut.model_construct(within=urgency.within, until=urgency.until)
    return UrgencyOut.model_construct(
        within=urgency.within,
        until=urgency.until,
        state=state.progress.value,
        late=state.late,
        escalated=None if state.step is Step.ASKED else state.step.value,
    )


def _arrival(found: Arrival) -> ArrivalOut:
    to = found.recipient
    return ArrivalOut.model_construct(organisation=to.organisation, role=to.role, state=found.came.value)


def _complete(found: Completeness) -> CompletenessOut:
    return CompletenessOut.model_construct(
        complete=found.complete,
        missing=list(found.missing),
        usual=list(found.usual),
        unusual_recipients=[
            RecipientOut.model_construct(organisation=one.organisation, role=one.role) for one in found.unusual
        ],
    )


def _plan(plan: DryRun, language: str) -> DryRunOut:
    def said(misses: Iterable[Misses]) -> list[MissingOut]:
        return [MissingOut.model_construct(code=m.value, detail=SENTENCES[m].in_language(language)) for m in misses]

    def readers(section: SectionPlan) -> list[ReaderOut]:
        return [
            ReaderOut.model_construct(
                organisation=reader.organisation,
                role=reader.role,
                could_read=reader.could_read,
                missing=said([reader.misses] if reader.misses else []),
            )
            for reader in section.readers
        ]

    return DryRunOut.model_construct(
        dry_run=True,
        policy_digest=plan.policy_digest,
        sections=[
            SectionPlanOut.model_construct(
                type=section.type,
                concerns=list(section.concerns),
                readers=readers(section),
                missing=said(section.misses),
            )
            for section in plan.sections
        ],
        asked=[
            AskedPlanOut.model_construct(
                person=one.person,
                sections=list(one.sections),
                persons=list(one.persons),
                support=one.support,
                missing=said(one.misses),
            )
            for one in plan.asked
        ],
        completeness=_complete(plan.completeness),
    )


def _only(request: Request, name: str) -> None:
    """Raises Invalid for any other parameter, and for one that stands twice: a typing error must not push."""
    if [key for key, _ in request.query_params.multi_items()] not in ([], [name]):
        raise Invalid.at(
            f"/{name}",
            f"Hier kan alleen {name}, en maar één keer. Er is niets bewaard.",
            f"Only {name} is possible here, and only once. Nothing was kept.",
        )


def _fields(signer: Any) -> dict[str, Any]:
    names = ("person", "answered", "state", "support", "can_be_reached")
    return {name: getattr(signer, name) for name in names}


@router.post(
    "/handovers",
    **documented(
        "Push a handover",
        HandoverOut,
        201,
        body=HandoverBody,
        errors=(401, 403, 409, 413, 415, 422),
        also={200: ("Only tried", DryRunOut)},
        tagged=True,
    ),
)
async def push(
    request: Request,
    api: Use,
    organisation: AsOrganisation,
    dry_run: Annotated[
        bool, Query(alias="dryRun", description="only try: say what it would come to, keep nothing")
    ] = False,
    key: RetryKey = "",
) -> Response:
    """Store a handover, encrypted. `reference` is unique per sender: the same body again answers as the first time.

    With `dryRun=true` it is checked in the same way and nothing is kept: the answer says, by this body alone, who could
    read which section, who would be asked, and what misses.
    """
    _only(request, "dryRun")
    raw = await read_json(request)
    draft = await _draft(raw, api, organisation.oin)
    if dry_run:
        return answer(_plan(await api.handovers.dry_run(organisation.oin, draft), language_of(request)))
    view = await api.handovers.push(organisation.oin, draft, attempt_of(key, organisation, "push", raw))
    return _made(view)


def _made(view: HandoverView) -> Response:
    headers = {"Location": f"/v1/handovers/{view.handover.id}", **etag(view.tag)}
    return answer(_out(view, for_sender=True), 201, headers)


@router.post(
    "/handovers/{id}/versions",
    **documented(
        "Correct a handover",
        HandoverOut,
        201,
        body=HandoverBody,
        errors=(401, 403, 404, 409, 412, 413, 415, 422),
        tagged=True,
    ),
)
async def correct(
    request: Request,
    api: Use,
    organisation: AsOrganisation,
    id: Id,  # noqa: A002 - the name in the path
    expected: IfMatch,
    key: RetryKey = "",
) -> Response:
    """Put a whole new version in the place of the one in force; whoever received the old one is told.

    Reference, subject, purpose, kind and urgency stay as they are. The same body again answers as the first time.
    """
    raw = await read_json(request)
    attempt = attempt_of(key, organisation, "correct", id, raw)
    return _made(
        await api.handovers.correct(organisation.oin, id, await _draft(raw, api, organisation.oin), attempt, expected)
    )


async def _draft(raw: Any, api: Api, sender: Oin) -> Draft:
    """The body as a handover. Raises Invalid with every fault at once."""
    body, faults = validated(HandoverBody, raw)
    faults += _beyond(await api.handovers.faults(raw, sender), faults)
    on = body.meeting.on if body and body.meeting else None
    until = None if body is None or faults else api.handovers.consent_until(body.consent_until, body.kind, on)
    if body is None or until is None:
        raise Invalid(faults)
    return body.draft(raw, until, api.handovers.today())


def _beyond(more: tuple[Fault, ...], known: list[Fault]) -> list[Fault]:
    places = {fault.pointer for fault in known}
    return [fault for fault in more if fault.pointer not in places]


@router.get("/handovers", **documented("List handovers", HandoverPage, 200, errors=(400, 401, 403)))
async def listed(
    api: Use,
    caller: AsAnyCaller,
    box: Annotated[
        Literal["sent", "urgent", "received", "unread"],
        Query(
            description="what was sent, what of that is urgent, what is open to you, or what of that nobody of you asked "
            "for yet"
        ),
    ] = "received",
    after: Annotated[str, Query(description="`next` of the page before", max_length=LONGEST)] = "",
) -> Response:
    """A page, newest first. `received` lists only what at least one consent opens. `urgent` leaves out what has ended.

    `unread` is the part of it that nobody in your role (of your organisation) asked for since it was written or corrected.
    """
    oin = caller.organisation.oin
    sent = box in ("sent", "urgent")
    if sent:
        if caller.professional is not None:
            raise NotAllowed(_SENT)
        views, following = await (api.boxes.sent if box == "sent" else api.urgent.sent)(oin, after, PAGE)
    else:
        views, following = await api.boxes.received(oin, caller.professional, after, PAGE, uncollected=box == "unread")
    items = [_out(view, for_sender=sent) for view in views]
    return answer(HandoverPage.model_construct(items=items, next=following or None))


@router.get(
    "/handovers/{id}", **documented("Look at a handover", HandoverOut, 200, errors=(400, 401, 404), tagged=True)
)
async def one(api: Use, caller: AsAnyCaller, id: Id, has: IfNoneMatch) -> Response:  # noqa: A002 - the name in the path
    """For its sender: the state per section, and who has answered (not what). For a recipient: what is open to them."""
    if caller.professional is None:
        try:
            return _seen(await api.boxes.sent_one(caller.organisation.oin, id), has, for_sender=True)
        except NotFound:
            pass
    return _seen(await api.boxes.received_one(caller.organisation.oin, caller.professional, id), has, for_sender=False)


def _seen(view: HandoverView, has: Condition | None, *, for_sender: bool) -> Response:
    if has is not None and has.matches_weakly(view.tag):
        return Response(status_code=304, headers={**NO_STORE, **etag(view.tag)})
    return answer(_out(view, for_sender=for_sender), headers=etag(view.tag))


@router.delete("/handovers/{id}", **documented("Withdraw a handover", None, 204, errors=(400, 401, 403, 404, 412)))
async def withdraw(api: Use, organisation: AsOrganisation, id: Id, expected: IfMatch) -> Response:  # noqa: A002 - the name in the path
    """End it for good: its data keys and ciphertext are destroyed; what the log says of it stays."""
    await api.handovers.withdraw(organisation.oin, id, expected)
    return Response(status_code=204)


@router.post(
    "/handovers/{id}/invitations",
    **documented(
        "Invite a person to answer",
        InvitationOut,
        201,
        body=InvitationBody,
        errors=(401, 403, 404, 409, 413, 415, 422),
        or_else=MEDIA_TYPE,
    ),
)
async def invite(
    request: Request,
    api: Use,
    organisation: AsOrganisation,
    id: Id,  # noqa: A002 - the name in the path
    key: RetryKey = "",
) -> Response:
    """A code with QR for the worker to hand over, or a message to the person's own contact. It answers nothing by itself.

    With `Accept: text/html` the answer is the sheet to print: one page of A4 with the code, in the person's language.
    """
    raw = await read_json(request)
    body = read_as(InvitationBody, raw)
    sheet = wants_sheet(request.headers.get("accept", ""))
    if sheet and body.delivery != "paper":
        raise Invalid.at(
            "/delivery",
            "Een blad hoort bij delivery: paper. Er is niets gemaakt.",
            "A sheet goes with delivery: paper. Nothing was made.",
        )
    attempt = attempt_of(key, organisation, "invite", id, raw)
    invited = await api.invitations.invite(organisation.oin, id, body.person, body.delivery, attempt)
    if sheet:
        return sheet_answer(invited, api.public_url, api.phrases)
    out = InvitationOut.model_construct(
        id=invited.id,
        answer_until=invited.answer_until,
        code=invited.code,
        link=invited.link,
        qr=qr_of(invited.link) if invited.link else None,
    )
    return answer(out, 201)


@router.post(
    "/subjects/_search",
    **documented("Find handovers about a person", HandoverPage, 200, body=SearchBody, errors=(401, 403, 413, 415)),
)
async def search(request: Request, api: Use, professional: AsProfessional) -> Response:
    """By identifier, in the body: what about this person is open to the caller. Every search is logged."""
    body = read_as(SearchBody, await read_json(request))
    views = await api.boxes.search(professional, body.identifier.system, body.identifier.value)
    return answer(HandoverPage.model_construct(items=[_out(v, for_sender=False) for v in views], next=None))


_SENT = Words(
    "Wat de organisatie verstuurde, ziet alleen de organisatie zelf.",
    "What the organisation sent is for the organisation itself to see.",
)
