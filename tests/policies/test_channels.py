"""The shipped channels: everybody who is refused has somebody to call, in plain words, on an article of law."""

import re
from itertools import product

import pytest

from broker.domain.channels import channels_for
from broker.pdp.policy_set import PolicySet

EVERYBODY = {"emergency", "veilig-thuis"}
ARTICLE = re.compile(r"(AVG|BW|Jeugdwet|Wmo 2015) \d+[:.(]?[\d.:()a-z]*( lid \d+)?")
SHORT = 26


def named(shipped: PolicySet, sender: str, recipient: str, purpose: str) -> set[str]:
    return {channel.id for channel in channels_for(shipped.channels, sender, recipient, purpose)}


def test_whoever_is_refused_has_two_numbers_to_call(shipped: PolicySet) -> None:
    words = shipped.vocabulary
    for asked in product(words.organisation_kinds, words.organisation_kinds, words.purposes):
        assert named(shipped, *asked) >= EVERYBODY
    numbers = {channel.id: channel.contact for channel in shipped.channels if channel.contact}
    assert numbers == {"emergency": "112", "veilig-thuis": "0800-2000"}


@pytest.mark.parametrize(
    ("sender", "recipient", "purpose", "more"),
    [
        ("neighbourhood-team", "school", "education-support", set()),
        ("school", "veilig-thuis", "safety", {"asked-by-veilig-thuis"}),
        ("school", "certified-institution", "coordination", {"supervision-order"}),
        ("youth-care", "certified-institution", "coordination", {"supervision-order", "same-youth-care"}),
        ("gp", "child-protection-board", "safety", {"child-protection-board"}),
        ("gp", "hospital", "treatment", {"same-treatment"}),
        ("hospital", "gp", "continuity-of-care", {"same-treatment"}),
        ("gp", "hospital", "safety", set()),
        ("gp", "school", "treatment", set()),
        ("school", "gp", "health-care", set()),
        ("youth-mental-health", "youth-mental-health", "treatment", {"same-treatment", "same-youth-care"}),
        ("neighbourhood-team", "youth-care", "treatment", {"same-youth-care"}),
        ("neighbourhood-team", "debt-help", "coordination", set()),
        ("school", "foster-care", "coordination", {"foster-parent"}),
        ("youth-care", "foster-care", "continuity-of-care", {"foster-parent", "same-youth-care"}),
        ("foster-care", "school", "education-support", set()),
    ],
)
def test_each_is_named_where_the_law_has_it(
    shipped: PolicySet, sender: str, recipient: str, purpose: str, more: set[str]
) -> None:
    assert named(shipped, sender, recipient, purpose) == EVERYBODY | more


def test_the_articles_are_cited_exactly(shipped: PolicySet) -> None:
    assert {channel.id: channel.article for channel in shipped.channels} == {
        "emergency": "AVG 6(1)(d)",
        "veilig-thuis": "Wmo 2015 5.2.6",
        "asked-by-veilig-thuis": "Wmo 2015 5.2.6",
        "supervision-order": "Jeugdwet 7.3.11 lid 4",
        "child-protection-board": "BW 1:240",
        "same-treatment": "BW 7:457 lid 2",
        "same-youth-care": "Jeugdwet 7.3.11 lid 2",
        "foster-parent": "Jeugdwet 5.4",
    }
    assert all(ARTICLE.fullmatch(channel.article) for channel in shipped.channels)


def test_what_people_read_is_short_whole_sentences(shipped: PolicySet) -> None:
    for channel in shipped.channels:
        for text in (channel.call.nl, channel.call.en):
            assert text.endswith("."), text
            assert all(len(sentence.split()) <= SHORT for sentence in re.split(r"[.?!:]", text)), text
        for label in (channel.label.nl, channel.label.en):
            assert not label.endswith("."), label


def test_the_readme_explains_every_line_of_a_channel(shipped: PolicySet) -> None:
    readme = shipped.texts["README.md"]
    keys = set(re.findall(r"^([a-z_]+)[. ]", shipped.texts["channels.toml"], re.MULTILINE))
    assert keys == {"id", "article", "label", "call", "contact", "sender_kinds", "recipient_kinds", "purposes"}
    assert all(f"`{key}`" in readme for key in keys)
