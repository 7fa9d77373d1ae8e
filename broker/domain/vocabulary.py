"""The words of the agreement: what `policies/vocabulary.toml` declares, and nothing else exists.

- Every term has a label in Dutch and English; families read it, so it is in plain words.
- A word that is not declared is refused when it comes in and denied when it is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.errors import Words


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the agreement. `explain` says in plain words what it is; `example` shows what the text may look like.

    A section type with `sealed_only` comes in sealed by its sender, and leaves sealed to its recipient. The text of one with
    `own_text` may be read by the person whom it is about, and nobody else, before they answer.
    """

    id: str
    label: Words
    explain: Words
    example: Words | None = None
    sealed_only: bool = False
    own_text: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All words in force. Each mapping is keyed by the term's id."""

    organisation_kinds: Mapping[str, Term]
    roles: Mapping[str, Term]
    purposes: Mapping[str, Term]
    section_types: Mapping[str, Term]
    handover_kinds: Mapping[str, Term]

    def __post_init__(self) -> None:
        for name in ("organisation_kinds", "roles", "purposes", "section_types", "handover_kinds"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @property
    def sealed_only(self) -> frozenset[str]:
        """The section types that nobody sends or gets but sealed."""
        return frozenset(name for name, term in self.section_types.items() if term.sealed_only)

    @property
    def own_text(self) -> frozenset[str]:
        """The section types whose text the person whom it is about may read."""
        return frozenset(name for name, term in self.section_types.items() if term.own_text)

    def label(self, term: str) -> Words:
        """The label of a term of any sort; the bare word when the agreement no longer knows it."""
        for terms in (self.section_types, self.purposes, self.roles, self.organisation_kinds, self.handover_kinds):
            if term in terms:
                return terms[term].label
        return Words(term, term)
