"""What a verifier says, and whose keys it goes by: genuine, not genuine, or not checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.errors import Words
from broker.transparency.checkpoints import Verifiers

GENUINE, NOT_GENUINE, NOT_CHECKED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Public keys (32 bytes, Ed25519) that the verifier's owner got some other way: receipts by kid, logs by origin."""

    receipts: Mapping[str, bytes] = field(default_factory=dict)
    logs: Verifiers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence, and a code: 0 genuine, 1 not genuine, 2 could not be checked."""

    words: Words
    code: int

    @property
    def ok(self) -> bool:
        """Whether everything that had to be checked was checked and held."""
        return self.code == GENUINE

    @property
    def sentence(self) -> str:
        """The sentence in English; `words` has it in Dutch as well."""
        return self.words.en


class Stopped(Exception):  # not an error
    """Carries the verdict out of a step of a check, to who began it."""

    def __init__(self, code: int, nl: str, en: str) -> None:
        self.verdict = Verdict(Words(nl, en), code)
        super().__init__(en)


def genuine(nl: str, en: str) -> Verdict:
    """The verdict that all that had to be checked was checked, and held."""
    return Verdict(Words(nl, en), GENUINE)
