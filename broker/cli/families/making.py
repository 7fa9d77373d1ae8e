"""Synthetic families, as many as wanted: bodies of handovers as `POST /v1/handovers` takes them, with today's dates.

- The same seed, number and day give the same body, whatever the count; nobody in them exists.
- Every situation of SITUATIONS comes back in turn: whoever makes that many has seen each.
- A BSN is one of the test numbers 99999xxxx that pass the check of eleven, and no two people share one; when those are
  used up, people have none. A phone number begins with 06-0, which no mobile phone has; mail goes to `.example`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import count as numbers
from typing import Any

from broker.cli.families import NAMES, read_family
from broker.domain.calendar import Period

TEAM, SCHOOL, GP = "00000099000000010000", "00000099000000020000", "00000099000000040000"
FOSTER_CARE = "00000099000000110000"

_GIRLS = ("Noor", "Yasmin", "Zofia", "Elif", "Saar", "Selam", "Mila", "Oksana", "Amira", "Fleur")
_BOYS = ("Daan", "Ilyas", "Jakub", "Emir", "Sem", "Yonas", "Luuk", "Taras", "Omar", "Bram")
_GROWN = ("Sanne", "Karim", "Ewa", "Mehmet", "Ineke", "Dawit", "Petra", "Iryna", "Hassan", "Joost")
_SURNAMES = ("Voorbeeld", "Testman", "de Proef", "Denkbeeld", "van Nergens", "Verzonnen", "Fictie", "ter Proef")
_LANGUAGES = ("nl", "nl", "nl", "en", "ar", "tr", "pl", "uk", "ti")
_TEXTS = {
    "status": ("De hulp is begonnen.", "Er is elke week een gesprek.", "De hulp is bijna klaar."),
    "voice-of-the-child": ("Ik wil rust in de klas.", "Ik vind het fijn als iemand vraagt hoe het gaat."),
    "safety-plan": ("Bij ruzie thuis gaan de kinderen naar de buren.", "Wie zich niet veilig voelt, belt oma."),
    "agreements": ("Elke maandag belt de gezinswerker.", "School zegt het als huiswerk niet lukt."),
    "home-situation": ("De kinderen wonen om de week bij elk van de ouders.", "Het gezin woont tijdelijk bij oma."),
    "help-history": ("Eerder hielp het wijkteam, in het voorjaar.", "Er was nog geen hulp."),
    "parent-health": ("Een van de ouders slaapt slecht en heeft daar hulp bij.",),
}
_BIRTHDAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


@dataclass(frozen=True, slots=True)
class MadeFamily:
    """One family: who sends the handover, what is special about it, and the body."""

    number: int
    situation: str
    sender: str
    body: dict[str, Any]

    @property
    def file_name(self) -> str:
        """A name that says what it is; under the folder of its sender."""
        return f"{self.number:04}-{self.situation}.json"


def make_families(count: int, seed: int, today: date) -> Iterator[MadeFamily]:
    """So many families, one after the other."""
    for number in range(1, count + 1):
        situation = list(SITUATIONS)[(number - 1) % len(SITUATIONS)]
        family = _Family(number, seed, today)
        SITUATIONS[situation](family)
        yield MadeFamily(number, situation, family.sender, family.body())


def demo_organisations() -> list[dict[str, Any]]:
    """Those that take part in the families of the files: OIN, name, kind and professionals."""
    day = date(2026, 1, 1)  # of the families, only the organisations are used
    return [found for name in NAMES for found in read_family(name, day)["organisations"]]


def elfproef(number: int) -> bool:
    """Whether nine digits pass the check that every BSN passes."""
    digits = [int(digit) for digit in f"{number:09}"]
    return sum(d * w for d, w in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0


_IN_FILES = (999990019, 999990020, 999990032, 999990044)


@cache
def bsn_for_tests() -> tuple[int, ...]:
    """Every BSN that may be given out here."""
    return tuple(n for n in range(999990000, 1000000000) if elfproef(n) and n not in _IN_FILES)


CHILDREN = 2
"""Test numbers that are set apart for each family."""


@dataclass
class _Family:
    """A family in the making. Chance comes from seed and number alone."""

    number: int
    seed: int
    today: date
    sender: str = TEAM
    people: list[dict[str, Any]] = field(default_factory=list)
    authorities: list[dict[str, Any]] = field(default_factory=list)
    supporters: list[dict[str, Any]] = field(default_factory=list)
    sections: list[dict[str, Any]] = field(default_factory=list)
    route: str = "school"

    def __post_init__(self) -> None:
        self._counter = numbers()
        self.surname = self.one_of(_SURNAMES)

    def below(self, limit: int) -> int:
        """A number from 0 up to, but not with, the limit."""
        drawn = hashlib.sha256(f"rondom-family/{self.seed}/{self.number}/{next(self._counter)}".encode())
        return int.from_bytes(drawn.digest()[:8], "big") % limit

    def one_of(self, choices: tuple[str, ...]) -> str:
        """One of them."""
        return choices[self.below(len(choices))]

    def child(self, key: str, birth: date, *, reachable: bool = True) -> None:
        """A child with a test number, as long as there are any."""
        known = bsn_for_tests()
        place = (self.number - 1) * CHILDREN + sum("identifiers" in person for person in self.people)
        bsn = [{"system": "bsn", "value": str(known[place])}] if place < len(known) else []
        name = self.one_of(_GIRLS if self.below(2) else _BOYS)
        self._person(key, name, birth, "nl", reachable=reachable)["identifiers"] = bsn

    def adult(self, key: str, years: int = 0) -> None:
        """Somebody grown up."""
        birth = _years_before(years or 28 + self.below(22), self.today) - timedelta(days=self.below(300))
        self._person(key, self.one_of(_GROWN), birth, self.one_of(_LANGUAGES), reachable=True)

    def _person(self, key: str, name: str, birth: date, language: str, *, reachable: bool) -> dict[str, Any]:
        place = len(self.people)
        unique = (self.seed % 100) * 100_000 + (self.number * 10 + place) % 100_000
        phone = {"channel": "sms", "value": f"+3160{unique:07}"}
        mail = {"channel": "email", "value": f"{key}.{self.seed}.{self.number}@family.example"}
        made = {
            "key": key,
            "reference": f"DEMO-{self.seed}-{self.number}-{place + 1}",
            "name": f"{name} {self.surname}",
            "birthDate": birth.isoformat(),
            "language": language,
            "contacts": [phone if self.below(2) else mail] if reachable else [],
        }
        self.people.append(made)
        return made

    def authority(self, holder: str, over: str, kind: str = "parental") -> None:
        """Authority since the birth, or for a guardian since a year ago."""
        birth = date.fromisoformat(next(p["birthDate"] for p in self.people if p["key"] == over))
        since = birth if kind == "parental" else max(birth, _years_before(1, self.today))
        self.authorities.append(
            {
                "holder": holder,
                "over": over,
                "kind": kind,
                "since": since.isoformat(),
                "evidence": f"gezagsregister, ingezien {self.today.isoformat()}",
            }
        )

    def section(self, section_type: str, *concerns: str, shielded_from: tuple[str, ...] = ()) -> None:
        """A section in plain words."""
        made: dict[str, Any] = {
            "type": section_type,
            "concerns": list(concerns),
            "mediaType": "text/markdown",
            "content": self.one_of(_TEXTS[section_type]),
        }
        self.sections.append({**made, "shieldedFrom": list(shielded_from)} if shielded_from else made)

    def body(self) -> dict[str, Any]:
        """As it is pushed."""
        more = {"supporters": self.supporters} if self.supporters else {}
        return {
            "reference": f"DEMO-{self.seed}-{self.number}",
            **_ROUTES[self.route],
            "language": "nl",
            "discussedWithFamily": bool(self.below(5)),
            "subject": "child",
            "people": self.people,
            "authorities": self.authorities,
            **more,
            "sections": self.sections,
            "consentUntil": f"P{3 + self.below(10)}M",
            "retainUntil": "P2Y",
        }


_ROUTES: Mapping[str, Mapping[str, Any]] = {
    "school": {
        "kind": "feedback-to-school",
        "purpose": "education-support",
        "legalBasis": {"sender": "AVG 6(1)(e); Jeugdwet 2.3", "recipient": "AVG 6(1)(e); WPO 40a"},
        "recipients": [{"organisation": SCHOOL, "role": "support-coordinator"}],
    },
    "gp": {
        "kind": "inform-gp",
        "purpose": "health-care",
        "legalBasis": {"sender": "AVG 6(1)(e); Jeugdwet 2.3", "recipient": "AVG 6(1)(c); BW 7:454"},
        "recipients": [{"organisation": GP, "role": "general-practitioner"}],
    },
    "team": {
        "kind": "change-of-worker",
        "purpose": "coordination",
        "legalBasis": {"sender": "AVG 6(1)(e); Jeugdwet 5.1", "recipient": "AVG 6(1)(e); Jeugdwet 2.3"},
        "recipients": [{"organisation": TEAM, "role": "family-worker"}],
    },
}


def _years_before(years: int, day: date) -> date:
    return Period(years * 12, 0).before(day)


def _two_parents(family: _Family, birth: date) -> None:
    family.child("child", birth)
    family.adult("mother")
    family.adult("father")
    for parent in ("mother", "father"):
        family.authority(parent, "child")


def _birthday(years: int, when: str) -> Callable[[_Family], None]:
    def made(family: _Family) -> None:
        """The child turns so old around today: the signers are others on the day before."""
        _two_parents(family, _years_before(years, family.today + timedelta(days=_BIRTHDAYS[when])))
        family.section("status", "child")
        family.section("voice-of-the-child", "child")

    return made


def _any_birth(family: _Family, least: int, most: int) -> date:
    """Of somebody who is at least so old, and not yet `most`."""
    return _years_before(least + family.below(most - least), family.today) - timedelta(days=1 + family.below(360))


def _split_custody(family: _Family) -> None:
    """The parents live apart and both hold authority: each answers alone."""
    _two_parents(family, _any_birth(family, 4, 11))
    family.section("home-situation", "child")
    family.section("agreements", "child", "mother", "father")


def _one_parent_with_authority(family: _Family) -> None:
    """A father without authority: he is told of, and not asked about the child."""
    family.child("child", _any_birth(family, 4, 11))
    family.adult("mother")
    family.adult("father")
    family.authority("mother", "child")
    family.section("status", "child")
    family.section("parent-health", "father")


def _guardianship(family: _Family) -> None:
    """A guardian instead of parents; foster parents without a say are asked what they think."""
    family.sender, family.route = FOSTER_CARE, "team"
    family.child("child", _any_birth(family, 6, 15))
    family.adult("guardian")
    family.adult("foster-mother", 60)
    family.authority("guardian", "child", "guardian")
    family.supporters.append({"supporter": "foster-mother", "of": "child"})
    family.section("status", "child")
    family.section("help-history", "child")


def _shielded(family: _Family) -> None:
    """A part that a parent must not even hear of."""
    _two_parents(family, _any_birth(family, 8, 15))
    family.section("status", "child")
    family.section("safety-plan", "child", shielded_from=("father",))


def _siblings(family: _Family) -> None:
    """A text about two children, on either side of twelve: both, and their parents, answer for it."""
    _two_parents(family, _any_birth(family, 12, 15))
    family.child("sibling", _any_birth(family, 5, 11), reachable=False)
    for parent in ("mother", "father"):
        family.authority(parent, "sibling")
    family.section("status", "child")
    family.section("home-situation", "child", "sibling")


def _own_yes(family: _Family) -> None:
    """From sixteen the young person decides alone."""
    family.child("child", _any_birth(family, 16, 17))
    family.adult("mother")
    family.authority("mother", "child")
    family.route = "gp"
    family.section("status", "child")
    family.section("help-history", "child")


def _nobody_on_record(family: _Family) -> None:
    """Nobody is known to hold authority over a young child: nothing can be opened."""
    family.child("child", _any_birth(family, 3, 10), reachable=False)
    family.adult("aunt")
    family.section("status", "child")


SITUATIONS: Mapping[str, Callable[[_Family], None]] = {
    **{f"turns-{years}-{when}": _birthday(years, when) for years in (12, 16) for when in _BIRTHDAYS},
    "split-custody": _split_custody,
    "one-parent-with-authority": _one_parent_with_authority,
    "guardianship": _guardianship,
    "shielded-section": _shielded,
    "siblings": _siblings,
    "own-yes": _own_yes,
    "nobody-on-record": _nobody_on_record,
}
"""What families are like, by a word; each fills a family in."""
