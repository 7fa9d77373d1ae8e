"""What a handover of its kind should hold, and does not: held against the words of the agreement, and nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.completeness import Completeness, completeness_of
from broker.domain.handovers import Handover
from broker.domain.parties import Recipient
from broker.domain.vocabulary import Kind, Vocabulary
from tests.factories import DOCTOR, SCHOOL, a_handover, a_section, a_vocabulary

TYPES = ("status", "timeline", "safety-plan")


def words(**template: tuple[str, ...]) -> Vocabulary:
    found = a_vocabulary()
    [kind] = found.handover_kinds.values()
    return replace(found, handover_kinds={kind.id: Kind(kind.id, kind.label, kind.explain, **template)})


def holding(*types: str, recipients: tuple[Recipient, ...] = (Recipient(SCHOOL, "support-coordinator"),)) -> Handover:
    sections = tuple(a_section(kind) for kind in types)
    return a_handover(*sections, recipients=recipients)


def test_what_is_missing_is_named_in_the_order_of_the_agreement() -> None:
    known = words(required=("safety-plan", "status"), usual=("timeline",))
    assert completeness_of(holding(), known) == Completeness(("safety-plan", "status"), ("timeline",))
    assert completeness_of(holding("status"), known) == Completeness(("safety-plan",), ("timeline",))
    assert completeness_of(holding(*TYPES), known) == Completeness()


@given(st.sets(st.sampled_from(TYPES)), st.sets(st.sampled_from(TYPES)))
def test_complete_means_that_all_that_is_required_is_there(required: set[str], held: set[str]) -> None:
    found = completeness_of(holding(*held), words(required=tuple(sorted(required))))
    assert found.complete == (required <= held)
    assert set(found.missing) == required - held


def test_a_recipient_in_another_role_than_usual_is_named_and_no_more() -> None:
    school, doctor = Recipient(SCHOOL, "support-coordinator"), Recipient(DOCTOR, "general-practitioner")
    found = completeness_of(holding("status", recipients=(school, doctor)), words(recipients=("support-coordinator",)))
    assert found == Completeness(unusual=(doctor,))
    assert found.complete


def test_without_roles_in_its_template_no_recipient_is_unusual() -> None:
    assert completeness_of(holding(), words()) == Completeness()


def test_a_kind_that_the_agreement_lost_says_nothing() -> None:
    known = replace(words(required=("status",)), handover_kinds={})
    assert completeness_of(holding(), known) == Completeness()
