"""Matters: doubts about what organisations state, for a privacy officer to settle; some of them raise the evidence needed.

- A doubt never widens access: while one that raises is open, or was confirmed, a code alone is no yes of that person.
- Two contacts are the same when they reach the same phone or mailbox, however they are written.
"""

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from broker.domain.parties import Authority, Oin, PersonId
from broker.errors import Words


class MatterKind(StrEnum):
    """What can be in doubt."""

    SHARED_CONTACT = "shared-contact"
    CONTACT_OF_PROFESSIONAL = "contact-of-professional"
    FACTS_DISAGREE = "facts-disagree"
    INABILITY_STATED = "inability-stated"


class MatterState(StrEnum):
    """Open until an officer settles it; `accepted`: it may be so; `confirmed`: it is wrong."""

    OPEN = "open"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"


RAISING = (MatterState.OPEN, MatterState.CONFIRMED)
"""In these states a matter that raises does raise."""
LONGEST_NOTE = 300


@dataclass(frozen=True, slots=True)
class Matter:
    """One doubt: about whom, whom (or which professional) it ties them to, and by whose statement it came up.

    `about` narrows the reason (`sms`, `email`, `birth-date`, `authority`); it never holds a value.
    """

    id: str
    kind: MatterKind
    person: PersonId
    organisation: Oin
    created_at: datetime
    other: str = ""
    about: str = ""
    raises: bool = False
    state: MatterState = MatterState.OPEN
    note: str = field(default="", repr=False)
    settled_at: datetime | None = None
    settled_by: str = ""

    @property
    def holds_back(self) -> bool:
        """Whether it holds back releases that rest on a code alone."""
        return self.raises and self.state in RAISING


@dataclass(frozen=True, slots=True)
class SameContact:
    """One contact that was stated for a person and for somebody else; `value_tag` stands for it.

    `other` is a person or a professional. `stated_by` are the organisations that stated it for the person;
    `together` says that one organisation stated it for both.
    """

    person: PersonId
    other: str
    channel: str
    value_tag: str = field(repr=False)
    stated_by: tuple[Oin, ...]
    together: bool = False


def plain_contact(channel: str, value: str) -> str:
    """How a contact is compared: a mail address without capitals and without `+tag` (RFC 5233), a number as it is.

    A Dutch number is compared without the zero that is dialled inside the country: with it, it is the same phone.
    """
    if channel != "email":
        return f"+31{value[3:].lstrip('0')}" if value.startswith("+31") else value
    name, _, domain = unicodedata.normalize("NFKC", value).casefold().rpartition("@")
    return f"{name.partition('+')[0] or name}@{domain}"


def may_sign_together(one: str, other: str, authorities: Iterable[Authority]) -> bool:
    """Whether these two must, or may come to, sign for the same person: by authority over one person, or over each other.

    Authority that has ended or not begun counts as well.
    """
    over: dict[str, set[str]] = {one: {one}, other: {other}}  # everybody may come to sign for themselves
    for authority in authorities:
        if authority.holder in over:
            over[authority.holder].add(authority.over)
    return bool(over[one] & over[other])


def disagreeing(sets: Iterable[Collection[str]]) -> str:
    """The different sets that are stated, in one writing; empty when all say the same."""
    different = {",".join(sorted(one)) for one in sets}
    return ";".join(sorted(different)) if len(different) > 1 else ""


REASON: dict[tuple[MatterKind, str], Words] = {
    (MatterKind.SHARED_CONTACT, "sms"): Words(
        "Twee personen hebben hetzelfde telefoonnummer.", "Two people have the same phone number."
    ),
    (MatterKind.SHARED_CONTACT, "email"): Words(
        "Twee personen hebben hetzelfde e-mailadres.", "Two people have the same e-mail address."
    ),
    (MatterKind.CONTACT_OF_PROFESSIONAL, "sms"): Words(
        "Het telefoonnummer van een persoon is dat van een professional.",
        "A person's phone number is that of a professional.",
    ),
    (MatterKind.CONTACT_OF_PROFESSIONAL, "email"): Words(
        "Het e-mailadres van een persoon is dat van een professional.",
        "A person's e-mail address is that of a professional.",
    ),
    (MatterKind.FACTS_DISAGREE, "birth-date"): Words(
        "Van één persoon zijn verschillende geboortedatums opgegeven.",
        "Different birth dates were stated for one person.",
    ),
    (MatterKind.FACTS_DISAGREE, "authority"): Words(
        "Organisaties noemen niet dezelfde mensen met gezag over één persoon.",
        "Organisations do not name the same holders of authority over one person.",
    ),
    (MatterKind.INABILITY_STATED, ""): Words(
        "Een organisatie zegt dat een persoon niet zelf kan beslissen.",
        "An organisation says that a person is unable to decide.",
    ),
}
_ANY: dict[MatterKind, Words] = {
    MatterKind.SHARED_CONTACT: Words("Twee personen hebben hetzelfde contact.", "Two people have the same contact."),
    MatterKind.CONTACT_OF_PROFESSIONAL: Words(
        "Het contact van een persoon is dat van een professional.", "A person's contact is that of a professional."
    ),
    MatterKind.FACTS_DISAGREE: Words(
        "Organisaties zeggen niet hetzelfde over één persoon.", "Organisations do not say the same about one person."
    ),
}
NEXT: dict[MatterKind, tuple[Words, ...]] = {
    MatterKind.SHARED_CONTACT: (
        Words(
            "Bel de organisatie. Vraag van wie dit contact is, en hoe zij dat weet.",
            "Call the organisation. Ask whose contact this is, and how they know.",
        ),
        Words(
            "Is het twee keer dezelfde mens, of delen zij echt één telefoon of mailbox? Kies dan: het contact klopt.",
            "Is it the same human being twice, or do they really share a phone or mailbox? "
            "Then choose: the contact is right.",
        ),
        Words(
            "Kan de een antwoorden voor de ander, of klopt het contact niet? Kies dan: het contact is fout, "
            "en laat de organisatie het goede contact opgeven.",
            "Can one answer for the other, or is the contact not right? Then choose: the contact is wrong, "
            "and have the organisation state the right one.",
        ),
    ),
    MatterKind.CONTACT_OF_PROFESSIONAL: (
        Words(
            "Bel de organisatie die het contact opgaf. Vraag waarom de code naar een professional gaat.",
            "Call the organisation that stated the contact. Ask why the code goes to a professional.",
        ),
        Words(
            "Is de professional zelf deze persoon, bijvoorbeeld de ouder? Kies dan: het contact klopt.",
            "Is the professional this person, for example the parent? Then choose: the contact is right.",
        ),
        Words(
            "Anders: kies dat het contact fout is. Vraag de organisatie om het eigen contact van de persoon, "
            "en kijk in het logboek wat er met dit contact is beantwoord.",
            "Otherwise choose that the contact is wrong. Ask the organisation for the person's own contact, "
            "and look in the log for what was answered with this one.",
        ),
    ),
    MatterKind.FACTS_DISAGREE: (
        Words(
            "Bel de organisaties. Vraag wat zij hebben gezien, bijvoorbeeld het gezagsregister, en wanneer.",
            "Call the organisations. Ask what they saw, for example the register of authority, and when.",
        ),
        Words(
            "Intussen telt de strengste lezing: iedereen die volgens één van beide moet tekenen, moet tekenen.",
            "Meanwhile the strictest reading counts: whoever must sign by either of them, must sign.",
        ),
        Words(
            "Schrijf op wat het is. De lezing verandert pas als een organisatie iets anders opgeeft.",
            "Write down what it is. The reading changes only when an organisation states something else.",
        ),
    ),
    MatterKind.INABILITY_STATED: (
        Words(
            "Bel de organisatie. Vraag wie dit heeft beoordeeld, waarom, en wanneer er opnieuw wordt gekeken.",
            "Call the organisation. Ask who judged this, why, and when it is looked at again.",
        ),
        Words(
            "Weet de persoon het zelf, en was er een deskundige bij? Schrijf dat op.",
            "Does the person know, and was an expert there? Write that down.",
        ),
    ),
}
"""For each kind: what to do next."""


def reason(matter: Matter) -> Words:
    """What is in doubt, in plain words, without a value or a name."""
    return REASON.get((matter.kind, matter.about)) or _ANY.get(matter.kind) or REASON[matter.kind, ""]
