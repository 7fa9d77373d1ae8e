"""Filling the consent notice: names and words of the agreement put into the reviewed text."""

from collections.abc import Mapping, Sequence
from datetime import date

from broker.domain.handovers import Handover
from broker.domain.notices import ONLY_FOR_SEVERAL, Asked, Notice, compose
from broker.domain.parties import Oin, PersonId
from broker.domain.ports import AgreementInForce
from broker.domain.stores import UnitOfWork
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words

_MONTHS = {
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "en": "January February March April May June July August September October November December",
}
_AND = Words("en", "and")
_YOU = Words("jou", "you")


async def compose_for(
    work: UnitOfWork,
    agreement: AgreementInForce,
    partners: Mapping[Oin, str],
    handover: Handover,
    signer: PersonId,
    asked: Sequence[Asked],
    language: str,
) -> Notice:
    """The notice for one signer, in a language that the agreement has a text in (Dutch otherwise)."""
    spoken = language if language in agreement.notices else "nl"
    names = await work.persons.names({person for a in asked for person in a.persons}, handover.sender)
    common = {
        "sender": partners.get(handover.sender, ""),
        "recipients": _recipients(handover, partners, agreement.vocabulary, spoken),
        "purpose": agreement.vocabulary.label(handover.purpose).in_language(spoken),
        "until": day_words(handover.consent_until, spoken),
    }
    filled = [(a.section_type, common | _about(a, names, signer, agreement.vocabulary, spoken)) for a in asked]
    leave_out = ONLY_FOR_SEVERAL if len(handover.recipients) == 1 else frozenset[str]()
    return compose(agreement.notices[spoken], filled, leave_out)


def _about(
    asked: Asked, names: Mapping[PersonId, str], signer: PersonId, vocabulary: Vocabulary, language: str
) -> dict[str, str]:
    term = vocabulary.section_types.get(asked.section_type)
    persons = [_YOU.in_language(language) if p == signer else names.get(p, "") for p in asked.persons]
    return {
        "section": vocabulary.label(asked.section_type).in_language(language),
        "explanation": term.explain.in_language(language) if term else "",
        "example": term.example.in_language(language) if term and term.example else "",
        "persons": _listed(persons, language),
        "supported": _listed([names.get(p, "") for p in asked.supported], language),
    }


def _recipients(handover: Handover, partners: Mapping[Oin, str], vocabulary: Vocabulary, language: str) -> str:
    roles: dict[str, list[str]] = {}
    for recipient in handover.recipients:
        label = vocabulary.label(recipient.role).in_language(language)
        roles.setdefault(partners.get(recipient.organisation, ""), []).append(label)
    return _listed([f"{name} ({_listed(labels, language)})" for name, labels in roles.items()], language)


def _listed(items: Sequence[str], language: str) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_AND.in_language(language)} {items[-1]}"


def day_words(day: date, language: str) -> str:
    """A day in words, such as `21 mei 2027`."""
    return f"{day.day} {_MONTHS[language if language in _MONTHS else 'en'].split()[day.month - 1]} {day.year}"
