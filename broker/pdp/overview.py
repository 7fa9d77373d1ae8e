"""A matrix in plain words: equal places are taken together, and each condition is said once, as short as it can be."""

from collections.abc import Iterable, Mapping
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.overview import Named, Overview, OverviewCell, OverviewPurpose, OverviewRow
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.pdp.matrix import Matrix
from broker.pdp.spaces import PLACE, REST, Box, Place, Space

EVIDENCE = {
    EvidenceLevel.NONE: Words("nog niemand", "nobody yet"),
    EvidenceLevel.CODE: Words("een code", "a code"),
    EvidenceLevel.PASSKEY: Words("een passkey", "a passkey"),
    EvidenceLevel.OIDC: Words("een login", "a login"),
}
FLAGS: Mapping[tuple[str, bool], Words] = {
    ("discussed_with_family", True): Words("besproken met het gezin", "discussed with the family"),
    ("discussed_with_family", False): Words("niet besproken met het gezin", "not discussed with the family"),
    ("sender_basis", True): Words("de afzender noemt een grondslag", "the sender states a legal basis"),
    ("sender_basis", False): Words("de afzender noemt geen grondslag", "the sender states no legal basis"),
    ("recipient_basis", True): Words("de ontvanger heeft een grondslag", "the recipient has a legal basis"),
    ("recipient_basis", False): Words("de ontvanger heeft geen grondslag", "the recipient has no legal basis"),
    ("concerns_others", True): Words("gaat ook over een ander dan het kind", "is also about somebody else"),
    ("concerns_others", False): Words("gaat alleen over het kind", "is about the child only"),
}


class Phrases:
    """Says the conditions of one space in the words of one agreement, leaving out what holds for everything."""

    def __init__(self, space: Space, vocabulary: Vocabulary, everything: int) -> None:
        self.space, self.vocabulary = space, vocabulary
        boxes = space.boxes(everything)
        self._usual = {
            name: tuple(value for value in space.values[name] if any(value in box[name] for box in boxes))
            for name in REST
        }

    @property
    def always(self) -> tuple[Words, ...]:
        """What holds for everything."""
        return self._say(self._usual, self.space.values, "")

    def alternatives(self, mask: int, kind: str) -> tuple[tuple[Words, ...], ...]:
        """When somebody at this kind of organisation gets it, in words: one list of conditions for each alternative."""
        return tuple(self._say(box, self._usual, kind) for box in self.space.boxes(mask))

    def _say(self, box: Box, usual: Box, kind: str) -> tuple[Words, ...]:
        return tuple(
            self._phrase(name, box[name], usual[name], kind) for name in REST if box[name] and box[name] != usual[name]
        )

    def _phrase(self, name: str, values: tuple[Any, ...], usual: tuple[Any, ...], kind: str) -> Words:
        if name == "sender_kind" and values == (kind,):
            return Words("afzender: dezelfde soort organisatie", "sender: the same kind of organisation")
        if name == "age_band":
            ages = spans(self.space.values["age_band"], values)
            return Words(f"leeftijd van het kind: {ages}", f"age of the child: {ages}")
        if name == "evidence":
            said = either(EVIDENCE[value] for value in values)
            return Words(f"het ja is gegeven met {said.nl}", f"the yes was given with {said.en}")
        if (name, values[0]) in FLAGS:
            return FLAGS[name, values[0]]
        others = tuple(value for value in usual if value not in values)
        but = len(others) < len(values)
        said = either(self.vocabulary.label(value) for value in (others if but else values))
        nl, en = ("afzender", "sender") if name == "sender_kind" else ("soort overdracht", "kind of handover")
        return Words(f"{nl}: {'niet ' * but}{said.nl}", f"{en}: {'not ' * but}{said.en}")


def spans(every: tuple[int, ...], ages: tuple[int, ...]) -> str:
    """Bands by their lowest ages, those that follow each other as one span: `0-15`, `16+`."""
    found = list[list[int]]()
    for index, age in enumerate(every):
        if age in ages:
            if found and found[-1][1] == index - 1:
                found[-1][1] = index
            else:
                found.append([index, index])
    return ", ".join(
        f"{every[first]}-{every[last + 1] - 1}" if last + 1 < len(every) else f"{every[first]}+"
        for first, last in found
    )


def either(several: Iterable[Words]) -> Words:
    """A list with "or" before its last."""
    every = list(several)
    return Words(_joined([w.nl for w in every], "of"), _joined([w.en for w in every], "or"))


def both(several: Iterable[Words]) -> Words:
    """A list with "and" before its last."""
    every = list(several)
    return Words(_joined([w.nl for w in every], "en"), _joined([w.en for w in every], "and"))


def _joined(texts: list[str], word: str) -> str:
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def overview_of(matrix: Matrix) -> Overview:
    """The whole matrix for people; the order of everything is that of the vocabulary."""
    space, words = matrix.space, matrix.holding.policy_set.vocabulary
    masks = {place: cell.open for place, cell in matrix.cells.items() if cell.open}
    phrases = Phrases(space, words, together(masks.values()))
    given = {place[0] for place in masks}
    return Overview(
        matrix.holding.policy_set.digest,
        phrases.always,
        in_words(masks, phrases),
        tuple(Named(section, words.label(section)) for section in space.values["section_type"]),
        tuple(Named(kind, words.label(kind)) for kind in space.values["recipient_kind"] if kind not in given),
    )


def together(masks: Iterable[int]) -> int:
    """Everything that is in one of these masks."""
    everything = 0
    for mask in masks:
        everything |= mask
    return everything


def in_words(masks: Mapping[Place, int], phrases: Phrases) -> tuple[OverviewPurpose, ...]:
    """These places, each with its conditions; places that are alike are taken together."""
    space, words = phrases.space, phrases.vocabulary
    said: dict[tuple[int, str], tuple[tuple[Words, ...], ...]] = {}
    table: dict[str, dict[tuple[str, str], dict[str, OverviewCell]]] = {}
    for (kind, role, purpose, section), mask in masks.items():
        if (mask, kind) not in said:
            said[mask, kind] = phrases.alternatives(mask, kind)
        cell = OverviewCell(Named(section, words.label(section)), said[mask, kind])
        table.setdefault(purpose, {}).setdefault((kind, role), {})[section] = cell
    return tuple(
        OverviewPurpose(Named(purpose, words.label(purpose)), _rows(table[purpose], space, words))
        for purpose in space.values["purpose"]
        if purpose in table
    )


def _rows(
    pairs: Mapping[tuple[str, str], Mapping[str, OverviewCell]], space: Space, words: Vocabulary
) -> tuple[OverviewRow, ...]:
    sections = space.values["section_type"]
    alike: dict[Any, dict[str, list[str]]] = {}
    shown: dict[Any, tuple[OverviewCell, ...]] = {}
    for (kind, role), cells in pairs.items():
        in_order = tuple(cells[section] for section in sections if section in cells)
        key = tuple((cell.section.id, cell.when) for cell in in_order)
        alike.setdefault(key, {}).setdefault(kind, []).append(role)
        shown.setdefault(key, in_order)
    rows = []
    for key, by_kind in alike.items():
        for kinds, roles in _alike(by_kind, space):
            named_kinds = tuple(Named(kind, words.label(kind)) for kind in kinds)
            rows.append(OverviewRow(named_kinds, tuple(Named(r, words.label(r)) for r in roles), shown[key]))
    order = {word: number for name in PLACE for number, word in enumerate(space.values[name])}
    return tuple(sorted(rows, key=lambda row: (order[row.kinds[0].id], order[row.roles[0].id])))


def _alike(by_kind: Mapping[str, Iterable[str]], space: Space) -> list[tuple[list[str], list[str]]]:
    """Kinds that have the same roles, with those roles; both in the order of the vocabulary."""
    found: dict[tuple[str, ...], list[str]] = {}
    for kind in space.values["recipient_kind"]:
        if kind in by_kind:
            here = set(by_kind[kind])
            found.setdefault(tuple(role for role in space.values["role"] if role in here), []).append(kind)
    return [(kinds, list(roles)) for roles, kinds in found.items()]
