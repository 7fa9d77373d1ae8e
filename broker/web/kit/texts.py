"""Every text of the pages in every language, read from `locale/*/LC_MESSAGES/messages.po` at start.

- The source texts are English; a language is a folder, and nothing else has to change to add one.
- Days are days in the Netherlands; dates, times and lists are written as the language writes them.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from broker.domain.calendar import AMSTERDAM
from broker.errors import Words

LOCALE = Path(__file__).parent.parent / "locale"


def catalogue(language: str) -> Catalog:
    """The catalogue as it stands in its file."""
    with (LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


class Texts:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self._messages = _by_source(catalogue(language))

    def gettext(self, message: str) -> str:
        """The text in this language; the English source when it is missing."""
        return self._messages.get(message) or message

    def ngettext(self, one: str, many: str, count: int) -> str:
        """As gettext, by number. The pages use two forms only."""
        return self.gettext(one if count == 1 else many)

    def words(self, words: Words) -> str:
        """A text of the domain."""
        return words.in_language(self.language)

    def day(self, day: date) -> str:
        """`21 november 2026`."""
        return format_date(day, "d MMMM y", locale=self._locale)

    def moment(self, instant: datetime) -> str:
        """Day and time in the Netherlands: `21 november 2026, 14:05`."""
        return format_datetime(instant, "d MMMM y, HH:mm", tzinfo=AMSTERDAM, locale=self._locale)

    def clock(self, instant: datetime) -> str:
        """For a column of a table, to the second: `21-11-2026 14:05:09`."""
        return format_datetime(instant, "dd-MM-y HH:mm:ss", tzinfo=AMSTERDAM, locale=self._locale)

    def listed(self, items: Iterable[str]) -> str:
        """`a, b en c`."""
        return format_list(list(items), locale=self._locale)

    @property
    def name(self) -> str:
        """What the language calls itself: `Nederlands`."""
        return (self._locale.get_display_name(self._locale) or self.language).capitalize()


def _by_source(messages: Catalog) -> dict[str, str]:
    """Source to text; a message with two numbers gives two entries."""
    pairs: dict[str, str] = {}
    for message in messages:
        if isinstance(message.id, str):
            pairs[message.id] = str(message.string)
        else:
            pairs.update(zip(message.id, message.string or (), strict=True))
    return {source: text for source, text in pairs.items() if source and text}


@cache
def texts(language: str) -> Texts:
    """The texts of a language, read once."""
    return Texts(language)
