"""Small builders: each makes a whole, plain object, and names only what the test is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from broker.app import new_id
from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.crypto.pseudonyms import Pseudonymiser
from broker.crypto.signatures import LogSigner, RecordNotary, ed25519_holds
from broker.domain.consents import ConsentRecord, EvidenceLevel, NoticeRef, RecordId, Scope, Stance
from broker.domain.decisions import Ruling
from broker.domain.handovers import Handover, HandoverId, LegalBasis, Section, SectionId
from broker.domain.parties import (
    Authority,
    Oin,
    Organisation,
    Person,
    PersonId,
    Professional,
    ProfessionalId,
    Recipient,
)
from broker.domain.ports import place_of
from broker.domain.releases import ReleaseRequest, Situation
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable
from broker.domain.stores import PersonClaim, Pushed, Storage
from broker.domain.vocabulary import Kind, Term, Vocabulary
from broker.errors import Words
from broker.storage.engine import Database, open_database
from broker.storage.rows import Means
from broker.storage.unit_of_work import SqlStorage
from broker.transparency.entries import encode
from broker.transparency.ledger import Ledger
from tests.fakes import GuardInMemory, MovedByHand, Salts

SENDER = Oin("00000099000000010000")
SCHOOL = Oin("00000099000000020000")
DOCTOR = Oin("00000099000000030000")
TO_SCHOOL = Recipient(SCHOOL, "support-coordinator")
TO_DOCTOR = Recipient(DOCTOR, "general-practitioner")
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TODAY = date(2026, 6, 15)
CHILD, MOTHER, FATHER, GRANNY = (PersonId(name) for name in ("child", "mother", "father", "granny"))

TABLE = SignerTable(
    (
        SignerRule(0, person_signs=False, authority_signs=True, articles=()),
        SignerRule(12, person_signs=True, authority_signs=True, articles=()),
        SignerRule(16, person_signs=True, authority_signs=False, articles=()),
    ),
    (
        AuthorityRule("parental", 0, 18, ()),
        AuthorityRule("guardian", 0, 18, ()),
        AuthorityRule("curatorship", 18, None, ()),
        AuthorityRule("mentorship", 18, None, ()),
    ),
)


def born(years: int, on: date = TODAY) -> date:
    """The birth date of somebody who turns so many years old on that day."""
    return date(on.year - years, on.month, on.day)


def a_person(person: PersonId, *births: date) -> Person:
    return Person(person, frozenset(births))


def gezag(holder: PersonId, over: PersonId = CHILD, **more: Any) -> Authority:
    """Parental authority, from long ago and open."""
    return Authority(holder, over, **{"kind": "parental", "since": date(2010, 1, 1), **more})


def a_section(section_type: str = "status", concerns: Iterable[PersonId] = (CHILD,), **more: Any) -> Section:
    identity = SectionId(more.pop("id", f"s-{section_type}"))
    shielded = frozenset(more.pop("shielded_from", ()))
    return Section(identity, section_type, frozenset(concerns), more.pop("media_type", "text/plain"), shielded, **more)


def a_handover(*sections: Section, **more: Any) -> Handover:
    given: dict[str, Any] = {
        "id": HandoverId("h-1"),
        "version": 1,
        "sender": SENDER,
        "kind": "feedback-to-school",
        "purpose": "education-support",
        "language": "nl",
        "subject": CHILD,
        "recipients": (TO_SCHOOL,),
        "sections": sections,
        "legal_basis": LegalBasis("AVG 6(1)(e)", "AVG 6(1)(e)"),
        "discussed_with_family": True,
        "consent_until": TODAY + timedelta(days=180),
        "retain_until": TODAY + timedelta(days=3650),
        **more,
    }
    return Handover(**given)


def a_scope(**more: Any) -> Scope:
    given: dict[str, Any] = {
        "sender": SENDER,
        "recipients": (TO_SCHOOL,),
        "purpose": "education-support",
        "section_types": ("status",),
        "person": CHILD,
        "until": TODAY + timedelta(days=180),
        **more,
    }
    return Scope(**given)


def a_record(signer: PersonId = MOTHER, state: Stance = Stance.GIVEN, serial: int = 1, **more: Any) -> ConsentRecord:
    """A record; what is no field of it goes into its scope."""
    fields = ("id", "capacity", "notice", "evidence", "handover", "at")
    given: dict[str, Any] = {
        "id": RecordId(f"r-{signer}-{serial}"),
        "capacity": "self" if more.get("person", CHILD) == signer else "parental",
        "notice": NoticeRef("0" * 64, "nl"),
        "evidence": EvidenceLevel.CODE,
        "handover": HandoverId("h-1"),
        "at": NOW - timedelta(days=1),
        **{name: more.pop(name) for name in fields if name in more},
    }
    return ConsentRecord(signer=signer, state=state, scope=a_scope(**more), serial=serial, **given)


def a_request(**more: Any) -> ReleaseRequest:
    given: dict[str, Any] = {
        "professional": Professional(ProfessionalId("pro-1"), SCHOOL, "support-coordinator"),
        "handover": HandoverId("h-1"),
        "purpose": "education-support",
        **more,
    }
    return ReleaseRequest(**given)


def a_situation(handover: Handover, people: Iterable[Person], **more: Any) -> Situation:
    given: dict[str, Any] = {
        "sender": Organisation(SENDER, "Wijkteam", "neighbourhood-team"),
        "recipient": Organisation(SCHOOL, "School", "school"),
        "authorities": (),
        "records": (),
        "table": TABLE,
        **more,
    }
    return Situation(handover=handover, people={p.id: p for p in people}, **given)


PERMIT = Ruling(True, ("rule",), "d")


def a_vocabulary(**words: Iterable[str]) -> Vocabulary:
    """A vocabulary of bare words; a term's label is the word itself, in capitals in Dutch."""
    given = {
        "organisation_kinds": ("school", "gp"),
        "roles": ("support-coordinator", "general-practitioner"),
        "purposes": ("education-support", "treatment"),
        "section_types": ("status", "timeline", "safety-plan"),
        "handover_kinds": ("feedback-to-school",),
        **words,
    }
    lists: dict[str, Any] = {
        sort: {w: (Kind if sort == "handover_kinds" else Term)(w, Words(w.upper(), w), Words(w, w)) for w in terms}
        for sort, terms in given.items()
    }
    return Vocabulary(**lists)


def a_body(**more: Any) -> dict[str, Any]:
    """A whole body without a fault, in the words of `a_vocabulary`; TODAY is the day it is read."""
    return {
        "reference": "dossier-1",
        "kind": "feedback-to-school",
        "purpose": "education-support",
        "language": "nl",
        "legalBasis": {"sender": "AVG 6(1)(e)", "recipient": "AVG 6(1)(e)"},
        "discussedWithFamily": True,
        "subject": "child",
        "people": [
            {"key": "child", "reference": "p-1", "name": "Noor", "birthDate": "2018-02-01", "language": "nl"},
            {"key": "mother", "reference": "p-2", "name": "Sara", "birthDate": "1988-05-05", "language": "nl"},
        ],
        "authorities": [
            {"holder": "mother", "over": "child", "kind": "parental", "since": "2018-02-01", "evidence": "register"}
        ],
        "recipients": [{"organisation": SCHOOL, "role": "support-coordinator"}],
        "sections": [
            {"type": "status", "concerns": ["child"], "mediaType": "text/plain", "content": "Het gaat beter."}
        ],
        "consentUntil": "P6M",
        "retainUntil": "P10Y",
        **more,
    }


def a_keyring(**more: Any) -> Keyring:
    """Fresh keys for every purpose."""
    return Keyring(tuple(make_key(purpose, NOW, **more) for purpose in KeyPurpose))


# a house on a real database


@dataclass
class Storeroom:
    """Storage with everything real around it, as `broker.app` furnishes it."""

    database: Database
    storage: Storage
    means: Means
    keyring: Keyring
    clock: MovedByHand
    url: str

    @property
    def sqlite(self) -> bool:
        return self.database.sqlite

    def ledger(self) -> Ledger:
        """A sequencer of its own, as another broker on the same database would have."""
        address, guard = "https://broker.example/v1/log", GuardInMemory()
        return Ledger(self.storage, LogSigner(self.keyring), ed25519_holds, address, self.clock, guard)


def a_storeroom(url: str, keyring: Keyring | None = None, **more: Any) -> Storeroom:
    keys = keyring or a_keyring()
    vault = Vault(keys)
    means = Means(
        fields=FieldCipher(keys),
        tags=Pseudonymiser(keys),
        notary=RecordNotary(keys, "https://broker.example/mine"),
        subject_keys=vault,
        signatures=LogSigner(keys),
        encode=partial(encode, salt=Salts()),
        ids=new_id,
    )
    database = open_database(url, **more)
    return Storeroom(database, SqlStorage(database, means), means, keys, MovedByHand(NOW), url)


async def with_partners(store: Storeroom) -> None:
    """Two organisations."""
    async with store.storage() as work:
        await work.organisations.add(Organisation(SENDER, "Wijkteam", "neighbourhood-team"), [])
        await work.organisations.add(Organisation(SCHOOL, "School", "school"), [])
        await work.commit()


async def with_people(store: Storeroom, **births: date) -> Mapping[str, PersonId]:
    """People of the sender by name."""
    found = {}
    async with store.storage() as work:
        for name, birth in births.items():
            person = await work.persons.recognise(SENDER, name, (), PersonId(new_id()))
            await work.persons.state(person, SENDER, PersonClaim(name.title(), birth, "nl"), (), NOW)
            found[name] = person
        await work.authorities.seal(found.values())
        await work.commit()
    return found


async def with_handover(store: Storeroom, people: Mapping[str, PersonId], **more: Any) -> Handover:
    """A handover about `child`, with one sealed section."""
    identity = HandoverId(new_id())
    section = a_section(id=new_id(), concerns=[people["child"]])
    handover = replace(a_handover(section, id=identity, subject=people["child"]), **more)
    sealed = {
        section.id: Vault(store.keyring).seal(
            place_of(handover, section), f"ref-{identity}", b"Het gaat beter op school."
        )
    }
    async with store.storage() as work:
        await work.handovers.add(Pushed(handover, f"ref-{identity}", "f" * 64, people, sealed), NOW)
        await work.commit()
    return handover
