"""The words of the agreement: what `policies/vocabulary.toml` declares, and nothing else exists.

- Every term has a label in Dutch and English; families read it, so it is in plain words.
- A word that is not declared is refused when it comes in and denied when it is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.domain.calendar import Period
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the agreement. `explain` says in plain words what it is; `example` shows what the text may look like.

    A section type with `sealed_only` comes in sealed by its sender, and leaves sealed to its recipient. The text of one with
    `own_text` may be read by the person whom it is about, and nobody else, before they answer; of one with `family_text`, by
    whoever has a say about everybody in it. One with `expires` says the day on which it was filled in, with what, and a last day
    at most so long after that: it is given to nobody later. With one that is `signed_off` goes who agrees with it, and who sees it
    differently.
    """

    id: str
    label: Words
    explain: Words
    example: Words | None = None
    sealed_only: bool = False
    own_text: bool = False
    expires: Period | None = None
    signed_off: bool = False
    family_text: bool = False


@dataclass(frozen=True, slots=True)
class Kind(Term):
    """A kind of handover: what one of it should hold and often holds, and to which roles it mostly goes.

    `consent` is for how long consent is asked when its sender names no day. All of that is advice: nothing is refused or
    given by it. A kind with a `family_purpose` is written by a family itself, for that purpose: no organisation pushes
    either.
    """

    required: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    consent: Period | None = None
    family_purpose: str = ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All words in force. Each mapping is keyed by the term's id."""

    organisation_kinds: Mapping[str, Term]
    roles: Mapping[str, Term]
    purposes: Mapping[str, Term]
    section_types: Mapping[str, Term]
    handover_kinds: Mapping[str, Kind]

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

    @property
    def own_plan(self) -> Kind | None:
        """The kind that a family writes itself, with the one section type that is in it; None when the agreement has none."""
        return next(
            (kind for kind in self.handover_kinds.values() if kind.family_purpose and len(kind.required) == 1), None
        )

    @property
    def family_purposes(self) -> frozenset[str]:
        """The purposes for which nobody but a family writes."""
        return frozenset(kind.family_purpose for kind in self.handover_kinds.values() if kind.family_purpose)

    @property
    def expiring(self) -> frozenset[str]:
        """The section types that are given to nobody without a last day."""
        return frozenset(name for name, term in self.section_types.items() if term.expires)

    @property
    def signed_off(self) -> frozenset[str]:
        """The section types of which each party says whether it agrees."""
        return frozenset(name for name, term in self.section_types.items() if term.signed_off)

    @property
    def family_text(self) -> frozenset[str]:
        """The section types whose text whoever has a say about everybody in it may read."""
        return frozenset(name for name, term in self.section_types.items() if term.family_text)

    def label(self, term: str) -> Words:
        """The label of a term of any sort; the bare word when the agreement no longer knows it."""
        for terms in (self.section_types, self.purposes, self.roles, self.organisation_kinds, self.handover_kinds):
            if term in terms:
                return terms[term].label
        return Words(term, term)
