"""The notice is the very text that is digested, and asks a signer only what that signer may answer."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.handovers import Support
from broker.domain.notices import (
    ONLY_FOR_SEVERAL,
    PARTS,
    PLACEHOLDERS,
    Asked,
    NoticeTemplate,
    asked_of,
    capacity,
    compose,
)
from broker.domain.signers import required_signers
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    TABLE,
    TODAY,
    a_handover,
    a_person,
    a_section,
    born,
    gezag,
)

NAMES = sorted(PLACEHOLDERS)
TEMPLATE = NoticeTemplate("1", "nl", {part: f"{part}: " + " ".join(f"<{{{n}}}>" for n in NAMES) for part in PARTS})
VALUES = {name: name.upper() for name in NAMES}
NASTY = st.text(alphabet=st.sampled_from("{}<>%$aé\\ \n0"), max_size=12)


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, NASTY)))
def test_values_are_put_in_verbatim_and_never_read_as_a_template(values):
    (question,) = compose(TEMPLATE, [("status", values)]).questions
    for part in question.parts:
        assert question.parts[part] == f"{part}: " + " ".join(f"<{values[name]}>" for name in NAMES)
    assert set(PARTS) - set(question.parts) == (set() if values["supported"] else {"support"})


def test_a_name_that_looks_like_a_placeholder_stays_what_it_is():
    values = {**VALUES, "sender": "{persons}", "persons": "{0.__class__}", "until": "{until}"}
    (question,) = compose(TEMPLATE, [("status", values)]).questions
    assert "<{persons}>" in question.parts["who"]
    assert "<{0.__class__}>" in question.parts["who"]
    assert "<{until}>" in question.parts["who"]


def test_a_value_that_is_missing_is_an_error_not_a_gap_in_the_text():
    with pytest.raises(KeyError):
        compose(TEMPLATE, [("status", {name: "x" for name in NAMES if name != "until"})])


@given(
    st.sampled_from(NAMES), st.text(min_size=1, max_size=3).filter(lambda t: t.encode(errors="ignore").decode() == t)
)
def test_any_other_character_is_another_digest(name, more):
    before = compose(TEMPLATE, [("status", VALUES)])
    after = compose(TEMPLATE, [("status", {**VALUES, name: VALUES[name] + more})])
    assert before.ref.digest != after.ref.digest


def test_language_version_and_each_part_are_in_the_digest():
    notices = [
        compose(NoticeTemplate(version, language, {**TEMPLATE.parts, part: "other"}), [("status", VALUES)])
        for version, language, part in [("1", "nl", "x"), ("2", "nl", "x"), ("1", "en", "x")]
        + [("1", "nl", part) for part in PARTS]
    ]
    assert len({notice.ref.digest for notice in notices}) == 3 + len(PARTS)
    assert notices[2].ref.language == "en"


def test_the_digest_is_the_sha256_of_what_is_shown():
    notice = compose(TEMPLATE, [("status", VALUES), ("timeline", VALUES)])
    assert notice.ref.digest == hashlib.sha256(notice.text.encode()).hexdigest()
    for question in notice.questions:
        for part in PARTS:
            assert question.parts[part] in notice.text
    assert [question.section_type for question in notice.questions] == ["status", "timeline"]


def test_what_speaks_of_several_recipients_is_left_out_for_one_and_is_part_of_the_digest():
    several = compose(TEMPLATE, [("status", VALUES)])
    one = compose(TEMPLATE, [("status", VALUES)], ONLY_FOR_SEVERAL)
    assert set(several.questions[0].parts) - set(one.questions[0].parts) == ONLY_FOR_SEVERAL == {"each"}
    assert several.ref.digest != one.ref.digest
    assert one.text.splitlines() == [line for line in several.text.splitlines() if not line.startswith("each:")]


def test_a_composed_notice_cannot_be_changed():
    notice = compose(TEMPLATE, [("status", VALUES)])
    with pytest.raises(TypeError):
        notice.questions[0].parts["no"] = "yes"
    with pytest.raises(TypeError):
        TEMPLATE.parts["no"] = "yes"


AGES = st.sampled_from([8, 14, 17, 40])
WHO = [CHILD, MOTHER, FATHER, GRANNY]
SECTIONS = st.lists(
    st.builds(
        a_section,
        st.sampled_from(["status", "timeline", "safety-plan"]),
        st.sets(st.sampled_from(WHO), min_size=1),
        id=st.uuids().map(str),
        shielded_from=st.sets(st.sampled_from(WHO), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@given(SECTIONS, st.fixed_dictionaries(dict.fromkeys(WHO, AGES)), st.sampled_from(WHO))
def test_a_signer_is_asked_exactly_about_those_for_whom_they_sign_and_nothing_shielded(sections, ages, signer):
    people = {who: a_person(who, born(years)) for who, years in ages.items()}
    authorities = (gezag(MOTHER), gezag(FATHER))
    asked = asked_of(signer, a_handover(*sections), people, authorities, TABLE, NOW)
    expected: dict[str, set] = {}
    for section in sections:
        mine = {p for p in section.concerns if signer in required_signers(people[p], authorities, TABLE, NOW).signers}
        if mine and signer not in section.shielded_from:
            expected.setdefault(section.type, set()).update(mine)
    assert {a.section_type: set(a.persons) for a in asked} == expected
    assert [a.section_type for a in asked] == list(expected)


@given(SECTIONS, st.fixed_dictionaries(dict.fromkeys(WHO, AGES)), st.sets(st.sampled_from([CHILD, MOTHER, FATHER])))
def test_a_supporter_hears_only_of_what_concerns_nobody_but_those_whom_they_support(sections, ages, supported):
    people = {who: a_person(who, born(years)) for who, years in ages.items()}
    supporters = frozenset(Support(GRANNY, person) for person in supported)
    handover = a_handover(*sections, supporters=supporters)
    asked = asked_of(GRANNY, handover, people, (gezag(MOTHER),), TABLE, NOW)
    own = {GRANNY} if GRANNY in required_signers(people[GRANNY], (gezag(MOTHER),), TABLE, NOW).signers else set()
    for one in asked:
        alike = [s for s in sections if s.type == one.section_type and GRANNY not in s.shielded_from]
        assert set(one.supported) == set(one.persons) - own
        for person in one.supported:
            assert any(person in s.concerns and s.concerns <= supported | own for s in alike)


def test_somebody_with_a_say_is_asked_as_a_signer_not_as_a_supporter():
    people = {CHILD: a_person(CHILD, born(8))}
    handover = a_handover(a_section(), supporters=frozenset({Support(MOTHER, CHILD), Support(GRANNY, CHILD)}))
    assert asked_of(MOTHER, handover, people, (gezag(MOTHER),), TABLE, NOW) == (Asked("status", (CHILD,)),)
    assert asked_of(GRANNY, handover, people, (gezag(MOTHER),), TABLE, NOW) == (Asked("status", (CHILD,), (CHILD,)),)
    assert asked_of(FATHER, handover, people, (gezag(MOTHER),), TABLE, NOW) == ()


def test_a_part_that_has_nothing_to_say_is_left_out():
    quiet = compose(TEMPLATE, [("status", {**VALUES, "supported": ""})])
    assert "support" not in quiet.questions[0].parts
    assert compose(TEMPLATE, [("status", VALUES)]).ref.digest != quiet.ref.digest


def test_a_person_nobody_knows_is_nobody_to_ask_about():
    assert asked_of(MOTHER, a_handover(a_section()), {}, (gezag(MOTHER),), TABLE, NOW) == ()


def test_one_speaks_as_oneself_or_in_the_capacity_that_one_has_now():
    authorities = [gezag(MOTHER), gezag(GRANNY, kind="guardian"), gezag(FATHER, until=TODAY.replace(year=2020))]
    assert capacity(CHILD, CHILD, authorities, NOW) == "self"
    assert capacity(MOTHER, CHILD, authorities, NOW) == "parental"
    assert capacity(GRANNY, CHILD, authorities, NOW) == "guardian"
    assert capacity(FATHER, CHILD, authorities, NOW) == "support"
    assert capacity(MOTHER, GRANNY, authorities, NOW) == "support"
