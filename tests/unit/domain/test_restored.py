"""After an older copy was put back: a yes from before counts no more, whatever its evidence; a no stays a no."""

from datetime import timedelta

import pytest

from broker.domain.consents import EvidenceLevel, Stance
from broker.domain.releases import consented, findings
from broker.domain.signers import Gap
from tests.factories import (
    CHILD,
    MOTHER,
    NOW,
    TO_SCHOOL,
    a_handover,
    a_person,
    a_record,
    a_section,
    a_situation,
    born,
    gezag,
)

RESTORED = NOW - timedelta(days=3)


@pytest.mark.parametrize("evidence", list(EvidenceLevel))
@pytest.mark.parametrize(("days", "counts"), [(4, False), (3, False), (2, True)])
def test_a_yes_counts_when_it_was_said_after_the_restore(evidence: EvidenceLevel, days: int, counts: bool) -> None:
    section = a_section()
    situation = a_situation(
        a_handover(section),
        [a_person(CHILD, born(8)), a_person(MOTHER, born(40))],
        authorities=(gezag(MOTHER),),
        records=(a_record(MOTHER, evidence=evidence, at=NOW - timedelta(days=days)),),
        restored=RESTORED,
    )
    (found,) = findings(situation, section, TO_SCHOOL, NOW)
    assert found.stance is Stance.GIVEN
    assert consented([found]) == counts
    assert found.gap is (None if counts else Gap.BEFORE_RESTORE)


@pytest.mark.parametrize("state", [Stance.REFUSED, Stance.WITHDRAWN])
def test_a_no_from_before_stays_a_no(state: Stance) -> None:
    section = a_section()
    situation = a_situation(
        a_handover(section),
        [a_person(CHILD, born(8)), a_person(MOTHER, born(40))],
        authorities=(gezag(MOTHER),),
        records=(a_record(MOTHER, state, at=NOW - timedelta(days=9)),),
        restored=RESTORED,
    )
    (found,) = findings(situation, section, TO_SCHOOL, NOW)
    assert (found.stance, found.gap) == (state, None)
    assert not consented([found])
