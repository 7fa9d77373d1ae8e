"""The bodies that come in: names in camelCase, unknown fields refused."""

import base64
import re
from datetime import date
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from broker.domain.drafts import (
    Draft,
    DraftAttendee,
    DraftAuthority,
    DraftInability,
    DraftMeeting,
    DraftPerson,
    DraftSection,
    DraftTask,
    last_day,
)
from broker.domain.forms.agreements import ID
from broker.domain.meetings import MOST as MOST_AT_TABLE
from broker.domain.parties import MAIL, PHONE, AuthorityKind, ContactSource, Oin, Recipient, StatedContact
from broker.domain.ports import DeliveredSection
from broker.domain.reactions import LONGEST
from broker.domain.tasks import MOST as MOST_TASKS
from broker.domain.urgency import HOURS

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _day_only(value: Any) -> Any:
    """A date is text of the form 2027-01-31, not a number and not a moment."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("not a date")
    return date.fromisoformat(value)


Day = Annotated[date, BeforeValidator(_day_only, json_schema_input_type=date)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]
OinText = Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")]
Language = Literal["nl", "en", "ar", "tr", "pl", "uk", "ti"]
"""The languages that Rondom writes to families in (`broker.web.kit.texts.OWN_NAMES`); a person's, and a handover's."""


class Body(BaseModel):
    """What all bodies share."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=False)


class IdentifierBody(Body):
    """An identifier of a person; kept encrypted, found through a keyed pseudonym."""

    system: Literal["bsn"]
    value: Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]


class StatedBody(Body):
    """Where a contact comes from, and whether you checked that it is this person's own."""

    source: ContactSource = "unknown"
    verified: bool = False


class SmsContact(StatedBody):
    """A mobile phone, in E.164 form."""

    channel: Literal["sms"]
    value: Annotated[str, StringConstraints(pattern=PHONE)]


class EmailContact(StatedBody):
    """An e-mail address."""

    channel: Literal["email"]
    value: Annotated[str, StringConstraints(pattern=MAIL, max_length=254)]


ContactBody = Annotated[SmsContact | EmailContact, Field(discriminator="channel")]


class InabilityBody(Body):
    """That a person was judged unable to decide; whoever holds authority then signs, until the day of review."""

    reason: Line
    assessor: Line
    review: Day


class PersonBody(Body):
    """Somebody whom the handover speaks about, or who must say yes or no."""

    key: Word
    reference: Line
    name: Line
    birth_date: Day
    language: Language
    identifiers: Annotated[list[IdentifierBody], Field(max_length=4)] = []
    contacts: Annotated[list[ContactBody], Field(max_length=4)] = []
    inability: InabilityBody | None = None


class AuthorityBody(Body):
    """Who holds authority over whom, since when, and what was seen as evidence."""

    holder: Word
    over: Word
    kind: AuthorityKind
    since: Day
    until: Day | None = None
    evidence: Line


class SupporterBody(Body):
    """Somebody without a say who is asked what they think about what is shared of `of`; kept, never counted."""

    supporter: Word
    of: Word


class RecipientBody(Body):
    """An organisation and a role in it."""

    organisation: OinText
    role: Word


class BasisBody(Body):
    """The AVG basis that each side states for itself."""

    sender: Line
    recipient: Line


def _base64url(value: Any) -> Any:
    """Bytes, in the one canonical writing of base64url without padding."""
    try:
        raw = base64.urlsafe_b64decode(f"{value}{'=' * (-len(value) % 4)}")
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == value:
            return raw
    except (TypeError, ValueError):
        pass
    raise PydanticCustomError("string_pattern_mismatch", "not base64url")


Base64Url = Annotated[
    bytes, BeforeValidator(_base64url), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]*$"})
]


class SealedBody(Body):
    """A section that you sealed yourself: the broker keeps it without opening it. See docs/sealed-sections.md.

    `kid` is one of /v1/sealing-keys, `key` the content's key sealed to it, `ciphertext` the content; base64url.
    """

    format: Literal["rondom-sealed-1"]
    kid: Word
    key: Base64Url
    ciphertext: Annotated[Base64Url, Field(min_length=29)]


class OwnerBody(Body):
    """Whose it is: an organisation, in a role; or a person, by their key."""

    organisation: OinText | None = None
    role: Word | None = None
    person: Word | None = None


class TaskBody(Body):
    """Something that was agreed: the random id that its text has, whose it is, and by which day. Never what it is."""

    id: Annotated[str, StringConstraints(pattern=f"^{ID.pattern}$")]
    owner: OwnerBody
    due: Day


class AttendeeBody(RecipientBody):
    """Somebody at the table. `professional` is the `sub` that their own organisation signs for them in tokens."""

    professional: Line
    name: Line


class MeetingBody(Body):
    """The day of a meeting and who comes: these very people read what lies on the table, until two weeks later."""

    on: Day
    attendees: Annotated[list[AttendeeBody], Field(min_length=1, max_length=MOST_AT_TABLE)]


class SectionBody(Body):
    """One section. `content` is text, or JSON for `application/json`; or `sealed` stands in its place.

    After the day `expires` it is given to nobody. A type with `expires` in /v1/vocabulary needs that day, the `instrument` that it
    comes from and the day `assessedOn`. They go with the section, outside its seal: no word about anybody belongs in them.
    """

    # not as `oneOf`: generators of clients make nothing, or anything, of that
    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["sealed"], "properties": {"sealed": {"type": "object"}}},
            "then": {"not": {"required": ["content"]}},
            "else": {"required": ["content"]},
        }
    )

    type: Word
    concerns: Annotated[list[Word], Field(min_length=1, max_length=20)]
    shielded_from: Annotated[list[Word], Field(max_length=20)] = []
    media_type: Literal["text/markdown", "text/plain", "application/json"]
    content: Any = None
    sealed: SealedBody | None = None
    expires: Day | None = None
    instrument: Line | None = None
    assessed_on: Day | None = None
    tasks: Annotated[list[TaskBody], Field(max_length=MOST_TASKS)] = []


class HandoverBody(Body):
    """A handover as it is pushed. `consentUntil` and `retainUntil` are a last day, or a period from today.

    With a `meeting` consent ends two weeks after it at the latest, and without `consentUntil` then. Otherwise, without `consentUntil` consent is asked for as long as the agreement says for this kind of handover.
    With `urgency` everybody who must say yes is asked at once, and somebody is called when it does not come through in time;
    nothing opens without them.
    """

    reference: Line
    kind: Word
    purpose: Word
    language: Language
    legal_basis: BasisBody
    discussed_with_family: bool
    subject: Word
    people: Annotated[list[PersonBody], Field(min_length=1, max_length=30)]
    authorities: Annotated[list[AuthorityBody], Field(max_length=60)] = []
    supporters: Annotated[list[SupporterBody], Field(max_length=30)] = []
    recipients: Annotated[list[RecipientBody], Field(min_length=1, max_length=20)]
    sections: Annotated[list[SectionBody], Field(min_length=1, max_length=40)]
    consent_until: Line | None = None
    retain_until: Line
    meeting: MeetingBody | None = None
    urgency: Literal["PT24H", "PT48H"] | None = None

    def draft(self, raw: Any, until: date, today: date) -> Draft:
        """The body as the use case takes it, with the last day of consent; it has been found free of faults."""
        return Draft(
            reference=self.reference,
            kind=self.kind,
            purpose=self.purpose,
            language=self.language,
            sender_basis=self.legal_basis.sender,
            recipient_basis=self.legal_basis.recipient,
            discussed_with_family=self.discussed_with_family,
            subject=self.subject,
            people=tuple(_person(p) for p in self.people),
            authorities=tuple(
                DraftAuthority(a.holder, a.over, a.kind, a.since, a.until, a.evidence) for a in self.authorities
            ),
            recipients=tuple(Recipient(Oin(r.organisation), r.role) for r in self.recipients),
            sections=tuple(_section(s) for s in self.sections),
            consent_until=until,
            retain_until=last_day(self.retain_until, today),
            canonical=rfc8785.dumps(raw).decode(),
            supporters=tuple(dict.fromkeys((s.supporter, s.of) for s in self.supporters)),
            meeting=_meeting(self.meeting) if self.meeting else None,
            urgent_hours=HOURS[self.urgency] if self.urgency else None,
        )


def _meeting(meeting: MeetingBody) -> DraftMeeting:
    return DraftMeeting(
        meeting.on,
        tuple(DraftAttendee(Oin(a.organisation), a.role, a.professional, a.name) for a in meeting.attendees),
    )


def _person(person: PersonBody) -> DraftPerson:
    judged = person.inability
    return DraftPerson(
        key=person.key,
        reference=person.reference,
        name=person.name,
        birth=person.birth_date,
        language=person.language,
        identifiers=tuple((i.system, i.value) for i in person.identifiers),
        contacts=tuple(StatedContact(c.channel, c.value, c.source, c.verified) for c in person.contacts),
        inability=DraftInability(judged.reason, judged.assessor, judged.review) if judged else None,
    )


def _section(section: SectionBody) -> DraftSection:
    content: bytes | DeliveredSection
    if section.sealed is not None:
        content = DeliveredSection(section.sealed.kid, section.sealed.key, section.sealed.ciphertext)
    elif section.media_type == "application/json":
        content = rfc8785.dumps(section.content)
    else:
        content = str(section.content).encode()
    return DraftSection(
        section.type,
        tuple(section.concerns),
        tuple(section.shielded_from),
        section.media_type,
        content,
        section.expires,
        section.instrument or "",
        section.assessed_on,
        tuple(map(_task, section.tasks)),
    )


def _task(task: TaskBody) -> DraftTask:
    owner = task.owner
    if owner.person is not None:
        return DraftTask(task.id, owner.person, task.due)
    return DraftTask(task.id, Recipient(Oin(owner.organisation or ""), owner.role or ""), task.due)


class InvitationBody(Body):
    """For whom, and how: `paper` gives a code to hand over, `message` goes to the person's own contact."""

    person: Word
    delivery: Literal["paper", "message"]


class AcknowledgementBody(Body):
    """`read`: somebody read what was released. `taken-over`: and goes on from there."""

    state: Literal["read", "taken-over"]


class TaskStatusBody(Body):
    """How far something is that was agreed."""

    status: Literal["open", "under-way", "done", "dropped"]


class WatchBody(Body):
    """How often is asked whether it is still going well, and whom, by your own keys."""

    every: Literal["P2W", "P1M", "P3M", "P6M"]
    people: Annotated[list[Word], Field(min_length=1, max_length=30)]


class ReleaseBody(Body):
    """What a professional asks for. Without `sections`: everything that is there for them."""

    handover: Line
    purpose: Line
    sections: Annotated[list[Word], Field(min_length=1, max_length=40)] | None = None


class SearchBody(Body):
    """Whom to look for; never in a path or query."""

    identifier: IdentifierBody


class ReactionAnswerBody(Body):
    """The answer to a request of the family, which reads the explanation: write it in plain words.

    `erased` and `not-erased` answer a request to erase; `erased` erases the handover at once, and cannot be undone.
    """

    outcome: Literal["corrected", "not-corrected", "erased", "not-erased"]
    explanation: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]


class SignOffBody(Body):
    """Whether you agree with the section of this `digest`, as the release named it.

    Who does not agree says in `text` how they see it, for everybody who may read the section; who agrees writes nothing.
    """

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    agrees: bool
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST)] | None = None


class WebhookBody(Body):
    """Where you want your events sent: https, without a query; it is checked at once."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
