"""Whether the parties agree with what was written together: each about exactly one version, and in their own words when not.

- A party is an organisation in a role to which the section was released, or a person of the family who signs for somebody
  whom it concerns. Its latest word about a version counts; earlier ones stay beside it.
- Nobody's word is carried over to another version: what was not seen was not agreed with.
- A word about an earlier version goes along as such, and only while the section still concerns everybody whom it
  concerned then: it travels no further than what it was said about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NewType

from broker.domain.handovers import HandoverId, Section, SectionId
from broker.domain.parties import Oin, PersonId
from broker.domain.reactions import plain
from broker.errors import Conflict, Fault, Invalid, Words

SignOffId = NewType("SignOffId", str)
FAMILY = ""
MOST = 20
"""How often one party says something of one version: all of it goes along with every release, and is checked there."""
"""The organisation of who speaks for no organisation."""


@dataclass(frozen=True, slots=True)
class SignOff:
    """What one party says about one version of a section. Holding one means that its signature was checked.

    `signer` is a person's id or a professional's, and `role` the capacity (`self`, or the kind of authority) or the role in
    which it was said. `persons` are those whom the section concerned. `serial` counts what the party said about this
    handover, from 1. `text` is empty when the party agrees.
    """

    id: SignOffId
    handover: HandoverId
    section: SectionId
    section_type: str
    version: int
    digest: str
    persons: frozenset[PersonId]
    signer: str
    organisation: str
    role: str
    agrees: bool
    text: str = field(repr=False)
    at: datetime
    serial: int = 0

    @property
    def by_family(self) -> bool:
        """Whether a person of the family says it."""
        return self.organisation == FAMILY

    @property
    def party(self) -> tuple[str, str]:
        """Who speaks: a person, or an organisation in a role, whoever works there."""
        return (FAMILY, self.signer) if self.by_family else (self.organisation, self.role)

    def says_the_same(self, other: "SignOff") -> bool:
        """Whether both say the same of the same version."""
        return (self.section, self.digest, self.agrees, self.text) == (
            other.section,
            other.digest,
            other.agrees,
            other.text,
        )


def digest_of_version(ciphertext: bytes) -> str:
    """The one name of a version of a section: SHA-256 (hexadecimal) of its ciphertext as it lies here.

    Who got it sealed can work it out; of the text itself it confirms no guess.
    """
    return sha256(ciphertext).hexdigest()


def own_words(text: str, *, agrees: bool) -> str:
    """What is kept of what was typed: words for who sees it differently, none for who agrees. Raises Invalid."""
    if agrees and text.strip():
        raise Invalid([Fault("/text", _NO_WORDS)])
    return "" if agrees else plain(text)


def latest(said: Iterable[SignOff]) -> tuple[SignOff, ...]:
    """Of each party its last word about each version, in the order in which they were said."""
    found: dict[tuple[str, str, SectionId], SignOff] = {}
    for one in sorted(said, key=lambda one: (one.at, one.id)):
        place = (*one.party, one.section)
        if place not in found or found[place].serial < one.serial:
            found.pop(place, None)
            found[place] = one
    return tuple(found.values())


def attached(said: Iterable[SignOff], section: Section, sections: Iterable[Section]) -> tuple[SignOff, ...]:
    """What goes with this section: the last word of each party about it, and about the versions before it.

    `sections` are all of the version in force: what was said about another one of them goes with that.
    """
    others = {one.id for one in sections} - {section.id}
    return tuple(
        one
        for one in latest(said)
        if one.section == section.id
        or (one.section not in others and one.section_type == section.type and one.persons <= section.concerns)
    )


def check_room(said: Iterable[SignOff], new: SignOff) -> None:
    """Raises Conflict when this party said MOST things of this version already: the last of those stays."""
    if sum(one.party == new.party and one.section == new.section for one in said) >= MOST:
        raise Conflict(_TOO_OFTEN, code="too-many-sign-offs")


def next_serial(said: Iterable[SignOff], party: tuple[str, str]) -> int:
    """The number of what this party says next about a handover."""
    return 1 + max((one.serial for one in said if one.party == party), default=0)


def document_of(said: SignOff) -> dict[str, Any]:
    """What is signed of it: all that it says."""
    return {
        "v": 1,
        "id": said.id,
        "handover": said.handover,
        "section": said.section,
        "type": said.section_type,
        "version": said.version,
        "digest": said.digest,
        "persons": sorted(said.persons),
        "signer": said.signer,
        "organisation": said.organisation,
        "role": said.role,
        "agrees": said.agrees,
        "text": said.text,
        "at": said.at.astimezone(UTC).isoformat(),
        "serial": said.serial,
    }


def sign_off_from(document: Mapping[str, Any]) -> SignOff:
    """The inverse. Raises ValueError, TypeError or KeyError for anything else."""
    if document["v"] != 1 or not isinstance(document["agrees"], bool):
        raise ValueError("not a sign-off")
    return SignOff(
        id=SignOffId(document["id"]),
        handover=HandoverId(document["handover"]),
        section=SectionId(document["section"]),
        section_type=document["type"],
        version=document["version"],
        digest=document["digest"],
        persons=frozenset(map(PersonId, document["persons"])),
        signer=document["signer"],
        organisation=Oin(document["organisation"]),
        role=document["role"],
        agrees=document["agrees"],
        text=document["text"],
        at=datetime.fromisoformat(document["at"]),
        serial=document["serial"],
    )


_NO_WORDS = Words(
    "Wie het ermee eens is, schrijft hier niets. Zie je het anders? Kies dan dat.",
    "Who agrees writes nothing here. Do you see it differently? Then choose that.",
)
_TOO_OFTEN = Words(
    "Dit is al twintig keer gezegd. Wat het laatst is gezegd, blijft staan. Praat met wie de tekst schreef.",
    "This was said twenty times already. What was said last stays. Talk to whoever wrote the text.",
)
