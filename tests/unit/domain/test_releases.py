"""Both say yes, or nothing leaves: the decision against a plain second writing of the same rules, on random situations."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.calendar import age, local_day
from broker.domain.consents import EvidenceLevel, RecordId, Stance
from broker.domain.decisions import TOLD, Finding, Ruling, Told
from broker.domain.handovers import HandoverState, LegalBasis, Support
from broker.domain.parties import Organisation, Professional, ProfessionalId, Recipient
from broker.domain.releases import consented, decide, findings, policy_question, weakest_evidence
from tests.factories import (
    CHILD,
    DOCTOR,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    PERMIT,
    SCHOOL,
    SENDER,
    TABLE,
    TO_DOCTOR,
    TO_SCHOOL,
    TODAY,
    a_handover,
    a_person,
    a_record,
    a_request,
    a_section,
    a_situation,
    born,
    gezag,
)

WHO = [CHILD, MOTHER, FATHER, GRANNY]
TYPES = ["status", "timeline", "safety-plan"]
mostly = lambda usual, *others: st.sampled_from([usual] * 12 + list(others))  # noqa: E731 - a strategy's name

PEOPLE = st.fixed_dictionaries(
    {
        CHILD: mostly([17], [], [5], [11], [12], [15], [16], [5, 17], [12, 15]),
        **{who: mostly([40], [], [15]) for who in WHO[1:]},
    }
)
AUTHORITIES = st.lists(
    st.builds(
        gezag,
        st.sampled_from(WHO[1:]),
        mostly(CHILD, GRANNY),
        until=mostly(None, TODAY, TODAY - timedelta(days=1)),
        since=mostly(date(2010, 1, 1), TODAY + timedelta(days=1)),
    ),
    min_size=0,
    max_size=3,
)
SECTIONS = st.lists(
    st.builds(
        a_section,
        st.sampled_from(TYPES),
        mostly({CHILD}, set(), {MOTHER}, {CHILD, MOTHER}, {CHILD, GRANNY}),
        id=st.uuids().map(str),
        shielded_from=mostly((), (FATHER,), (MOTHER, GRANNY)),
    ),
    min_size=1,
    max_size=3,
)
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(WHO),
        mostly(Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN),
        st.fixed_dictionaries(
            {
                "person": mostly(CHILD, MOTHER, GRANNY),
                "section_types": mostly(tuple(TYPES), ("status",), ()),
                "recipients": mostly((TO_SCHOOL,), (TO_DOCTOR,), (TO_DOCTOR, TO_SCHOOL)),
                "purpose": mostly("education-support", "treatment"),
                "sender": mostly(SENDER, DOCTOR),
                "until": mostly(TODAY + timedelta(days=9), TODAY, TODAY - timedelta(days=1)),
                "evidence": st.sampled_from(list(EvidenceLevel)[1:]),
            }
        ),
    ),
    max_size=10,
)
RULINGS = mostly(PERMIT, Ruling(False, (), "d"), Ruling(True, ("rule",), "d", errors=1), None)


@st.composite
def cases(draw):
    sections = draw(SECTIONS)
    handover = a_handover(
        *sections,
        recipients=draw(mostly((TO_SCHOOL,), (TO_DOCTOR,), (TO_SCHOOL, TO_DOCTOR))),
        state=draw(mostly(HandoverState.ACTIVE, *HandoverState)),
        retain_until=draw(mostly(TODAY + timedelta(days=99), TODAY, TODAY - timedelta(days=1))),
    )
    people = [a_person(who, *map(born, years)) for who, years in draw(PEOPLE).items()]
    if draw(mostly(True, False)):  # everybody said yes: otherwise permits are rare
        yes = [
            a_record(w, Stance.GIVEN, n, person=p, section_types=tuple(TYPES))
            for n, (w, p) in enumerate(((w, p) for w in WHO for p in WHO), 1)
        ]
    else:
        yes = []
    said = [
        a_record(who, state, serial, id=RecordId(f"x{serial}"), **scope)
        for serial, (who, state, scope) in enumerate(draw(RECORDS)[: 2 if yes else 10], 100)
    ]
    situation = a_situation(
        handover,
        people,
        authorities=tuple(draw(AUTHORITIES)),
        records=tuple(draw(st.permutations(yes + said))),
        sender=Organisation(SENDER, "", "", suspended=draw(mostly(False, True))),
        recipient=Organisation(SCHOOL, "", "", suspended=draw(mostly(False, True))),
    )
    request = a_request(
        purpose=draw(mostly("education-support", "treatment")),
        types=draw(mostly(None, (), ("status",), ("timeline", "nonsense"))),
        professional=Professional(
            ProfessionalId("pro-1"), SCHOOL, draw(mostly("support-coordinator", "general-practitioner"))
        ),
    )
    rulings = {section: ruling for section in sections if (ruling := draw(RULINGS)) is not None}
    return request, situation, rulings


def decided(request, situation, rulings, now=NOW):
    asker = Recipient(request.professional.organisation, request.professional.role)
    found = {section: findings(situation, section, asker, now) for section in situation.handover.sections}
    return decide(request, situation, found, rulings, now)


def said_yes(signer, person, section, situation, asker, today):
    """Whether the last thing that this signer said about it is a yes that still holds."""
    handover, last = situation.handover, None
    for record in sorted(situation.records, key=lambda r: r.serial):
        scope = record.scope
        about = (record.signer, scope.person, scope.sender, scope.purpose)
        recipients = [(r.organisation, r.role) for r in scope.recipients]
        if about != (signer, person, handover.sender, handover.purpose):
            continue
        if asker in recipients and section.type in scope.section_types:
            last = record
    return last is not None and last.state == "given" and last.scope.until >= today


def covered(person, section, situation, asker, today):
    """Whether everybody who must say yes for this person has said so."""
    births = situation.people[person].births if person in situation.people else ()
    in_force = [a for a in situation.authorities if a.since <= today and (not a.until or a.until >= today)]
    holding = {a.holder for a in in_force if a.over == person}
    need = set()
    for birth in births:
        years = age(birth, today)
        if years < 16 and not holding:
            return False
        need |= holding if years < 16 else set()
        need |= {person} if years >= 12 else set()
    if not need or need & section.shielded_from:
        return False
    return all(said_yes(signer, person, section, situation, asker, today) for signer in need)


def naively(request, situation, rulings, now):
    """The rules again, written down plainly: the ids of the sections that may leave."""
    handover, today = situation.handover, local_day(now)
    asker = (request.professional.organisation, request.professional.role)
    if asker not in [(r.organisation, r.role) for r in handover.recipients] or request.purpose != handover.purpose:
        return set()
    if handover.state != "active" or handover.retain_until < today:
        return set()
    if situation.sender.suspended or situation.recipient.suspended:
        return set()
    wanted = [s for s in handover.sections if request.types is None or s.type in request.types]
    agreed = [s for s in wanted if s in rulings and rulings[s].permitted and rulings[s].errors == 0]
    return {s.id for s in agreed if s.concerns and all(covered(p, s, situation, asker, today) for p in s.concerns)}


@settings(max_examples=400)
@given(cases())
def test_what_leaves_is_exactly_what_the_rules_say(case):
    request, situation, rulings = case
    decision = decided(request, situation, rulings)
    assert {d.section.id for d in decision.permitted} == naively(request, situation, rulings, NOW)
    wanted = [s for s in situation.handover.sections if request.types is None or s.type in request.types]
    assert [d.section for d in decision.sections] == wanted


@settings(max_examples=200)
@given(cases())
def test_permitted_means_that_both_said_yes_and_denied_that_there_is_a_reason(case):
    request, situation, rulings = case
    decision = decided(request, situation, rulings)
    assert set(decision.permitted) | set(decision.withheld) == set(decision.sections)
    for section in decision.permitted:
        assert section.told is None
        assert section.ruling.permitted
        assert not section.ruling.errors
        assert section.findings
        assert all(f.stance is Stance.GIVEN and f.gap is None and f.signer and f.record for f in section.findings)
        assert {f.person for f in section.findings} == section.section.concerns
    for section in decision.withheld:
        assert section.told in TOLD


@settings(max_examples=200)
@given(cases(), st.sampled_from(WHO), st.sampled_from([Stance.REFUSED, Stance.WITHDRAWN]), st.sampled_from(WHO))
def test_one_more_no_never_opens_anything(case, who, state, about):
    request, situation, rulings = case
    no = a_record(who, state, 1000, person=about, section_types=tuple(TYPES))
    more = a_situation(
        situation.handover,
        situation.people.values(),
        authorities=situation.authorities,
        records=(*situation.records, no),
        sender=situation.sender,
        recipient=situation.recipient,
    )
    before, after = decided(request, situation, rulings), decided(request, more, rulings)
    assert {d.section for d in after.permitted} <= {d.section for d in before.permitted}


@settings(max_examples=200)
@given(cases(), st.sampled_from(WHO[1:]), st.sampled_from([5, 12, 17]))
def test_facts_that_disagree_never_open_anything(case, holder, years):
    request, situation, rulings = case
    births = {p.id: p.births for p in situation.people.values()}
    people = [a_person(p, *known, *([born(years)] if known and p == CHILD else [])) for p, known in births.items()]
    more = a_situation(
        situation.handover,
        people,
        authorities=(*situation.authorities, *([gezag(holder)] if births[CHILD] else [])),
        records=situation.records,
        sender=situation.sender,
        recipient=situation.recipient,
    )
    before, after = decided(request, situation, rulings), decided(request, more, rulings)
    had_holder = any(a.over == CHILD and a.holds_at(NOW) for a in situation.authorities)
    if had_holder:  # the first holder on record is no disagreement: it closes a gap
        assert {d.section for d in after.permitted} <= {d.section for d in before.permitted}


def test_nothing_to_decide_on_is_a_denial():
    section = a_section()
    situation = a_situation(a_handover(section), [a_person(CHILD, born(17))], records=(a_record(CHILD),))
    assert decided(a_request(), situation, {section: PERMIT}).permitted
    assert not decided(a_request(), situation, {}).permitted
    assert not decided(a_request(types=()), situation, {section: PERMIT}).sections
    assert not decide(a_request(), situation, {}, {section: PERMIT}, NOW).permitted
    assert not consented(())
    nobody = a_section(concerns=())
    empty = a_situation(a_handover(nobody), [], records=(a_record(CHILD),))
    assert not decided(a_request(), empty, {nobody: PERMIT}).permitted
    assert not decided(a_request(), a_situation(a_handover(), []), {}).sections


def test_a_person_of_whom_nothing_is_known_denies():
    section = a_section(concerns=[GRANNY])
    situation = a_situation(a_handover(section), [], records=(a_record(GRANNY, person=GRANNY),))
    assert [d.told for d in decided(a_request(), situation, {section: PERMIT}).sections] == [Told.NO_CONSENT]


def test_support_is_shown_to_the_officer_and_nothing_rests_on_it():
    section = a_section()
    yes = everybody_said_yes(section, supporters=frozenset({Support(GRANNY, CHILD)}))
    said = {state: a_record(GRANNY, state, capacity="support") for state in (Stance.GIVEN, Stance.REFUSED)}
    for state, record in said.items():
        situation = a_situation(
            yes.handover, yes.people.values(), authorities=yes.authorities, records=(*yes.records, record)
        )
        (decision,) = decided(a_request(), situation, {section: PERMIT}).sections
        assert decision.permitted
        assert decision.findings[-1] == Finding(CHILD, GRANNY, state, record.id, counts=False)
        alone = a_situation(yes.handover, yes.people.values(), authorities=yes.authorities, records=(record,))
        assert not decided(a_request(), alone, {section: PERMIT}).permitted
        nobody = a_situation(yes.handover, yes.people.values(), records=(record,))
        assert not decided(a_request(), nobody, {section: PERMIT}).permitted
    assert not consented([Finding(CHILD, GRANNY, Stance.GIVEN, RecordId("r"), counts=False)])


def everybody_said_yes(section, **more):
    return a_situation(
        a_handover(section, **more),
        [a_person(CHILD, born(8))],
        authorities=(gezag(MOTHER), gezag(FATHER)),
        records=(a_record(MOTHER), a_record(FATHER)),
    )


def test_a_section_shielded_from_a_required_signer_cannot_be_consented_to():
    open_, shielded = a_section(), a_section(shielded_from=[FATHER])
    assert decided(a_request(), everybody_said_yes(open_), {open_: PERMIT}).permitted
    decision = decided(a_request(), everybody_said_yes(shielded), {shielded: PERMIT})
    assert [d.told for d in decision.sections] == [Told.NO_CONSENT]
    other = a_section(shielded_from=[GRANNY])
    assert decided(a_request(), everybody_said_yes(other), {other: PERMIT}).permitted


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Professional(ProfessionalId("p"), SCHOOL, "support-coordinator"), None),
        (Professional(ProfessionalId("p"), SCHOOL, "general-practitioner"), Told.NOT_THERE),
        (Professional(ProfessionalId("p"), DOCTOR, "support-coordinator"), Told.NOT_THERE),
    ],
)
def test_who_is_not_addressed_gets_nothing_even_if_the_caller_forgot_to_look(asked, told):
    section = a_section()
    found = {section: (Finding(CHILD, CHILD, Stance.GIVEN, RecordId("r")),)}
    situation = everybody_said_yes(section)
    (decision,) = decide(a_request(professional=asked), situation, found, {section: PERMIT}, NOW).sections
    assert decision.told is told


def test_reasons_are_told_from_the_outside_in():
    section = a_section()
    no = Ruling(False, (), "d")
    withdrawn = everybody_said_yes(section, state=HandoverState.WITHDRAWN)
    assert decided(a_request(purpose="treatment"), withdrawn, {}).sections[0].told is Told.NO_LONGER_KEPT
    kept = everybody_said_yes(section)
    assert decided(a_request(purpose="treatment"), kept, {}).sections[0].told is Told.OTHER_PURPOSE
    assert decided(a_request(), kept, {section: no}).sections[0].told is Told.NOT_AGREED
    silent = a_situation(kept.handover, kept.people.values(), authorities=kept.authorities)
    assert decided(a_request(), silent, {section: PERMIT}).sections[0].told is Told.NO_CONSENT


def test_the_question_to_the_agreement_says_what_is_true():
    section = a_section("timeline", concerns=[CHILD, MOTHER])
    situation = everybody_said_yes(section, legal_basis=LegalBasis("AVG 6", " \t"), discussed_with_family=False)
    question = policy_question(situation, section, "support-coordinator", "treatment", (), NOW)
    assert (question.sender_kind, question.recipient_kind) == ("neighbourhood-team", "school")
    assert (question.role, question.purpose) == ("support-coordinator", "treatment")
    assert (question.section_type, question.age_band) == ("timeline", "0-11")
    assert (question.sender_basis, question.recipient_basis) == (True, False)
    assert (question.concerns_others, question.discussed_with_family) == (True, False)
    assert question.evidence is EvidenceLevel.NONE
    unknown = a_situation(situation.handover, [])
    assert policy_question(unknown, section, "r", "p", (), NOW).age_band == ""


def test_the_weakest_of_all_that_say_yes_is_the_evidence():
    section = a_section()
    levels = {MOTHER: EvidenceLevel.OIDC, FATHER: EvidenceLevel.CODE}
    situation = a_situation(
        a_handover(section),
        [a_person(CHILD, born(8))],
        authorities=(gezag(MOTHER), gezag(FATHER)),
        records=tuple(a_record(who, evidence=level) for who, level in levels.items()),
        table=TABLE,
    )
    assert weakest_evidence(situation, findings(situation, section, TO_SCHOOL, NOW)) is EvidenceLevel.CODE
    assert weakest_evidence(situation, ()) is EvidenceLevel.NONE
