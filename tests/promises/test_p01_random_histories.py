"""P01: whatever was said in whatever order, the decision is what a small model, written by hand from domain.md, allows.

The model knows nothing of cells, records or standings: it has a list of what was said, and looks back through it. This
is the pure decision, very many times; `test_p01_machine.py` compares the whole broker, over far longer histories.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.domain.consents import ConsentRecord, EvidenceLevel, NoticeRef, RecordId, Scope, Stance
from broker.domain.decisions import Ruling
from broker.domain.handovers import Handover, HandoverId, HandoverState, LegalBasis, Section, SectionId
from broker.domain.parties import (
    Authority,
    Inability,
    Oin,
    Organisation,
    Person,
    PersonId,
    Professional,
    ProfessionalId,
    Recipient,
)
from broker.domain.releases import ReleaseRequest, Situation, decide, findings
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HERE, ELSEWHERE = "ours", "another"


# --- the model -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """One answer. `place` tells sender, recipient, role and purpose at once: only HERE is the one that is asked."""

    signer: str
    about: str
    yes: bool
    types: frozenset[str]
    last_day: date
    place: str = HERE


@dataclass(frozen=True)
class Part:
    """One section."""

    type: str
    about: frozenset[str]
    hidden_from: frozenset[str] = frozenset()


@dataclass
class Model:
    """People by name, what is known of them, and what they said."""

    births: dict[str, frozenset[date]]
    gezag: list[tuple[str, str, date, date | None]]
    unable_until: dict[str, date] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def may_leave(self, part: Part, day: date) -> bool:
        """Every signer of everybody whom it is about says yes on that day, and could be asked."""
        needed = [(signer, who) for who in part.about for signer in self.signers(who, day)]
        if any(signer == "nobody" or signer in part.hidden_from for signer, _ in needed):
            return False
        return bool(needed) and all(self.says_yes(signer, who, part.type, day) for signer, who in needed)

    def signers(self, who: str, day: date) -> set[str]:
        """The table of domain.md section 2, for every birth date that anybody stated."""
        parents = {
            holder for holder, over, since, until in self.gezag if over == who and since <= day <= (until or day)
        }
        needed: set[str] = set() if self.births[who] else {"nobody"}
        for birth in self.births[who]:
            years = age_by_counting_birthdays(birth, day)
            holders = parents if years < 18 else set()
            if who in self.unable_until:
                needed |= holders or {"nobody"}
                if self.unable_until[who] < day:
                    needed.add("nobody")
            elif years < 12:
                needed |= holders or {"nobody"}
            elif years < 16:
                needed |= {who} | (holders or {"nobody"})
            else:
                needed.add(who)
        return needed

    def says_yes(self, signer: str, who: str, section_type: str, day: date) -> bool:
        """The last thing that they said about this."""
        for said in reversed(self.said):
            if (said.signer, said.about, said.place) == (signer, who, HERE) and section_type in said.types:
                return said.yes and day <= said.last_day and (signer == who or self.stood(signer, who, day))
        return False

    def stood(self, signer: str, who: str, day: date) -> bool:
        """Some authority that holds on that day held when it was said already."""
        return any(
            (holder, over) == (signer, who) and since <= SAID_ON and since <= day <= (until or day)
            for holder, over, since, until in self.gezag
        )


def age_by_counting_birthdays(birth: date, day: date) -> int:
    """One by one; a 29 February is 1 March in other years."""
    years = 0
    while True:
        try:
            birthday = birth.replace(year=birth.year + years + 1)
        except ValueError:
            birthday = date(birth.year + years + 1, 3, 1)
        if birthday > day:
            return years
        years += 1


# --- the pure decision, very many times ----------------------------------------------------------

NAMES = ("child", "brother", "mother", "father")
TYPES = ("status", "safety-plan", "analysis")
DAY = date(2027, 3, 1)
SAID_ON = date(2027, 2, 28)
NEAR = st.integers(-2, 2).map(lambda days: DAY + timedelta(days=days))
BIRTHS = st.one_of(
    st.tuples(st.sampled_from([8, 12, 13, 16, 17, 40]), st.integers(-2, 2)).map(
        lambda drawn: date(DAY.year - drawn[0], 3, 1) + timedelta(days=drawn[1])
    ),
    st.just(date(2012, 2, 29)),
    st.just(date(2016, 2, 29)),
)
LAST_DAYS = st.one_of(st.just(DAY + timedelta(days=90)), NEAR)
PEOPLE = st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=2)
SAID = st.builds(
    Said,
    signer=st.sampled_from(NAMES),
    about=st.sampled_from(NAMES),
    yes=st.sampled_from([True, True, True, False]),
    types=st.one_of(st.just(frozenset(TYPES)), st.frozensets(st.sampled_from(TYPES))),
    last_day=LAST_DAYS,
    place=st.sampled_from([HERE, HERE, HERE, HERE, "purpose", "role", "organisation", "sender"]),
)
PARTS = st.lists(
    st.builds(
        Part,
        type=st.sampled_from(TYPES),
        about=PEOPLE,
        hidden_from=st.one_of(st.just(frozenset()), st.just(frozenset()), PEOPLE),
    ),
    min_size=1,
    max_size=3,
)
HOLDING = st.tuples(
    st.sampled_from(NAMES[2:]),
    st.sampled_from(NAMES[:2]),
    st.one_of(st.just(DAY - timedelta(days=999)), NEAR),
    st.one_of(st.none(), NEAR),
)


def everybody_says_yes(last_day: date) -> list[Said]:
    return [Said(signer, about, True, frozenset(TYPES), last_day) for signer in NAMES for about in NAMES]


GEZAG = [(parent, child, date(2020, 1, 1), None) for parent in NAMES[2:] for child in NAMES[:2]]
MODELS = st.builds(
    Model,
    births=st.fixed_dictionaries(
        {
            name: st.one_of(BIRTHS.map(lambda born: frozenset({born})), st.frozensets(BIRTHS, max_size=2))
            for name in NAMES[:2]
        }
        | {"mother": st.just(frozenset({date(1980, 5, 5)})), "father": st.just(frozenset({date(1979, 5, 5)}))}
    ),
    gezag=st.lists(HOLDING, max_size=2).map(lambda more: [*GEZAG, *more]) | st.lists(HOLDING, max_size=3),
    unable_until=st.one_of(st.just({}), st.just({}), st.dictionaries(st.sampled_from(NAMES[:2]), NEAR, max_size=1)),
    said=st.tuples(
        st.one_of(LAST_DAYS.map(everybody_says_yes), LAST_DAYS.map(everybody_says_yes), st.just([])),
        st.lists(SAID, max_size=5),
    ).map(lambda drawn: drawn[0] + drawn[1]),
)
MOMENTS = st.tuples(NEAR, st.sampled_from([time(0), time(0, 30), time(12), time(23, 59, 59, 999999)])).map(
    lambda drawn: datetime.combine(*drawn, tzinfo=AMSTERDAM).astimezone(UTC)
)

TABLE = SignerTable(
    (SignerRule(0, False, True, ("x",)), SignerRule(12, True, True, ("x",)), SignerRule(16, True, False, ("x",))),
    (AuthorityRule("parental", 0, 18, ("x",)),),
)
SENDER, READER = Oin("0" * 19 + "1"), Oin("0" * 19 + "2")


def record_of(said: Said, serials: dict[str, int]) -> ConsentRecord:
    """The same thing as a record; serials count per signer and sender."""
    serials[said.signer] = serials.get(said.signer, 0) + 1
    elsewhere = said.place
    return ConsentRecord(
        id=RecordId(f"{said.signer}-{serials[said.signer]}"),
        signer=PersonId(said.signer),
        capacity="self" if said.signer == said.about else "parental",
        state=Stance.GIVEN if said.yes else (Stance.REFUSED if serials[said.signer] % 2 else Stance.WITHDRAWN),
        scope=Scope(
            sender=Oin("9" * 20) if elsewhere == "sender" else SENDER,
            recipients=(
                Recipient(
                    Oin("9" * 20) if elsewhere == "organisation" else READER,
                    "teacher" if elsewhere == "role" else "general-practitioner",
                ),
            ),
            purpose="coordination" if elsewhere == "purpose" else "health-care",
            section_types=tuple(sorted(said.types)),
            person=PersonId(said.about),
            until=said.last_day,
        ),
        notice=NoticeRef("0" * 64, "nl"),
        evidence=EvidenceLevel.CODE,
        handover=HandoverId("h"),
        at=datetime.combine(SAID_ON, time(12), tzinfo=UTC),
        serial=serials[said.signer],
    )


def situation_of(model: Model, parts: list[Part]) -> Situation:
    """The same facts as the broker would gather them."""
    sections = tuple(
        Section(
            SectionId(str(position)),
            part.type,
            frozenset(map(PersonId, part.about)),
            "text/plain",
            frozenset(map(PersonId, part.hidden_from)),
        )
        for position, part in enumerate(parts)
    )
    handover = Handover(
        id=HandoverId("h"),
        version=1,
        sender=SENDER,
        kind="inform-gp",
        purpose="health-care",
        language="nl",
        subject=PersonId("child"),
        recipients=(Recipient(READER, "general-practitioner"),),
        sections=sections,
        legal_basis=LegalBasis("x", "x"),
        discussed_with_family=True,
        consent_until=DAY + timedelta(days=90),
        retain_until=DAY + timedelta(days=90),
    )
    serials: dict[str, int] = {}
    records = tuple(record_of(said, serials) for said in model.said)
    return Situation(
        handover=handover,
        sender=Organisation(SENDER, "s", "neighbourhood-team"),
        recipient=Organisation(READER, "r", "gp"),
        people={
            PersonId(name): Person(
                PersonId(name),
                births,
                frozenset({Inability(model.unable_until[name]) if name in model.unable_until else None}),
            )
            for name, births in model.births.items()
        },
        authorities=tuple(
            Authority(PersonId(holder), PersonId(over), "parental", since, until)
            for holder, over, since, until in model.gezag
        ),
        records=tuple(sorted(records, key=lambda record: record.id)),  # an order that says nothing
        table=TABLE,
    )


FINE = Ruling(True, ("some-rule",), "digest")
BAD_RULINGS = (Ruling(False, (), "digest"), Ruling(False, ("no",), "digest"), Ruling(True, ("yes",), "digest", 1), None)


@pytest.mark.hypothesis
def test_the_decision_is_what_the_model_says() -> None:
    seen: list[int] = []

    @settings(max_examples=settings.default.max_examples * 4, suppress_health_check=[HealthCheck.too_slow])
    @given(model=MODELS, parts=PARTS, now=MOMENTS, more=st.data())
    def check(model: Model, parts: list[Part], now: datetime, more: st.DataObject) -> None:
        seen.append(decide_and_compare(model, parts, now, more))

    check()
    assert sum(map(bool, seen)) > len(seen) // 10, "enough of them opened something"


def decide_and_compare(model: Model, parts: list[Part], now: datetime, more: st.DataObject) -> int:
    """Compare one decision; returns how much it opened. Beside consent, whatever else closes is drawn at random."""
    situation = situation_of(model, parts)
    sections = situation.handover.sections
    refused = more.draw(st.dictionaries(st.sampled_from(sections), st.sampled_from(BAD_RULINGS), max_size=1))
    wanted = more.draw(st.one_of(st.none(), st.none(), st.frozensets(st.sampled_from(TYPES))))
    purpose = more.draw(st.sampled_from(["health-care"] * 9 + ["coordination"]))
    closed = more.draw(st.sampled_from([None] * 9 + ["sender", "recipient", "state", "retention"]))
    if closed in ("sender", "recipient"):
        shut = replace(getattr(situation, closed), suspended=True)
        situation = replace(situation, **{closed: shut})
    elif closed is not None:
        over = {"state": HandoverState.SUSPENDED} if closed == "state" else {"retain_until": DAY - timedelta(days=9)}
        situation = replace(situation, handover=replace(situation.handover, **over))  # type: ignore[arg-type]
    who = Professional(ProfessionalId("p"), READER, "general-practitioner")
    request = ReleaseRequest(who, HandoverId("h"), purpose, None if wanted is None else tuple(wanted))
    recipient = Recipient(READER, "general-practitioner")
    found = {section: findings(situation, section, recipient, now) for section in sections}
    rulings = {s: ruling for s in sections if (ruling := refused.get(s, FINE)) is not None}
    decision = decide(request, situation, found, rulings, now)
    day = now.astimezone(AMSTERDAM).date()
    expected = {
        section.id
        for section, part in zip(sections, parts, strict=True)
        if model.may_leave(part, day)
        and section not in refused
        and (wanted is None or part.type in wanted)
        and purpose == "health-care"
        and closed is None
    }
    assert {one.section.id for one in decision.permitted} == expected
    return len(expected)


def test_nothing_to_decide_on_is_a_denial() -> None:
    situation = situation_of(Model({name: frozenset() for name in NAMES}, []), [Part("status", frozenset({"child"}))])
    [section] = situation.handover.sections
    who = Professional(ProfessionalId("p"), READER, "general-practitioner")
    request, now = ReleaseRequest(who, HandoverId("h"), "health-care"), datetime(2027, 3, 1, 12, tzinfo=UTC)
    for found in ({}, {section: ()}):
        assert decide(request, situation, found, {section: FINE}, now).permitted == ()
    nobody = replace(section, concerns=frozenset())
    assert findings(situation, nobody, Recipient(READER, "general-practitioner"), now) == ()
    stranger = replace(section, concerns=frozenset({PersonId("stranger")}))
    found = {section: findings(situation, stranger, Recipient(READER, "general-practitioner"), now)}
    assert decide(request, situation, found, {section: FINE}, now).permitted == ()
