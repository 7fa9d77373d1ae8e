"""The consent notice: the exact text that one signer sees, composed from the agreement's reviewed parts.

- What is shown is what is digested and stored: a record names the SHA-256 of the very text (AVG 7(1)).
- A signer is asked only about sections that concern somebody for whom they sign.
- Who is 12 to 15 and answers for themselves gets the text that was written for a young person, where there is one.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType

from broker.domain.calendar import age, local_day
from broker.domain.consents import SUPPORT, NoticeRef
from broker.domain.handovers import Handover
from broker.domain.parties import Authority, Person, PersonId
from broker.domain.signers import SignerTable, required_signers

PARTS = ("title", "who", "each", "what", "support", "example", "why", "until", "later", "no", "stop", "call")
"""The parts of one question, in the order in which they are shown and digested."""
ONLY_FOR_SEVERAL = frozenset({"each"})
"""The parts that only speak to who chooses about more than one recipient."""
PLACEHOLDERS = frozenset(
    {"sender", "recipients", "section", "explanation", "example", "persons", "purpose", "until", "supported"}
)
OF_MEETINGS = ("who", "later")
"""The parts that are said in other words about a meeting: these very people, and this meeting alone."""
OF_DAY = "meeting"
"""The placeholder of the day of a meeting, in those parts."""
ONLY_WITH = {"support": "supported"}
"""Parts that are left out where their placeholder has nothing to say."""

YOUNG = range(12, 16)
"""The ages, in years, at which somebody who answers for themselves gets the text for a young person."""


@dataclass(frozen=True, slots=True)
class Review:
    """Whether somebody whose own language it is checked a text: which organisation (never a person), and when."""

    reviewed: bool = False
    by: str = ""
    on: date | None = None


@dataclass(frozen=True, slots=True)
class NoticeTemplate:
    """The text of one language. `parts` holds every name of PARTS, with placeholders of PLACEHOLDERS.

    `child` holds those parts that are said in other words to a young person; without any they read the same as all.
    `family` holds those that are said otherwise when a family itself wrote what is asked about, `meeting` those about a
    meeting; they go before both. An older text may have none.
    """

    version: str
    language: str
    parts: Mapping[str, str]
    child: Mapping[str, str] = field(default_factory=dict)
    review: Review = Review()
    family: Mapping[str, str] = field(default_factory=dict)
    meeting: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("parts", "child", "family", "meeting"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def for_child(self) -> "NoticeTemplate":
        """The text for a young person, under a version of its own; the same text where no part is said otherwise."""
        if not self.child:
            return self
        return replace(self, version=f"{self.version} child", parts={**self.parts, **self.child}, child={})

    def for_family(self) -> "NoticeTemplate":
        """The text for what a family wrote itself, under a version of its own."""
        return replace(self, version=f"{self.version} family", parts={**self.parts, **self.family}, family={})

    def for_meeting(self) -> "NoticeTemplate":
        """The text about a meeting, under a version of its own; the same text where no part is said otherwise."""
        if not self.meeting:
            return self
        return replace(self, version=f"{self.version} meeting", parts={**self.parts, **self.meeting}, meeting={})


@dataclass(frozen=True, slots=True)
class Question:
    """One question as shown: the section type, and each part that is shown with everything filled in."""

    section_type: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """All questions of one request in one language. `version` also names the variant: `3 child`."""

    version: str
    language: str
    questions: tuple[Question, ...]

    @property
    def text(self) -> str:
        """The whole text, part by part, as it is stored."""
        lines = [f"{self.language} {self.version}"]
        for question in self.questions:
            lines.append("")
            lines.extend(question.parts[part] for part in PARTS if part in question.parts)
        return "\n".join(lines) + "\n"

    @property
    def ref(self) -> NoticeRef:
        """Digest and language of exactly this text."""
        return NoticeRef(hashlib.sha256(self.text.encode()).hexdigest(), self.language)


def compose(
    template: NoticeTemplate, asked: Sequence[tuple[str, Mapping[str, str]]], leave_out: Collection[str] = ()
) -> Notice:
    """Fill the template once per section type; each mapping holds every placeholder. Values are never interpreted.

    Parts of `leave_out` are neither shown nor digested.
    """
    questions = []
    for section_type, values in asked:
        shown = [name for name in PARTS if name not in ONLY_WITH or values.get(ONLY_WITH[name])]
        parts = {name: _fill(template.parts[name], values) for name in shown if name not in leave_out}
        questions.append(Question(section_type, MappingProxyType(parts)))
    return Notice(template.version, template.language, tuple(questions))


def _fill(text: str, values: Mapping[str, str]) -> str:
    pieces = text.split("{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}")
        filled.append(values[name] + rest)
    return "".join(filled)


@dataclass(frozen=True, slots=True)
class Asked:
    """One section type that a signer is asked about, with the people for whom this signer answers.

    `supported` are those of them for whom the answer is kept as support, and does not count.
    """

    section_type: str
    persons: tuple[PersonId, ...]
    supported: tuple[PersonId, ...] = ()

    @property
    def signing(self) -> "Asked":
        """The part of it in which this signer has a say; without persons when there is none."""
        return Asked(self.section_type, tuple(p for p in self.persons if p not in self.supported))


def asked_of(
    signer: PersonId,
    handover: Handover,
    people: Mapping[PersonId, Person],
    authorities: Sequence[Authority],
    table: SignerTable,
    now: datetime,
) -> tuple[Asked, ...]:
    """What this person may answer of a handover at `now`, in the order of its sections. Empty: there is nothing to ask.

    Somebody without a say, whom the sender names as a supporter, is asked about the parts that concern nobody but those
    whom they support or sign for: nothing else is theirs to know of.
    """
    signs_for = {
        person_id
        for person_id in handover.concerned()
        if person_id in people and signer in required_signers(people[person_id], authorities, table, now).signers
    }
    supports = {s.person for s in handover.supporters if s.supporter == signer} - signs_for
    asked: dict[str, set[PersonId]] = {}
    for section in handover.sections:
        for_whom = section.concerns & (signs_for | supports)
        allowed = section.concerns & signs_for or (for_whom and for_whom == section.concerns)
        if signer not in section.shielded_from and allowed:
            asked.setdefault(section.type, set()).update(section.concerns & signs_for)
            if for_whom == section.concerns:
                asked[section.type] |= for_whom
    return tuple(Asked(t, tuple(sorted(who)), tuple(sorted(who & supports))) for t, who in asked.items())


def answers_as_child(signer: Person | None, asked: Sequence[Asked], now: datetime) -> bool:
    """Whether a signer is asked about themselves at 12 to 15. Where birth dates disagree, any of them is enough."""
    if signer is None or not any(signer.id in one.persons for one in asked):
        return False
    return any(age(birth, local_day(now)) in YOUNG for birth in signer.births)


def capacity(signer: PersonId, person: PersonId, authorities: Sequence[Authority], now: datetime) -> str:
    """In which capacity a signer speaks for a person: `self`, the kind of authority held at `now`, or `support`."""
    if signer == person:
        return "self"
    kinds = {a.kind for a in authorities if a.holder == signer and a.over == person and a.holds_at(now)}
    return min(kinds) if kinds else SUPPORT
