"""Where an officer can go: a few rooms, each with its pages; nobody is shown a page that is not theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from broker.domain.officers import Right
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class Place:
    """A page, the right that it takes, and how many things wait there."""

    path: str
    label: Words
    right: Right
    waiting: int = 0

    def holds(self, here: str) -> bool:
        """Whether somebody at that address is in this place."""
        return here == self.path or here.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True)
class Room:
    """Places that belong together; its door leads to the first."""

    label: Words
    places: tuple[Place, ...]

    @property
    def path(self) -> str:
        """Its door."""
        return self.places[0].path

    @property
    def waiting(self) -> int:
        """How many things wait in it."""
        return sum(place.waiting for place in self.places)

    def holds(self, here: str) -> bool:
        """Whether somebody at that address is in this room."""
        return any(place.holds(here) for place in self.places)


ROOMS = (
    Room(
        Words("Start", "Start"), (Place("/console/start", Words("Hoe het ervoor staat", "How it stands"), Right.COUNT),)
    ),
    Room(
        Words("Verstrekkingen", "Disclosures"),
        (
            Place("/console/disclosures", Words("Op tijd", "By time"), Right.READ_LOG),
            Place("/console/days", Words("Per dag", "By day"), Right.READ_LOG),
            Place("/console/organisations", Words("Per organisatie", "By organisation"), Right.READ_LOG),
            Place("/console/pictures", Words("Aantallen", "Numbers"), Right.COUNT),
            Place("/console/indicators", Words("Indicatoren", "Indicators"), Right.COUNT),
            Place("/console/report", Words("Eén persoon", "One person"), Right.READ_PERSON),
            Place("/console/breach", Words("Datalek", "Data breach"), Right.READ_PERSON),
        ),
    ),
    Room(
        Words("Beoordelen", "Review"),
        (
            Place("/console/review", Words("Wat opvalt", "What stands out"), Right.REVIEW),
            Place("/console/queue", Words("Twijfels", "Doubts"), Right.REVIEW),
            Place("/console/urgent", Words("Spoed", "Urgent"), Right.REVIEW),
        ),
    ),
    Room(
        Words("Afspraken", "Agreement"),
        (
            Place("/console/agreement", Words("In werking en voorgesteld", "In force and proposed"), Right.AGREEMENT),
            Place("/console/overview", Words("Wie leest wat", "Who reads what"), Right.READ_AGREEMENT),
        ),
    ),
    Room(
        Words("Logboek", "Log"),
        (
            Place("/console/log", Words("Controle", "Checks"), Right.CHECK_LOG),
            Place("/console/files", Words("Bestanden", "Files"), Right.TAKE_AWAY),
            Place("/console/watchers", Words("Wie keek naar wat", "Who looked at what"), Right.WATCH),
        ),
    ),
    Room(
        Words("Beheer", "Management"),
        (
            Place("/console/motions", Words("Besluiten van twee", "Decisions of two"), Right.MANAGE),
            Place("/console/officers", Words("Privacy officers", "Privacy officers"), Right.MANAGE),
            Place("/console/partners", Words("Wie meedoet", "Who takes part"), Right.MANAGE),
        ),
    ),
)


def rooms_of(rights: frozenset[Right], waiting: Mapping[str, int]) -> tuple[Room, ...]:
    """The rooms that somebody with these rights may enter. `waiting` counts by the path of a place."""
    mine = []
    for room in ROOMS:
        places = [replace(place, waiting=waiting.get(place.path, 0)) for place in room.places if place.right in rights]
        if places:
            mine.append(Room(room.label, tuple(places)))
    return tuple(mine)


def first_page(rights: frozenset[Right]) -> str:
    """Where somebody with these rights begins; who has none yet makes a passkey first."""
    rooms = rooms_of(rights, {})
    return rooms[0].path if rooms else "/console/passkey"
