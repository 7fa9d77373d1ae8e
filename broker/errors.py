"""Every refusal that the broker makes on purpose is a BrokerError: one clear sentence, and what to do next.

- Errors know no HTTP; `broker.api.problems` and the pages translate them.
- Texts are Dutch and English, and never hold a name, an identifier, a contact, a code or content. Where a family reads
  them in another language, the catalogues know them by their English.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One text in the two languages that every error is written in, and in the further ones that it brings along.

    `more` holds pairs of a language and a text: a word of the agreement has them, from `policies/words/`.
    """

    nl: str
    en: str
    more: tuple[tuple[str, str], ...] = ()

    def said_in(self, language: str) -> str | None:
        """The text in exactly this language; None when it does not bring one along."""
        return {"nl": self.nl, "en": self.en, **dict(self.more)}.get(language)

    def in_language(self, language: str) -> str:
        """The text in this language; the English one for a language that it does not bring along."""
        return self.said_in(language) or self.en

    def each(self, change: Callable[[str], str]) -> "Words":
        """The same change made to the text of every language."""
        return Words(change(self.nl), change(self.en), tuple((code, change(text)) for code, text in self.more))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input: where (RFC 6901 pointer) and what."""

    pointer: str
    words: Words


class BrokerError(Exception):
    """The root: `code` is stable and documented, `words` is for people.

    `code` and `words` may be given by the class or by the call.
    """

    code = "error"
    words = Words("Er ging iets mis.", "Something went wrong.")

    def __init__(self, words: Words | None = None, *, code: str | None = None) -> None:
        if words is not None:
            self.words = words
        if code is not None:
            self.code = code
        super().__init__(f"{self.code}: {self.words.en}")


class Invalid(BrokerError):
    """The input is wrong; holds every fault at once; nothing was changed."""

    code = "invalid-input"
    words = Words(
        "De invoer klopt niet. Verbeter de genoemde punten en stuur opnieuw.",
        "The input is not right. Mend the points listed and send it again.",
    )

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__()

    @classmethod
    def at(cls, pointer: str, nl: str, en: str) -> "Invalid":
        """One fault at one place."""
        return cls([Fault(pointer, Words(nl, en))])


class NotFound(BrokerError):
    """Not there, or not for you: the two are told apart by nobody."""

    code = "not-found"
    words = Words(
        "Dit bestaat niet, of het is niet voor u bestemd.",
        "This does not exist, or it is not meant for you.",
    )


class Conflict(BrokerError):
    """The request is well-formed but does not fit what is stored."""

    code = "conflict"


class NotAllowed(BrokerError):
    """The caller is known and may not do this."""

    code = "not-allowed"


class NotAuthenticated(BrokerError):
    """The caller did not prove who they are."""

    code = "not-authenticated"
    words = Words(
        "Wij konden niet vaststellen wie u bent. Vraag een nieuw token aan.",
        "We could not establish who you are. Ask for a new token.",
    )


class TooMany(BrokerError):
    """Tried too often; `retry_after` is in seconds."""

    code = "too-many-tries"
    words = Words("Te vaak geprobeerd. Wacht even.", "Tried too often. Wait a moment.")

    def __init__(self, words: Words | None = None, *, retry_after: int = 60) -> None:
        self.retry_after = retry_after
        super().__init__(words)


class Unavailable(BrokerError):
    """Something that the answer depends on does not work: refused, with "try again"; nothing is half done."""

    code = "unavailable"
    words = Words(
        "Dit lukt nu niet. Er is niets vrijgegeven. Probeer het straks opnieuw.",
        "This does not work right now. Nothing was released. Try again later.",
    )


class Uncertain(Unavailable):
    """The database went away while it committed: what was asked was done wholly, or not at all, and nobody here knows which.

    Under the same `Idempotency-Key` it may be asked again: then it is done once.
    """

    code = "outcome-unknown"
    words = Words(
        "Het ging mis tijdens het opslaan. Misschien is het opgeslagen, misschien niet. Kijk straks of het er staat. "
        "Staat het er niet? Doe het dan opnieuw.",
        "It went wrong while saving. Maybe it was saved, maybe not. Look in a while whether it is there. "
        "Is it not there? Then do it again.",
    )


class Unsafe(BrokerError):
    """A setting, key file or policy set with which the broker refuses to start."""

    code = "unsafe-configuration"


class PolicyFailed(BrokerError):
    """A rule of the agreement could not be worked out: denied, and an alarm, since Cedar would pass over a `forbid`."""

    code = "policy-error"
    words = Words(
        "Een regel van de afspraken mislukt. Er is niets vrijgegeven.",
        "A rule of the agreement fails. Nothing was released.",
    )


class Tampered(BrokerError):
    """Stored bytes are not what was stored: a signature, tag or hash does not hold. Always refused, always an alarm."""

    code = "tampered"
    words = Words(
        "Opgeslagen gegevens zijn beschadigd of veranderd. Er is niets vrijgegeven.",
        "Stored data is damaged or was changed. Nothing was released.",
    )
