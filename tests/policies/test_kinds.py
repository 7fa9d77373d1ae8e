"""The templates of kinds fit the agreement that they are in: what one should hold is given to whom it mostly goes."""

import pytest

from broker.pdp.matrix import matrix_of
from broker.pdp.policy_set import PolicySet

Given = frozenset[tuple[str, str, str]]


@pytest.fixture(scope="module")
def given(shipped: PolicySet) -> Given:
    """Every kind, role and section type of which the agreement ever gives something."""
    matrix = matrix_of(shipped)
    found = set()
    for place in matrix.cells:
        _, role, _, section_type = place
        for box in matrix.space.boxes(matrix.open_at(place)):
            found |= {(kind, role, section_type) for kind in box["handover_kind"]}
    return frozenset(found)


def test_every_kind_says_what_it_should_hold_to_whom_it_goes_and_for_how_long(shipped: PolicySet) -> None:
    for kind in shipped.vocabulary.handover_kinds.values():
        assert kind.required, kind.id
        assert kind.recipients, kind.id
        assert kind.consent, kind.id


def test_what_a_kind_should_hold_can_be_read_by_somebody_to_whom_it_mostly_goes(
    shipped: PolicySet, given: Given
) -> None:
    kinds = shipped.vocabulary.handover_kinds.values()
    wanted = [(kind, word) for kind in kinds for word in kind.required]
    assert [
        (kind.id, word) for kind, word in wanted if not any((kind.id, role, word) in given for role in kind.recipients)
    ] == []


def test_nobody_mostly_gets_a_kind_of_which_they_may_read_nothing(shipped: PolicySet, given: Given) -> None:
    lost = [
        (kind.id, role)
        for kind in shipped.vocabulary.handover_kinds.values()
        for role in kind.recipients
        if not any((kind.id, role, word) in given for word in (*kind.required, *kind.usual))
    ]
    assert lost == []
