"""Filling the consent notice: names and words of the agreement put into the text, and the same in Dutch beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.domain.handovers import Handover
from broker.domain.notices import OF_DAY, ONLY_FOR_SEVERAL, Asked, Notice, NoticeTemplate, compose
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import UnitOfWork
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.services.house import House

DUTCH = "nl"
"""The language that every agreement has, that stands beside a translation, and that is shown where one is missing."""
_YOU = Words("jou", "you")


@dataclass(frozen=True, slots=True)
class Told:
    """The notice that a signer is shown; the same in Dutch beside it (None when it is Dutch); whether it was reviewed."""

    notice: Notice
    dutch: Notice | None
    reviewed: bool


async def compose_for(
    work: UnitOfWork,
    house: House,
    partners: Mapping[Oin, str],
    handover: Handover,
    signer: PersonId,
    asked: Sequence[Asked],
    language: str,
    *,
    child: bool = False,
) -> Told:
    """The notice for one signer, in a language that the agreement has a text in (Dutch otherwise).

    `child`: in the words for a young person, where the agreement has those.
    """
    agreement = house.agreement()
    own = handover.author is not None
    spoken = language if language in agreement.notices and (not own or agreement.notices[language].family) else DUTCH
    names = await work.persons.names({person for a in asked for person in a.persons}, handover.sender)
    filling = _Filling(house, agreement.vocabulary, partners, handover, signer, names)

    def written(template: NoticeTemplate) -> Notice:
        filled = [(a.section_type, filling.values(a, template.language)) for a in asked]
        leave_out = ONLY_FOR_SEVERAL if len(handover.recipients) == 1 else frozenset[str]()
        told = template.for_child() if child else template
        told = told.for_meeting() if handover.meeting else told
        return compose(told.for_family() if own else told, filled, leave_out)

    template = agreement.notices[spoken]
    dutch = None if spoken == DUTCH else written(agreement.notices[DUTCH])
    return Told(written(template), dutch, template.review.reviewed)


@dataclass(frozen=True, slots=True)
class _Filling:
    """What goes into the placeholders, in any language."""

    house: House
    vocabulary: Vocabulary
    partners: Mapping[Oin, str]
    handover: Handover
    signer: PersonId
    names: Mapping[PersonId, str]

    def values(self, asked: Asked, language: str) -> dict[str, str]:
        """Every placeholder, for one section type."""
        say, term = self.house.phrases.words, self.vocabulary.section_types.get(asked.section_type)
        return {
            "sender": self._partner(self.handover.sender, language),
            "recipients": self._recipients(language),
            "purpose": say(self.vocabulary.label(self.handover.purpose), language),
            "until": self.house.phrases.day(self.handover.consent_until, language),
            "section": say(self.vocabulary.label(asked.section_type), language),
            "explanation": say(term.explain, language) if term else "",
            "example": say(term.example, language) if term and term.example else "",
            "persons": self._listed([self._person(p, language) for p in asked.persons], language),
            **self._meeting(language),
            "supported": self._listed([self._name(p, language) for p in asked.supported], language),
        }

    def _meeting(self, language: str) -> dict[str, str]:
        meeting = self.handover.meeting
        return {OF_DAY: self.house.phrases.day(meeting.on, language)} if meeting else {}

    def _person(self, person: PersonId, language: str) -> str:
        if person == self.signer:
            return self.house.phrases.words(_YOU, language)
        return self._name(person, language)

    def _name(self, person: PersonId, language: str) -> str:
        return self.house.phrases.apart(self.names.get(person, ""), language)

    def _partner(self, oin: Oin, language: str) -> str:
        return self.house.phrases.apart(self.partners.get(oin, ""), language)

    def _recipients(self, language: str) -> str:
        roles: dict[str, list[str]] = {}
        for recipient in self.handover.recipients:
            label = self.house.phrases.words(self.vocabulary.label(recipient.role), language)
            named = self.handover.meeting.named(recipient) if self.handover.meeting else ()
            who = self._listed([self.house.phrases.apart(name, language) for name in named], language)
            labels = roles.setdefault(self._partner(recipient.organisation, language), [])
            labels.append(f"{label}: {who}" if who else label)
        return self._listed([f"{name} ({self._listed(labels, language)})" for name, labels in roles.items()], language)

    def _listed(self, items: Sequence[str], language: str) -> str:
        return self.house.phrases.listed(items, language)
