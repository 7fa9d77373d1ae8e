"""A channel that is not complete, names unknown words or rests on no article makes the whole set unfit."""

from collections.abc import Callable

import pytest

from broker.domain.channels import Channel
from broker.errors import Words
from broker.pdp.faults import PolicyFault, UnsafePolicies
from broker.pdp.policy_set import PolicySet, load_texts

Changed = Callable[[str, str, str], dict[str, str]]
FILE = "channels.toml"
ROW = """[[channel]]
id = "family-doctor"
article = "BW 7:457 lid 2"
label.nl = "Huisarts"
label.en = "Family doctor"
call.nl = "Bel de huisarts."
call.en = "Call the family doctor."
contact = "+31 20 123 45 67"
sender_kinds = ["gp"]
recipient_kinds = ["hospital", "gp"]
purposes = ["treatment"]
"""


def faults_of(texts: dict[str, str]) -> tuple[PolicyFault, ...]:
    with pytest.raises(UnsafePolicies) as raised:
        load_texts(texts)
    for fault in raised.value.faults:
        assert fault.sentence.nl != fault.sentence.en
        assert fault.file == FILE
        assert fault.words.nl.endswith(".")
        assert fault.words.en.endswith(".")
    return raised.value.faults


def test_a_row_is_read_as_it_is_written(shipped: PolicySet) -> None:
    texts = {**shipped.texts, FILE: f"{shipped.texts[FILE]}\n{ROW}"}
    *before, last = load_texts(texts).channels
    assert tuple(before) == shipped.channels
    assert last == Channel(
        "family-doctor",
        "BW 7:457 lid 2",
        Words("Huisarts", "Family doctor"),
        Words("Bel de huisarts.", "Call the family doctor."),
        "+31 20 123 45 67",
        frozenset({"gp"}),
        frozenset({"hospital", "gp"}),
        frozenset({"treatment"}),
    )


def test_a_changed_channel_is_another_agreement(shipped: PolicySet, changed: Changed) -> None:
    other = load_texts(changed(FILE, 'contact = "112"', 'contact = "113"'))
    assert other.digest != shipped.digest
    assert FILE in other.texts


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('article = "BW 7:457 lid 2"\n', "", "lacks 'article'"),
        ('article = "BW 7:457 lid 2"', 'article = " "', "the article that the channel rests on"),
        ('article = "BW 7:457 lid 2"', "article = 7", "the article that the channel rests on"),
        ('id = "family-doctor"\n', "", "lacks 'id'"),
        ('id = "family-doctor"', 'id = "Family doctor"', "not a valid name"),
        ('id = "family-doctor"', 'id = ""', "not a valid name"),
        ('id = "family-doctor"', "id = 3", "not a valid name"),
        ('id = "family-doctor"', 'id = "emergency"', "is there already"),
        ('label.en = "Family doctor"\n', "", "lacks 'en'"),
        ('label.nl = "Huisarts"', 'label.nl = " "', "empty"),
        ('call.nl = "Bel de huisarts."\n', "", "lacks 'nl'"),
        ('call.en = "Call the family doctor."\n', 'call.en = "Call."\ncall.fr = "x"\n', "holds 'fr'"),
        ('call.nl = "Bel de huisarts."\ncall.en = "Call the family doctor."\n', "", "lacks 'call'"),
        ('call.nl = "Bel de huisarts."\ncall.en = "Call the family doctor."\n', 'call = "Bel."\n', "lacks 'nl'"),
        ('contact = "+31 20 123 45 67"\n', "", "lacks 'contact'"),
        ('"+31 20 123 45 67"', '"mail@example.nl"', "no phone number"),
        ('"+31 20 123 45 67"', '"12"', "no phone number"),
        ('"+31 20 123 45 67"', '" "', "no phone number"),
        ('"+31 20 123 45 67"', '"112\\n"', "no phone number"),
        ('"+31 20 123 45 67"', "112", "no phone number"),
        ('sender_kinds = ["gp"]\n', "", "lacks 'sender_kinds'"),
        ('sender_kinds = ["gp"]', 'sender_kinds = ["wizard"]', "'wizard', which the vocabulary does not know"),
        ('sender_kinds = ["gp"]', 'sender_kinds = ["teacher"]', "'teacher', which the vocabulary does not know"),
        ('recipient_kinds = ["hospital", "gp"]', 'recipient_kinds = ["x"]', "'x', which the vocabulary does not know"),
        ('recipient_kinds = ["hospital", "gp"]', 'recipient_kinds = ["gp", "gp"]', "'gp' twice"),
        ('purposes = ["treatment"]', 'purposes = ["school"]', "'school', which the vocabulary does not know"),
        ('purposes = ["treatment"]', 'purposes = "treatment"', "no list of words"),
        ('purposes = ["treatment"]', "purposes = [1]", "no list of words"),
        ('purposes = ["treatment"]', 'purposes = []\nsection_types = ["status"]', "holds 'section_types'"),
        ('purposes = ["treatment"]', "purposes = []\nurgent = true", "holds 'urgent'"),
    ],
)
def test_a_faulty_channel_is_refused_with_its_line(shipped: PolicySet, old: str, new: str, said: str) -> None:
    assert old in ROW
    before = f"{shipped.texts[FILE]}\n"
    faults = faults_of({**shipped.texts, FILE: before + ROW.replace(old, new)})
    assert [fault.words.en for fault in faults if said in fault.words.en], faults
    assert {fault.line for fault in faults} == {len(before.splitlines()) + 1}


@pytest.mark.parametrize("text", ["", "channel = []", "channel = 3", "channel = [1]", "[channel]", "channels = []"])
def test_a_file_of_another_shape_is_refused(shipped: PolicySet, text: str) -> None:
    assert faults_of({**shipped.texts, FILE: text})


def test_an_unknown_key_of_the_file_is_refused(shipped: PolicySet) -> None:
    [fault] = faults_of({**shipped.texts, FILE: f"hidden = true\n{shipped.texts[FILE]}"})
    assert "holds 'hidden'" in fault.words.en


def test_without_a_channel_for_everybody_the_set_is_refused(shipped: PolicySet) -> None:
    [fault] = faults_of({**shipped.texts, FILE: ROW})
    assert "no channel is for everybody" in fault.words.en


def test_a_broken_vocabulary_is_told_alone(shipped: PolicySet) -> None:
    with pytest.raises(UnsafePolicies) as raised:
        load_texts({**shipped.texts, "vocabulary.toml": ""})
    assert {fault.file for fault in raised.value.faults} == {"vocabulary.toml"}
