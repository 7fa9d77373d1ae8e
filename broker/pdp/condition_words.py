"""A condition in plain words, from Cedar's tree; what has no words of its own is shown as it is written."""

from collections.abc import Mapping
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.pdp.conditions import SEEN_AS, Condition
from broker.pdp.overview import EVIDENCE, FLAGS, both, either

WHO: Mapping[str, Words] = {
    "role": Words("de rol van wie vraagt", "the role of who asks"),
    "recipient_kind": Words("de soort organisatie van wie vraagt", "the kind of organisation of who asks"),
    "section_type": Words("het onderdeel", "the section"),
    "handover_kind": Words("de soort overdracht", "the kind of handover"),
    "sender_kind": Words("de soort organisatie van de afzender", "the kind of organisation of the sender"),
    "age_band": Words("de leeftijd van het kind", "the age of the child"),
    "purpose": Words("het doel", "the purpose"),
    "evidence": Words("het bewijs van het antwoord", "the evidence of the answer"),
    "discussed_with_family": Words("of het met het gezin is besproken", "whether the family discussed it"),
    "sender_basis": Words("of de afzender een grondslag noemt", "whether the sender states a basis"),
    "recipient_basis": Words("of de ontvanger een grondslag heeft", "whether the recipient has a basis"),
    "concerns_others": Words("of het ook over een ander gaat", "whether it is also about somebody else"),
}
_COMPARED = {
    "==": (Words("is", "is"), Words("is niet", "is not")),
    "!=": (Words("is niet", "is not"), Words("is", "is")),
    ">=": (Words("is minstens", "is at least"), Words("is minder dan", "is less than")),
    ">": (Words("is meer dan", "is more than"), Words("is hoogstens", "is at most")),
    "<=": (Words("is hoogstens", "is at most"), Words("is meer dan", "is more than")),
    "<": (Words("is minder dan", "is less than"), Words("is minstens", "is at least")),
}


def words_of(condition: Condition, vocabulary: Vocabulary) -> Words:
    """The condition as a sentence part: what must be so for it to hold. An `unless` is turned around."""
    if condition.kind == "scope":
        return Words("de kop van de regel past", "the head of the rule fits")
    try:
        return _Speaker(vocabulary).say(condition.body, yes=condition.kind == "when")
    except _NoWords:
        no = "niet: " if condition.kind == "unless" else ""
        return Words(f"{no}{condition.text}", f"{no.replace('niet', 'not')}{condition.text}")


class _NoWords(Exception):
    """A form that rules here hardly ever have."""


class _Speaker:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def say(self, tree: Any, *, yes: bool) -> Words:
        """The tree, or its opposite."""
        (operator, operands), *more = tree.items()
        if more:
            raise _NoWords
        if operator == "!":
            return self.say(operands["arg"], yes=not yes)
        if operator == ".":
            return self._flag(tree, yes)
        if operator in ("&&", "||"):
            parts = [self.say(operands[side], yes=yes) for side in ("left", "right")]
            joined = both if (operator == "&&") is yes else either
            return joined(parts)
        if operator == "in" or operator in _COMPARED:
            return self._comparison(operator, operands, yes)
        raise _NoWords

    def _flag(self, tree: Any, yes: bool) -> Words:
        field = _field(tree)
        if (field, yes) not in FLAGS:
            raise _NoWords
        return FLAGS[field, yes]

    def _comparison(self, operator: str, operands: Any, yes: bool) -> Words:
        left, right = operands["left"], operands["right"]
        field = _field(left)
        verb = _COMPARED["==" if operator == "in" else operator][0 if yes else 1]
        subject = WHO[field]
        said = WHO[_field(right)] if set(right) == {"."} else self._values(field, right)
        same = Words(" gelijk aan", " the same as") if set(right) == {"."} else Words("", "")
        return Words(f"{subject.nl} {verb.nl}{same.nl} {said.nl}", f"{subject.en} {verb.en}{same.en} {said.en}")

    def _values(self, field: str, tree: Any) -> Words:
        if set(tree) == {"Set"}:
            return either([self._values(field, one) for one in tree["Set"]])
        value = tree.get("Value")
        if isinstance(value, dict) and set(value) == {"__entity"}:
            word = value["__entity"]["id"]
            return Words(word, word) if field == "age_band" else self._vocabulary.label(word)
        if field == "evidence" and type(value) is int and value in set(EvidenceLevel):
            return EVIDENCE[EvidenceLevel(value)]
        raise _NoWords


def _field(tree: Any) -> str:
    attribute = tree["."]["attr"] if isinstance(tree, dict) and set(tree) == {"."} else ""
    if attribute not in SEEN_AS:
        raise _NoWords
    return SEEN_AS[attribute]
