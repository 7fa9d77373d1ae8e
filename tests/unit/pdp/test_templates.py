"""What a kind of handover should hold is advice in words that the agreement knows; anything else in it is a fault."""

import re

import pytest

from broker.domain.calendar import Period
from broker.pdp.faults import UnsafePolicies
from broker.pdp.policy_set import PolicySet, load_texts

KIND = "feedback-to-school"


def with_template(shipped: PolicySet, **changes: str) -> dict[str, str]:
    """The shipped set with other lines, or without them, in the template of one kind."""
    text = shipped.texts["vocabulary.toml"]
    start = text.index(f"[handover_kinds.{KIND}]")
    end = text.index("\n[", start)
    block = text[start:end]
    for key, value in changes.items():
        block, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}" if value else "", block)
        assert found == 1
    return {**shipped.texts, "vocabulary.toml": text[:start] + block + text[end:]}


def test_a_kind_says_what_it_should_hold_to_whom_it_goes_and_for_how_long(shipped: PolicySet) -> None:
    kind = shipped.vocabulary.handover_kinds[KIND]
    assert kind.required == ("status",)
    assert "voice-of-the-child" in kind.usual
    assert kind.recipients == ("support-coordinator", "teacher")
    assert kind.consent == Period(6, 0)


def test_every_shipped_kind_has_a_template(shipped: PolicySet) -> None:
    for kind in shipped.vocabulary.handover_kinds.values():
        assert kind.required, kind.id
        assert kind.recipients, kind.id
        assert kind.consent, kind.id


def test_a_kind_without_a_template_is_a_kind(shipped: PolicySet) -> None:
    without = load_texts(with_template(shipped, required="", usual="", recipients="", consent=""))
    kind = without.vocabulary.handover_kinds[KIND]
    assert (kind.required, kind.usual, kind.recipients, kind.consent) == ((), (), (), None)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("required", '["statsu"]', "'statsu' is not in section_types"),
        ("usual", '["family-worker"]', "'family-worker' is not in section_types"),
        ("recipients", '["status"]', "'status' is not in roles"),
        ("required", '["status", "status"]', "names a word twice"),
        ("usual", '["status"]', "in required and in usual"),
        ("required", '"status"', "is no list of words"),
        ("usual", "[1]", "is no list of words"),
        ("consent", '"P13M"', "is no period"),
        ("consent", '"P0M"', "is no period"),
        ("consent", '"PT24H"', "is no period"),
        ("consent", "6", "is no period"),
    ],
)
def test_what_is_no_template_is_a_fault_at_its_line(shipped: PolicySet, key: str, value: str, said: str) -> None:
    texts = with_template(shipped, **{key: value})
    with pytest.raises(UnsafePolicies) as raised:
        load_texts(texts)
    line = 1 + texts["vocabulary.toml"][: texts["vocabulary.toml"].index(f"[handover_kinds.{KIND}]")].count("\n")
    [fault] = raised.value.faults
    assert said in fault.sentence.en
    assert (fault.file, fault.line) == ("vocabulary.toml", line)


OWN = "own-plan"


def own_kind(shipped: PolicySet, old: str, new: str) -> dict[str, str]:
    """The shipped set with something else in the kind that a family writes itself."""
    text = shipped.texts["vocabulary.toml"]
    start = text.index(f"[handover_kinds.{OWN}]")
    end = text.find("\n[", start) if "\n[" in text[start:] else len(text)
    block = text[start:end]
    assert block.count(old) == 1
    return {**shipped.texts, "vocabulary.toml": text[:start] + block.replace(old, new) + text[end:]}


def test_the_shipped_set_has_one_kind_that_a_family_writes_itself(shipped: PolicySet) -> None:
    kind = shipped.vocabulary.own_plan
    assert kind is not None
    assert (kind.id, kind.required, kind.family_purpose) == (OWN, ("family-plan",), "knowing-the-plan")
    assert shipped.vocabulary.family_purposes == {"knowing-the-plan"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"knowing-the-plan"', '"no-such-purpose"', "'no-such-purpose' is not in purposes"),
        ('"knowing-the-plan"', "7", "family_purpose is no word"),
        ('["family-plan"]', '["family-plan", "status"]', "exactly one section type"),
        ('["family-plan"]', "[]", "exactly one section type"),
        ('consent = "P12M"', "", "a longest period in consent"),
    ],
)
def test_a_faulty_kind_of_a_family_s_own_is_refused(shipped: PolicySet, old: str, new: str, said: str) -> None:
    with pytest.raises(UnsafePolicies) as raised:
        load_texts(own_kind(shipped, old, new))
    assert any(said in fault.sentence.en for fault in raised.value.faults), raised.value.faults


def test_two_kinds_that_a_family_writes_itself_are_one_too_many(shipped: PolicySet) -> None:
    texts = with_template(shipped, required='["status"]\nfamily_purpose = "knowing-the-plan"')
    with pytest.raises(UnsafePolicies) as raised:
        load_texts(texts)
    assert any("there is a kind that a family writes itself already" in f.sentence.en for f in raised.value.faults)
