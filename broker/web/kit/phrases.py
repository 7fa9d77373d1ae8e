"""The catalogues for the use cases: see `broker.domain.ports.Phrases`."""

from collections.abc import Sequence
from datetime import date

from broker.domain.directions import apart, from_the_left, straight
from broker.errors import Words
from broker.web.kit.texts import OWN_NAMES, Texts, texts


class Phrases:
    """Texts, days and lists in every language that has a catalogue; in English in any other, in which nothing is ours.

    In nl and en a text is what it brings along, letter for letter.
    """

    def direction(self, language: str) -> str:
        """`ltr` or `rtl`."""
        return _in(language).direction

    def words(self, words: Words, language: str) -> str:
        """A text in that language."""
        return _in(language).words(words) if language in OWN_NAMES else words.in_language(language)

    def fill(self, words: Words, language: str, **values: object) -> str:
        """A message with these values in its braces."""
        turned = _in(language).from_the_right
        written = {name: from_the_left(str(value)) if turned else value for name, value in values.items()}
        return self.words(words, language).format(**written)

    def day(self, day: date, language: str) -> str:
        """A day in words."""
        return _in(language).day(day)

    def listed(self, items: Sequence[str], language: str) -> str:
        """`a, b en c`."""
        return _in(language).listed(items)

    def apart(self, value: str, language: str) -> str:
        """A value that somebody else wrote, without signs that turn the text; on its own where the text runs from the right."""
        return apart(value) if _in(language).from_the_right else straight(value)


def _in(language: str) -> Texts:
    return texts(language if language in OWN_NAMES else "en")
