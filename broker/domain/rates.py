"""How often may be called: a number of calls in a window of time, and what is left of it."""

from dataclasses import dataclass

from broker.errors import TooMany, Words


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in each window of so many seconds. Windows begin at whole multiples of their length, for everybody."""

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a rate: `left` calls, at most, for `seconds` more seconds."""

    name: str
    rate: Rate
    left: int
    seconds: int


class RateLimited(TooMany):
    """Called more often than agreed; nothing was done."""

    code = "rate-limited"

    def __init__(self, budget: Budget, words: Words) -> None:
        self.budget = budget
        super().__init__(words, retry_after=budget.seconds)


CALLS = Words(
    "Uw organisatie vraagt te veel in korte tijd. Er is niets gedaan. Wacht zo lang als Retry-After zegt.",
    "Your organisation asks too much in a short time. Nothing was done. Wait as long as Retry-After says.",
)
ONE = Words(
    "Uw organisatie vroeg hier te vaak naar. Er is niets vrijgegeven. Wacht zo lang als Retry-After zegt.",
    "Your organisation asked about this too often. Nothing was released. Wait as long as Retry-After says.",
)
