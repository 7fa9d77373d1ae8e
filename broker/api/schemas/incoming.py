"""The bodies that come in: names in camelCase, unknown fields refused."""

import base64
import re
from datetime import date
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from broker.domain.drafts import Draft, DraftAuthority, DraftInability, DraftPerson, DraftSection, last_day
from broker.domain.parties import MAIL, PHONE, AuthorityKind, ContactSource, Oin, Recipient, StatedContact
from broker.domain.ports import DeliveredSection
from broker.domain.reactions import LONGEST

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


class SectionBody(Body):
    """One section. `content` is text, or JSON for `application/json`; or `sealed` stands in its place."""

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


class HandoverBody(Body):
    """A handover as it is pushed. `consentUntil` and `retainUntil` are a last day, or a period from today."""

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
    consent_until: Line
    retain_until: Line

    def draft(self, raw: Any, today: date) -> Draft:
        """The body as the use case takes it; it has been found free of faults."""
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
            consent_until=last_day(self.consent_until, today),
            retain_until=last_day(self.retain_until, today),
            canonical=rfc8785.dumps(raw).decode(),
            supporters=tuple(dict.fromkeys((s.supporter, s.of) for s in self.supporters)),
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
        section.type, tuple(section.concerns), tuple(section.shielded_from), section.media_type, content
    )


class InvitationBody(Body):
    """For whom, and how: `paper` gives a code to hand over, `message` goes to the person's own contact."""

    person: Word
    delivery: Literal["paper", "message"]


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


class WebhookBody(Body):
    """Where you want your events sent: https, without a query; it is checked at once."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
