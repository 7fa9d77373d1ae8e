"""Two agreements compared for every question that either can be asked, so that no change stays unseen.

1. Both are worked out over the words of both: a word that one of them lacks is a place where it gives nothing.
2. Ages are compared in spans over which both have one band, so other bands with the same outcome are no difference.
3. Who must sign counts as well: fewer signers is wider, and so is a type that may leave in clear again. A change in who
   holds authority can go either way, and counts as both.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from broker.domain.calendar import Period
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
    words = phrases.vocabulary
    of_types = (
        *_sealed(old, new, words),
        *_expires(old, new, words),
        *_kept_for(old.vocabulary.own_text, new.vocabulary.own_text, words, *_OWN_TEXT),
        *_kept_for(old.vocabulary.family_text, new.vocabulary.family_text, words, *_FAMILY_TEXT),
        *_kept_for(old.vocabulary.signed_off, new.vocabulary.signed_off, words, *_SIGNED_OFF),
    )
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


def _expires(old: PolicySet, new: PolicySet, words: Vocabulary) -> Iterator[OtherChange]:
    then, now = old.vocabulary.section_types, new.vocabulary.section_types
    for section in sorted({*then} & {*now}):
        before, after = then[section].expires, now[section].expires
        if before == after:
            continue
        label = words.label(section)
        if after is None:
            said = Words(f"'{label.nl}' wordt niet meer te oud.", f"'{label.en}' no longer grows too old.")
        else:
            said = Words(
                f"'{label.nl}' wordt voortaan hoogstens {after.text} na het invullen nog gegeven.",
                f"'{label.en}' is given until at most {after.text} after it was filled in from now on.",
            )
        yield OtherChange(said, _direction(before, after))


def _direction(before: Period | None, after: Period | None) -> Direction:
    if after is None:
        return Direction.WIDER
    if before is None or after.within(before):
        return Direction.NARROWER
    return Direction.WIDER if before.within(after) else Direction.BOTH


def _kept_for(
    then: AbstractSet[str], now: AbstractSet[str], words: Vocabulary, more: Words, less: Words
) -> Iterator[OtherChange]:
    """What holds for a section type from now on, or no longer: `more` and `less` say it of its `{}`."""
    for section in sorted(then ^ now):
        label, said, way = words.label(section), less, Direction.NARROWER
        if section in now:
            said, way = more, Direction.WIDER
        yield OtherChange(Words(said.nl.format(label.nl), said.en.format(label.en)), way)


_FAMILY_TEXT = (
    Words(
        "Wie beslist over iedereen in '{}', mag die tekst voortaan zelf lezen.",
        "Whoever decides about everybody in '{}' may read that text from now on.",
    ),
    Words(
        "Wie beslist over iedereen in '{}', mag die tekst niet meer zelf lezen.",
        "Whoever decides about everybody in '{}' may no longer read that text.",
    ),
)
_OWN_TEXT = (
    Words(
        "Over wie '{}' gaat, mag die tekst voortaan zelf lezen.",
        "The person whom '{}' is about may read that text from now on.",
    ),
    Words(
        "Over wie '{}' gaat, mag die tekst niet meer zelf lezen.",
        "The person whom '{}' is about may no longer read that text.",
    ),
)
_SIGNED_OFF = (
    Words(
        "Bij '{}' gaat voortaan mee wie het eens is en wie het anders ziet.",
        "With '{}' goes from now on who agrees with it and who sees it differently.",
    ),
    Words("Bij '{}' gaat niet meer mee wie het eens is.", "With '{}' no longer goes who agrees with it."),
)


def _rules(old: PolicySet, new: PolicySet) -> Iterator[tuple[str, str]]:
    for rule in dict.fromkeys([*old.rules, *new.rules]):
        if rule not in old.rules:
            yield rule, "added"
        elif rule not in new.rules:
            yield rule, "removed"
        elif old.rules[rule].text != new.rules[rule].text:
            yield rule, "changed"
