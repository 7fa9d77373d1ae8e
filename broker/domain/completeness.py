"""Whether a handover holds what one of its kind should: advice to its sender, in the words of the agreement.

It says what is in the handover and never what is open to anybody, nor what anybody answered.
"""

from dataclasses import dataclass

from broker.domain.handovers import Handover
from broker.domain.parties import Recipient
from broker.domain.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a handover of its kind should hold (`missing`) or often holds (`usual`), and does not.

    Both are in the order of the agreement. `unusual` are recipients in a role to which such a handover does not usually go.
    """

    missing: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    unusual: tuple[Recipient, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is missing that should be there."""
        return not self.missing


def completeness_of(handover: Handover, words: Vocabulary) -> Completeness:
    """Hold a handover against its kind. A kind that the agreement lost says nothing."""
    kind = words.handover_kinds.get(handover.kind)
    if kind is None:
        return Completeness()
    types = {section.type for section in handover.sections}
    return Completeness(
        tuple(word for word in kind.required if word not in types),
        tuple(word for word in kind.usual if word not in types),
        tuple(one for one in handover.recipients if kind.recipients and one.role not in kind.recipients),
    )
