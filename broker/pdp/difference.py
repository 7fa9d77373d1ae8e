"""Two agreements compared for every question that either can be asked, so that no change stays unseen.

1. Both are worked out over the words of both: a word that one of them lacks is a place where it gives nothing.
2. Ages are compared in spans over which both have one band, so other bands with the same outcome are no difference.
3. Who must sign counts as well: fewer signers is wider, and so is a type that may leave in clear again. A change in who
   holds authority can go either way, and counts as both.
"""

from collections.abc import Iterator, Mapping

from broker.domain.differences import Difference, Direction, OtherChange
from broker.domain.signers import SignerRule
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.pdp.matrix import Matrix, matrix_of
from broker.pdp.overview import Phrases, in_words, spans, together
from broker.pdp.policy_set import RULES, SCHEMA, SIGNERS, PolicySet
from broker.pdp.spaces import Place, Space, space_of

_COUNTED = (RULES, SCHEMA, SIGNERS)


def compare(old: PolicySet, new: PolicySet) -> Difference:
    """Everything that the new one gives and the old one does not, and the other way round. Raises as `matrix_of` does."""
    space = space_of((new.vocabulary, new.signers), (old.vocabulary, old.signers))  # 1, 2
    before, after = matrix_of(old, space), matrix_of(new, space)
    gained, lost = _beyond(after, before), _beyond(before, after)
    everything = together(cell.open for matrix in (before, after) for cell in matrix.cells.values())
    phrases = Phrases(space, _joined(new.vocabulary, old.vocabulary), everything)
    of_types = (*_sealed(old, new, phrases.vocabulary), *_own_text(old, new, phrases.vocabulary))
    others = (*_signers(old, new, space), *_authority(old, new), *of_types)  # 3
    return Difference(
        old.digest,
        new.digest,
        in_words(gained, phrases),
        in_words(lost, phrases),
        others,
        tuple(_rules(old, new)),
        tuple(
            sorted(
                path for path in {*old.texts, *new.texts} - {*_COUNTED} if old.texts.get(path) != new.texts.get(path)
            )
        ),
    )


def _beyond(one: Matrix, other: Matrix) -> dict[Place, int]:
    """What is open in the one and not in the other."""
    found = {place: cell.open & ~other.open_at(place) for place, cell in one.cells.items()}
    return {place: mask for place, mask in found.items() if mask}


def _joined(first: Vocabulary, then: Vocabulary) -> Vocabulary:
    """The words of both, with the labels of the first where both have one."""
    return Vocabulary(
        {**then.organisation_kinds, **first.organisation_kinds},
        {**then.roles, **first.roles},
        {**then.purposes, **first.purposes},
        {**then.section_types, **first.section_types},
        {**then.handover_kinds, **first.handover_kinds},
    )


def _signers(old: PolicySet, new: PolicySet, space: Space) -> Iterator[OtherChange]:
    ages: tuple[int, ...] = space.values["age_band"]
    changed: dict[tuple[Words, Direction], list[int]] = {}
    for age in ages:
        then, now = _who(old.signers.rule_for(age)), _who(new.signers.rule_for(age))
        if then != now:
            direction = Direction.WIDER if now < then else Direction.NARROWER if now > then else Direction.BOTH
            changed.setdefault((_named(now), direction), []).append(age)
    for (who, direction), at in changed.items():
        said = spans(ages, tuple(at))
        yield OtherChange(
            Words(
                f"Op de leeftijd {said} tekent voortaan {who.nl}.", f"At the age of {said}, {who.en} signs from now on."
            ),
            direction,
        )


def _who(rule: SignerRule) -> frozenset[str]:
    signs: Mapping[str, bool] = {"person": rule.person_signs, "authority": rule.authority_signs}
    return frozenset(name for name, needed in signs.items() if needed)


def _named(who: frozenset[str]) -> Words:
    if len(who) == 2:
        return Words(
            "de persoon samen met iedereen met gezag", "the person together with everybody who holds authority"
        )
    return (
        Words("alleen de persoon", "the person alone")
        if "person" in who
        else Words("alleen wie gezag heeft", "only who holds authority")
    )


def _authority(old: PolicySet, new: PolicySet) -> Iterator[OtherChange]:
    then, now = ({(a.kind, a.from_age, a.until_age) for a in s.signers.authorities} for s in (old, new))
    if then != now:
        kinds = ", ".join(sorted({kind for kind, *_ in then ^ now}))
        yield OtherChange(
            Words(f"Wie gezag kan hebben is veranderd: {kinds}.", f"Who can hold authority has changed: {kinds}."),
            Direction.BOTH,
        )


def _sealed(old: PolicySet, new: PolicySet, words: Vocabulary) -> Iterator[OtherChange]:
    then, now = old.vocabulary.sealed_only, new.vocabulary.sealed_only
    for section in sorted((then ^ now) & {*old.vocabulary.section_types} & {*new.vocabulary.section_types}):
        label = words.label(section)
        if section in now:
            said = Words(
                f"'{label.nl}' gaat voortaan alleen verzegeld weg.", f"'{label.en}' only leaves sealed from now on."
            )
        else:
            said = Words(f"'{label.nl}' mag voortaan onverzegeld weg.", f"'{label.en}' may leave unsealed from now on.")
        yield OtherChange(said, Direction.NARROWER if section in now else Direction.WIDER)


def _own_text(old: PolicySet, new: PolicySet, words: Vocabulary) -> Iterator[OtherChange]:
    then, now = old.vocabulary.own_text, new.vocabulary.own_text
    for section in sorted(then ^ now):
        label = words.label(section)
        if section in now:
            said = Words(
                f"Over wie '{label.nl}' gaat, mag die tekst voortaan zelf lezen.",
                f"The person whom '{label.en}' is about may read that text from now on.",
            )
        else:
            said = Words(
                f"Over wie '{label.nl}' gaat, mag die tekst niet meer zelf lezen.",
                f"The person whom '{label.en}' is about may no longer read that text.",
            )
        yield OtherChange(said, Direction.WIDER if section in now else Direction.NARROWER)


def _rules(old: PolicySet, new: PolicySet) -> Iterator[tuple[str, str]]:
    for rule in dict.fromkeys([*old.rules, *new.rules]):
        if rule not in old.rules:
            yield rule, "added"
        elif rule not in new.rules:
            yield rule, "removed"
        elif old.rules[rule].text != new.rules[rule].text:
            yield rule, "changed"
